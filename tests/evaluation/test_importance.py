"""Permutation importance: scikit-learn is the referee."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.inspection import permutation_importance as referee
from sklearn.linear_model import LinearRegression

from firesteel.evaluation.classical import Rows
from firesteel.evaluation.importance import MAX_COLUMNS, MAX_SCREENED, permutation_importance


def plain(n: int, *, d: int) -> Rows:
    x = np.random.default_rng(0).normal(size=(n, d))
    return Rows(x, np.zeros((n, 0), int), 3 * x[:, 0] + x[:, 1])


def places(d: int) -> list[tuple[str, list[int], list[int]]]:
    return [(f"c{i}", [i], []) for i in range(d)]


def test_importances_agree_with_scikit_learns() -> None:
    rows = plain(400, d=3)
    model = LinearRegression().fit(rows.x_num, rows.y)
    found = permutation_importance(
        lambda one: model.predict(one.x_num), rows, y=rows.y, task="regression", columns=places(3), seed=0, n_repeats=20
    )
    theirs = referee(model, rows.x_num, rows.y, scoring="neg_root_mean_squared_error", n_repeats=20, random_state=0)
    assert [one.name for one in found] == ["c0", "c1", "c2"]
    assert [one.increase for one in found] == pytest.approx(theirs.importances_mean, rel=0.05, abs=1e-9)
    assert [one.spread for one in found] == pytest.approx(theirs.importances_std, rel=0.6, abs=1e-9)


def test_all_places_of_a_column_are_shuffled_together_and_the_batch_is_left_alone() -> None:
    rng = np.random.default_rng(0)
    x_num, x_cat = rng.normal(size=(50, 2)), rng.integers(0, 5, size=(50, 2))
    x_num[:, 1], x_cat[:, 1] = x_num[:, 0], x_num[:, 0] > 0
    rows = Rows(x_num.copy(), x_cat.copy(), (x_num[:, 0] > 0).astype(int))

    def answer_of(one: Rows) -> np.ndarray:
        assert np.array_equal(one.x_num[:, 0], one.x_num[:, 1])
        assert np.array_equal(one.x_cat[:, 1], one.x_num[:, 0] > 0)
        return np.stack([one.x_num[:, 0] <= 0, one.x_num[:, 0] > 0], axis=1).astype(float)

    (found, other) = permutation_importance(
        answer_of, rows, y=rows.y, task="binary", columns=[("level", [0, 1], [1]), ("rest", [], [0])], seed=1
    )
    assert (found.name, other.name) == ("level", "rest")
    assert found.increase == pytest.approx(0.5, abs=0.15)
    assert other.increase == 0
    assert np.array_equal(rows.x_num, x_num)


def test_rows_and_columns_are_capped_and_the_column_that_matters_is_kept() -> None:
    rows = plain(600, d=MAX_SCREENED)
    seen = []

    def answer_of(one: Rows) -> np.ndarray:
        seen.append(len(one.x_num))
        return 3 * one.x_num[:, 0] + one.x_num[:, 1]

    found = permutation_importance(
        answer_of, rows, y=rows.y, task="regression", columns=places(MAX_SCREENED), seed=0, n_repeats=1, max_rows=300
    )
    assert len(found) == MAX_COLUMNS
    assert [one.name for one in found[:2]] == ["c0", "c1"]
    assert max(seen) == 300 == found[0].n_rows
    assert len(seen) == 1 + MAX_SCREENED + 1 + MAX_COLUMNS
