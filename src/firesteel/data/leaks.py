"""Columns that alone give the target away."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl

from firesteel.data.schema import Target
from firesteel.data.values import as_numbers, as_times, as_words
from firesteel.recipe import Kind

Floats: TypeAlias = npt.NDArray[np.float64]

#: Rows looked at, at most; a map from a column to the target shows in a few thousand.
_MAX_ROWS = 20_000
#: A leak leaves at most this share of the errors that the most frequent class makes (the strongest honest column of the
#: real tables at hand leaves 20 %) ...
_MAX_ERRORS = 0.05
#: ... or of a regression's variance, in ranks and in values (of diamonds' price, carat leaves 14 % of the values'). The
#: ranks decide, as a few huge values make most of the variance; the values see that not only zeros are told apart.
_MAX_RANK_VARIANCE, _MAX_VARIANCE = 0.001, 0.1
#: Rows that are not of the most frequent class: fewer could be told apart by chance.
_MIN_RARE = 10
#: A measured number that parts the classes is likelier honest than a leak in small tables (iris: setosa and the others
#: by their petals; the blobs of a lesson), and so is a line of few points.
_MIN_MEASURED, _MIN_LINE = 200, 50
#: More different numbers than this are measured, not codes.
_CODES = 20


def find_leaks(frame: pl.DataFrame, kinds: dict[str, Kind], target: Target) -> Iterator[tuple[str, str]]:
    """Name and evidence of each column that, learned on one half of the rows, tells the target on the other half."""
    rows = frame.filter(frame[target.name].is_not_null())
    if target.task == "regression":
        rows = rows.filter(as_numbers(rows[target.name]).is_not_null())
    rng = np.random.Generator(np.random.PCG64(0))
    order = rng.permutation(rows.height)[:_MAX_ROWS]
    rows = rows[order]
    halves = np.arange(len(order)) % 2 == 0
    y = _codes(as_words(rows[target.name])) if target.classes else _to_unit(as_numbers(rows[target.name])).to_numpy()
    for name, kind in kinds.items():
        evidence = (_tells_class if target.classes else _tells_number)(_keys(rows[name], kind), y, halves)
        if evidence:
            yield name, evidence


class _Keys:
    """A column as sortable numbers; `is_ordered`: between two keys the nearest one answers."""

    def __init__(self, values: Floats, *, is_ordered: bool) -> None:
        self.values = values  # (n_rows,), -inf = missing
        self.n_unique = len(np.unique(values))
        self.is_ordered = is_ordered
        self.is_measured = is_ordered and self.n_unique > _CODES


def _keys(column: pl.Series, kind: Kind) -> _Keys:
    is_ordered = kind in ("numeric", "datetime")
    if kind == "datetime":
        column = as_times(column)
    values = as_numbers(column) if is_ordered else pl.Series(_codes(as_words(column)), dtype=pl.Float64)
    return _Keys(_to_unit(values).fill_null(-np.inf).to_numpy(), is_ordered=is_ordered)


def _to_unit(values: pl.Series) -> pl.Series:
    """Between -1 and 1, where sums and squares of the largest floats do not overflow."""
    largest = values.abs().max()
    return values / largest if isinstance(largest, float) and largest > 1 else values


def _codes(words: pl.Series) -> Floats:
    return words.rank("dense").cast(pl.Float64).fill_null(-1.0).to_numpy()


def _tells_class(keys: _Keys, y: Floats, halves: npt.NDArray[np.bool_]) -> str:
    _, labels, counts = np.unique(y, return_inverse=True, return_counts=True)
    n_rare = len(y) - counts.max()
    if n_rare < _MIN_RARE or keys.n_unique < 2 or (keys.is_measured and len(y) < _MIN_MEASURED):
        return ""
    n_wrong = 0
    for learn in (halves, ~halves):
        levels, codes = np.unique(keys.values[learn], return_inverse=True)
        table = np.zeros((len(levels), len(counts)), dtype=np.int64)
        np.add.at(table, (codes, labels[learn]), 1)
        answer = _look_near if keys.is_ordered else _look_up
        votes = table.argmax(axis=1).astype(np.float64)
        answers = answer(levels, votes, keys.values[~learn], default=float(counts.argmax()))
        n_wrong += int((answers != labels[~learn]).sum())
    if n_wrong > _MAX_ERRORS * n_rare:
        return ""
    return f"alone it is right in {1 - n_wrong / len(y):.1%} of held-out rows"


def _tells_number(keys: _Keys, y: Floats, halves: npt.NDArray[np.bool_]) -> str:
    if len(y) < _MIN_LINE or keys.n_unique < 3:
        return ""
    guesses, is_asked = np.empty_like(y), np.ones(len(y), dtype=bool)
    for learn in (halves, ~halves):
        levels, codes = np.unique(keys.values[learn], return_inverse=True)
        means = np.bincount(codes, weights=y[learn]) / np.bincount(codes)
        asked = keys.values[~learn]
        answer = _draw_line if keys.is_ordered else _look_up
        guesses[~learn] = answer(levels, means, asked, default=float(y.mean()))
        if keys.is_ordered:  # beyond its ends a line says nothing
            first = levels[np.isfinite(levels)].min(initial=np.inf)
            is_asked[~learn] = ~np.isfinite(asked) | ((first <= asked) & (asked <= levels[-1]))
    y, guesses = y[is_asked], guesses[is_asked]
    in_ranks = _unexplained(_ranks(y), _ranks(guesses))
    if in_ranks > _MAX_RANK_VARIANCE or _unexplained(y, guesses) > _MAX_VARIANCE:
        return ""
    return f"alone it explains {1 - in_ranks:.2%} of the order of held-out rows"


def _look_up(levels: Floats, answers: Floats, asked: Floats, *, default: float) -> Floats:
    """The answers of the asked levels, `default` for those that are not there."""
    places = np.searchsorted(levels, asked).clip(0, len(levels) - 1)
    return np.where(levels[places] == asked, answers[places], default)


def _look_near(levels: Floats, answers: Floats, asked: Floats, *, default: float) -> Floats:
    """The answers of the nearest levels; missing is a level of its own."""
    exact = _look_up(levels, answers, asked, default=default)
    levels, answers = levels[np.isfinite(levels)], answers[np.isfinite(levels)]
    if not len(levels):
        return exact
    middles = (levels[1:] + levels[:-1]) / 2
    return np.where(np.isfinite(asked), answers[np.searchsorted(middles, asked)], exact)


def _draw_line(levels: Floats, answers: Floats, asked: Floats, *, default: float) -> Floats:
    """The answers on straight lines between the levels; missing is a level of its own."""
    exact = _look_up(levels, answers, asked, default=default)
    is_known = np.isfinite(levels)
    if not is_known.any():
        return exact
    return np.where(np.isfinite(asked), np.interp(asked, levels[is_known], answers[is_known]), exact)


def _unexplained(y: Floats, guesses: Floats) -> float:
    variance = ((y - y.mean()) ** 2).sum() if len(y) else 0.0
    return float(((y - guesses) ** 2).sum() / variance) if variance > 0 else 1.0


def _ranks(values: Floats) -> Floats:
    return pl.Series(values).rank("average").to_numpy()
