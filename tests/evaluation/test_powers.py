"""Polynomials and power libraries: the formula that is in the rows is found, and noise is not taken for one."""

from __future__ import annotations

import numpy as np
import pytest

from firesteel.evaluation.powers import Polynomial, PowerLibrary


def uniform(low: float, high: float, n: int, *, d: int = 1, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(low, high, (n, d))


def coefficients_of(model: Polynomial | PowerLibrary) -> dict[tuple[int, ...], float]:
    found = model.power_sum
    assert found is not None
    return {tuple(row): float(one) for row, one in zip(found.powers.tolist(), found.coefficients, strict=True)}


FORMULA = {
    (0, 0, 0, 0): 345.0, (3, 0, 0, 0): 5.3, (0, -1, 0, 0): 1.0, (0, 0, 5, 0): 32.0, (0, 0, -2, 0): 3.0,
    (0, 0, 1, 0): 24.0, (0, 2, 0, 0): 1.0, (0, 0, 0, 2): 1.0, (0, 1, 0, 1): 2.0,
}  # fmt: skip


def formula_of(x: np.ndarray) -> np.ndarray:
    a, b, c, d = x.T
    return 5.3 * a**3 + 1 / b + 32 * c**5 + 3 / c**2 + 24 * c + (d + b) ** 2 + 345


@pytest.mark.parametrize("low", [0.1, 0.5, 1.0])
def test_a_power_library_finds_exactly_the_terms_of_a_formula(low: float) -> None:
    x = uniform(low, 10, 1000, d=4)
    found = coefficients_of(PowerLibrary(4, seed=0).fit(x, formula_of(x)))
    assert found.keys() == FORMULA.keys()
    assert found == pytest.approx(FORMULA, rel=1e-6)


def test_with_noise_a_power_library_answers_as_well_as_the_noise_lets_it() -> None:
    x, fresh = uniform(0.5, 10, 1000, d=4), uniform(0.5, 10, 1000, d=4, seed=1)
    y = formula_of(x) + np.random.default_rng(2).normal(0, 100, len(x))
    model = PowerLibrary(4, seed=0).fit(x, y)
    assert len(model.powers_) < 15
    assert np.sqrt(np.mean((model.predict(fresh) - formula_of(fresh)) ** 2)) < 30


def test_terms_that_stand_out_of_the_noise_are_the_true_ones() -> None:
    x = uniform(0.5, 10, 10_000, d=4, seed=1)
    y = formula_of(x) + np.random.default_rng(2).normal(size=len(x))
    assert coefficients_of(PowerLibrary(4, seed=0).fit(x, y)).keys() == FORMULA.keys()


def test_of_pure_noise_a_power_library_takes_next_to_nothing() -> None:
    x, y = uniform(-1, 1, 400, d=4), np.random.default_rng(1).normal(size=400)
    model = PowerLibrary(4, seed=0).fit(x, y)
    assert len(model.powers_) <= 3
    assert np.std(model.predict(x)) < 0.3


def test_a_ratio_of_two_columns_is_found() -> None:
    x = uniform(1, 5, 300, d=2)
    found = coefficients_of(PowerLibrary(2, seed=0).fit(x, 7 * x[:, 0] / x[:, 1]))
    assert found.pop((1, -1)) == pytest.approx(7)
    assert all(abs(one) < 1e-9 for one in found.values())


def test_columns_around_0_have_no_negative_powers_and_columns_of_two_values_only_themselves() -> None:
    x = np.concatenate([uniform(-1, 1, 100), uniform(0, 1, 100, seed=1).round()], axis=1)
    model = PowerLibrary(2, seed=0).fit(x, x[:, 0])
    assert model.n_candidates_ == 1 + 6 + 1 + 1


def test_a_row_nearer_to_0_than_all_training_rows_is_answered_within_reach() -> None:
    x = uniform(1, 5, 200)
    model = PowerLibrary(1, seed=0).fit(x, 1 / x[:, 0])
    answers = model.predict(np.array([[1e-9], [0.0], [-3.0], [np.nan]]))
    assert np.isfinite(answers).all()
    assert answers.max() <= 1.5
    assert "cut, far outside" in model.note


@pytest.mark.parametrize("kind", [Polynomial, PowerLibrary])
def test_answers_far_from_the_training_rows_do_not_run_away(kind: type[Polynomial | PowerLibrary]) -> None:
    x = uniform(-2, 2, 300)
    model = kind(1, seed=0).fit(x, x[:, 0] ** 5)
    assert np.abs(model.predict(np.array([[1e6], [-1e30]]))).max() <= 64
    assert "2 answers are cut" in model.note


@pytest.mark.parametrize(("low", "high", "n"), [(-5, 5, 300), (0, 10, 1000), (0, 100, 40)])
def test_a_polynomial_finds_the_degree_and_the_coefficients(low: float, high: float, n: int) -> None:
    x = uniform(low, high, n)
    model = Polynomial(1, seed=0).fit(x, 5.2 * x[:, 0] ** 3 + 31)
    assert model.degree_ == 3
    assert coefficients_of(model) == pytest.approx({(0,): 31, (1,): 0, (2,): 0, (3,): 5.2}, abs=1e-6)


def test_with_noise_a_polynomial_takes_the_degree_beyond_which_nothing_is_gained() -> None:
    x = uniform(-3, 3, 500)
    y = x[:, 0] ** 3 - 2 * x[:, 0] + np.random.default_rng(1).normal(size=500)
    model = Polynomial(1, seed=0).fit(x, y)
    assert model.degree_ == 3
    assert model.note.startswith("degree 3, chosen on 5 folds (RMSE of degree 1: ")


def test_a_polynomial_of_few_columns_has_products_and_of_many_none() -> None:
    x = uniform(-1, 1, 400, d=2)
    found = coefficients_of(Polynomial(2, seed=0).fit(x, 3 * x[:, 0] * x[:, 1]))
    assert found[1, 1] == pytest.approx(3)
    many = Polynomial(18, seed=0).fit(uniform(-1, 1, 400, d=18), np.arange(400.0))
    assert not many.has_products_


def test_categorical_columns_shift_a_polynomial_and_unknown_codes_do_not() -> None:
    x = np.concatenate([uniform(-1, 1, 300), np.arange(300)[:, None] % 3 + 1], axis=1)
    model = Polynomial(1, seed=0).fit(x, x[:, 0] ** 2 + 5 * (x[:, 1] == 2))
    assert model.degree_ == 2
    assert model.power_sum is None
    assert model.predict(np.array([[0.5, 2.0], [0.5, 3.0]])) == pytest.approx([5.25, 0.25])
    assert np.isfinite(model.predict(np.array([[0.5, 0.0]]))).all()


def test_missing_numbers_are_medians_to_a_polynomial_which_is_no_formula_then() -> None:
    x = uniform(-1, 1, 100, d=2)
    x[:5, 0], y = np.nan, x[:, 1].copy()
    model = Polynomial(2, seed=0).fit(x, y)
    assert model.predict(np.array([[np.nan, 0.25]])) == pytest.approx([0.25], abs=0.05)
    assert model.power_sum is None
