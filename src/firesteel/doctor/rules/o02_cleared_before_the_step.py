"""O02: gradients cleared before the step."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import ClassVar

from firesteel.doctor.facts import Backward, Facts, Step
from firesteel.doctor.findings import Finding, Level
from firesteel.doctor.lineage import origin
from firesteel.doctor.rules.o01_stale_gradient import last_backward
from firesteel.doctor.rules.rule import Case, NotApplicable, Rule
from firesteel.doctor.sites import Site
from firesteel.doctor.source import Source
from firesteel.doctor.updates import steps_of


class ClearedBeforeTheStep(Rule):
    id: ClassVar[str] = "O02"
    title: ClassVar[str] = "gradients cleared before the step"
    level: ClassVar[Level] = "E"
    what: ClassVar[str] = (
        "zero_grad() stands between backward() and step(): what backward() computed is thrown away, and step() has "
        "nothing to apply. The loss stays where it was, without an error."
    )
    detected: ClassVar[str] = (
        "At each step the gradients are compared with what the last backward left. The finding is there if all that "
        "it left had been cleared before the step came, in at least half of the steps."
    )
    silent: ClassVar[str] = (
        "zero_grad before backward or after step; a part of the gradients that is cleared on purpose before the step "
        "(frozen rows); gradients of another loss that are thrown away, as in a GAN or for an adversarial example."
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
    loss = nn.functional.mse_loss(net(x), y)
    loss.backward()
    optimizer.zero_grad()
    optimizer.step()
"""
    healthy: ClassVar[str] = sick.replace("    optimizer.zero_grad()\n", "").replace(
        "    loss.b", "    optimizer.zero_grad()\n    loss.b"
    )

    def judge(self, case: Case) -> Iterable[Finding]:
        facts = case.facts
        if not facts.backwards or not facts.steps:
            raise NotApplicable("no backward was followed by a step")
        for optimizer in facts.optimizers:
            steps = [one for one in steps_of(facts, optimizer) if not one.has_closure]
            # Gradients filled with zeros are only told from others when operations are looked at.
            cleared = [one for one in steps if one.n_zeroed and not one.n_pending]
            looked_at = [one for one in steps if one.is_hot or one in cleared]
            if len(cleared) < 2 or 2 * len(cleared) < len(looked_at):
                continue
            yield self._describe(case, cleared, n_steps=len(looked_at))

    def _describe(self, case: Case, cleared: list[Step], *, n_steps: int) -> Finding:
        clearing = next((one for one in (_clearing(case.facts, step) for step in cleared) if one is not None), None)
        step = cleared[-1]
        site = clearing if clearing is not None else step.site
        source = case.sources.of(site)
        assigned = _assigned_none(source, last_backward(case.facts, step), step) if clearing is None else None
        backward = last_backward(case.facts, step)
        fix = "clear the gradients before backward(), not between backward() and step()"
        if clearing is not None and backward is not None and backward.site.code is clearing.code:
            call = source.line(clearing.line).strip()
            statement = source.statement_at(backward.site.line)
            before = statement.lineno if statement is not None else backward.site.line
            if before < clearing.line:
                fix = source.insert_before(before, call) + "\n" + source.remove_line(clearing.line)
        return self.finding(
            site if assigned is None else (source, assigned),
            message="gradients are cleared between backward() and step()",
            evidence=f"in {len(cleared)} of {n_steps} steps that were looked at, the gradients of "
            f"{step.n_zeroed} of {step.n_params} parameters had been cleared since backward(); no other had one",
            why="step() has nothing to apply, so nothing is learned",
            fix=fix,
        )


def _assigned_none(source: Source, backward: Backward | None, step: Step) -> ast.stmt | None:
    """`p.grad = None` between the lines of a backward and a step: nothing that runs can be seen of it."""
    if backward is None or backward.site.code is not step.site.code:
        return None
    for node in source.nodes(ast.Assign):
        is_between = backward.site.line < node.lineno < step.site.line
        if is_between and any(isinstance(one, ast.Attribute) and one.attr == "grad" for one in node.targets):
            return node
    return None


def _clearing(facts: Facts, step: Step) -> Site | None:
    """Where the gradients were cleared between the last backward and a step, if that was seen."""
    backward = last_backward(facts, step)
    if backward is None:
        return None
    for call in facts.zero_grads:
        if backward.at < call.at < step.at:
            return call.site
    for made in facts.ops:
        is_between = backward.at < made.at < step.at and made.is_in_place and made.op in ("zero", "mul", "fill")
        if is_between and made.parents and origin(made.parents[0]).op == "get_grad":
            return made.site
    return None
