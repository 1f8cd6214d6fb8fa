"""O03: step or backward never called."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from typing import ClassVar

from firesteel.doctor.facts import Backward, Facts, Optimizer
from firesteel.doctor.findings import Finding, Level
from firesteel.doctor.lineage import SAME_NUMBERS, origin
from firesteel.doctor.rules.rule import Case, NotApplicable, Rule
from firesteel.doctor.source import Source
from firesteel.doctor.updates import (
    backwards_at,
    bare_call,
    inputs_that_learn,
    misses_its_loss,
    name_of_assigned,
    reads_of_gradients,
    receiver_of_step,
    steps_of,
)

#: So many backwards are a loop.
A_LOOP = 2
#: So many backwards, never followed by any change of any weight, are a training that was meant.
A_TRAINING = 5
#: At least this share of the gradients of a line is thrown away where step() stands outside of its loop.
MOST_OF_THEM = 0.6


class NeverStepped(Rule):
    id: ClassVar[str] = "O03"
    title: ClassVar[str] = "step or backward never called"
    level: ClassVar[Level] = "E"
    what: ClassVar[str] = (
        "A loop computes losses and gradients, but nothing applies them (no step()); or it steps, but nothing computes "
        "gradients (no backward()). All weights stay as they were drawn, without an error."
    )
    detected: ClassVar[str] = (
        "For each optimizer: did its parameters get gradients that no step ever applied, or did it step without any "
        "gradient? Without an optimizer: did gradients come again and again while no weight ever changed? And: were "
        "most gradients of a line cleared unused, because step() comes once for many of them?"
    )
    silent: ClassVar[str] = (
        "Weights that are changed by hand, gradients that are only looked at or added up (Fisher information), "
        "gradients given by hand or by torch.autograd.grad, parameters that another optimizer steps, and losses that "
        "are skipped now and then."
    )
    sick: ClassVar[str] = """
import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(64, 3)
y = x.sum(1, keepdim=True)
net = nn.Linear(3, 1)
optimizer = torch.optim.Adam(net.parameters(), lr=0.05)
for epoch in range(20):
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(net(x), y)
    loss.backward()
