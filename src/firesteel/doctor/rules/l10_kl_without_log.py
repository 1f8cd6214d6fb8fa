"""L10: KLDiv inputs that are no logarithms."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from firesteel.doctor.facts import Loss
from firesteel.doctor.findings import Finding, Level
from firesteel.doctor.lineage import origin
from firesteel.doctor.rules.rule import Case, NotApplicable, Rule

TOLERANCE = 0.01


class KlWithoutLog(Rule):
    id: ClassVar[str] = "L10"
    title: ClassVar[str] = "KLDiv inputs that are no logarithms"
    level: ClassVar[Level] = "W"
    what: ClassVar[str] = (
        "KLDivLoss takes log-probabilities first, and probabilities as the target (or their logarithms, with "
        "log_target=True). Given probabilities first, or logits, it is no distance between distributions: it can be "
        "negative, and its least value lies elsewhere."
    )
    detected: ClassVar[str] = (
        "The numbers on both sides: exponentials of the first must add up to 1 over the classes, and so must the "
        "targets."
    )
    silent: ClassVar[str] = "log_softmax first and softmax second."
    sick: ClassVar[str] = """
import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(128, 4)
shares = torch.randn(128, 3).softmax(1)
net = nn.Linear(4, 3)
criterion = nn.KLDivLoss(reduction="batchmean")
optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
for epoch in range(5):
    optimizer.zero_grad()
    loss = criterion(net(x).softmax(1), shares)
    loss.backward()
    optimizer.step()
"""
    healthy: ClassVar[str] = sick.replace("net(x).softmax(1)", "net(x).log_softmax(1)")

    def judge(self, case: Case) -> Iterable[Finding]:
        losses = [one for one in case.facts.trained_losses("kl_div") if len(one.input.shape) > 1]
        if not losses:
            raise NotApplicable("no KLDivLoss was trained on")
        for one in {loss.site: loss for loss in losses}.values():
            said = _said(one)
            if said:
                made = origin(one.input)
                yield self.finding(
                    one.site,
                    message="KLDivLoss is given probabilities or logits where it wants log-probabilities",
                    evidence=f"{said}; they were made by {made.op}",
                    why="it is no distance between the two distributions",
                    fix="     give it log_softmax(...) first, and softmax(...) or log_target=True second",
                )


def _said(loss: Loss) -> str:
    value = loss.input.value
    if value is None or not value.is_floating_point() or origin(loss.input).op in ("log_softmax", "log", "logsigmoid"):
        return ""
    sums = value.double().exp().sum(-1)
    if float(((sums - 1).abs() > TOLERANCE).double().mean()) < 0.5:
        return ""
    return (
        f"the exponentials of the first argument add up to {float(sums.min()):.3g} to {float(sums.max()):.3g}, not to 1"
    )
