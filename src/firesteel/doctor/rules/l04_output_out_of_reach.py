"""L04: an output activation that cannot reach the targets."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

import torch

from firesteel.doctor.facts import Made
from firesteel.doctor.findings import Finding, Level
from firesteel.doctor.lineage import origin, regressions
from firesteel.doctor.rules.rule import Case, NotApplicable, Rule

_INFINITE = float("inf")
_RANGES = {
    "relu": (0.0, _INFINITE), "sigmoid": (0.0, 1.0), "tanh": (-1.0, 1.0), "softmax": (0.0, 1.0), "relu6": (0.0, 6.0),
    "softplus": (0.0, _INFINITE), "exp": (0.0, _INFINITE), "abs": (0.0, _INFINITE), "hardsigmoid": (0.0, 1.0),
    "elu": (-1.0, _INFINITE), "logsigmoid": (-_INFINITE, 0.0), "square": (0.0, _INFINITE), "softsign": (-1.0, 1.0),
}  # fmt: skip
#: Targets beyond the range by less than this share of it are noise at its edge; so many must lie beyond.
SLACK, LEAST_SHARE, LEAST_TARGETS = 0.02, 0.05, 3


class OutputOutOfReach(Rule):
    id: ClassVar[str] = "L04"
    title: ClassVar[str] = "output activation that cannot reach the targets"
    level: ClassVar[Level] = "E"
    what: ClassVar[str] = (
        "A ReLU gives no number below 0, a sigmoid none above 1, a tanh none beyond -1 and 1. Where targets lie "
        "beyond, the loss cannot fall below what they cost, and rows on the far side often get no gradient at "
        "all."
    )
    detected: ClassVar[str] = (
        "The activation that made the numbers which a squared or absolute error was given, and the targets: some "
        "of them lie clearly outside of what it can give. A ReLU before cross entropy, which wants logits, is a "
        "warning."
    )
    silent: ClassVar[str] = (
        "Targets inside the range: counts behind a ReLU, pixels behind a sigmoid, -1 to 1 behind a tanh."
    )
    sick: ClassVar[str] = """
import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(128, 4)
y = x.sum(1, keepdim=True)
net = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 1), nn.ReLU())
optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
for epoch in range(10):
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(net(x), y)
    loss.backward()
    optimizer.step()
"""
    healthy: ClassVar[str] = sick.replace("y = x.sum(1, keepdim=True)", "y = x.sum(1, keepdim=True).abs()")

    def judge(self, case: Case) -> Iterable[Finding]:
        facts = case.facts
        pairs = regressions(facts)
        logits = facts.trained_losses("cross_entropy", "binary_cross_entropy_with_logits")
        if not pairs and not logits:
            raise NotApplicable("no error of amounts and no loss of logits was trained on")
        seen: dict[object, list[tuple[Made, torch.Tensor]]] = {}
        for _, answer, target in pairs:
            made = origin(answer)
            if _range_of(made) is not None and target.value is not None and target.value.is_floating_point():
                seen.setdefault(made.creation, []).append((made, target.value))
        for found in seen.values():
            yield from self._beyond(case, found)
        for made in {origin(one.input).creation: origin(one.input) for one in logits}.values():
            if made.op in ("relu", "relu6") and made.shape and made.shape[-1] > 0:
                yield self._clamped(case, made)

    def _beyond(self, case: Case, found: list[tuple[Made, torch.Tensor]]) -> Iterable[Finding]:
        made = found[0][0]
        bounds = _range_of(made)
        targets = torch.cat([target.reshape(-1).double() for _, target in found])
        if bounds is None or not len(targets):
            return
        low, high = bounds
        slack = SLACK * (high - low if high - low < _INFINITE else float(targets.std()) if len(targets) > 1 else 0.0)
        beyond = (targets < low - slack) | (targets > high + slack)
        n = int(beyond.sum())
        if n < max(LEAST_TARGETS, LEAST_SHARE * len(targets)):
            return
        site = made.creation
        yield self.finding(
            site,
            message=f"the {made.op} at the output cannot reach the targets",
            evidence=f"it gives numbers from {low:g} to {high:g}; {n:,} of {len(targets):,} targets lie beyond, from "
            f"{float(targets.min()):.3g} to {float(targets.max()):.3g}",
            why="the loss cannot fall below what these targets cost",
            fix=case.sources.of(site).without(site) + f"\n     leave out the {made.op}: a linear output reaches all",
        )

    def _clamped(self, case: Case, made: Made) -> Finding:
        site = made.creation
        value = made.value
        share = f"; {100 * float((value == 0).double().mean()):.0f} % of them are 0" if value is not None else ""
        return self.finding(
            site,
            level="W",
            message="a ReLU clamps the logits",
            evidence=f"what the loss takes as logits came out of a {made.op}, so none is below 0{share}",
            why="no class can be called unlikely, and logits at 0 get no gradient",
            fix=case.sources.of(site).without(site) + "\n     leave out the activation behind the last layer",
        )


def _range_of(made: Made) -> tuple[float, float] | None:
    if made.op in ("clamp", "hardtanh"):
        names = ("min", "max") if made.op == "clamp" else ("min_val", "max_val")
        ends = [
            made.argument(i + 1, name, None if made.op == "clamp" else (-1.0, 1.0)[i]) for i, name in enumerate(names)
        ]
        low, high = (float(one) if isinstance(one, int | float) else None for one in ends)
        return (-_INFINITE if low is None else low, _INFINITE if high is None else high)
    return _RANGES.get(made.op)
