"""L04: an output activation that cannot reach the targets."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

import torch

from firesteel.doctor.dimensions import softmaxes_of
from firesteel.doctor.facts import Loss, Made
from firesteel.doctor.findings import Finding, Level
from firesteel.doctor.lineage import class_dim, regressions
from firesteel.doctor.ranges import Range, range_of
from firesteel.doctor.rules.rule import Case, NotApplicable, Rule
from firesteel.doctor.sites import Site

_INFINITE = float("inf")
#: Targets may lie beyond by their noise: of their variance so much must be out of reach; less where many lie beyond.
LEAST_LOST, LEAST_LOST_OF_MANY, MANY = 0.08, 0.03, 0.3
#: Targets that are all alike have no variance: so far beyond.
LEAST_DISTANCE = 0.1
#: What the best possible answer costs in a loss of classes, in nats.
LEAST_COST = 0.1
#: Operations that cut: behind them one side is gone. Others that bound one side (distances, say) are meant so.
_CUTTING = ("relu", "relu6", "clamp", "clamp_min", "hardtanh")
_SQUASHING = ("tanh", "hardtanh", "softsign", "sin", "cos", "relu6", "clamp")


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
        "The bounds of what a squared or absolute error was given, whatever the weights are, by the operations that "
        "made it (an activation, scaled and shifted), and the targets: of their variance a good part lies beyond. "
        "The same for probabilities that a ReLU keeps above one half. Logits clamped by a ReLU or squashed by a tanh "
        "before cross entropy are a warning."
    )
    silent: ClassVar[str] = (
        "Targets inside the range (counts behind a ReLU, pixels behind a sigmoid, -1 to 1 behind a tanh), or beyond it "
        "by noise only; targets that another net gave; a tanh that is scaled up."
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
        of_classes = facts.trained_losses("cross_entropy", "nll_loss")
        binary = facts.trained_losses("binary_cross_entropy_with_logits", "binary_cross_entropy")
        if not pairs and not of_classes and not binary:
            raise NotApplicable("no error of amounts and no loss of classes was trained on")
        seen: dict[Site, list[tuple[Range, torch.Tensor]]] = {}
        for _, answer, target in pairs:
            found = range_of(answer)
            if found.cause is not None and target.value is not None and target.shape == answer.shape:
                seen.setdefault(found.cause.creation, []).append((found, target.value.reshape(-1).double()))
        for given in seen.values():
            yield from self._beyond(case, given)
        yield from self._binary(case, binary)
        for loss in of_classes:
            yield from self._clamped(case, loss)

    def _beyond(self, case: Case, given: list[tuple[Range, torch.Tensor]]) -> Iterable[Finding]:
        targets = torch.cat([target for _, target in given])
        beyond = torch.cat(
            [(one.low - target).clamp(min=0) + (target - one.high).clamp(min=0) for one, target in given]
        )
        beyond[~torch.isfinite(targets)] = 0.0
        n = int((beyond > 0).sum())
        variance = float(targets.var()) if len(targets) > 1 else 0.0
        lost, share = float(beyond.square().mean()), n / max(len(targets), 1)
        least = LEAST_LOST_OF_MANY if share >= MANY else LEAST_LOST
        if not (lost > least * variance if variance > 0 else lost**0.5 > LEAST_DISTANCE):
            return
        found = given[0][0]
        part = f", {100 * min(lost / variance, 1):.0f} % of their variance" if variance > 0 else ""
        yield self._describe(
            case, found,
            f"{n:,} of {len(targets):,} targets lie beyond{part}; they go from {float(targets.min()):.3g} to "
            f"{float(targets.max()):.3g}",
        )  # fmt: skip

    def _describe(self, case: Case, found: Range, said: str) -> Finding:
        made = found.cause
        assert made is not None
        site = made.creation
        return self.finding(
            site,
            message=f"the {made.op} at the output cannot reach the targets",
            evidence=f"the output lies between {found.low:g} and {found.high:g} whatever the weights are; {said}",
            why="the loss cannot fall below what these targets cost",
            fix=case.sources.of(site).without(site) + f"\n     leave out the {made.op}: a linear output reaches all",
        )

    def _binary(self, case: Case, losses: list[Loss]) -> Iterable[Finding]:
        """Probabilities that cannot come near 0, or near 1, as a ReLU made the logits."""
        for loss in losses:
            found = range_of(loss.input)
            value = loss.target.value if loss.target is not None else None
            if found.cause is None or found.cause.op in ("sigmoid", "softmax") or value is None or not value.numel():
                continue
            low, high = found.low, found.high
            if loss.name.endswith("logits"):
                if low >= 0 and high <= 1:  # that is L02
                    continue
                low, high = (float(torch.tensor(one, dtype=torch.float64).sigmoid()) for one in (low, high))
            targets = value.reshape(-1).double().clamp(0, 1)
            best = targets.clamp(max(low, 0.0), min(high, 1.0))
            cost = _entropy(targets, best) - _entropy(targets, targets)
            if float(cost.mean()) > LEAST_COST:
                yield self._describe(
                    case, found,
                    f"so the probability lies between {low:.2f} and {high:.2f}, and even the best answer costs "
                    f"{float(cost.mean()):.3f} a row",
                )  # fmt: skip

    def _clamped(self, case: Case, loss: Loss) -> Iterable[Finding]:
        logits = loss.input
        if loss.name == "nll_loss":
            sources = [one for one, _ in softmaxes_of(logits) if one.op == "log_softmax" and one.parents]
            if not sources:  # that is L03
                return
            logits = sources[0].parents[0]
        found, n = range_of(logits), loss.input.shape[class_dim(loss.input)] if loss.input.shape else 0
        made = found.cause
        if made is None or n < 2 or made.op in ("softmax", "sigmoid"):
            return
        if made.op in _CUTTING and found.low >= 0 and found.high == _INFINITE:
            yield self._cut(case, made)
        elif made.op in _SQUASHING and found.width < _INFINITE:
            cost = float(torch.tensor((n - 1) * 2.718281828**-found.width, dtype=torch.float64).log1p())
            if cost > LEAST_COST:
                yield self._squashed(case, found, made, n, cost)

    def _cut(self, case: Case, made: Made) -> Finding:
        site = made.creation
        value = made.value
        share = f"; {100 * float((value == 0).double().mean()):.0f} % of them are 0" if value is not None else ""
        return self.finding(
            site,
            level="W",
            message=f"a {made.op} clamps the logits",
            evidence=f"what the loss takes as logits came out of a {made.op}, so none is below 0{share}",
            why="no class can be called unlikely, and logits at 0 get no gradient",
            fix=case.sources.of(site).without(site) + "\n     leave out the activation behind the last layer",
        )

    def _squashed(self, case: Case, found: Range, made: Made, n_classes: int, cost: float) -> Finding:
        site = made.creation
        return self.finding(
            site,
            level="W",
            message=f"a {made.op} squashes the logits",
            evidence=f"the logits lie between {found.low:g} and {found.high:g}: with {n_classes} classes the loss "
            f"cannot fall below {cost:.3f}",
            why="the net can never be sure of a class",
            fix=case.sources.of(site).without(site) + "\n     leave out the activation behind the last layer",
        )


def _entropy(targets: torch.Tensor, answers: torch.Tensor) -> torch.Tensor:
    return -(torch.xlogy(targets, answers) + torch.xlogy(1 - targets, 1 - answers))
