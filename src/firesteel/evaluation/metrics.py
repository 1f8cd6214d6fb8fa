"""Metrics, each written once: for rows that carry weights.

A metric looks at the true values and the answers of n rows and gives back a function of weights `(b, n)`.
With weights of 1 that function is the score itself; with the counts of a bootstrap draw it is the score of
the resample, for b resamples at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from firesteel.recipe import Task

Floats: TypeAlias = NDArray[np.floating]
Ints: TypeAlias = NDArray[np.integer]
Answer: TypeAlias = Floats  # proba (n, n_classes) for classes, pred (n,) for a regression
OfWeights: TypeAlias = Callable[[Floats], Floats]  # (b, n) weights -> (b,) scores, NaN where undefined

CLASSES: tuple[Task, ...] = ("binary", "multiclass")
REGRESSION: tuple[Task, ...] = ("regression",)

SMALLEST_PROBA = float(np.finfo(np.float64).eps)  # log loss clips there, as scikit-learn does for float64


@dataclass(frozen=True)
class Metric:
    """One way to score answers; `needs` says when it is undefined (then its value is NaN)."""

    name: str
    label: str
    tasks: tuple[Task, ...]
    is_higher_better: bool
    weigh: Callable[[NDArray[Any], Answer], OfWeights]
    needs: str = ""
    is_in_unit: bool = False  # True: in the target's own unit
    is_share: bool = False  # True: lies between 0 and 1

    def value(self, y: NDArray[Any], answer: Answer) -> float:
        """The plain score; NaN where it is undefined."""
        return float(self.weigh(y, answer)(np.ones((1, len(y))))[0])


def _mean_of(contributions: Floats) -> OfWeights:
    """The weighted mean of one number per row."""
    return lambda weights: np.asarray(weights @ contributions / weights.sum(axis=1))


def _sums_by(codes: Ints, n_codes: int) -> OfWeights:
    """The weight on each code, (b, n_codes)."""
    order = np.argsort(codes, kind="stable")
    present, starts = np.unique(codes[order], return_index=True)

    def sums(weights: Floats) -> Floats:
        result = np.zeros((len(weights), n_codes))
        result[:, present] = np.add.reduceat(np.take(weights, order, axis=1), starts, axis=1)
        return result

    return sums


def _mean_over(values: Floats, exists: NDArray[np.bool_]) -> Floats:
    """The mean of each row of `values` over the entries that exist; every row has one."""
    return np.asarray(np.where(exists, values, 0.0).sum(axis=1) / exists.sum(axis=1))


def _ratio(part: Floats, whole: Floats) -> Floats:
    """part / whole, NaN where whole is 0."""
    return np.asarray(np.divide(part, whole, out=np.full(np.shape(whole), np.nan), where=whole > 0))


def _accuracy(y: NDArray[Any], proba: Answer) -> OfWeights:
    return _mean_of((proba.argmax(axis=1) == y).astype(np.float64))


def _balanced_accuracy(y: NDArray[Any], proba: Answer) -> OfWeights:
    """The mean share of right answers over the classes that occur among the rows."""
    codes, k = y.astype(np.int64), proba.shape[1]
    rows_of = _sums_by(codes, k)
    hits_of = _sums_by(np.where(proba.argmax(axis=1) == codes, codes, k), k + 1)  # code k: missed

    def of_weights(weights: Floats) -> Floats:
        rows = rows_of(weights)
        return _mean_over(_ratio(hits_of(weights)[:, :k], rows), rows > 0)

    return of_weights


def _f1_macro(y: NDArray[Any], proba: Answer) -> OfWeights:
    """The mean F1 over the classes that occur among the rows or the answers."""
    codes, picked, k = y.astype(np.int64), proba.argmax(axis=1), proba.shape[1]
    rows_of, picks_of = _sums_by(codes, k), _sums_by(picked, k)
    hits_of = _sums_by(np.where(picked == codes, codes, k), k + 1)

    def of_weights(weights: Floats) -> Floats:
        both = rows_of(weights) + picks_of(weights)
        return _mean_over(_ratio(2 * hits_of(weights)[:, :k], both), both > 0)

    return of_weights


def _log_loss(y: NDArray[Any], proba: Answer) -> OfWeights:
    of_truth = proba[np.arange(len(y)), y.astype(np.int64)].astype(np.float64)
    return _mean_of(-np.log(np.clip(of_truth, SMALLEST_PROBA, 1.0)))


def _roc_auc(y: NDArray[Any], proba: Answer) -> OfWeights:
    """How often a row of class 1 is put above a row of class 0, ties counting half."""
    by_proba = np.argsort(proba[:, 1], kind="stable")
    ones, zeros = by_proba[y[by_proba] == 1], by_proba[y[by_proba] != 1]
    below, up_to = (np.searchsorted(proba[zeros, 1], proba[ones, 1], side=side) for side in ("left", "right"))
    has_ties = bool((below != up_to).any())

    def of_weights(weights: Floats) -> Floats:
        of_ones = np.take(weights, ones, axis=1)
        zeros_before = np.zeros((len(weights), len(zeros) + 1))
        np.cumsum(np.take(weights, zeros, axis=1), axis=1, out=zeros_before[:, 1:])
        won = np.einsum("bn,bn->b", of_ones, np.take(zeros_before, below, axis=1))
        if has_ties:
            won = (won + np.einsum("bn,bn->b", of_ones, np.take(zeros_before, up_to, axis=1))) / 2
        return _ratio(won, of_ones.sum(axis=1) * zeros_before[:, -1])

    return of_weights


def _rmse(y: NDArray[Any], pred: Answer) -> OfWeights:
    mean_square = _mean_of((pred.astype(np.float64) - y) ** 2)
    return lambda weights: np.sqrt(mean_square(weights))


def _mae(y: NDArray[Any], pred: Answer) -> OfWeights:
    return _mean_of(np.abs(pred.astype(np.float64) - y))


#: Beside errors so much larger a target does not vary: its square would be 0, and what is divided by it no number.
LEAST_SPREAD = 1e-100


def _r2(y: NDArray[Any], pred: Answer) -> OfWeights:
    truth = y.astype(np.float64)
    centred = truth - truth.mean()  # centred first: a large mean would eat the digits of the squares
    residual = pred - truth
    spread, scale = float(np.abs(centred).max()), float(max(np.abs(centred).max(), np.abs(residual).max())) or 1.0
    is_constant = spread <= max(float(np.abs(truth).max()) * SMALLEST_PROBA, scale * LEAST_SPREAD)
    centred = np.zeros_like(centred) if is_constant else centred / scale
    parts = np.stack([(residual / scale) ** 2, centred**2, centred], axis=1)  # (n, 3)

    def of_weights(weights: Floats) -> Floats:
        left, square, total = (weights @ parts).T
        around_mean = square - total**2 / weights.sum(axis=1)
        # What rounding leaves of a constant target is not variance.
        around_mean = np.where(around_mean > square * 1e-12, around_mean, 0.0)
        return 1.0 - _ratio(left, around_mean)

    return of_weights


METRICS: tuple[Metric, ...] = (
    Metric("accuracy", "accuracy", CLASSES, True, _accuracy, is_share=True),
    Metric("balanced_accuracy", "balanced accuracy", CLASSES, True, _balanced_accuracy, is_share=True),
    Metric("log_loss", "log loss", CLASSES, False, _log_loss),
    Metric("roc_auc", "ROC AUC", ("binary",), True, _roc_auc, needs="rows of both classes", is_share=True),
    Metric("f1_macro", "macro F1", CLASSES, True, _f1_macro, is_share=True),
    Metric("rmse", "RMSE", REGRESSION, False, _rmse, is_in_unit=True),
    Metric("mae", "MAE", REGRESSION, False, _mae, is_in_unit=True),
    Metric("r2", "R2", REGRESSION, True, _r2, needs="two different target values", is_share=True),
)

#: The metric by which models are ranked and compared.
MAIN_METRIC: dict[Task, str] = {"binary": "accuracy", "multiclass": "accuracy", "regression": "rmse"}

BY_NAME: dict[str, Metric] = {metric.name: metric for metric in METRICS}


def metrics_for(task: Task) -> tuple[Metric, ...]:
    """The metrics of a task, its main one first."""
    fitting = [metric for metric in METRICS if task in metric.tasks]
    return tuple(sorted(fitting, key=lambda metric: metric.name != MAIN_METRIC[task]))
