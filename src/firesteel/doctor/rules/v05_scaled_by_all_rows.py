"""V05: a scaler fitted on rows that are evaluated later, or fitted again on them."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import ClassVar

import numpy as np

from firesteel.doctor.columns import Fresh
from firesteel.doctor.facts import Facts
from firesteel.doctor.findings import Finding, Level
from firesteel.doctor.fitted_on import Proof, fitted_on_held_out
from firesteel.doctor.lineage import is_answer
from firesteel.doctor.roles import taught
from firesteel.doctor.rows import fingerprints
from firesteel.doctor.rules.rule import Case, NotApplicable, Rule
from firesteel.doctor.scaled_sides import (
    LEAST_COLUMNS,
    LEAST_ROWS,
    LEAST_SHARE,
    kind_of,
    measured,
    off_bounds,
    off_spread,
    sides_of,
    varies,
)  # fmt: skip
from firesteel.doctor.scalings import along_rows, where_scaled
from firesteel.doctor.source import Source
from firesteel.doctor.tables import sums, variables

#: Statistics are not exact if they are off by more than this.
CLEARLY_OFF = 2e-4
#: Of rows that are scaled one by one: how exact, how wide, how much of all is the same in each row, and how much
#: neighbouring columns differ (noise 2, a smooth curve 0).
EXACT_ROW = 1e-3
NARROWEST, WIDEST = 3, 64
SHARE_OF_PROFILE, ROUGH = 0.6, 0.5


class ScaledByAllRows(Rule):
    id: ClassVar[str] = "V05"
    title: ClassVar[str] = "scaler fitted on rows that are evaluated"
    level: ClassVar[Level] = "E"
    what: ClassVar[str] = (
        "Means, spreads and bounds are learned, too. A scaler that is fitted before the split has seen the rows "
        "that are to test it; one that is fitted again on the test rows gives equal numbers another meaning on "
        "each side."
    )
    detected: ClassVar[str] = (
        "The columns of all rows that went into the net: over trained and held-out rows together they have mean 0 "
        "and spread 1 (or bounds 0 and 1) to the last digits, over the trained rows alone not; or each side has "
        "them by itself. Of what scikit-learn fits (PCA, quantiles, imputers, too) the rows that it was given are "
        "followed into the net: held-out ones among them prove it. And a table in which each row has mean 0 and "
        "spread 1 by itself, though its columns are of different kinds."
    )
    silent: ClassVar[str] = (
        "Columns that are exact over the trained rows alone; data that are not scaled; runs in which not all rows "
        "went into the net, as the proof is missing then; pictures, curves and windows that are scaled one by one."
    )
    sick: ClassVar[str] = """
