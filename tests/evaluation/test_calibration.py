"""Temperatures and calibration curves: SciPy and scikit-learn are the referees."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from sklearn.calibration import calibration_curve as referee_curve
from sklearn.metrics import log_loss

from firesteel.errors import DataError
from firesteel.evaluation.calibration import (
    COLDEST,
    HOTTEST,
    Calibration,
    calibration_curve,
    softmax,
    temperature,
    wilson,
)


def overconfident(k: int, *, factor: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Logits that are `factor` times too large, and classes drawn from the honest ones."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(4000, k))
    cumulative = softmax(logits).cumsum(axis=1)
    y = (rng.random((4000, 1)) > cumulative[:, :-1]).sum(axis=1)
    return factor * logits, y


@pytest.mark.parametrize(("k", "factor"), [(2, 5.0), (4, 3.0), (3, 0.5)])
def test_the_temperature_is_where_log_loss_is_least(k: int, factor: float) -> None:
    logits, y = overconfident(k, factor=factor, seed=0)
    found = temperature(logits, y)
    best = minimize_scalar(lambda t: log_loss(y, softmax(logits / t)), bounds=(0.1, 10), method="bounded").x
    assert found == pytest.approx(best, rel=1e-3)
    assert found == pytest.approx(factor, rel=0.15)


def test_one_logit_per_row_means_class_1_against_0() -> None:
    logits, y = overconfident(2, factor=2.0, seed=1)
    assert temperature(logits[:, 1] - logits[:, 0], y) == pytest.approx(temperature(logits, y))


def test_temperatures_are_bounded_where_the_rows_set_no_limit() -> None:
    logits = np.tile([[1.0, -1.0]], (5, 1))
    assert temperature(logits, np.zeros(5, dtype=int)) == pytest.approx(COLDEST)
    assert temperature(logits, np.ones(5, dtype=int)) == pytest.approx(HOTTEST)
    assert temperature(np.zeros((0, 3)), np.zeros(0, dtype=int)) == 1.0


def test_logits_that_are_not_finite_are_refused() -> None:
    with pytest.raises(DataError, match="1 of 4 are not"):
        temperature(np.array([[0.0, np.inf], [0.0, 1.0]]), np.array([0, 1]))


def test_the_curve_of_two_classes_equals_scikit_learns() -> None:
    rng = np.random.default_rng(0)
    one = rng.random(500)
    y = (rng.random(500) < one**2).astype(int)
    observed, promised = referee_curve(y, one, n_bins=10)
    found = calibration_curve(y, np.stack([1 - one, one], axis=1))
    assert [bin_.observed for bin_ in found.bins] == pytest.approx(observed.tolist())
    assert [bin_.promised for bin_ in found.bins] == pytest.approx(promised.tolist())
    assert sum(bin_.n_rows for bin_ in found.bins) == 500
    assert found.expected_error == pytest.approx(1 / 6, abs=0.05)  # the mean of p - p²


def test_honest_probabilities_of_many_classes_have_a_small_error() -> None:
    logits, y = overconfident(5, factor=1.0, seed=2)
    honest, boastful = calibration_curve(y, softmax(logits)), calibration_curve(y, softmax(4 * logits))
    assert honest.expected_error < 0.03 < 0.2 < boastful.expected_error
    assert honest.of == "the class picked"
    assert Calibration.from_dict(honest.to_dict()) == honest


def test_wilson_equals_scipys_interval() -> None:
    from scipy.stats import binomtest

    for n_right, n in [(0, 3), (7, 20), (20, 20)]:
        referee = binomtest(n_right, n).proportion_ci(method="wilson")
        assert wilson(n_right / n, n) == pytest.approx((referee.low, referee.high))
