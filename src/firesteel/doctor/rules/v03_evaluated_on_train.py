"""V03: evaluated on training rows only, though others were held out."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from operator import add
from typing import ClassVar

import numpy as np
import torch

from firesteel.doctor.facts import Facts, Forward
from firesteel.doctor.findings import Finding, Level
from firesteel.doctor.rows import fingerprints
from firesteel.doctor.rules.rule import Case, NotApplicable, Rule

#: Fewer rows are a look, not an evaluation.
LEAST_ROWS = 5
#: Rows are told apart by their numbers, so most must be different.
SHARE_DIFFERENT = 0.8


class EvaluatedOnTrain(Rule):
    id: ClassVar[str] = "V03"
    title: ClassVar[str] = "evaluated on training rows only"
    level: ClassVar[Level] = "E"
    what: ClassVar[str] = (
        "Rows were held out, but what is printed as the score is that of the training rows: the wrong loader or "
        "array went into the evaluation. The number says how well the net remembers."
    )
    detected: ClassVar[str] = (
        "Every row that was evaluated behind the last step had been trained on, and held-out rows lie there "
        "unused: a loader that was never read, or a tensor of such rows that never went into the net."
    )
    silent: ClassVar[str] = (
        "A score on the training rows beside one on held-out rows. Where nothing was held out at all, that is V07."
    )
    sick: ClassVar[str] = """
import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(150, 4)
y = x.sum(1, keepdim=True)
x_train, x_test, y_train, y_test = x[:100], x[100:], y[:100], y[100:]
net = nn.Linear(4, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for epoch in range(20):
    optimizer.zero_grad()
    nn.functional.mse_loss(net(x_train), y_train).backward()
    optimizer.step()
with torch.no_grad():
    print("test error", nn.functional.mse_loss(net(x_train), y_train).item())
"""
    healthy: ClassVar[str] = sick.replace('"test error", nn.functional.mse_loss(net(x_train), y_train)',
                                          '"test error", nn.functional.mse_loss(net(x_test), y_test)')  # fmt: skip

    def judge(self, case: Case) -> Iterable[Finding]:
        facts = case.facts
        trained = [one for one in facts.trained() if one.rows is not None]
        evaluated = [one for one in facts.evaluated() if one.rows is not None and len(one.rows) >= LEAST_ROWS]
        known = {int(row) for one in trained for row in one.rows}
        n_different = sum(len(set(one.rows.tolist())) for one in evaluated)
        if n_different < SHARE_DIFFERENT * sum(len(one.rows) for one in evaluated):
            raise NotApplicable("the rows that go into the net are too much alike to be told apart")
        if not trained or not evaluated:
            raise NotApplicable("no evaluation beside a training was seen")
        if any(int(row) not in known for one in evaluated for row in one.rows):
            return
        unused = _unread_loader(facts) or _unused_tensor(facts, trained, known)
        if unused:
            last = evaluated[-1]
            n = len({int(row) for one in evaluated for row in one.rows})
            yield self.finding(
                last.site,
                message="the rows that are evaluated are the training rows",
                evidence=f"all {n:,} evaluated rows had been trained on; {unused}",
                why="the score says how well the net remembers, not what it does with new rows",
                fix="     evaluate the held-out rows here",
            )


def _unread_loader(facts: Facts) -> str:
    """A loader that was never read, beside one that was."""
    unread = [one for one in facts.loaders if not one.passes and one.n_rows]
    if not unread or not any(one.passes for one in facts.loaders):
        return ""
    one = unread[-1]
    return f"a loader of {one.n_rows:,} rows, made on line {one.site.line}, was never read"


def _unused_tensor(facts: Facts, trained: list[Forward], known: set[int]) -> str:
    """A tensor among the script's variables with rows as wide as the trained ones, none of which was trained on."""
    shape = next((one.input.shape[1:] for one in trained if one.input is not None), None)
    for name, value in facts.variables.items():
        if not isinstance(value, torch.Tensor) or value.requires_grad or value.dim() < 2 or value.shape[1:] != shape:
            continue
        rows = fingerprints(value)
        if rows is None or len(rows) < LEAST_ROWS or len(rows) == len(known) or any(int(row) in known for row in rows):
            continue
        if _is_alike(facts, value):
            return f"'{name}' holds {len(rows):,} rows that never went into the net"
    return ""


def _is_alike(facts: Facts, value: torch.Tensor) -> bool:
    """Most columns have the mean and spread that those of the trained rows have: more rows of the same kind."""
    flat = value.detach().reshape(len(value), -1).double().cpu().numpy()
    sums = [one.fresh for one in facts.trained() if one.fresh is not None and len(one.fresh.total) == flat.shape[1]]
    if not sums:
        return False
    side = reduce(add, sums)
    spread = np.sqrt(side.variance) + 1e-12
    is_near = np.abs(flat.mean(0) - side.mean) < spread / 2
    is_spread = (flat.std(0) < 2 * spread) & (flat.std(0) > spread / 2)
    return bool(np.mean(is_near & (is_spread | (side.variance < 1e-12))) >= SHARE_DIFFERENT)
