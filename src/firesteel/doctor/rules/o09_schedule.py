"""O09: learning rate schedule never stepped, or stepped in the wrong rhythm."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from statistics import median
from typing import ClassVar

from firesteel.doctor.facts import Facts, Optimizer, Scheduler, Step
from firesteel.doctor.findings import Finding, Level
from firesteel.doctor.rules.rule import Case, NotApplicable, Rule
from firesteel.doctor.sites import Site
from firesteel.doctor.source import Source
from firesteel.doctor.updates import name_of_assigned, steps_of

#: A learning rate below this share of its highest moves no weight that was moved by the highest.
DEAD = 5e-4
#: For so large a share of the steps that is no tail of a schedule.
DEAD_SHARE = 0.3
#: So many steps a pass make passes and batches two different rhythms.
FEWEST_BATCHES = 3
#: A number of steps is the one that a schedule was made for if it is within this share of it.
NEAR = 0.1


class Schedule(Rule):
    id: ClassVar[str] = "O09"
    title: ClassVar[str] = "schedule never stepped, or in the wrong rhythm"
    level: ClassVar[Level] = "W"
    what: ClassVar[str] = (
        "A schedule changes the learning rate only when its step() is called, and counts these calls. Never called, it "
        "does nothing; called for each batch where it was made for epochs, it drives the learning rate to zero long "
        "before the end; called for each epoch where it was made for batches, it hardly begins."
    )
    detected: ClassVar[str] = (
        "The calls of each schedule's step() are counted and compared with the optimizer's steps and with the numbers "
        "that it was made with (T_max, total_steps, step_size, milestones). The learning rates of all steps tell "
        "whether it was driven to zero."
    )
    silent: ClassVar[str] = (
        "Schedules that are parts of another one, runs that stop early, schedules that end near zero in their last "
        "steps, and rates that stay as they are because the first milestone was not reached."
    )
    sick: ClassVar[str] = """
import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(64, 3)
y = x.sum(1, keepdim=True)
net = nn.Linear(3, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=5)
for epoch in range(20):
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(net(x), y)
    loss.backward()
    optimizer.step()
