"""Confusion and residuals: scikit-learn and NumPy are the referees."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix as referee_matrix

from firesteel.evaluation.mistakes import (
    MAX_POINTS,
    Confusion,
    Mistakes,
    confusion_matrix,
    find_mistakes,
    residual_summary,
)


def test_the_confusion_equals_scikit_learns_with_classes_that_do_not_occur() -> None:
    rng = np.random.default_rng(0)
    y, proba = rng.integers(0, 3, 100), rng.random((100, 5))
    found = confusion_matrix(y, proba)
    assert np.array_equal(found.array, referee_matrix(y, proba.argmax(axis=1), labels=range(5)))
    assert found.array.sum() == 100


def test_the_worst_mistake_is_the_most_frequent_one() -> None:
    assert Confusion(((50, 2, 1), (0, 40, 7), (3, 0, 9))).worst() == (1, 2, 7)
    assert Confusion(((5, 0), (0, 5))).worst()[2] == 0


def test_residuals_are_predicted_minus_true() -> None:
    y = np.arange(11.0)
    found = residual_summary(y, y + np.linspace(-5, 15, 11), seed=0)
    assert found.mean == pytest.approx(5)
    assert found.quantiles == pytest.approx((-4, 0, 5, 10, 14))
    assert found.worst == 15
    assert found.true == tuple(y)


def test_only_a_draw_of_many_rows_is_kept_and_pairs_stay_together() -> None:
    y = np.arange(5000.0)
    found = residual_summary(y, 2 * y, seed=0)
    assert len(found.true) == MAX_POINTS
    assert found.n_rows == 5000
    assert np.array_equal(2 * np.array(found.true), found.predicted)


@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_mistakes_have_the_parts_of_their_task_and_survive_a_dict(task: str) -> None:
    rng = np.random.default_rng(0)
    is_regression = task == "regression"
    y = rng.normal(size=20) if is_regression else rng.integers(0, 3, 20)
    answer = rng.normal(size=20) if is_regression else rng.dirichlet(np.ones(3), 20)
    found = find_mistakes(y, answer, task="regression" if is_regression else "multiclass", seed=0)
    assert (found.residuals is not None) == is_regression
    assert (found.confusion is None) == (found.calibration is None) == is_regression
    assert Mistakes.from_dict(found.to_dict()) == found
