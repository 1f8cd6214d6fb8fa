"""Date-time columns to numbers: the trend, and the cycles of the calendar that vary in training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import polars as pl

from firesteel.data import as_times
from firesteel.features.numbers import Dtype, Encoded, Scaling, fit_scaling
from firesteel.features.oddities import find_lost

Part = Literal["day", "part of year", "weekday", "hour"]

US_PER_DAY = 86_400_000_000
DAYS_PER_YEAR = 366  # the longest one, so that the part of the year stays below 1


@dataclass(frozen=True)
class TimeColumn:
    """A date-time column: days since 1970, and one number for each cycle that is of use."""

    source: str
    scaling: Scaling  # of the days
    parts: tuple[Part, ...] = ("day",)
    encoding: Literal["time"] = "time"

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.source if part == "day" else f"{self.source} ({part})" for part in self.parts)

    @property
    def labels(self) -> tuple[str, ...]:
        days = self.scaling.label(f"{self.source} (days since 1970)")
        return tuple(days if part == "day" else f"{self.source} ({part})" for part in self.parts)

    def encode(self, series: pl.Series) -> Encoded:
        times = as_times(series)
        numbers = [
            self.scaling.apply(_read(times, part)) if part == "day" else _read(times, part).to_numpy()
            for part in self.parts
        ]
        return numbers, find_lost(series, times, code="not_a_time")


def fit_times(times: pl.Series, *, dtype: Dtype) -> TimeColumn:
    """The days always; the part of the year where training spans more than one, weekday and hour where they vary."""
    known = times.drop_nulls()
    parts: list[Part] = ["day"]
    if known.dt.year().n_unique() > 1:
        parts.append("part of year")
    if known.dt.weekday().n_unique() > 1:
        parts.append("weekday")
    if _read(known, "hour").n_unique() > 1:
        parts.append("hour")
    return TimeColumn(times.name, fit_scaling(_read(times, "day"), dtype=dtype), tuple(parts))


def _read(times: pl.Series, part: Part) -> pl.Series:
    """One number per row, null where there is no time: fractions of a day or an hour count."""
    match part:
        case "day":
            return times.dt.epoch("us") / US_PER_DAY
        case "part of year":
            return (times.dt.ordinal_day() - 1) / DAYS_PER_YEAR
        case "weekday":  # 1 = Monday
            return times.dt.weekday().cast(pl.Float64)
        case "hour":
            return times.dt.hour() + times.dt.minute() / 60
