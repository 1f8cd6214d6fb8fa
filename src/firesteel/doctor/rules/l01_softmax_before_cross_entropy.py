"""L01: softmax before cross entropy."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import ClassVar

from firesteel.doctor.facts import Facts, Made
from firesteel.doctor.findings import Finding, Level
from firesteel.doctor.likelihoods import feeds_loss, softmax_along, sums_to_one
from firesteel.doctor.lineage import children_of, class_dim, learned, origin, softmax_dim
from firesteel.doctor.ranges import range_of
from firesteel.doctor.rules.rule import Case, NotApplicable, Rule

#: Two softmaxes that were added up lie between 0 and 2; one that was scaled up beyond is meant so.
MOST_WIDE = 2.0


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
        "What went into cross entropy is followed back through views, slices, casts and clamps to the operation that "
        "made its numbers: a softmax, or a quotient whose rows are probabilities, and a backward went through the "
        "loss. The same for a log-softmax of one's own loss, for Categorical(logits=...), and for a softmax of a "
        "softmax."
    )
    silent: ClassVar[str] = (
        "Log-softmax before cross entropy is harmless (its softmax is the same again). A softmax that is only "
        "used for prediction, inside attention, as a target, or before NLLLoss of its logarithm, is right."
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
        by_hand = list(_by_hand(case.facts))
        if not losses and not by_hand:
            raise NotApplicable("no cross entropy was trained on")
        for loss in losses:
            dim = class_dim(loss.input)
            made = _probabilities(loss.input, dim) if loss.input.requires_grad else None
            if made is not None:
                yield self._describe(case, made, f"cross entropy on line {loss.site.line}", loss.input.shape[dim])
        for outer, dim in by_hand:
            inner = softmax_along(outer.parents[0], dim)
            if inner is not None:
                taker = f"{outer.op} on line {outer.site.line}"
                yield self._describe(case, inner, taker, outer.parents[0].shape[dim])

    def _describe(self, case: Case, made: Made, taker: str, n_classes: int) -> Finding:
        site = made.creation
        least = math.log(1 + (n_classes - 1) / math.e)
        return self.finding(
            site,
            message="softmax feeds cross entropy, which takes logits and applies log-softmax itself"
            if taker.startswith("cross")
            else "the softmax is taken twice",
            evidence=f"the numbers that {taker} was given came out of a softmax over {n_classes} classes; "
            f"with it the loss cannot fall below {least:.3f}",
            why="the loss stalls far from 0 and gradients are small",
            fix=case.sources.of(site).without(site)
            + "\n     leave out the softmax; take it only where probabilities are shown",
        )


def _probabilities(given: Made, dim: int) -> Made | None:
    """What made the probabilities that these are; None if they are none."""
    if len(given.shape) <= dim or given.shape[dim] < 2:
        return None
    found = range_of(given)
    if found.cause is not None and found.cause.op == "softmax" and found.width <= MOST_WIDE:
        return found.cause
    made = origin(given)
    return made if made.op == "div" and given.value is not None and sums_to_one(given.value, dim) else None


def _by_hand(facts: Facts) -> Iterator[tuple[Made, int]]:
    """Each softmax or log-softmax of a loss by hand, with its dimension."""
    through, made_of = learned(facts), children_of(facts)
    for made in facts.ops:
        if id(made) not in through or not made.parents:
            continue
        if made.op == "log_softmax" or (made.op == "softmax" and feeds_loss(made, facts, made_of)):
            dim = softmax_dim(made)
        elif made.op == "logsumexp":  # as in Categorical(logits=...)
            dim = made.argument(1, "dim")
        else:
            continue
        if isinstance(dim, int) and made.parents[0].shape:
            yield made, dim % len(made.parents[0].shape)
