"""Nearest neighbours and support vector machines whose settings are measured on training rows, not guessed."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firesteel.evaluation.calibration import softmax, temperature
from firesteel.evaluation.metrics import SMALLEST_PROBA, Floats, Ints

N_NEIGHBOURS = (1, 3, 5, 9, 15, 25, 45)
ROWS_PER_NEIGHBOUR = 4  # at least, so that an answer is of fewer than all rows
MIN_JUDGED, MAX_JUDGED = 500, 5_000  # training rows that the neighbours of the others are judged on
JUDGED_AT_ONCE = 1_000  # rows whose neighbours are in memory

PENALTIES = (1.0, 10.0, 100.0, 1000.0)  # C, tried from scikit-learn's own upwards until one is worse
NOISE = 1.5  # standard errors of a gain, row by row, below which it is none: one or two rows more right are nothing
HELD_OUT = 0.2  # of a support vector machine's rows, to choose C and to turn its distances into probabilities
CHOICE_ROWS, REGRESSION_CHOICE_ROWS = 4_000, 2_000  # that a choice learns from and is judged on, at most
#: What a product of two rows costs beside its columns, in columns (measured: 5 columns are as slow as 25 - 5 say).
PAIR_WORK = 20
CHOICE_WORK = 4e8  # rows x rows x (columns + PAIR_WORK) for each C
SVM_WORK, SVM_ROWS = 2.5e9, 5_000  # rows x rows x columns, and rows that are always affordable
#: Where few rows are support vectors, more rows are: rows x support vectors x (columns + PAIR_WORK), some 3 s.
SUPPORT_WORK = 9e8
MIN_SVM_ROWS = 200


class Neighbours:
    """k and weights, uniform or by distance, that answer training rows best when each is left out."""

    def __init__(self, model: Any, *, is_regression: bool, n_judged: int, seed: int) -> None:
        self.model = model  # a pipeline that ends in scikit-learn's neighbours
        self.is_regression = is_regression
        self.n_judged = n_judged
        self.seed = seed

    def fit(self, X: Floats, y: NDArray[Any]) -> Neighbours:
        self.model.fit(X, y)
        top = max(1, len(y) // ROWS_PER_NEIGHBOUR)
        losses = self._losses(X, y, tried=sorted({min(k, top) for k in N_NEIGHBOURS}))
        self.k_, self.weights_ = _best_setting(losses)
        self.n_tried_ = len(losses)
        self.model[-1].set_params(n_neighbors=self.k_, weights=self.weights_)
        return self

    @property
    def classes_(self) -> Ints:
        return np.asarray(self.model.classes_)

    def predict(self, X: Floats) -> Floats:
        return np.asarray(self.model.predict(X))

    def predict_proba(self, X: Floats) -> Floats:
        return np.asarray(self.model.predict_proba(X))

    @property
    def note(self) -> str:
        weights = "nearer ones weigh more" if self.weights_ == "distance" else "all weigh the same"
        return f"k = {self.k_}, {weights} (best of {self.n_tried_} settings on training rows, each left out)"

    def _losses(self, X: Floats, y: NDArray[Any], *, tried: list[int]) -> dict[tuple[int, str], tuple[Floats, Floats]]:
        """Of each setting whether each judged row is wrong and its log loss; of numbers the squared error, twice."""
        if len(y) < 2:
            return {(1, "uniform"): (np.zeros(1), np.zeros(1))}
        places, searcher = self.model[:-1].transform(X), self.model[-1]
        judged = np.random.Generator(np.random.PCG64(self.seed)).permutation(len(y))[: self.n_judged]
        values = self._values(y)
        found: dict[tuple[int, str], list[tuple[Floats, Floats]]] = {}
        for start in range(0, len(judged), JUDGED_AT_ONCE):
            rows = judged[start : start + JUDGED_AT_ONCE]
            far, near = searcher.kneighbors(places[rows], n_neighbors=min(tried[-1] + 1, len(y)))
            far, near = _without_self(far, near, rows)
            for weights in ("uniform", "distance"):
                shares = np.ones_like(far) if weights == "uniform" else _nearness(far)
                votes, total, first = np.zeros((len(rows), values.shape[1])), np.zeros((len(rows), 1)), 0
                for k in tried:
                    votes += np.einsum("rk,rkc->rc", shares[:, first:k], values[near[:, first:k]])
                    total += shares[:, first:k].sum(axis=1, keepdims=True)
                    first = k
                    found.setdefault((k, weights), []).append(self._judge(votes / total, values[rows]))
        joined = {setting: tuple(zip(*parts, strict=True)) for setting, parts in found.items()}
        return {setting: (np.concatenate(one), np.concatenate(two)) for setting, (one, two) in joined.items()}

    def _values(self, y: NDArray[Any]) -> Floats:
        """One column a class; numbers are their own single column."""
        if self.is_regression:
            return np.asarray(y, dtype=np.float64)[:, None]
        classes, codes = np.unique(y, return_inverse=True)
        return np.eye(len(classes))[codes]

    def _judge(self, answer: Floats, values: Floats) -> tuple[Floats, Floats]:
        if self.is_regression:
            squares = ((answer - values) ** 2)[:, 0]
            return squares, squares
        right = (answer * values).sum(axis=1)
        is_wrong = (answer.argmax(axis=1) != values.argmax(axis=1)).astype(np.float64)
        return is_wrong, -np.log(np.maximum(right, SMALLEST_PROBA))


def _best_setting(losses: dict[tuple[int, str], tuple[Floats, Floats]]) -> tuple[int, str]:
    """Of the settings that are not worse than the best beyond noise, the one with the least second loss.

    Models are ranked by how many rows are right; among settings that are level there, log loss speaks. Alone either
    errs: breast cancer has log loss .33 with few neighbours and .18 with 15, for .003 of accuracy, and MNIST with 15
    neighbours .02 less accuracy than with 3.
    """
    first = min(losses.values(), key=lambda loss: float(loss[0].mean()))[0]
    level = []
    for setting, (loss, _) in losses.items():
        gap = loss - first
        if gap.mean() <= gap.std() / math.sqrt(len(gap)):
            level.append(setting)
    return min(level, key=lambda setting: float(losses[setting][1].mean()))


def _without_self(far: Floats, near: Ints, rows: Ints) -> tuple[Floats, Ints]:
    """Distances and neighbours of rows among themselves, one fewer: without the row itself, or the farthest."""
    is_self = near == rows[:, None]
    is_self[~is_self.any(axis=1), -1] = True
    shape = (len(rows), near.shape[1] - 1)
    return far[~is_self].reshape(shape), near[~is_self].reshape(shape)


def _nearness(far: Floats) -> Floats:
    """1 / distance, as scikit-learn has it: where a neighbour is in the same place, only such ones count."""
    is_same = far == 0
    has_same = is_same.any(axis=1, keepdims=True)
    return np.where(has_same, is_same, 1 / np.where(is_same, 1.0, far)).astype(np.float64)


@dataclass(frozen=True)
class SvmRows:
    """How many rows a support vector machine of so many columns can take."""

    n_columns: int
    n_choice: int
    is_asked: bool

    @classmethod
    def of(cls, n_columns: int, *, is_regression: bool, is_asked: bool) -> SvmRows:
        ceiling = REGRESSION_CHOICE_ROWS if is_regression else CHOICE_ROWS
        affordable = math.isqrt(int(CHOICE_WORK / (n_columns + PAIR_WORK)))
        return cls(n_columns, max(MIN_SVM_ROWS, min(ceiling, affordable)), is_asked)

    def final(self, n_rows: int, *, support: float) -> int:
        """Rows of the last fit, when a share `support` of the rows of the choice were support vectors."""
        if self.is_asked:
            return n_rows
        always = min(SVM_ROWS, math.isqrt(int(SVM_WORK / self.n_columns)))
        by_support = math.isqrt(int(SUPPORT_WORK / ((self.n_columns + PAIR_WORK) * max(support, 1 / SVM_ROWS))))
        return min(n_rows, max(MIN_SVM_ROWS, always, by_support))

    def of_choice(self, n_rows: int, *, support: float = 1.0) -> int:
        """Of so many rows those that a choice learns from: more where few of them are support vectors."""
        work = CHOICE_WORK / ((self.n_columns + PAIR_WORK) * max(support, 1 / SVM_ROWS))
        return min(n_rows, max(self.n_choice, math.isqrt(int(work)) if support < 1 else 0))


@dataclass(frozen=True)
class Penalty:
    """The C that was chosen, the machine that learned with it from the rows of the choice, and how many were tried."""

    C: float = PENALTIES[0]
    model: Any = None
    support: float = 1.0  # the share of these rows that became support vectors
    n_tried: int = 0

    @property
    def note(self) -> str:
        return f"C = {self.C:g} (best of {self.n_tried} on training rows held out)" if self.n_tried else ""


def parted(n_rows: int, *, seed: int) -> tuple[Ints, Ints, Ints]:
    """All rows in random order, those that are held out for a choice, and the others."""
    order = np.random.Generator(np.random.PCG64(seed)).permutation(n_rows)
    n_held = int(n_rows * HELD_OUT)
    return order, order[:n_held][:CHOICE_ROWS], order[n_held:]


def measure_penalty(
    learn: Callable[[float, Ints], Any], judge: Callable[[Any], Floats], *, rows: SvmRows, rest: Ints
) -> Penalty:
    """C by rows held out; `learn` fits a machine on rows, `judge` gives its loss on each row held out.

    What few rows find is asked again of more, where they can be afforded: the more rows there are, the larger C may
    be (of 4,000 rows of the rule-made colours 10 and 100 are level, of 20,000 they are .982 and .988).
    """
    few = rest[: rows.of_choice(len(rest))]
    chosen = choose_penalty(lambda penalty: learn(penalty, few), judge, penalties=PENALTIES)
    more = rest[: rows.of_choice(len(rest), support=chosen.support)]
    if len(more) < 2 * len(few):
        return chosen
    up = tuple(penalty for penalty in PENALTIES if chosen.C <= penalty <= 10 * chosen.C)
    again = choose_penalty(lambda penalty: learn(penalty, more), judge, penalties=up)
    return replace(again, n_tried=chosen.n_tried)


def choose_penalty(
    learn: Callable[[float], Any], judge: Callable[[Any], Floats], *, penalties: Sequence[float]
) -> Penalty:
    """Upwards while C does no harm; a larger one is taken where it is better beyond noise."""
    chosen = Penalty()
    losses: Floats = np.zeros(0)
    n_tried = 0
    for penalty in penalties:
        model = learn(penalty)
        found = judge(model)
        n_tried += 1
        if n_tried == 1:
            chosen, losses = Penalty(penalty, model), found
        gain = float((losses - found).mean())
        if gain > NOISE * float((losses - found).std()) / math.sqrt(len(found)):
            chosen, losses = Penalty(penalty, model), found
        elif gain < 0:
            break
    return replace(chosen, support=_support(chosen.model), n_tried=n_tried)


def _support(model: Any) -> float:
    """The share of the rows that a fitted machine keeps."""
    machine = model[-1]
    return float(len(machine.support_) / machine.shape_fit_[0])


class SVMClassifier:
    """A support vector classifier with probabilities: its decision values are logits, divided by one temperature.

    The temperature is found on rows that a first fit has not seen; the class picked stays the machine's own.
    """

    def __init__(self, make: Callable[[float], Any], *, rows: SvmRows, seed: int) -> None:
        self.make = make  # an unfitted pipeline that ends in a machine with this C
        self.rows = rows
        self.seed = seed

    def fit(self, X: Floats, y: Ints) -> SVMClassifier:
        order, held, rest = parted(len(y), seed=self.seed)
        self.classes_, first = np.unique(y, return_index=True)
        self.temperature_, self.penalty_ = 1.0, Penalty()
        if len(held) and len(np.unique(y[rest[: self.rows.n_choice]])) == len(self.classes_):
            self.penalty_ = measure_penalty(
                lambda penalty, chosen: self.make(penalty).fit(X[chosen], y[chosen]),
                lambda model: np.asarray(model.predict(X[held]) != y[held], dtype=np.float64),
                rows=self.rows,
                rest=rest,
            )
            logits = self._logits(self.penalty_.model, X[held])
            self.temperature_ = temperature(logits, np.searchsorted(self.classes_, y[held]))
        n_rows = self.rows.final(len(y), support=self.penalty_.support)
        missed = first[~np.isin(self.classes_, y[order[:n_rows]])]
        kept = np.union1d(order[:n_rows], missed)  # a row of each class at least
        self.n_rows_ = len(kept)
        self.model_ = self.make(self.penalty_.C).fit(X[kept], y[kept])
        return self

    def predict_proba(self, X: Floats) -> Floats:
        return softmax(self._logits(self.model_, X) / self.temperature_)

    @property
    def note(self) -> str:
        return self.penalty_.note

    def _logits(self, model: Any, X: Floats) -> Floats:
        if len(X) == 0:
            return np.zeros((0, len(self.classes_)))
        values = np.asarray(model.decision_function(X))
        return values if values.ndim == 2 else np.stack([np.zeros_like(values), values], axis=1)


class SVMRegressor:
    """Support vector regression of the standardised target."""

    def __init__(self, make: Callable[[float], Any], *, rows: SvmRows, seed: int) -> None:
        self.make = make
        self.rows = rows
        self.seed = seed

    def fit(self, X: Floats, y: Floats) -> SVMRegressor:
        order, held, rest = parted(len(y), seed=self.seed)
        self.centre_, self.spread_ = float(y.mean()), float(y.std()) or 1.0
        z = (y - self.centre_) / self.spread_
        self.penalty_ = Penalty()
        if len(held):
            self.penalty_ = measure_penalty(
                lambda penalty, chosen: self.make(penalty).fit(X[chosen], z[chosen]),
                lambda model: np.asarray((model.predict(X[held]) - z[held]) ** 2, dtype=np.float64),
                rows=self.rows,
                rest=rest,
            )
        n_rows = self.rows.final(len(y), support=self.penalty_.support)
        kept = np.sort(order[:n_rows])
        self.n_rows_ = len(kept)
        self.model_ = self.make(self.penalty_.C).fit(X[kept], z[kept])
        return self

    def predict(self, X: Floats) -> Floats:
        return np.asarray(self.centre_ + self.spread_ * self.model_.predict(X))

    @property
    def note(self) -> str:
        return self.penalty_.note
