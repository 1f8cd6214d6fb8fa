"""Scores with the interval in which they would lie on other rows of the same kind, and paired comparisons.

Source: Efron & Tibshirani, An Introduction to the Bootstrap (1993), chapter 13 (percentile interval).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firesteel.errors import DataError
from firesteel.evaluation.metrics import BY_NAME, MAIN_METRIC, Answer, Floats, metrics_for
from firesteel.recipe import Task

LEVEL = 0.95  # of every interval
MIN_CLEAR_ROWS = 10  # resamples of fewer rows are too alike for a verdict
TAIL = (1 - LEVEL) / 2
N_RESAMPLES = 1000
# Above 50,000 rows fewer resamples are drawn, so that all of them hold 50 million rows together (a few
# seconds); the ends of an interval are still good to a tenth of its width with 200.
MAX_DRAWN_ROWS = 50_000_000
MIN_RESAMPLES = 200
CHUNK = 2**19  # weights held at once: 4 MB, about what stays in the cache


@dataclass(frozen=True)
class Score:
    """One metric on one set of rows; NaN (None in JSON) where there is no number, and `note` says why."""

    name: str
    value: float
    low: float
    high: float
    n_rows: int
    is_higher_better: bool
    unit: str = ""
    note: str = ""
    spread: float = math.nan  # standard deviation over the members, each on its own val rows

    @property
    def is_applicable(self) -> bool:
        return not math.isnan(self.value)

    def is_better_than(self, other: Score) -> bool:
        """Whether this is the better value of the same metric; what does not apply is never better."""
        if not (self.is_applicable and other.is_applicable):
            return self.is_applicable
        return self.value > other.value if self.is_higher_better else self.value < other.value

    def to_dict(self) -> dict[str, Any]:
        numbers = {name: _or_none(getattr(self, name)) for name in ("value", "low", "high")}
        extras = {"unit": self.unit, "note": self.note, "spread": _or_none(self.spread)}
        return {
            **numbers,
            "n_rows": self.n_rows,
            **{name: value for name, value in extras.items() if value not in ("", None)},
        }

    @classmethod
    def from_dict(cls, name: str, record: dict[str, Any]) -> Score:
        value, low, high, spread = (_number(record.get(key)) for key in ("value", "low", "high", "spread"))
        is_higher_better = BY_NAME[name].is_higher_better
        unit, note = record.get("unit", ""), record.get("note", "")
        n_rows = int(record["n_rows"])
        return cls(name, value, low, high, n_rows, is_higher_better, unit=unit, note=note, spread=spread)


@dataclass(frozen=True)
class Comparison:
    """Two answers on the same rows: the main metric of a minus that of b, with its paired interval."""

    metric: str
    difference: float
    low: float
    high: float
    n_rows: int

    @property
    def is_clear(self) -> bool:
        """Whether the interval leaves 0 out, on rows enough for an interval to mean something."""
        return self.n_rows >= MIN_CLEAR_ROWS and (self.low > 0 or self.high < 0)

    @property
    def is_a_better(self) -> bool:
        return self.difference > 0 if BY_NAME[self.metric].is_higher_better else self.difference < 0

    def to_dict(self) -> dict[str, Any]:
        numbers = {name: _or_none(getattr(self, name)) for name in ("difference", "low", "high")}
        return {"metric": self.metric, **numbers, "n_rows": self.n_rows, "is_clear": self.is_clear}

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> Comparison:
        difference, low, high = (_number(record[key]) for key in ("difference", "low", "high"))
        return cls(record["metric"], difference, low, high, record["n_rows"])


def score(
    y: NDArray[Any], answer: Answer, *, task: Task, seed: int, n_resamples: int = N_RESAMPLES, unit: str = ""
) -> tuple[Score, ...]:
    """Every metric of the task, the main one first, each with its 95 % bootstrap interval.

    Fewer resamples are drawn above 50,000 rows (`n_drawn`). Of a metric without a value on these rows
    (R2 of a constant target) `note` says what it needs. Cost: 1 s for 8,000 rows.
    Raises: DataError when answers and rows do not fit together, or an answer is not a number.
    """
    y, answer = _checked(task, y, answer)
    metrics = metrics_for(task)
    weighed = [metric.weigh(y, answer) for metric in metrics]
    draws = [np.stack([of(weights) for of in weighed]) for weights in _one_then_draws(len(y), n_resamples, seed=seed)]
    scores = []
    for metric, values in zip(metrics, np.concatenate(draws, axis=1), strict=True):
        value, (low, high) = float(values[0]), _ends(values[1:])
        found = Score(
            metric.name, value, low, high, len(y), metric.is_higher_better, unit=unit if metric.is_in_unit else ""
        )
        scores.append(_annotated(found))
    return tuple(scores)


def compare(
    answer_a: Answer,
    answer_b: Answer,
    *,
    task: Task,
    y: NDArray[Any],
    seed: int,
    n_resamples: int = N_RESAMPLES,
) -> Comparison:
    """The main metric of a minus that of b: both are scored on the same resamples, so what is hard for both cancels."""
    y, answer_a = _checked(task, y, answer_a)
    y, answer_b = _checked(task, y, answer_b)
    metric = BY_NAME[MAIN_METRIC[task]]
    of_a, of_b = metric.weigh(y, answer_a), metric.weigh(y, answer_b)
    draws = [of_a(weights) - of_b(weights) for weights in _one_then_draws(len(y), n_resamples, seed=seed)]
    values = np.concatenate(draws)
    low, high = _ends(values[1:])
    return Comparison(metric.name, float(values[0]), low, high, len(y))


def with_spread(scores: tuple[Score, ...], of_members: list[tuple[Score, ...]]) -> tuple[Score, ...]:
    """The scores, each with the standard deviation of the members' own scores; unchanged for fewer than two."""
    result = []
    for index, found in enumerate(scores):
        values = np.array([own[index].value for own in of_members])
        has_spread = len(values) > 1 and bool(np.isfinite(values).all())
        result.append(replace(found, spread=float(values.std(ddof=1))) if has_spread else found)
    return tuple(result)


