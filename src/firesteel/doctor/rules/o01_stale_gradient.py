"""O01: stale gradient."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar

from firesteel.doctor.facts import Backward, Facts, Optimizer, Step
from firesteel.doctor.findings import Finding, Level
from firesteel.doctor.rules.rule import Case, NotApplicable, Rule
from firesteel.doctor.updates import (
    insert_zero_grad,
    reads_of_gradients,
    receiver_of_step,
    steps_of,
    updates_by_hand,
)

#: One step may meet a gradient that an earlier phase left behind; a loop without zero_grad meets it again and again.
FEWEST = 2
#: Below this share of the steps it happens at the seams of phases.
LEAST_SHARE = 0.1


class StaleGradient(Rule):
    id: ClassVar[str] = "O01"
    title: ClassVar[str] = "stale gradient"
    level: ClassVar[Level] = "E"
    what: ClassVar[str] = (
        "backward() adds to the gradients that are there. If nobody clears them, each step applies the sum of all "
        "gradients so far, most of them of weights that are long gone: the direction is wrong, and the steps grow."
    )
    detected: ClassVar[str] = (
        "Each gradient is followed from its backward to the step that applies it. The finding is there if steps "
        "apply a gradient that still holds one that an earlier step has applied, if a step repeats the very gradient "
        "of the step before, or if it applies what another loss left for another optimizer."
    )
    silent: ClassVar[str] = (
        "Gradient accumulation (the sum is applied once, then cleared), the two optimizers of a GAN, closures that "
        "clear first, gradients cleared by hand, and single steps at the seam of two phases."
    )
    sick: ClassVar[str] = """
import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(64, 3)
y = x.sum(1, keepdim=True)
net = nn.Linear(3, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for epoch in range(20):
    loss = nn.functional.mse_loss(net(x), y)
    loss.backward()
    optimizer.step()
"""
    healthy: ClassVar[str] = sick.replace("    loss.backward()", "    optimizer.zero_grad()\n    loss.backward()")

    def judge(self, case: Case) -> Iterable[Finding]:
        facts = case.facts
        by_hand = [one for one in facts.params if one.n_by_hand]
        if not facts.backwards or not (facts.steps or by_hand):
            raise NotApplicable("no gradient was applied")
        for optimizer in facts.optimizers:
            steps = steps_of(facts, optimizer)
            for find in (self._added, self._repeated, self._leaked):
                found = list(find(case, optimizer, steps))
                if found:
                    yield from found
                    break
        yield from self._by_hand(case)

    # ---- zero_grad is missing

    def _added(self, case: Case, optimizer: Optimizer, steps: list[Step]) -> Iterator[Finding]:
        stale = [one for one in steps if one.n_stale]
        if len(stale) < max(FEWEST, LEAST_SHARE * len(steps)):
            return
        worst = max(stale, key=lambda one: one.n_stale)
        source = case.sources.of(worst.site)
        backward = last_backward(case.facts, worst)
        evidence = f"{len(stale)} of {len(steps)} steps applied a gradient that had been applied before"
        message = "gradients are not cleared before they are computed again"
        if worst.n_stale < worst.n_params:
            names = ", ".join(one.name for one in worst.stale[:3] if one.name)
            message = f"the gradients of {worst.n_stale} of {worst.n_params} parameters are never cleared"
            evidence += f", in {worst.n_stale} of {worst.n_params} parameters" + (f" ({names} ...)" if names else "")
        call = f"{receiver_of_step(source, worst.site) or 'optimizer'}.zero_grad()"
        if worst.has_closure and backward is not None:
            line = source.statement_at(backward.site.line)
            fix = source.insert_before(line.lineno if line is not None else backward.site.line, call)
        else:
            fix = insert_zero_grad(source, worst.site, backward.site if backward is not None else None, call)
        yield self.finding(
            worst.site, message=message, evidence=evidence, fix=fix,
            why="each step goes along the sum of all gradients so far, those of old weights included",
        )  # fmt: skip

    # ---- step() again without a backward

    def _repeated(self, case: Case, optimizer: Optimizer, steps: list[Step]) -> Iterator[Finding]:
        again = [
            one for one in steps
            if not one.has_closure and one.n_unchanged and one.n_unchanged + one.n_without_gradient >= one.n_params
        ]  # fmt: skip
        if len(again) < max(FEWEST, LEAST_SHARE * len(steps)):
            return
        yield self.finding(
            again[-1].site,
            message="step() applies the same gradient again: no backward() stands between",
            evidence=f"{len(again)} of {len(steps)} steps applied the very gradient that the step before had applied",
            why="the weights move on along a gradient that belongs to other weights and other rows",
            fix="compute the loss, clear the gradients and call backward() before each step, in the same loop",
        )

    # ---- what another loss left behind

    def _leaked(self, case: Case, optimizer: Optimizer, steps: list[Step]) -> Iterator[Finding]:
        leaked = [one for one in steps if one.n_leaked and one.n_leaked == one.n_pending]
        if len(leaked) < max(FEWEST, len(steps) / 2):
            return
        step = leaked[-1]
        source = case.sources.of(step.site)
        own, foreign = step.applied[-1], step.applied[0]
        call = f"{receiver_of_step(source, step.site) or 'optimizer'}.zero_grad()"
        yield self.finding(
            step.site,
            message="the gradient holds that of another loss, which another optimizer has applied already",
            evidence=f"{len(leaked)} of {len(steps)} steps applied the gradients of line {foreign.site.line} together "
            f"with those of line {own.site.line}",
            why="this optimizer follows the other's loss as well as its own",
            fix=insert_zero_grad(source, step.site, own.site, call),
        )

    # ---- without an optimizer

    def _by_hand(self, case: Case) -> Iterator[Finding]:
        stale = [
            one for one in case.facts.params
            if one.n_stale_by_hand >= FEWEST and one.n_stale_by_hand >= one.n_by_hand / 2
        ]  # fmt: skip
        if not stale:
            return
        params = {id(one) for one in stale}
        # `p.data = p.data - lr * p.grad` assigns: then the line that reads the gradient is the update.
        seen = [*updates_by_hand(case.facts), *reads_of_gradients(case.facts)]
        made = next((one for one, param in seen if id(param) in params), None)
        site = made.site if made is not None else case.facts.backwards[-1].site
        source = case.sources.of(site)
        target = source.line(site.line).strip().split("-=")[0].split(".")[0].split("=")[0].strip()
        name = target if target.isidentifier() else "w"
        worst = max(stale, key=lambda one: one.n_stale_by_hand)
        yield self.finding(
            site,
            message="gradients are not cleared after the weights were changed by hand",
            evidence=f"{worst.n_stale_by_hand} of {worst.n_by_hand} updates left a gradient to which the next "
            f"backward() was added, in {len(stale)} weights",
            why="each update goes along the sum of all gradients so far, those of old weights included",
            fix=source.insert_after(site.line, f"{name}.grad = None"),
        )


def last_backward(facts: Facts, step: Step) -> Backward | None:
    """The backward before a step, or inside of it if it has a closure."""
    if step.has_closure:
        return next((one for one in facts.backwards if one.at > step.at), None)
    return next((one for one in reversed(facts.backwards) if one.at < step.at), None)
