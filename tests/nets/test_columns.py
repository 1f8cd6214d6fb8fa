"""Layers fitted on training rows: what they do where a column has little or nothing to say."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from firesteel.nets import columns
from firesteel.nets.columns import CLIP, Impute, OneHot, RobustScale

NAN = float("nan")


def column(*values):
    return torch.tensor(values, dtype=torch.float64).unsqueeze(1)


def scaled(x, fitted_on=None):
    layer = RobustScale()
    return layer.apply(x, layer.fit(x if fitted_on is None else fitted_on))


def test_a_column_without_a_number_is_filled_with_0():
    layer = Impute()
    assert layer.apply(column(NAN, NAN), layer.fit(column(NAN, NAN))).flatten().tolist() == [0, 0]


def test_missing_values_are_filled_from_the_training_rows_alone():
    layer = Impute()
    values = layer.fit(column(1.0, 3.0, NAN, 5.0))
    assert layer.apply(column(NAN, 100.0), values).flatten().tolist() == [3, 100]


def test_a_constant_column_becomes_0():
    assert not scaled(column(7.0, 7.0, 7.0)).any()


def test_a_column_that_is_nearly_always_0_keeps_its_rare_values_apart():
    x = column(*[0.0] * 20, 1.0, 4.0)
    found = scaled(x).flatten()
    assert found[:20].eq(0).all()
    assert 0 < found[20] < found[21] < CLIP


def test_values_stay_in_order_and_within_the_clip():
    x = column(*np.sort(np.random.default_rng(0).standard_cauchy(500)), 1e30)
    found = scaled(x).flatten()
    assert (found.diff() >= 0).all()
    assert found.abs().max() <= CLIP


def test_the_middle_half_of_the_rows_is_hardly_bent():
    x = column(*np.random.default_rng(0).normal(size=999))
    low, centre, high = np.quantile(x.numpy(), [0.25, 0.5, 0.75])
    unit = (x.numpy() - centre) / (high - low)
    np.testing.assert_allclose(scaled(x), unit / np.sqrt(1 + (unit / CLIP) ** 2))


def test_the_quantiles_of_very_many_rows_are_taken_from_some(monkeypatch):
    x = column(*np.random.default_rng(0).normal(size=5_000))
    whole = RobustScale().fit(x)
    monkeypatch.setattr(columns, "_N_QUANTILE_ROWS", 1_000)
    some = RobustScale().fit(x)
    assert some["scale"].item() == pytest.approx(whole["scale"].item(), rel=0.1)
    assert some["centre"].item() != whole["centre"].item()


def test_an_unknown_level_is_0_in_all_its_columns():
    x = torch.tensor([[0, 2], [1, 0], [2, 1]])
    assert OneHot((0, 1), (3, 3)).apply(x, {}).tolist() == [[0, 0, 0, 1], [1, 0, 0, 0], [0, 1, 1, 0]]


@pytest.mark.parametrize("spread", [1e-6, 1.0, 1e6])
def test_a_far_value_is_never_taken_for_the_middle(spread):
    x = torch.tensor([-1e37, 1.0, 1e10, 1e37, float("inf")]).unsqueeze(1)
    found = scaled(x, fitted_on=torch.linspace(-spread, spread, 101).unsqueeze(1)).flatten()
    assert found[1:].diff().min() >= 0
    assert found[0] == pytest.approx(-CLIP, abs=1e-4)
    assert found[-1] == pytest.approx(CLIP, abs=1e-4)
