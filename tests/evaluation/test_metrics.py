"""Metrics: scikit-learn is the referee."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as referee

from firesteel.evaluation.metrics import BY_NAME, MAIN_METRIC, METRICS, metrics_for


def proba_of(rng: np.random.Generator, n: int, *, k: int) -> np.ndarray:
    raw = np.round(rng.random((n, k)), 1) + 0.01  # rounded: with ties
    return raw / raw.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("k", [2, 3, 30])
def test_class_metrics_equal_scikit_learns(k: int) -> None:
    rng = np.random.default_rng(k)
    y, proba = rng.integers(0, k, 200), proba_of(rng, 200, k=k)
    picked = proba.argmax(axis=1)
    assert BY_NAME["accuracy"].value(y, proba) == pytest.approx(referee.accuracy_score(y, picked))
    assert BY_NAME["balanced_accuracy"].value(y, proba) == pytest.approx(recall_over_present(y, picked))
    assert BY_NAME["f1_macro"].value(y, proba) == pytest.approx(referee.f1_score(y, picked, average="macro"))
    assert BY_NAME["log_loss"].value(y, proba) == pytest.approx(referee.log_loss(y, proba, labels=range(k)))


def recall_over_present(y: np.ndarray, picked: np.ndarray) -> float:
    return float(referee.recall_score(y, picked, labels=np.unique(y), average="macro", zero_division=0.0))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=2, max_size=40))
def test_roc_auc_equals_scikit_learns_whatever_the_ties(rows: list[tuple[bool, int]]) -> None:
    y, ranks = np.array([int(one) for one, _ in rows]), np.array([rank for _, rank in rows]) / 5
    proba = np.stack([1 - ranks, ranks], axis=1)
    found = BY_NAME["roc_auc"].value(y, proba)
    if y.min() == y.max():
        assert math.isnan(found)
    else:
        assert found == pytest.approx(referee.roc_auc_score(y, ranks))


def test_regression_metrics_equal_scikit_learns() -> None:
    rng = np.random.default_rng(0)
    y = 1e6 + rng.normal(size=100)
    pred = y + 0.5 * rng.normal(size=100)
    assert BY_NAME["rmse"].value(y, pred) == pytest.approx(referee.root_mean_squared_error(y, pred))
    assert BY_NAME["mae"].value(y, pred) == pytest.approx(referee.mean_absolute_error(y, pred))
    assert BY_NAME["r2"].value(y, pred) == pytest.approx(referee.r2_score(y, pred))


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_a_metric_of_weighted_rows_equals_that_of_rows_repeated_so_often(metric) -> None:
    rng = np.random.default_rng(1)
    if "regression" in metric.tasks:
        y, answer = rng.normal(size=50), rng.normal(size=50)
    else:
        y, answer = rng.integers(0, 2, 50), proba_of(rng, 50, k=2)
    counts = rng.integers(0, 4, size=50)
    repeated = np.repeat(np.arange(50), counts)
    weighed = metric.weigh(y, answer)(counts[None].astype(float))[0]
    assert weighed == pytest.approx(metric.value(y[repeated], answer[repeated]))


def test_a_probability_of_exactly_0_costs_much_but_not_everything() -> None:
    y, proba = np.array([0, 1]), np.array([[0.0, 1.0], [0.0, 1.0]])
    found = BY_NAME["log_loss"].value(y, proba)
    assert found == pytest.approx(referee.log_loss(y, proba))
    assert 10 < found < 40


def test_a_class_without_test_rows_counts_only_where_it_was_picked() -> None:
    y, proba = np.array([0, 0, 1]), np.array([[0.9, 0.1, 0], [0.1, 0.0, 0.9], [0.2, 0.8, 0.0]])
    assert BY_NAME["balanced_accuracy"].value(y, proba) == pytest.approx((0.5 + 1) / 2)
    assert BY_NAME["f1_macro"].value(y, proba) == pytest.approx((2 / 3 + 1 + 0) / 3)


def test_r2_of_a_target_that_hardly_varies_beside_the_errors_is_undefined() -> None:
    assert math.isnan(BY_NAME["r2"].value(np.array([0.0, 0.0, 1e-250]), np.array([1.0, -1.0, 0.5])))
    assert BY_NAME["r2"].value(np.array([0.0, 1e-40]), np.array([1.0, -1.0])) == pytest.approx(-4e80)


@pytest.mark.parametrize("value", [0.0, 0.1, -1e9])
def test_r2_of_a_constant_target_is_undefined(value: float) -> None:
    assert math.isnan(BY_NAME["r2"].value(np.full(7, value), np.arange(7.0)))


def test_the_main_metric_of_each_task_stands_first() -> None:
    for task, name in MAIN_METRIC.items():
        assert metrics_for(task)[0].name == name
    assert [metric.name for metric in metrics_for("regression")] == ["rmse", "mae", "r2"]
    assert "roc_auc" not in [metric.name for metric in metrics_for("multiclass")]