import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(150, 4) * 3 + 5
y = x.sum(1, keepdim=True)
x = (x - x.mean(0)) / x.std(0)
net = nn.Linear(4, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for epoch in range(20):
    optimizer.zero_grad()
    nn.functional.mse_loss(net(x[:100]), y[:100]).backward()
    optimizer.step()
with torch.no_grad():
    print("error", nn.functional.mse_loss(net(x[100:]), y[100:]).item())
"""
    healthy: ClassVar[str] = sick.replace("(x - x.mean(0)) / x.std(0)", "(x - x[:100].mean(0)) / x[:100].std(0)")

    def judge(self, case: Case) -> Iterable[Finding]:
        proof = fitted_on_held_out(case.facts)
        if proof is not None:
            yield self._of_fit(case, proof)
            return
        single = _scaled_one_by_one(case.facts)
        if single is not None:
            yield self._of_single_rows(case, single)
        sides = sides_of(case.facts)
        if sides is None:
            if single is not None:
                return
            raise NotApplicable("no rows were held out, or their columns were not looked at")
        trained, held_out = sides
        both = trained + held_out
        kind = kind_of(both)
        if not kind and not kind_of(trained) and (table := _whole_table(case.facts)) is not None:
            both, kind = table, kind_of(table)
        place = where_scaled(_sources(case))
        is_proven = kind == "spread" or place is not None  # powers of 0 to 1 reach 0 and 1 by nature
        if kind and not kind_of(trained) and _is_off(trained, kind) and is_proven:
            yield self._describe(
                case,
                place,
                message="the columns were scaled by all rows, those that test the net included",
                evidence=f"over all {both.n:,} rows {_said(both, kind)}; over the {trained.n:,} trained rows alone "
                f"{_said(trained, kind)}",
                fix="     split first; fit the scaler on the training rows, apply it to the others",
            )
        elif kind_of(trained) and kind_of(trained) == kind_of(held_out):
            yield self._describe(
                case,
                where_scaled(_sources(case), is_second=True),
                message="the held-out rows were scaled by their own statistics",
                evidence=f"over the {held_out.n:,} held-out rows by themselves {_said(held_out, kind_of(held_out))}, "
                f"as over the {trained.n:,} trained rows",
                fix="     apply the scaler of the training rows: transform(), not fit_transform()",
            )

    def _of_fit(self, case: Case, proof: Proof) -> Finding:
        fit, source = proof.fit, case.sources.of(proof.fit.site)
        node = source.node_at(fit.site)
        message = f"{fit.kind} was fitted on all rows, those that test the net included"
        seen = f"it was fitted on {proof.n_fitted:,} different rows, among them {proof.n_held_out:,} of those "
        if proof.is_own:
            message = "the held-out rows were scaled by their own statistics"
            seen = f"another {fit.kind} was fitted on the training rows; this one on {proof.n_held_out:,} of those "
        return self.finding(
            (source, node) if node is not None else (source, fit.site.line),
            level="W" if fit.kind.endswith("Imputer") else None,  # its statistics hardly tell of the rows
            message=message,
            evidence=f"{seen}that were held out, and what it made of them went into the net",
            why="the held-out rows have had a say in what the net is given",
            fix="     split first; fit it on the training rows, and transform() the others by it",
        )

    def _of_single_rows(self, case: Case, rows: np.ndarray) -> Finding:
        site = next(one.site for one in case.facts.trained() if one.input is not None)
        mean, spread = np.abs(rows.mean(1)).max(), rows.std(1, ddof=1)
        share = float(np.mean(rows.mean(0) ** 2) / np.mean(rows**2))
        return self.finding(
            along_rows(_sources(case)) or site,
            level="W",
            message="each row was scaled by its own mean and spread, across columns of different kinds",
            evidence=f"in each of {len(rows):,} rows the {rows.shape[1]} columns have mean 0 up to {mean:.1g} and "
            f"spread {spread.min():.3f} to {spread.max():.3f}; {share:.0%} of all that varies is between columns",
            why="what tells the rows apart is pressed into a small part of the range, and is mixed between columns",
            fix="     take the mean and the spread over the rows: dim 0 (axis 0), of the training rows",
        )

    def _describe(
        self, case: Case, place: tuple[Source, ast.AST] | None, *, message: str, evidence: str, fix: str
    ) -> Finding:
        site = next(one.site for one in case.facts.evaluated() if one.rows is not None)
        return self.finding(
            place if place is not None else site,
            message=message,
            evidence=evidence,
            why="the held-out rows have had a say in what the net is given",
            fix=fix,
        )


def _scaled_one_by_one(facts: Facts) -> np.ndarray | None:
    """Rows of a table, each of mean 0 and spread 1 by itself, that are nearly alike: units differ by column.

    Curves and windows of a series have neighbours that are alike, and stay silent; so do pictures, which are wider.
    """
    given = [one.input for one in taught(facts) if one.input is not None and not is_answer(one.input)]
    values = [one.value for one in given if one.value is not None and one.value.dim() == 2]
    if not values or not all(one.is_floating_point() and one.shape[1] == values[0].shape[1] for one in values):
        return None
    rows = np.concatenate([one.double().cpu().numpy() for one in values])
    n, width = rows.shape
    if n < LEAST_ROWS or not NARROWEST <= width <= WIDEST or not np.isfinite(rows).all():
        return None
    spread = rows.std(1)
    off = np.minimum(np.abs(spread - 1), np.abs(spread * np.sqrt(width / (width - 1)) - 1))
    if np.abs(rows.mean(1)).max() > EXACT_ROW or off.max() > EXACT_ROW:
        return None
    profile = rows.mean(0)
    steps = np.diff(profile)
    is_rough = np.mean(steps**2) >= ROUGH * np.var(profile)
    return rows if np.mean(profile**2) >= SHARE_OF_PROFILE * np.mean(rows**2) and is_rough else None


def _whole_table(facts: Facts) -> Fresh | None:
    """Of a table among the script's variables that holds all rows that went into the net, and more: its sums."""
    trained = [one for one in facts.trained() if one.rows is not None and one.input is not None]
    evaluated = [one for one in facts.evaluated() if one.rows is not None and one.input is not None]
    rows = {int(row) for one in (*trained, *evaluated) for row in one.rows}
    shape = tuple(trained[0].input.shape[1:]) if trained and trained[0].input is not None else ()
    for _, table in variables(facts, shape) if shape else ():
        marks = fingerprints(table)
        if marks is not None and len(marks) > len(rows) and rows <= set(marks.tolist()):
            return sums(table, marks)
    return None


def _is_off(side: Fresh, kind: str) -> bool:
    """Most columns (bounds: at least two) are clearly not exact."""
    if kind == "spread":
        return bool(np.mean(off_spread(side) > CLEARLY_OFF) >= LEAST_SHARE)
    return bool(np.sum(off_bounds(side) > CLEARLY_OFF) >= LEAST_COLUMNS)


def _said(side: Fresh, kind: str) -> str:
    keep = varies(side)
    if kind == "spread":
        mean, spread = np.abs(side.mean[keep]).max(), np.sqrt(side.variance[keep])
        return f"means are 0 up to {mean:.1g} and spreads {spread.min():.4f} to {spread.max():.4f}"
    low, high = side.low[measured(side)], side.high[measured(side)]
    return f"columns begin at {low.min():.4g} to {low.max():.4g} and end at {high.min():.4g} to {high.max():.4g}"


def _sources(case: Case) -> list[Source]:
    return [case.sources[path] for path in case.facts.files()]