"""
    healthy: ClassVar[str] = sick + "    optimizer.step()\n"

    def judge(self, case: Case) -> Iterable[Finding]:
        facts = case.facts
        if not facts.backwards and not facts.steps:
            begun = next((one for one in facts.optimizers if one.n_zero_grads >= A_LOOP), None)
            if begun is None or not any(one.made.requires_grad for one in facts.losses):
                raise NotApplicable("neither backward() nor step() was called")
            yield self._neither(case, begun)
            return
        found: list[Finding] = []
        for optimizer in facts.optimizers:
            if optimizer.n_steps == 0:
                found += self._not_stepped(case, optimizer)
            else:
                found += self._without_gradient(case, optimizer)
        found += self._thrown_away(case)
        if not found and not facts.steps:
            found += self._by_hand(case)
        yield from found

    # ---- neither

    def _neither(self, case: Case, optimizer: Optimizer) -> Finding:
        """Gradients are cleared again and again, and losses computed, but none is ever gone back from."""
        loss = next(one for one in case.facts.losses if one.made.requires_grad)
        source = case.sources.of(loss.site)
        node = _unreached(source, "backward")
        fix = source.insert_after(loss.site.line, "loss.backward()\n" + "optimizer.step()")
        if node is not None:
            fix = _look_at_condition(source, node)
        return self.finding(
            (source, node) if node is not None else loss.site,
            message="neither backward() nor step() is ever called, though gradients are cleared for them",
            evidence=f"zero_grad() was called {optimizer.n_zero_grads} times, and losses with a graph were computed",
            why="the weights stay as they were drawn",
            fix=fix,
        )

    # ---- no step

    def _not_stepped(self, case: Case, optimizer: Optimizer) -> Iterator[Finding]:
        facts = case.facts
        params = optimizer.params
        ids = {id(one) for one in params}
        moved = {id(one) for other in facts.optimizers if other.n_steps for one in other.params}
        moved |= {key for call in facts.calls if call.name == "scaler_step" for key in call.params}
        if ids & moved or any(one.n_by_hand for one in params):
            return
        # Behind the first steps nobody looks where a gradient went.
        reached = [one for one in facts.backwards if one.at > optimizer.at and one.n_reached]
        reached = [one for one in reached if not one.is_hot or one.reached & ids]
        in_loops = [one for one in reached if sum(other.site == one.site for other in reached[:10]) >= A_LOOP]
        if not in_loops or not any(one.n_backwards >= A_LOOP for one in params):
            return
        site = next((one.site for one in in_loops if one.reached & ids), in_loops[-1].site)
        source = case.sources.of(site)
        name = name_of_assigned(source, optimizer.site) or "optimizer"
        bare, unreached = bare_call(source, "step"), _unreached_step(source, name)
        fix = source.insert_after(site.line, f"{name}.step()")
        if bare is not None:
            fix = source.replace_node(bare.value, f"{source.text_of(bare.value)}()")
        elif unreached is not None:
            fix = _look_at_condition(source, unreached)
        at = bare or unreached
        yield self.finding(
            (source, at) if at is not None else site,
            message=f"step() of the {optimizer.kind} is never called: no gradient is ever applied",
            evidence=f"{len(in_loops)} calls of backward() gave gradients to its {len(params)} parameters, and 0 steps "
            "followed",
            why="the weights stay as they were drawn",
            fix=fix,
        )

    # ---- no backward

    def _without_gradient(self, case: Case, optimizer: Optimizer) -> Iterator[Finding]:
        facts = case.facts
        steps = steps_of(facts, optimizer)
        if len(steps) < A_LOOP or optimizer.ever_with_gradient or any(one.n_zeroed for one in steps):
            return
        asked = {key for call in facts.calls if call.name == "autograd_grad" for key in call.params}
        if asked & {id(one) for one in optimizer.params} or any(one.n_by_hand for one in optimizer.params):
            return
        n_reached = sum(one.n_backwards > 0 for one in optimizer.params)
        if facts.n_backwards and (not n_reached or misses_its_loss(facts, optimizer)):  # gradients of others: O06
            return
        site = steps[-1].site
        source = case.sources.of(site)
        where = source.insert_before(site.line, "loss.backward()")
        yield self.finding(
            site,
            message="step() is called without backward(): there is no gradient to apply",
            evidence=f"in all {len(steps)} steps none of the {steps[-1].n_params} parameters had a gradient"
            + (f"; backward() was called {facts.n_backwards} times" if facts.n_backwards else "; backward() never ran"),
            why="step() skips parameters without a gradient, so nothing is learned",
            fix=where,
        )

    # ---- one step for many gradients, of which all but the last are cleared

    def _thrown_away(self, case: Case) -> Iterator[Finding]:
        facts = case.facts
        if any(one.name == "scaler_step" for one in facts.calls):
            return
        for site, events in backwards_at(facts).items():
            lost = [one for one in events if one.n_cleared and not one.n_applied]
            used = [one for one in events if one.n_applied]
            if not used or len(lost) < 3 or len(lost) < MOST_OF_THEM * len(events):
                continue
            steps = [one for one in facts.steps if used[-1] in one.applied]
            if not steps:
                continue
            source = case.sources.of(steps[-1].site)
            name = receiver_of_step(source, steps[-1].site) or "optimizer"
            yield self.finding(
                steps[-1].site,
                message="step() is called once for many gradients, of which all but the last are cleared unused",
                evidence=f"of {len(events)} gradients of line {site.line}, {len(lost)} were cleared before any step",
                why="only the last batch before each step is learned from",
                fix=source.remove_line(steps[-1].site.line)
                + "\n"
                + case.sources.of(site).insert_after(site.line, f"{name}.step()"),
            )

    # ---- without an optimizer

    def _by_hand(self, case: Case) -> Iterator[Finding]:
        facts = case.facts
        if facts.optimizers:
            return
        data = inputs_that_learn(facts)
        params = [one for one in facts.params if one.n_backwards >= A_TRAINING and id(one) not in data]
        if not params or any(one.n_by_hand for one in facts.params) or _are_only_looked_at(facts):
            return
        reads = [made for made, param in reads_of_gradients(facts) if param in params]
        backwards: list[Backward] = [one for one in facts.backwards if one.n_reached]
        if not reads and not facts.trained_losses():
            return
        site = reads[0].site if reads else backwards[-1].site
        yield self.finding(
            site,
            message="gradients are computed again and again, but no weight is ever changed",
            evidence=f"{len(backwards)} calls of backward() gave gradients to {len(params)} weights; all of them have "
            "the values still with which they began",
            why="nothing is learned",
            fix="change the weights in place under torch.no_grad(), e.g. `w -= lr * w.grad`, or let an optimizer step",
        )


def _are_only_looked_at(facts: Facts) -> bool:
    """Something was computed from gradients, as for a Fisher information, that no weight went into."""
    read = {id(made) for made, _ in reads_of_gradients(facts)}
    is_used = False
    for made in facts.ops:
        if not read.isdisjoint(map(id, made.parents)) and not (made.is_in_place and made.op in ("zero", "fill")):
            if any(origin(one).param is not None for one in made.parents):
                return False
            read.add(id(made))
            is_used = is_used or made.op not in SAME_NUMBERS
    return is_used


def _unreached_step(source: Source, name: str) -> ast.Call | None:
    """`optimizer.step()` under a condition that never held."""
    return _unreached(source, "step", of=name.rpartition(".")[2])


def _unreached(source: Source, method: str, *, of: str = "") -> ast.Call | None:
    for node in source.nodes(ast.Call):
        if not isinstance(node.func, ast.Attribute) or node.func.attr != method:
            continue
        given = [ast.unparse(one).rpartition(".")[2] for one in (node.func.value, *node.args)]
        if (not of or of in given) and any(isinstance(one, ast.If) for one in source.parents(node)):
            return node
    return None


def _look_at_condition(source: Source, node: ast.Call) -> str:
    shown = f"{node.lineno:>4}   {source.line(node.lineno)}"
    return f"{shown}\n     this line is never reached: look at the condition that it stands under"
