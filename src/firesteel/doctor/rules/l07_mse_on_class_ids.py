"""L07: a squared error on class ids."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

import torch

from firesteel.doctor.facts import Loss
from firesteel.doctor.findings import Finding, Level
from firesteel.doctor.rules.rule import Case, NotApplicable, Rule

#: Class ids are whole, begin at 0, leave none out, and each class has its fair share; amounts hardly ever do all that.
FEWEST, MOST, LEAST_LABELS, FAIR = 3, 50, 60, 0.4


class MseOnClassIds(Rule):
    id: ClassVar[str] = "L07"
    title: ClassVar[str] = "squared error on class ids"
    level: ClassVar[Level] = "W"
    what: ClassVar[str] = (
        "Ids of classes are names, not amounts: 9 is not three times 3. A squared error on them asks the net for "
        "an order that is not there, and punishes 7 for 1 more than 2 for 1."
    )
    detected: ClassVar[str] = (
        "The targets of a trained squared or absolute error with one output: whole numbers from 0 without a gap, "
        "of which each is about as frequent as the others."
    )
    silent: ClassVar[str] = (
        "Amounts and counts, ratings and other ordered classes (they begin elsewhere or are not evenly spread), "
        "and two classes as 0 and 1."
    )
    sick: ClassVar[str] = """
import torch
from torch import nn

torch.manual_seed(0)
label = torch.arange(120) % 4
x = nn.functional.one_hot(label, 5).float() + 0.1 * torch.randn(120, 5)
net = nn.Linear(5, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
for epoch in range(5):
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(net(x).squeeze(1), label.float())
    loss.backward()
    optimizer.step()
"""
    healthy: ClassVar[str] = sick.replace("label.float())", "label.float() * 1.7)")

    def judge(self, case: Case) -> Iterable[Finding]:
        losses = case.facts.trained_losses("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss")
        losses = [one for one in losses if one.input.shape and _is_one_output(one)]
        if not losses:
            raise NotApplicable("no error of one amount a row was trained on")
        for site in dict.fromkeys(one.site for one in losses):
            here = [one.target.value for one in losses if one.site is site and one.target is not None]
            values = [one.reshape(-1).double() for one in here if one is not None]
            labels = torch.cat(values) if values else torch.zeros(0)
            said = _ids(labels)
            if said:
                yield self.finding(
                    site,
                    message="the targets of this error look like class ids",
                    evidence=said,
                    why="an order is asked for that classes do not have",
                    fix="     give the net one output a class and use CrossEntropyLoss",
                )


def _is_one_output(loss: Loss) -> bool:
    return len(loss.input.shape) == 1 or loss.input.shape[1:].count(1) == len(loss.input.shape) - 1


def _ids(labels: torch.Tensor) -> str:
    if len(labels) < LEAST_LABELS or not bool((labels == labels.round()).all()) or float(labels.min()) != 0:
        return ""
    n = int(labels.max()) + 1
    if not FEWEST <= n <= MOST:
        return ""
    shares = torch.bincount(labels.long(), minlength=n).double() / len(labels)
    if float(shares.min()) * n < FAIR or float(shares.max()) * n > 1 / FAIR:
        return ""
    return (
        f"{len(labels):,} targets that were looked at are whole numbers 0 to {n - 1}, each with "
        f"{100 * float(shares.min()):.0f} to {100 * float(shares.max()):.0f} % of them"
    )
