"""S01: a column against a row in a loss or a subtraction."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from firesteel.doctor.facts import Made
from firesteel.doctor.findings import Finding, Level
from firesteel.doctor.lineage import is_answer
from firesteel.doctor.rules.rule import Case, NotApplicable, Rule

_LOSSES = ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "poisson_nll_loss", "soft_margin_loss")
_BY_HAND = ("sub", "rsub", "mul", "div", "rdiv")


class ColumnAgainstRow(Rule):
    id: ClassVar[str] = "S01"
    title: ClassVar[str] = "(N, 1) against (N,)"
    level: ClassVar[Level] = "E"
    what: ClassVar[str] = (
        "A column (N, 1) and a row (N,) broadcast to (N, N): every answer is compared with every target. The best "
        "that a net can do then is the mean of all targets, for every row."
    )
    detected: ClassVar[str] = (
        "The shapes of both sides of a loss or a difference, of which one was computed from weights and the other "
        "was not."
    )
    silent: ClassVar[str] = (
        "Columns with columns; pairs on purpose, where both sides come from the net or neither does (distances, "
        "attention, contrastive losses)."
    )
    sick: ClassVar[str] = """
import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(64, 3)
y = x.sum(1)
net = nn.Linear(3, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for epoch in range(5):
    optimizer.zero_grad()
    loss = ((net(x) - y) ** 2).mean()
    loss.backward()
    optimizer.step()
"""
    healthy: ClassVar[str] = sick.replace("net(x) - y)", "net(x).squeeze(1) - y)")

    def judge(self, case: Case) -> Iterable[Finding]:
        made = [one for one in case.facts.ops if one.op in (*_LOSSES, *_BY_HAND) and len(one.parents) >= 2]
        if not made:
            raise NotApplicable("no loss of amounts and no difference of tensors was seen")
        seen: set[object] = set()
        for one in made:
            left, right = one.parents[:2]
            if one.site in seen or not _is_crossed(left, right) or is_answer(left) == is_answer(right):
                continue
            seen.add(one.site)
            n = max(left.shape)
            column = "left" if len(left.shape) > 1 else "right"
            yield self.finding(
                one.site,
                message="a column and a row are broadcast to a square",
                evidence=f"{left.shape} and {right.shape} give ({n}, {n}): {n * n:,} differences for {n:,} rows",
                why="every answer is compared with every target, so the mean of all targets is the best answer",
                fix=f"     squeeze the {column} side with .squeeze(1), or unsqueeze the other with .unsqueeze(1)",
            )


def _is_crossed(left: Made, right: Made) -> bool:
    n = max([*left.shape, *right.shape, 0])
    return n > 1 and {left.shape, right.shape} == {(n, 1), (n,)}
