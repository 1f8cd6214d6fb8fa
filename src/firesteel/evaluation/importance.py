"""What each column is worth to the model: how much worse it answers when the column's values are shuffled.

Source: Breiman, Random Forests (2001), section 10; Fisher, Rudin & Dominici (2019), for any model.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from firesteel.evaluation.metrics import BY_NAME, MAIN_METRIC, Answer, Floats, Ints
from firesteel.recipe import Task

MAX_ROWS = 2_000  # shuffled at once; the spread over repeats says what that leaves open
N_REPEATS = 5
# At most this many columns are measured. Of more, a first pass over few rows picks those that seem to matter most;
# of more than MAX_SCREENED, a random draw enters that pass.
MAX_COLUMNS = 64
MAX_SCREENED = 512
SCREEN_ROWS = 256


class Inputs(Protocol):
    """A dataclass with the two arrays that a net reads, like `features.Batch` or `evaluation.Rows`."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def x_num(self) -> Floats: ...

    @property
    def x_cat(self) -> Ints: ...


B = TypeVar("B", bound=Inputs)
Place = tuple[str, Sequence[int], Sequence[int]]  # a column: its name, where it stands in x_num, where in x_cat


@dataclass(frozen=True)
class Importance:
    """How much worse the main metric gets without a column (above 0: the model needs it), and the spread of that."""

    name: str
    increase: float  # accuracy lost, or RMSE gained, the mean over repeats
    spread: float  # standard deviation over repeats
    n_rows: int
    n_repeats: int

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def permutation_importance(
    answer_of: Callable[[B], Answer],
    batch: B,
    *,
    y: NDArray[Any],
    task: Task,
    columns: Sequence[Place],
    seed: int,
    n_repeats: int = N_REPEATS,
    max_rows: int = MAX_ROWS,
) -> tuple[Importance, ...]:
    """The columns that matter most, best first, at most 64 of them, measured on at most `max_rows` rows.

    All places of a column in `x_num` and `x_cat` are shuffled together. Cost: 64 x `n_repeats` calls of
    `answer_of` on `max_rows` rows, and 512 on 256 rows before them where there are more columns.
    """
    rng = np.random.Generator(np.random.PCG64(seed))
    order = rng.permutation(len(y))
    chosen = list(columns)
    if len(chosen) > MAX_COLUMNS:
        chosen = _screened(answer_of, batch, y, task=task, columns=chosen, rows=order[:SCREEN_ROWS], rng=rng)
    rows = np.sort(order[:max_rows])
    measure = _Measure(answer_of, _taken(batch, rows), y[rows], task=task)
    found = []
    for name, in_num, in_cat in chosen:
        increases = [measure.without(in_num, in_cat, rng=rng) for _ in range(n_repeats)]
        spread = float(np.std(increases, ddof=1)) if n_repeats > 1 else 0.0
        found.append(Importance(name, float(np.mean(increases)), spread, len(rows), n_repeats))
    return tuple(sorted(found, key=lambda importance: -importance.increase))


class _Measure:
    """The main metric on some rows, and how much worse it gets."""

    def __init__(self, answer_of: Callable[[B], Answer], batch: B, y: NDArray[Any], *, task: Task) -> None:
        self.metric = BY_NAME[MAIN_METRIC[task]]
        self.answer_of: Callable[[Any], Answer] = answer_of
        self.batch = batch
        self.y = y
        self.whole = self.metric.value(y, answer_of(batch))

    def without(self, in_num: Sequence[int], in_cat: Sequence[int], *, rng: np.random.Generator) -> float:
        """The loss in the metric when the columns at these places are shuffled; 0 is no loss."""
        order = rng.permutation(len(self.y))
        x_num, x_cat = _shuffled(self.batch.x_num, in_num, order), _shuffled(self.batch.x_cat, in_cat, order)
        change = self.metric.value(self.y, self.answer_of(replace(self.batch, x_num=x_num, x_cat=x_cat))) - self.whole
        return -change if self.metric.is_higher_better else change


def _shuffled(array: Any, places: Sequence[int], order: Ints) -> Any:
    """A copy with some of its columns in another order of rows; the array itself where there are none."""
    if not len(places):
        return array
    result = array.copy()
    where = list(places)
    result[:, where] = array[order][:, where]
    return result


def _taken(batch: B, rows: Ints) -> B:
    return replace(batch, x_num=batch.x_num[rows], x_cat=batch.x_cat[rows])


def _screened(
    answer_of: Callable[[B], Answer],
    batch: B,
    y: NDArray[Any],
    *,
    task: Task,
    columns: list[Place],
    rows: Ints,
    rng: np.random.Generator,
) -> list[Place]:
    """The columns that seem to matter most after one shuffle on few rows."""
    drawn = sorted(rng.permutation(len(columns))[:MAX_SCREENED])
    measure = _Measure(answer_of, _taken(batch, rows), y[rows], task=task)
    first = {i: measure.without(columns[i][1], columns[i][2], rng=rng) for i in drawn}
    best = sorted(drawn, key=lambda i: -first[i])[:MAX_COLUMNS]
    return [columns[i] for i in sorted(best)]
