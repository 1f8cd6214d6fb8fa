"""What stood in a table that the model cannot read, counted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

import polars as pl

from firesteel.data import as_words

Code = Literal["extra_column", "not_a_number", "not_a_time", "unseen", "unseen_flag", "reverse"]

_TEXTS: dict[Code, str] = {
    "extra_column": "'{column}' was not there in training and is ignored",
    "not_a_number": "'{column}': {rows} without a number, like '{example}', read as missing",
    "not_a_time": "'{column}': {rows} without a date or time, like '{example}', read as missing",
    "unseen": "'{column}': {rows} with a value that training never or hardly had, like '{example}', read as unknown",
    "unseen_flag": "'{column}': {rows} with a value that training never had, like '{example}', read as missing",
    "reverse": "{rows} with a background unlike training's, which was {example}: read as the negative",
}


@dataclass(frozen=True)
class Oddity:
    """One thing about one column, in how many rows, and the first value."""

    code: Code
    column: str
    n_rows: int
    example: str = ""

    @property
    def text(self) -> str:
        """A sentence for the user."""
        noun = "picture" if self.code == "reverse" else "row"
        rows = f"1 {noun}" if self.n_rows == 1 else f"{self.n_rows:,} {noun}s"
        return _TEXTS[self.code].format(column=self.column, rows=rows, example=self.example)


def find_lost(given: pl.Series, read: pl.Series, *, code: Code) -> list[Oddity]:
    """The values that are there in `given` and null in `read`, as one oddity, or none."""
    if read.null_count() <= given.null_count():  # the usual case, without looking at a value
        return []
    lost = as_words(given.filter(read.is_null())).drop_nulls()
    return [Oddity(code, given.name, len(lost), example=lost[0])] if len(lost) else []


def sum_oddities(oddities: Iterable[Oddity]) -> tuple[Oddity, ...]:
    """One oddity for each code and column, their rows added: what a stream of batches has to say at its end."""
    sums: dict[tuple[Code, str], Oddity] = {}
    for oddity in oddities:
        key = (oddity.code, oddity.column)
        first = sums.get(key)
        sums[key] = replace(first, n_rows=first.n_rows + oddity.n_rows) if first else oddity
    return tuple(sums.values())
