"""L01: softmax before cross entropy."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import ClassVar

from firesteel.doctor.facts import Made
from firesteel.doctor.findings import Finding, Level
from firesteel.doctor.lineage import origin
from firesteel.doctor.rules.rule import Case, NotApplicable, Rule


class SoftmaxBeforeCrossEntropy(Rule):
    id: ClassVar[str] = "L01"
    title: ClassVar[str] = "softmax before cross entropy"
    level: ClassVar[Level] = "E"
    what: ClassVar[str] = (
        "Cross entropy takes logits and applies log-softmax to them itself. Given probabilities it takes the "
        "softmax of a softmax: the loss can never come near 0 (with 3 classes it ends at 0.55, with 10 at 1.46), "
        "gradients are small, and training stalls without an error."
    )
    detected: ClassVar[str] = (
        "What went into cross entropy is followed back through views, slices and casts to the operation that made "
        "its numbers. The finding is there if this is a softmax and a backward went through the loss."
    )
    silent: ClassVar[str] = (
        "Log-softmax before cross entropy is harmless (its softmax is the same again). A softmax that is only "
        "used for prediction, inside attention, or before NLLLoss of its logarithm, is right."
    )
    sick: ClassVar[str] = """
import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(128, 4)
y = (x[:, 0] + x[:, 1] > 0).long()
net = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 2), nn.Softmax(dim=1))
optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
for epoch in range(20):
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(net(x), y)
    loss.backward()
    optimizer.step()
"""
    healthy: ClassVar[str] = sick.replace(", nn.Softmax(dim=1)", "") + "proba = net(x).softmax(1)\n"

    def judge(self, case: Case) -> Iterable[Finding]:
        losses = case.facts.trained_losses("cross_entropy", "linear_cross_entropy")
        if not losses:
            raise NotApplicable("no cross entropy was trained on")
        for loss in losses:
            made = origin(loss.input)
            if made.op == "softmax" or _is_by_hand(made):
                yield self._describe(case, made, n_classes=loss.input.shape[-1] if loss.input.shape else 1)

    def _describe(self, case: Case, made: Made, *, n_classes: int) -> Finding:
        site = made.creation
        source = case.sources.of(site)
        least = math.log(1 + (n_classes - 1) / math.e)
        return self.finding(
            site,
            message="softmax feeds cross entropy, which takes logits and applies log-softmax itself",
            evidence=f"the numbers that cross entropy was given came out of a softmax over {n_classes} classes; "
            f"with it the loss cannot fall below {least:.3f}",
            why="the loss stalls far from 0 and gradients are small",
            fix=source.without(site) + "\n     leave out the softmax; take it only where probabilities are shown",
        )


def _is_by_hand(made: Made) -> bool:
    """A quotient whose rows are probabilities: no number below 0, and a sum of 1 over the classes."""
    value = made.value
    if made.op != "div" or value is None or value.dim() != 2 or value.shape[1] < 2 or not value.is_floating_point():
        return False
    return bool((value >= 0).all()) and bool(((value.double().sum(1) - 1).abs() < 1e-4).all())
