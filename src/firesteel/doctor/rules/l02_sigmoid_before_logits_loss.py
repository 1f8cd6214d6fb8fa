"""L02: sigmoid before a loss that takes logits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar

from firesteel.doctor.facts import Facts, Made
from firesteel.doctor.findings import Finding, Level
from firesteel.doctor.likelihoods import feeds_loss
from firesteel.doctor.lineage import children_of, learned
from firesteel.doctor.ranges import EDGE, Range, range_of
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
        "What went into the loss can only lie between 0 and 1, whatever the weights are, by the operations that made "
        "it (sigmoid, also written by hand, clamped or viewed; before BCEWithLogits a softmax, too), and a backward "
        "went through the loss. A sigmoid of a sigmoid that goes into a loss is the same mistake."
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
        twice = list(_sigmoids_into_losses(case.facts))
        if not losses and not twice:
            raise NotApplicable("no loss that takes logits was trained on")
        for loss in losses:
            found = range_of(loss.input) if loss.input.requires_grad else Range()
            is_of_classes = loss.name.endswith("cross_entropy") and not loss.name.startswith("binary")
            if _is_probability(found) and found.cause is not None:
                if is_of_classes and found.cause.op == "softmax":  # that is L01
                    continue
                inside = "softmax" if is_of_classes else "sigmoid"
                yield self._describe(
                    case,
                    found.cause,
                    loss.input,
                    f"{loss.name} on line {loss.site.line}, which applies its own {inside}",
                )
        for outer in twice:
            found = range_of(outer.parents[0])
            if _is_probability(found) and found.cause is not None and found.cause.op in ("sigmoid", "softmax"):
                yield self._describe(case, found.cause, outer.parents[0], f"another sigmoid on line {outer.site.line}")

    def _describe(self, case: Case, made: Made, given: Made, taker: str) -> Finding:
        site = made.creation
        name = made.op if made.op in ("sigmoid", "softmax", "hardsigmoid") else "sigmoid by hand"
        return self.finding(
            site,
            message=f"a {name} feeds {taker}",
            evidence=f"the numbers it was given came out of a {name} and lie between 0 and 1{_span(given)}",
            why="the loss stays high and gradients are small",
            fix=case.sources.of(site).without(site)
            + f"\n     leave out the {name}; take it only where probabilities are shown",
        )


def _is_probability(found: Range) -> bool:
    return 0 <= found.low <= EDGE and 1 - EDGE <= found.high <= 1 + EDGE


def _sigmoids_into_losses(facts: Facts) -> Iterator[Made]:
    through, made_of = learned(facts), children_of(facts)
    for made in facts.ops:
        if made.op == "sigmoid" and id(made) in through and made.parents and feeds_loss(made, facts, made_of):
            yield made


def _span(made: Made) -> str:
    value = made.value
    return f": {float(value.min()):.3f} to {float(value.max()):.3f}" if value is not None and value.numel() else ""
