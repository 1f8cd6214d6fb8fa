"""What training does with pictures where the recipe says nothing."""

from __future__ import annotations

import pytest

from firesteel.recipe import make_recipe
from firesteel.training import choose_crew, choose_picture_folds, usual_for_pictures


def usual(n_rows, **recipe):
    return {
        name: value for name, (value, _) in usual_for_pictures(make_recipe(**recipe), n_rows=n_rows, d_in=784).items()
    }


@pytest.mark.parametrize("net", ["linear", "mlp", "conv", "resnet"])
def test_many_pictures_are_seen_less_often(net):
    epochs = [usual(n_rows, net=net)["epochs"] for n_rows in (100, 10_000, 60_000, 1_000_000)]
    assert epochs == sorted(epochs, reverse=True)
    assert epochs[0] > epochs[-1] >= 4


def test_batches_grow_with_the_number_of_pictures():
    assert [usual(n_rows, net="conv")["batch_size"] for n_rows in (10, 400, 60_000)] == [16, 50, 128]


def test_only_nets_over_maps_average_their_weights():
    assert {net: "ema" in usual(100, net=net) for net in ("linear", "mlp", "conv", "resnet")} == {
        "linear": False,
        "mlp": False,
        "conv": True,
        "resnet": True,
    }


def test_another_optimizer_starts_from_its_own_lr():
    assert usual(100, net="conv", optimizer="sgd")["lr"] > usual(100, net="conv")["lr"]


@pytest.mark.parametrize("net", [None, "conv", "resnet"])
def test_nets_over_maps_train_no_folds_of_many_pictures(net):
    recipe = make_recipe(net=net)
    assert choose_picture_folds(recipe, n_rows=1_001).value == 1
    assert choose_picture_folds(recipe, n_rows=1_000) is None


def test_folds_that_are_asked_for_and_those_of_quick_nets_are_left_alone():
    assert choose_picture_folds(make_recipe(members=5), n_rows=5_000) is None
    assert choose_picture_folds(make_recipe(net="linear"), n_rows=5_000) is None


def test_a_crew_is_what_was_asked_for_or_what_there_are_cores_for():
    assert choose_crew(make_recipe(threads=7)).value == 7
    assert 1 <= choose_crew(make_recipe()).value <= 4
