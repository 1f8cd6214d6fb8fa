"""What stands before the first layer, what a linear net is, and rows that choose without being held out."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
import torch

import firesteel
from firesteel.errors import RecipeError

PLAIN = {"net": "linear", "optimizer": "sgd", "schedule": "constant", "dtype": "float64", "baselines": False}
SIX = "synthetic:six-points"
LINE = "synthetic:line,slope=3,bias=0,rows=6,low=0.5,high=5.5,even=1"


def test_one_number_by_hand_is_one_number_by_fit():
    """Steps of gradient descent on c in y = c x, from 0, as anybody would write them."""
    x, y, c = np.arange(1.0, 7.0), np.array([3.07, 5.93, 9.04, 11.97, 15.12, 17.89]), 0.0
    for _ in range(12):
        c -= 0.01 * 2 * float(((c * x - y) * x).mean())
    model = firesteel.fit(SIX, test=LINE, val="train", bias=False, lr=0.01, epochs=12, batch_size=6, **PLAIN)
    assert model.population.n_params == 1
    assert model.population.weights.item() == pytest.approx(c, rel=1e-12)


@pytest.mark.parametrize("scaling", ["none", "centre", "range", "standard"])
def test_a_linear_net_ends_at_least_squares_whatever_the_scaling(scaling):
    x = np.random.default_rng(0).normal(1, 2, (200, 2))
    y = x @ [2.0, -1.0] + 5 + np.random.default_rng(1).normal(size=200)
    lr = {"none": 0.05, "centre": 0.05}.get(scaling, 0.4)
    test = {"test": (x + 1e-3, y), "val": "train", "scaling": scaling}
    model = firesteel.fit(x, y, lr=lr, epochs=3000, batch_size=200, patience=3000, **test, **PLAIN)
    best = np.linalg.lstsq(np.column_stack([x, np.ones(200)]), y, rcond=None)[0]
    asked = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    np.testing.assert_allclose(
        firesteel.predict(model, asked).frame["target"], [best[2], *(best[:2] + best[2])], rtol=1e-6
    )


def test_a_linear_net_is_linear_far_out():
    model = firesteel.fit("synthetic:line,rows=200", net="linear", baselines=False, epochs=5)
    y = firesteel.predict(model, pl.DataFrame({"x": [0.0, 1000.0, 2000.0]})).frame["target"].to_numpy()
    assert y[2] - y[1] == pytest.approx(y[1] - y[0], rel=1e-5)


def test_val_train_trains_on_all_rows_and_says_so():
    model = firesteel.fit(SIX, test=LINE, val="train", epochs=3, **PLAIN)
    assert model.report.n_rows == {"train": 6, "val": 0, "test": 6}
    assert model.report.val == ()
    assert "none chooses the best epoch unseen" in model.report.split


def test_a_list_of_values_is_then_compared_on_train_rows():
    model = firesteel.fit(SIX, test=LINE, val="train", lr=(1e-4, 0.3), epochs=3, **PLAIN)
    said = next(choice.reason for choice in model.report.choices if choice.name == "lr")
    assert said.startswith("best of 2 on train rows")


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ({"val": "train"}, "no test rows were given"),
        ({"val": "train", "test": LINE, "members": 3}, "members is 3"),
        ({"val": "test", "test": LINE}, "'test' was given"),
        ({"scaling": "robust-ish"}, "'robust-ish' was given"),
    ],
)
def test_what_does_not_go_together_is_refused(words, found):
    with pytest.raises(RecipeError) as caught:
        firesteel.fit(SIX, baselines=False, **words)
    assert found in caught.value.found


def test_pixels_are_not_scaled_like_columns(make_pictures):
    with pytest.raises(RecipeError, match="pixels are scaled by none, centre, range or standard"):
        firesteel.fit(*make_pictures(20), scaling="robust", baselines=False)


@pytest.mark.parametrize(("scaling", "mean", "spread"), [("none", 0, 1), ("range", 0, 255), ("centre", None, 1)])
def test_pixels_keep_what_the_scaling_leaves(make_pictures, scaling, mean, spread):
    x, y = make_pictures(40)
    model = firesteel.fit(x, y, net="linear", scaling=scaling, members=1, epochs=1, baselines=False)
    state = dict(model.net.members[0].named_buffers())
    found = {name.rpartition(".")[2]: float(value) for name, value in state.items()}
    assert found["spread"] == spread
    assert (found["mean"] == mean) if mean is not None else found["mean"] > 0


def test_random_starts_differ_where_zeros_do_not():
    def spread(init: str) -> float:
        runs = [
            firesteel.fit(SIX, test=LINE, val="train", epochs=1, lr=1e-9, seed=i, init=init, **PLAIN) for i in (0, 1)
        ]
        return float(abs(runs[0].population.weights - runs[1].population.weights).max())

    assert spread("zeros") < 1e-6 < spread("random")


def test_a_net_without_bias_over_columns_goes_through_0():
    frame = firesteel.read("synthetic:plane,rows=2500").frame
    model = firesteel.fit(frame, "target", bias=False, epochs=1, members=1, baselines=False, d_hidden=[8])
    zeros = pl.DataFrame({name: [0.0] for name in "abcd"})
    assert firesteel.predict(model, zeros).frame["target"].item() == 0.0


def test_bias_is_no_setting_of_a_module_of_your_own():
    with pytest.raises(RecipeError, match="your own net has layers of its own"):
        firesteel.fit("synthetic:line,rows=40", net=torch.nn.Linear(1, 1), bias=False, baselines=False)


def test_a_black_picture_without_bias_is_0(make_pictures):
    x, _ = make_pictures(40)
    y = x.mean(axis=(1, 2)) / 10
    model = firesteel.fit(x, y + 0.01, net="linear", bias=False, epochs=2, members=1, baselines=False)
    assert model.predict(np.zeros((1, *x.shape[1:]), np.uint8)).pred.item() == 0.0


def test_a_list_of_too_many_values_is_refused_before_training():
    with pytest.raises(RecipeError, match="at most 1,000 values"):
        firesteel.fit(SIX, test=LINE, seed=list(range(1001)), baselines=False)
