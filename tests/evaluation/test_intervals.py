"""Scores with intervals, and paired comparisons."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, roc_auc_score

from firesteel.errors import DataError
from firesteel.evaluation.intervals import Comparison, Score, compare, n_drawn, resamples, score, with_spread


def two_classes(n: int, *, skill: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, n)
    one = np.clip(0.5 + skill * (y - 0.5) + rng.normal(0, 0.3, n), 0.01, 0.99)
    return y, np.stack([1 - one, one], axis=1)


def by_name(scores: tuple[Score, ...]) -> dict[str, Score]:
    return {found.name: found for found in scores}


def test_the_ends_are_percentiles_of_what_scikit_learn_gives_on_the_rows_drawn() -> None:
    y, proba = two_classes(80, skill=0.5, seed=0)
    (counts,) = resamples(80, 150, seed=1)
    draws = [np.repeat(np.arange(80), weights.astype(int)) for weights in counts]
    auc = np.quantile([roc_auc_score(y[rows], proba[rows, 1]) for rows in draws], [0.025, 0.975])
    accuracy = np.quantile([accuracy_score(y[rows], proba[rows].argmax(1)) for rows in draws], [0.025, 0.975])
    found = by_name(score(y, proba, task="binary", seed=1, n_resamples=150))
    assert (found["roc_auc"].low, found["roc_auc"].high) == pytest.approx(auc)
    assert (found["accuracy"].low, found["accuracy"].high) == pytest.approx(accuracy)


def test_about_95_of_100_intervals_hold_the_true_value() -> None:
    rng = np.random.default_rng(0)
    held = 0
    for seed in range(200):
        error = rng.normal(0, 2.0, 80)
        rmse = score(np.zeros(80), error, task="regression", seed=seed, n_resamples=300)[0]
        held += rmse.low <= 2.0 <= rmse.high
    assert 0.88 <= held / 200 <= 0.99  # percentile intervals of a spread are a little short on 80 rows


def test_every_resample_draws_as_many_rows_as_there_are() -> None:
    weights = np.concatenate(list(resamples(37, 60_000, seed=3)))
    assert weights.shape == (60_000, 37)
    assert (weights.sum(axis=1) == 37).all()
    assert weights.mean(axis=0) == pytest.approx(np.ones(37), abs=0.03)


def test_the_same_seed_gives_the_same_interval_and_another_seed_another() -> None:
    y, proba = two_classes(60, skill=0.4, seed=2)
    first, again, other = (score(y, proba, task="binary", seed=seed)[2] for seed in (1, 1, 2))
    assert (first.low, first.high) == (again.low, again.high) != (other.low, other.high)


def test_more_rows_are_drawn_fewer_times() -> None:
    assert n_drawn(1) == n_drawn(50_000) == 1000
    assert n_drawn(100_000) == 500
    assert n_drawn(10_000_000) == 200


def test_r2_of_a_constant_target_says_what_it_needs() -> None:
    found = by_name(score(np.ones(9), np.arange(9.0), task="regression", seed=0))["r2"]
    assert math.isnan(found.value)
    assert not found.is_applicable
    assert found.note == "not applicable because it needs two different target values"


def test_one_row_has_scores_without_an_interval() -> None:
    found = score(np.array([2]), np.array([[0.1, 0.2, 0.7]]), task="multiclass", seed=0)[0]
    assert found.value == 1.0
    assert math.isnan(found.low)
    assert found.note == "one row gives no interval"


@pytest.mark.parametrize(("y", "low", "high"), [(1, 0.025 ** (1 / 20), 1.0), (0, 0.0, 1 - 0.025 ** (1 / 20))])
def test_all_right_or_all_wrong_gets_the_exact_interval(y: int, low: float, high: float) -> None:
    found = score(np.full(20, y), np.tile([0.1, 0.9], (20, 1)), task="binary", seed=0)[0]
    assert (found.low, found.high) == pytest.approx((low, high))
    assert "exact interval" in found.note


@pytest.mark.parametrize(
    ("y", "answer", "part"),
    [
        ([0, 1], [[0.5, 0.5]], r"they are \(1, 2\) for 2 rows"),
        ([0, 1], [[0.5, 0.5], [np.nan, 1]], "1 of 4 are NaN or infinite"),
        ([0, 2], [[0.5, 0.5], [0.5, 0.5]], "they go from 0 to 2"),
        ([], np.zeros((0, 2)), "there is none"),
    ],
)
def test_answers_that_do_not_fit_the_rows_are_refused(y: list[int], answer: list[list[float]], part: str) -> None:
    with pytest.raises(DataError, match=part):
        score(np.array(y, dtype=int), np.array(answer), task="binary", seed=0)


def test_a_paired_interval_is_narrower_than_the_difference_of_two() -> None:
    y, proba = two_classes(400, skill=0.3, seed=4)
    worse = proba.copy()
    worse[:12] = worse[:12, ::-1]  # the same answers but for 12 rows
    found = compare(proba, worse, task="binary", y=y, seed=0)
    own = score(y, proba, task="binary", seed=0)[0]
    assert found.difference == pytest.approx(own.value - score(y, worse, task="binary", seed=0)[0].value)
    assert found.high - found.low < 0.5 * (own.high - own.low)


def test_a_comparison_says_who_is_better_and_whether_it_is_clear() -> None:
    error = np.random.default_rng(0).normal(size=100)
    y = np.zeros(100)
    clear = compare(error, error + 3, task="regression", y=y, seed=0)
    assert (clear.is_a_better, clear.is_clear) == (True, True)
    turned = compare(error + 3, error, task="regression", y=y, seed=0)
    assert (turned.is_a_better, turned.is_clear) == (False, True)
    assert (turned.low, turned.high) == pytest.approx((-clear.high, -clear.low))
    noise = compare(error, np.roll(error, 1) * 1.001, task="regression", y=y, seed=0)
    assert (noise.is_a_better, noise.is_clear) == (True, False)
    same = compare(error, error, task="regression", y=y, seed=0)
    assert (same.difference, same.is_clear) == (0, False)


def test_a_score_and_a_comparison_survive_json() -> None:
    for found in score(np.ones(5), np.arange(5.0), task="regression", seed=0, unit="km"):
        record = json.loads(json.dumps(found.to_dict(), allow_nan=False))
        assert Score.from_dict(found.name, record).to_dict() == found.to_dict()
        assert Score.from_dict(found.name, record).unit == found.unit
    one = compare(np.arange(5.0), np.zeros(5), task="regression", y=np.ones(5), seed=0)
    assert Comparison.from_dict(one.to_dict()) == one


def test_the_spread_is_the_standard_deviation_over_members() -> None:
    y, proba = two_classes(80, skill=0.4, seed=6)
    members = [score(y[i::4], proba[i::4], task="binary", seed=0) for i in range(4)]
    found = with_spread(score(y, proba, task="binary", seed=0), members)[0]
    assert found.spread == pytest.approx(np.std([own[0].value for own in members], ddof=1))
    assert math.isnan(with_spread(score(y, proba, task="binary", seed=0), members[:1])[0].spread)
