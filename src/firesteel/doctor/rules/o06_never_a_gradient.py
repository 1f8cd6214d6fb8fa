"""O06: optimizer holds parameters that never get a gradient."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from firesteel.doctor.facts import Facts, Optimizer, Param
from firesteel.doctor.findings import Finding, Level
from firesteel.doctor.rules.rule import Case, NotApplicable, Rule
from firesteel.doctor.updates import left_alone, steps_of

FEWEST = 2


class NeverAGradient(Rule):
    id: ClassVar[str] = "O06"
    title: ClassVar[str] = "optimizer holds parameters that never get a gradient"
    level: ClassVar[Level] = "E"
    what: ClassVar[str] = (
        "The optimizer was made with parameters that the loss never reaches: those of another model, or of a layer "
        "that was replaced afterwards. It steps without an effect on what is trained."
    )
    detected: ClassVar[str] = (
        "For each optimizer: which of its parameters had a gradient at any of its steps? The finding is an error if "
        "none ever had one while the loss reaches others, or if those without one were replaced by others that no "
        "optimizer holds; a warning if they belong to no module that was ever called."
    )
    silent: ClassVar[str] = (
        "Frozen parameters, layers of the model that this run did not use, parameters that are changed by hand, and "
        "gradients that were cleared before the step (O02) or never computed at all (O03)."
    )
    sick: ClassVar[str] = """
import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(64, 3)
y = x.sum(1, keepdim=True)
net = nn.Linear(3, 1)
optimizer = torch.optim.Adam(net.parameters(), lr=0.05)
net = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 1))
for epoch in range(20):
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(net(x), y)
    loss.backward()
    optimizer.step()
"""
    healthy: ClassVar[str] = sick.replace("net = nn.Linear(3, 1)\n", "").replace(
        "optimizer = torch.optim.Adam(net.parameters(), lr=0.05)\n", ""
    ).replace("for epoch", "optimizer = torch.optim.Adam(net.parameters(), lr=0.05)\nfor epoch")  # fmt: skip

    def judge(self, case: Case) -> Iterable[Finding]:
        facts = case.facts
        stepped = [one for one in facts.optimizers if one.n_steps >= FEWEST]
        if not stepped or facts.n_backwards < FEWEST:
            raise NotApplicable("no optimizer stepped behind backward()")
        asked = {key for call in facts.calls if call.name == "autograd_grad" for key in call.params}
        for optimizer in stepped:
            if asked & {id(one) for one in optimizer.params}:
                continue
            without = [one for one in optimizer.params if self._is_without(optimizer, one)]
            if without and not _were_cleared(facts, optimizer):
                yield from self._describe(case, optimizer, without)

    def _is_without(self, optimizer: Optimizer, param: Param) -> bool:
        tensor = param.ref()
        is_frozen = tensor is not None and not tensor.requires_grad
        return not (id(param) in optimizer.ever_with_gradient or param.n_backwards or param.n_by_hand or is_frozen)

    def _describe(self, case: Case, optimizer: Optimizer, without: list[Param]) -> Iterable[Finding]:
        facts = case.facts
        n_all, n = len(optimizer.params), len(without)
        others = [one for one in facts.params if one.n_backwards >= FEWEST and (one.name or one.is_parameter)]
        if n == n_all:
            if not others or any(one.n_frozen for one in steps_of(facts, optimizer)):
                return
            level: Level = "E"
            message = "the optimizer holds parameters that the loss never reaches"
        else:
            # What is in a model that was called, and only not used by this run, is the business of A05 and G02.
            without = [one for one in without if not one.name]
            if not without:
                return
            n = len(without)
            replaced = {one.shape for one in without} & {one.shape for one in left_alone(facts)}
            level = "E" if replaced else "W"
            message = f"{n} of {n_all} parameters of the optimizer belong to nothing that was trained"
        site = optimizer.site if optimizer.site is not None else steps_of(facts, optimizer)[0].site
        source = case.sources.of(site)
        reached = max((one.n_reached for one in facts.backwards), default=0)
        yield self.finding(
            site,
            level=level,
            message=message,
            evidence=f"in {optimizer.n_steps} steps {n} of its {n_all} parameters never had a gradient; backward() "
            f"gave gradients to up to {reached} parameters at a time",
            why="steps change nothing there, and what the loss does reach may not learn",
            fix=f"{site.line:>4}   {source.line(site.line)}\n     make the optimizer from the parameters of the model "
            "that is trained, behind the last line that makes or changes that model",
        )


def _were_cleared(facts: Facts, optimizer: Optimizer) -> bool:
    return any(one.n_zeroed for one in steps_of(facts, optimizer))