def n_drawn(n_rows: int, n_resamples: int = N_RESAMPLES) -> int:
    """How many resamples are drawn of so many rows."""
    return min(n_resamples, max(MIN_RESAMPLES, MAX_DRAWN_ROWS // max(n_rows, 1)))


def resamples(n_rows: int, n_resamples: int, *, seed: int) -> Iterator[Floats]:
    """How often each row is drawn in each bootstrap resample, (b, n_rows) at a time."""
    rng = np.random.Generator(np.random.PCG64(seed))
    per_chunk = max(1, CHUNK // n_rows)
    for start in range(0, n_resamples, per_chunk):
        b = min(per_chunk, n_resamples - start)
        drawn = rng.integers(0, n_rows, size=(b, n_rows))
        drawn += np.arange(b)[:, None] * n_rows
        yield np.bincount(drawn.ravel(), minlength=b * n_rows).reshape(b, n_rows).astype(np.float64)


def _one_then_draws(n_rows: int, n_resamples: int, *, seed: int) -> Iterator[Floats]:
    """Weights of 1, (1, n_rows), for the score itself; then those of the resamples."""
    yield np.ones((1, n_rows))
    yield from resamples(n_rows, n_drawn(n_rows, n_resamples), seed=seed)


def _ends(values: Floats) -> tuple[float, float]:
    """The interval's ends; resamples in which the metric is undefined are left out."""
    defined = values[~np.isnan(values)]
    if len(defined) == 0:
        return math.nan, math.nan
    low, high = np.quantile(defined, [TAIL, 1 - TAIL])
    return float(low), float(high)


def _annotated(found: Score) -> Score:
    """The score with what a reader must know about it: no value, no interval, or one that is too narrow."""
    if not found.is_applicable:
        note = f"not applicable because it needs {BY_NAME[found.name].needs}"
        return replace(found, low=math.nan, high=math.nan, note=note)
    if found.n_rows == 1:
        return replace(found, low=math.nan, high=math.nan, note="one row gives no interval")
    if found.name == "accuracy" and found.value in (0.0, 1.0):
        # Every resample of rows that are all right is all right too: the exact interval says what they prove.
        # Source: Clopper & Pearson (1934), whose bound has this closed form where nothing or all is right.
        bound = TAIL ** (1 / found.n_rows)
        ends = {"low": bound} if found.value == 1.0 else {"high": 1 - bound}
        return replace(found, **ends, note=f"every row is {'right' if found.value else 'wrong'}: exact interval")
    if found.low == found.high:
        return replace(found, note="every resample gives the same value: the interval is too narrow")
    return found


def _checked(task: Task, y: NDArray[Any], answer: Answer) -> tuple[NDArray[Any], Answer]:
    y, answer = np.asarray(y), np.asarray(answer)
    n_dims = 1 if task == "regression" else 2
    if len(y) == 0:
        raise DataError("a score needs at least one row", found="there is none", hint="give rows that have a target")
    if answer.ndim != n_dims or len(answer) != len(y):
        must = "answers must be (n_rows,)" if n_dims == 1 else "answers must be (n_rows, n_classes)"
        raise DataError(
            must, found=f"they are {answer.shape} for {len(y):,} rows", hint="predict the same rows that are scored"
        )
    n_bad = int((~np.isfinite(answer)).sum())
    if n_bad:
        raise DataError(
            "every answer must be a finite number",
            found=f"{n_bad:,} of {answer.size:,} are NaN or infinite",
            hint="a smaller lr: training may have diverged",
        )
    if task != "regression" and (int(y.min()) < 0 or int(y.max()) >= answer.shape[1]):
        raise DataError(
            f"class codes must lie between 0 and {answer.shape[1] - 1}",
            found=f"they go from {y.min()} to {y.max()}",
            hint="score rows whose classes the model knows",
        )
    return y, answer


def _or_none(number: float) -> float | None:
    return None if math.isnan(number) else number


def _number(number: float | None) -> float:
    return math.nan if number is None else float(number)
