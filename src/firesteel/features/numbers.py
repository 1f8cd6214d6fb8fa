"""Numeric and boolean columns to one number each."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
import polars as pl
from pydantic import Field

from firesteel.data import as_numbers, as_words
from firesteel.features.oddities import Oddity, find_lost

Floats = npt.NDArray[np.float64]
Dtype = Literal["float32", "float64"]
Encoded = tuple[list[Floats], list[Oddity]]

#: Binary digits that a number of each dtype keeps.
DIGITS: dict[Dtype, int] = {"float32": 24, "float64": 53}

#: Where rounding leaves fewer binary digits than this of a column's spread, its median is subtracted first.
#: 12 digits are 4096 steps between the quartiles, finer than the noise of nearly all measured columns.
MIN_SPREAD_DIGITS = 12

#: A spread outside 2**-40 .. 2**40 is brought to about 1, so that its square stays a float32 number.
MAX_SPREAD_EXPONENT = 40

#: Outliers end here: the square of 2**62 still is a float32 number.
LIMIT = 2.0**62

#: A truth column of pandas becomes 1.0 and 0.0 as soon as one value is missing.
TRUTH = {"0": 0.0, "1": 1.0, "false": 0.0, "true": 1.0}


@dataclass(frozen=True)
class Scaling:
    """(value - offset) / scale, done in float64 so that the narrower dtype does not lose the values."""

    offset: Annotated[float, Field(allow_inf_nan=False)] = 0.0
    scale: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0  # a power of two: dividing by it is exact

    def apply(self, numbers: pl.Series) -> Floats:
        """The numbers `(n_rows,)` as a net gets them: NaN for a missing one, clipped at LIMIT."""
        values: Floats = numbers.to_numpy()
        with np.errstate(over="ignore"):  # what becomes infinite here is clipped like every outlier
            return np.clip((values - self.offset) / self.scale, -LIMIT, LIMIT)

    def label(self, name: str) -> str:
        """What `apply` makes of a column of that name, as one would write it."""
        sign, size = ("+", -self.offset) if self.offset < 0 else ("-", self.offset)
        shifted = f"{name} {sign} {size:.12g}" if self.offset else name
        if self.scale == 1:
            return shifted
        return f"({shifted}) / {self.scale:.12g}" if self.offset else f"{name} / {self.scale:.12g}"


@dataclass(frozen=True)
class NumberColumn:
    """A numeric column: one number."""

    source: str
    scaling: Scaling
    encoding: Literal["number"] = "number"

    @property
    def names(self) -> tuple[str, ...]:
        return (self.source,)

    @property
    def labels(self) -> tuple[str, ...]:
        return (self.scaling.label(self.source),)

    def encode(self, series: pl.Series) -> Encoded:
        numbers = as_numbers(series)
        return [self.scaling.apply(numbers)], find_lost(series, numbers, code="not_a_number")


@dataclass(frozen=True)
class FlagColumn:
    """A boolean column: 0 for the first of its two words, 1 for the second, NaN for all else."""

    source: str
    words: tuple[str, str]
    encoding: Literal["flag"] = "flag"

    def __post_init__(self) -> None:
        if self.words[0] == self.words[1]:
            raise ValueError("the two words of a boolean column differ")

    @property
    def names(self) -> tuple[str, ...]:
        return (self.source,)

    @property
    def labels(self) -> tuple[str, ...]:
        return (f"{self.source}={self.words[1]}",)

    def encode(self, series: pl.Series) -> Encoded:
        words = as_words(series)
        codes = (
            TRUTH if self.words in (("0", "1"), ("false", "true")) else dict(zip(self.words, (0.0, 1.0), strict=True))
        )
        flags = words.replace_strict(codes, default=None, return_dtype=pl.Float64)
        return [flags.to_numpy()], find_lost(words, flags, code="unseen_flag")


def fit_numbers(numbers: pl.Series, *, dtype: Dtype) -> tuple[NumberColumn, list[str]]:
    """The scaling of a column of Float64, and a sentence where its numbers go beyond what the dtype tells apart."""
    column = NumberColumn(numbers.name, fit_scaling(numbers, dtype=dtype))
    known = numbers.drop_nulls()
    largest, limit = float(known.abs().to_numpy().max()), 2 ** DIGITS[dtype]
    if largest <= limit or not (known == known.round()).all():
        return column, []
    n_given, n_kept = known.n_unique(), len(np.unique(column.scaling.apply(known).astype(dtype)))
    merged = f"{n_given:,} different values become {n_kept:,}" if n_kept < n_given else "all its values stay apart"
    subtracted = f"the median {column.scaling.offset:,.0f} is subtracted first: " if column.scaling.offset else ""
    return column, [
        f"'{numbers.name}' has whole numbers up to {largest:,.0f}, and {dtype} tells them apart only up to {limit:,}; "
        f"{subtracted}{merged}"
    ]


def fit_flag(words: pl.Series) -> FlagColumn | None:
    """The two words of a boolean column by name (false and true, 0 and 1, no and yes); None unless there are two."""
    match words.drop_nulls().unique().sort().to_list():
        case [str(no), str(yes)]:
            return FlagColumn(words.name, (no, yes))
        case _:
            return None


def fit_scaling(numbers: pl.Series, *, dtype: Dtype) -> Scaling:
    """The offset and scale without which `dtype` would lose a column's values; (0, 1) for nearly every column."""
    values: Floats = numbers.drop_nulls().to_numpy()
    low, median, high = (float(value) for value in np.quantile(values, [0.25, 0.5, 0.75], method="lower"))
    spread = _distance(low, high) or _distance(float(values.min()), float(values.max()))
    if not spread:
        return Scaling()
    size = max(abs(low), abs(high), spread)
    digits_left = DIGITS[dtype] - math.log2(size) + math.log2(spread)
    exponent = math.frexp(spread)[1] - 1  # of the largest float 1023, where log2 rounds up to 1024
    return Scaling(
        offset=median if digits_left < MIN_SPREAD_DIGITS else 0.0,
        scale=2.0**exponent if abs(exponent) > MAX_SPREAD_EXPONENT else 1.0,
    )


def _distance(low: float, high: float) -> float:
    """high - low, the largest float where that would be infinite."""
    return min(high - low, sys.float_info.max)
