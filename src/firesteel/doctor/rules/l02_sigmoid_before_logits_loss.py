"""L02: sigmoid before a loss that takes logits."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

import torch

from firesteel.doctor.findings import Finding, Level
from firesteel.doctor.lineage import origin
from firesteel.doctor.rules.rule import Case, NotApplicable, Rule

_LOSSES = ("binary_cross_entropy_with_logits", "cross_entropy", "multilabel_soft_margin_loss", "linear_cross_entropy")


class SigmoidBeforeLogitsLoss(Rule):
    id: ClassVar[str] = "L02"
    title: ClassVar[str] = "sigmoid before a loss that takes logits"
    level: ClassVar[Level] = "E"
    what: ClassVar[str] = (
        "BCEWithLogitsLoss and cross entropy apply their own sigmoid or softmax. Given numbers between 0 and 1 "
        "they can say no more than 'between 0.5 and 0.73': the loss stays high, gradients are small, a threshold "
        "of 0 is always passed."
    )
    detected: ClassVar[str] = (
        "What went into the loss is followed back through views, slices and casts; the finding is there if a "
        "sigmoid (or, before BCEWithLogits, a softmax) made the numbers and a backward went through the loss."
    )
    silent: ClassVar[str] = "Sigmoid before BCELoss, inside the net (gates, attention), or for showing probabilities."
    sick: ClassVar[str] = """
import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(128, 4)
y = (x[:, :1] > 0).float()
net = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 1), nn.Sigmoid())
optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
for epoch in range(10):
    optimizer.zero_grad()
    loss = nn.functional.binary_cross_entropy_with_logits(net(x), y)
    loss.backward()
    optimizer.step()
"""
    healthy: ClassVar[str] = sick.replace(", nn.Sigmoid()", "") + "proba = net(x).sigmoid()\n"

    def judge(self, case: Case) -> Iterable[Finding]:
        losses = case.facts.trained_losses(*_LOSSES)
        if not losses:
            raise NotApplicable("no loss that takes logits was trained on")
        for loss in losses:
            made = origin(loss.input)
            is_softmax = made.op == "softmax" and loss.name == "binary_cross_entropy_with_logits"
            if made.op != "sigmoid" and not is_softmax:
                continue
            inside = "softmax" if "cross_entropy" in loss.name and "binary" not in loss.name else "sigmoid"
            site = made.creation
            yield self.finding(
                site,
                message=f"a {made.op} feeds {loss.name}, which applies its own {inside}",
                evidence=f"the numbers that the loss on line {loss.site.line} was given came out of a {made.op}"
                + _range(made.value),
                why="the loss stays high and gradients are small",
                fix=case.sources.of(site).without(site)
                + f"\n     leave out the {made.op}; take it only where probabilities are shown",
            )


def _range(value: object) -> str:
    if not isinstance(value, torch.Tensor) or not value.numel():
        return ""
    return f", {float(value.min()):.3f} to {float(value.max()):.3f}"
