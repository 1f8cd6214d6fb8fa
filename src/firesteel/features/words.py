"""Categorical columns to whole codes: 0 = unknown, then the levels, the frequent ones first."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt
import polars as pl

from firesteel.data import as_words
from firesteel.features.oddities import Oddity, find_lost

Codes = npt.NDArray[np.int64]

#: In a column of more levels than this, a level of one row is read as unknown: one row teaches nothing about it,
#: and the rows that share the code 0 teach what an unknown value means.
MAX_SINGLE_LEVELS = 20

#: So many levels have a code of their own, the most frequent ones; a column of 50,000 values stays a small table.
MAX_LEVELS = 1_000


@dataclass(frozen=True)
class WordColumn:
    """A categorical column: the code of its level."""

    source: str
    levels: tuple[str, ...]  # level i has the code i + 1
    has_missing: bool = False  # training had missing values, which then are a level of their own, the last one
    encoding: Literal["word"] = "word"

    def __post_init__(self) -> None:
        if len(set(self.levels)) < len(self.levels):
            raise ValueError("each level of a categorical column stands there once")

    @property
    def n_levels(self) -> int:
        """The number of codes, 0 included."""
        return 1 + len(self.levels) + self.has_missing

    @cached_property
    def _enum(self) -> pl.Enum:
        return pl.Enum(self.levels)

    def encode(self, series: pl.Series) -> tuple[Codes, list[Oddity]]:
        """The codes `(n_rows,)` int64."""
        words, known = self._look_up(series)
        codes: Codes = known.to_physical().cast(pl.Int64).fill_null(-1).to_numpy() + 1
        if self.has_missing and words.null_count():
            codes[words.is_null().to_numpy()] = self.n_levels - 1
        return codes, find_lost(words, known, code="unseen")

    def _look_up(self, series: pl.Series) -> tuple[pl.Series, pl.Series]:
        """The words, and the same as levels, null where there is no such level."""
        if series.dtype == pl.String:
            known = series.cast(self._enum, strict=False)
            if known.null_count() == series.null_count():  # the usual case: all are spelled as their levels
                return series, known
        words = as_words(series)
        return words, words.cast(self._enum, strict=False)


def fit_words(words: pl.Series) -> tuple[WordColumn, list[str]]:
    """The levels by frequency, then by name, and a sentence about those that got no code."""
    counts = words.drop_nulls().alias("word").value_counts(name="n").sort(["n", "word"], descending=[True, False])
    n_all = counts.height
    if n_all > MAX_SINGLE_LEVELS:
        counts = counts.filter(pl.col("n") > 1).head(MAX_LEVELS)
    column = WordColumn(words.name, tuple(counts["word"]), has_missing=words.null_count() > 0)
    n_lost = n_all - counts.height
    if not n_lost:
        return column, []
    n_rows = len(words) - words.null_count() - int(counts["n"].sum())
    return column, [
        f"'{words.name}': {n_lost:,} of {n_all:,} values are too rare to learn from and are read as unknown"
        f" ({n_rows:,} training rows)"
    ]
