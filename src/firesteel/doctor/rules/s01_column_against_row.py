"""S01: a column against a row in a loss or a subtraction."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import ClassVar

import numpy as np

from firesteel.doctor.facts import Made
from firesteel.doctor.findings import Finding, Level
from firesteel.doctor.lineage import is_answer
from firesteel.doctor.rules.rule import Case, NotApplicable, Rule
from firesteel.doctor.source import Source, called

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
        "was not; of arrays of NumPy, their shapes where a script averages their difference."
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
        arrays = list(_of_arrays(case))
        if not made and not arrays:
            raise NotApplicable("no loss of amounts and no difference of tensors was seen")
        for source, node, n in arrays:
            yield self.finding(
                (source, node),
                message="a column and a row are broadcast to a square",
                evidence=f"({n}, 1) and ({n},) give ({n}, {n}): {n * n:,} differences for {n:,} rows",
                why="every answer is compared with every target, so that the number says nothing",
                fix="     make both the same shape first: .squeeze(1) or .ravel() of the column",
            )
        seen: set[object] = {one.site for one in made if _is_of_two_sizes(*one.parents[:2])}
        for one in made:
            left, right = one.parents[:2]
            if one.site in seen or not _is_crossed(left, right) or is_answer(left) == is_answer(right):
                continue
            if "parameter" in (left.op, right.op):  # centres that learn, against each row
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


def _of_arrays(case: Case) -> Iterator[tuple[Source, ast.BinOp, int]]:
    """Differences of two arrays of the script that are averaged, one a column and the other a row."""
    if case.facts.script is None:
        return
    source = case.sources[case.facts.script]
    stored = Counter(
        one.id for one in source.nodes(ast.Name) if isinstance(one.ctx, ast.Store)
    )  # set once, so that the value at the end is the one that was compared
    for node in source.nodes(ast.BinOp):
        sides = [one.id for one in (node.left, node.right) if isinstance(one, ast.Name) and stored[one.id] == 1]
        if not isinstance(node.op, ast.Sub) or len(sides) != 2 or source.function_around(node.lineno) is not None:
            continue
        values = [case.facts.variables.get(one) for one in sides]
        shapes = [one.shape for one in values if isinstance(one, np.ndarray)]
        n = max([*shapes[0], 0]) if len(shapes) == 2 else 0
        if n > 1 and set(shapes) == {(n, 1), (n,)} and _is_averaged(source, node):
            yield source, node, n


def _is_averaged(source: Source, node: ast.AST) -> bool:
    for one in source.parents(node):
        if isinstance(one, ast.stmt):
            return False
        if isinstance(one, ast.Call) and called(one) in ("mean", "sum", "average", "median", "norm"):
            return True
    return False


def _is_of_two_sizes(left: Made, right: Made) -> bool:
    """(m, 1) against (k,): centres or bins, as many as there are; a batch may be as large by chance."""
    shapes = sorted((left.shape, right.shape), key=len)
    return len(shapes[0]) == 1 and len(shapes[1]) == 2 and shapes[1][1] == 1 and 1 < shapes[0][0] != shapes[1][0] > 1


def _is_crossed(left: Made, right: Made) -> bool:
    n = max([*left.shape, *right.shape, 0])
    return n > 1 and {left.shape, right.shape} == {(n, 1), (n,)}