"""
    healthy: ClassVar[str] = sick + "    scheduler.step()\n"

    def judge(self, case: Case) -> Iterable[Finding]:
        facts = case.facts
        if not facts.schedulers:
            raise NotApplicable("no learning rate schedule was made")
        for scheduler in facts.schedulers:
            optimizer = scheduler.optimizer
            if scheduler.is_part or optimizer is None:
                continue
            if not scheduler.steps:
                yield from self._never(case, scheduler, optimizer)
                continue
            steps = [one for one in steps_of(facts, optimizer) if one.at > scheduler.at]
            if not steps:
                yield from self._other(case, scheduler)
                continue
            found = (
                self._mode(case, scheduler)
                or self._rhythm(case, scheduler, steps)
                or self._dead(case, scheduler, steps)
            )
            if found is not None:
                yield found

    # ---- not at all

    def _never(self, case: Case, scheduler: Scheduler, optimizer: Optimizer) -> Iterable[Finding]:
        n_steps = sum(one.at > scheduler.at for one in steps_of(case.facts, optimizer))
        if n_steps < 2 or case.facts.stopped:
            return
        source = case.sources.of(scheduler.site)
        name = name_of_assigned(source, scheduler.site) or "scheduler"
        bare = next((one for one in source.nodes(ast.Expr) if ast.unparse(one) == f"{name}.step"), None)
        fix = f"call {name}.step() behind the optimizer's step, once for each epoch"
        if bare is not None:
            fix = source.replace_node(bare.value, f"{name}.step()")
        yield self.finding(
            scheduler.site,
            message=f"the {scheduler.kind} is never stepped: the learning rate stays as it is",
            evidence=f"{n_steps} steps of the {optimizer.kind} followed, and 0 calls of the schedule's step()",
            why="the schedule has no effect",
            fix=fix,
        )

    def _other(self, case: Case, scheduler: Scheduler) -> Iterable[Finding]:
        others = [one for one in case.facts.steps if one.at > scheduler.at]
        owner = scheduler.optimizer
        if owner is None or len(others) < 2:
            return
        held = {id(one) for one in owner.params}
        if not any(held & {id(param) for param in one.optimizer.params} for one in others[:100]):
            return
        yield self.finding(
            scheduler.site,
            message="the schedule changes an optimizer that never steps; another one holds its parameters",
            evidence=f"{len(scheduler.steps)} calls of step() changed the {owner.kind} of line "
            f"{owner.site.line if owner.site is not None else '?'}; {len(others)} steps were those of another "
            "optimizer",
            why="the learning rate that is used stays as it is",
            fix="make the schedule from the optimizer that steps",
        )

    # ---- in the wrong rhythm

    def _rhythm(self, case: Case, scheduler: Scheduler, steps: list[Step]) -> Finding | None:
        facts = case.facts
        n_calls, n_steps, n_batches = len(scheduler.steps), len(steps), batches_a_pass(facts, steps)
        if n_batches < FEWEST_BATCHES:
            return None
        n_passes = n_steps / n_batches
        length = _length(scheduler)
        if length is None:
            return None
        per_batch = n_calls > 0.5 * n_steps and len(scheduler.metrics) < n_calls
        per_epoch = n_calls < 1.5 * n_passes
        site = scheduler.steps[-1][1]
        source = case.sources.of(site)
        if per_batch and length <= 1.5 * n_passes and n_calls >= 3 * length and _is_harsh(scheduler):
            return self.finding(
                site,
                message=f"the {scheduler.kind} was made for {length:g} epochs, but it is stepped for every batch",
                evidence=f"{n_calls} calls of its step() in {n_passes:.0f} passes of {n_batches:.0f} batches; the "
                f"learning rate went from {_lr(steps[0]):.3g} to {min(map(_lr, steps)):.3g} within "
                f"{_n_to_lowest(steps)} steps",
                why="the learning rate changes within an epoch what it should change over all of them",
                fix=source.remove_line(site.line)
                + "\n     call it in the loop over epochs, behind the loop over batches",
            )
        is_for_batches = abs(n_steps - length) <= NEAR * length and length >= FEWEST_BATCHES * n_calls
        if per_epoch and is_for_batches and not _may_have_stopped(source, scheduler.site, site):
            return self.finding(
                site,
                message=f"the {scheduler.kind} was made for {length:g} steps, but it is stepped once an epoch",
                evidence=f"{n_calls} calls of its step() against {n_steps} steps of the optimizer: it came through "
                f"{n_calls / length:.0%} of its course",
                why="the learning rate hardly leaves its beginning",
                fix=source.remove_line(site.line) + "\n     call it behind the optimizer's step, for every batch",
            )
        return None

    def _mode(self, case: Case, scheduler: Scheduler) -> Finding | None:
        """ReduceLROnPlateau that waits for an accuracy to fall, or for a loss to rise."""
        values, mode = scheduler.metrics, scheduler.details.get("mode")
        losses = [float(one.loss) for one in case.facts.backwards if one.loss is not None and one.at > scheduler.at]
        if mode not in ("min", "max") or len(values) < 5 or len(losses) < 10:
            return None
        tenth = max(1, len(losses) // 10)
        improves = sum(losses[-tenth:]) < 0.8 * sum(losses[:tenth])
        half = len(values) // 2
        rises = sum(values[-half:]) > sum(values[:half]) and values[0] == min(values) < values[-1]
        falls = sum(values[-half:]) < sum(values[:half]) and values[0] == max(values) > values[-1]
        wrong = rises if mode == "min" else falls
        owner = scheduler.optimizer
        if not improves or not wrong or owner is None or min(values) < 0:
            return None
        if mode == "min" and not _is_share(values, losses):  # a held-out loss that rises is one that overfits
            return None
        lrs = [_lr(one) for one in steps_of(case.facts, owner)]
        if not lrs or lrs[-1] >= 0.5 * max(lrs):
            return None
        source = case.sources.of(scheduler.site)
        other = "max" if mode == "min" else "min"
        return self.finding(
            scheduler.site,
            message=f"the {scheduler.kind} waits with mode='{mode}' for what goes the other way",
            evidence=f"what it was given went from {values[0]:.3g} to {values[-1]:.3g} while the loss fell from "
            f"{losses[0]:.3g} to {losses[-1]:.3g}; it took that for no progress and cut the learning rate to "
            f"{lrs[-1]:.3g}",
            why="the learning rate is cut while the net improves",
            fix=f"{scheduler.site.line:>4}   {source.line(scheduler.site.line)}\n     give it mode='{other}'",
        )

    # ---- to zero

    def _dead(self, case: Case, scheduler: Scheduler, steps: list[Step]) -> Finding | None:
        lrs = [_lr(one) for one in steps]
        highest = max(lrs)
        n_dead = sum(one < DEAD * highest for one in lrs)
        is_at_end = lrs[-1] < DEAD * highest
        if len(lrs) < 10 or not is_at_end or n_dead < DEAD_SHARE * len(lrs) or _waits(case.facts, scheduler, steps):
            return None
        site = scheduler.steps[-1][1]
        source = case.sources.of(site)
        n_calls = len(scheduler.steps)
        return self.finding(
            site,
            message=f"the {scheduler.kind} drives the learning rate to 0 long before the end",
            evidence=f"the learning rate fell from {highest:.3g} to {lrs[-1]:.3g}; {n_dead} of {len(lrs)} steps were "
            f"made with less than {DEAD:.2%} of the highest, after {n_calls} calls of the schedule's step()",
            why="for most of the run nothing is learned any more",
            fix=f"{source.remove_line(site.line)}\n     call it once an epoch, behind the loop over batches, or let "
            "it decay more slowly",
        )


def _waits(facts: Facts, scheduler: Scheduler, steps: list[Step]) -> bool:
    """It cuts the rate when nothing improves any more, and is asked once an epoch."""
    is_per_batch = len(scheduler.steps) > 0.5 * len(steps) and batches_a_pass(facts, steps) >= FEWEST_BATCHES
    return "mode" in scheduler.details and not is_per_batch


def batches_a_pass(facts: Facts, steps: list[Step]) -> float:
    """Optimizer steps in one pass over the rows: from the loader, else from when a row comes again."""
    optimizer = steps[0].optimizer
    trained = [one for one in facts.trained() if one.at > optimizer.at]
    counts: dict[int, int] = {}
    for forward in trained:
        if forward.loader_pass is not None:
            counts[id(forward.loader_pass)] = counts.get(id(forward.loader_pass), 0) + 1
    if counts and sum(counts.values()) == len(trained):
        per_step = max(1.0, len(trained) / max(1, len(steps)))
        return median(counts.values()) / per_step
    lengths: list[int] = []
    seen: set[int] = set()
    n = 0
    for one in trained:
        if one.rows is None:
            break
        rows = set(one.rows.tolist())
        if len(seen & rows) > len(rows) / 2:
            lengths.append(n)
            seen, n = set(), 0
        seen |= rows
        n += 1
    return median(lengths) if lengths else 1.0


def _lr(step: Step) -> float:
    return step.lrs[0] if step.lrs else 0.0


def _n_to_lowest(steps: list[Step]) -> int:
    lrs = [_lr(one) for one in steps]
    return lrs.index(min(lrs))


def _length(scheduler: Scheduler) -> float | None:
    """The number of calls for which a schedule was made, by its own parameters."""
    details = scheduler.details
    for name in ("total_steps", "T_max", "T_0", "total_iters"):
        if isinstance(details.get(name), int | float):
            return float(details[name])
    if details.get("milestones"):
        return float(max(details["milestones"]))
    return float(details["step_size"]) if isinstance(details.get("step_size"), int | float) else None


def _is_harsh(scheduler: Scheduler) -> bool:
    """Steps with a mild gamma may well be meant for batches."""
    if scheduler.kind not in ("StepLR", "MultiStepLR"):
        return scheduler.kind != "LinearLR"  # a warm-up of a few batches ends by itself
    return float(scheduler.details.get("gamma", 0.1)) <= 0.5


def _may_have_stopped(source: Source, made: Site, stepped: Site) -> bool:
    """The loop can end early, and nothing says that the schedule was made for batches."""
    statement = source.statement_at(made.line)
    is_counted = statement is not None and "len(" in ast.unparse(statement)
    loops = source.loops_around(stepped.line)
    return not is_counted and any(isinstance(one, ast.Break) for loop in loops for one in ast.walk(loop))


def _is_share(values: list[float], losses: list[float]) -> bool:
    """Shares of right answers: within 0 to 1 or to 100, and not the losses themselves."""
    return max(values) <= 1.0 or (1.5 < max(values) <= 100.0 and max(values) > 3 * max(losses))
