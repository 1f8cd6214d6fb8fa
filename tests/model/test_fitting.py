"""From a table to a trained population: what is fitted on which rows, who judges whom, which member is kept."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
import torch

from firesteel.data import read_schema, read_table, split_rows
from firesteel.errors import RecipeError, TrainingError
from firesteel.model import fit_population, gather_material
from firesteel.recipe import make_recipe

QUICK = {"epochs": 3, "d_hidden": (8,), "patience": 50}


def material_of(frame, **options):
    recipe = make_recipe(**{**QUICK, **options})
    table = read_table(frame)
    schema = read_schema(table, "y", task=recipe.task)
    split = split_rows(table, schema, seed=0)
    return recipe, gather_material(recipe, table, schema=schema, split=split)[0], split


@pytest.fixture(scope="module")
def frame(make_rows):
    return make_rows(n=150)


def test_every_row_is_judged_by_the_member_that_never_saw_it(frame):
    recipe, material, split = material_of(frame, members=3)
    fitted = fit_population(recipe, material)
    judged = fitted.judged
    assert sorted(judged.rows) == sorted([*split.train, *split.val])
    place = {row: i for i, row in enumerate(material.rows)}
    places = np.array([place[row] for row in judged.rows])
    np.testing.assert_array_equal(judged.member, material.folds[places])
    x_num, x_cat = torch.from_numpy(material.x_num[places]), torch.from_numpy(material.x_cat[places])
    for member in range(3):
        mine = judged.member == member
        with torch.no_grad():
            z = fitted.population.module(member).eval()(x_num[mine], x_cat[mine])
        expected = fitted.readout.of_members(z).numpy()
        np.testing.assert_allclose(judged.answer[mine], expected, atol=1e-5)
    np.testing.assert_array_equal(judged.y, material.y[places])


def test_a_single_member_is_judged_on_val_rows_and_fitted_without_them(frame):
    recipe, material, split = material_of(frame, members=1)
    fitted = fit_population(recipe, material)
    assert sorted(fitted.judged.rows) == sorted(split.val)
    assert set(fitted.judged.member) == {0}
    is_val = np.isin(np.arange(frame.height), split.val)
    spoilt = frame.with_columns(size=pl.when(pl.Series(is_val)).then(1e9).otherwise(pl.col("size")))
    schema = read_schema(read_table(frame), "y")
    other, _ = gather_material(recipe, read_table(spoilt), schema=schema, split=split)
    assert other.features == material.features


def test_a_regression_is_standardised_by_its_training_rows(make_rows):
    recipe, material, split = material_of(make_rows("regression", n=150), members=1)
    fitted = fit_population(recipe, material)
    known = make_rows("regression", n=150)["y"].to_numpy()[split.train]
    assert fitted.readout.centre == pytest.approx(known.mean(), rel=1e-6)
    assert fitted.readout.scale == pytest.approx(known.std(), rel=1e-6)


def test_the_best_value_of_a_list_is_kept_with_all_its_folds(frame):
    recipe, material, _ = material_of(frame, members=2, lr=(1e-7, 0.02), dropout=(0.4, 0.1), epochs=8)
    fitted = fit_population(recipe, material)
    alone_recipe, *_ = material_of(frame, members=2, lr=0.02, dropout=0.1, epochs=8)
    alone = fit_population(alone_recipe, material)
    torch.testing.assert_close(fitted.population.weights, alone.population.weights, rtol=1e-3, atol=1e-4)
    assert fitted.population.k == fitted.population.layout.k == 2
    assert fitted.run.best_val_loss == pytest.approx(alone.run.best_val_loss, rel=1e-4)
    said = {choice.name: choice for choice in fitted.choices}
    assert (said["lr"].value, said["dropout"].value) == (0.02, 0.1)
    assert "best of 2 on val rows" in said["lr"].reason
    rates = [layer["p"] for layer in fitted.population.net.to_dict()["body"]["layers"] if layer["layer"] == "Dropout"]
    assert rates == [0.1]


def test_a_seed_in_a_list_is_the_seed_alone(frame):
    recipe, material, _ = material_of(frame, members=1, seed=(0, 5), epochs=4)
    fitted = fit_population(recipe, material)
    (chosen,) = [choice.value for choice in fitted.choices if choice.name == "seed"]
    assert chosen in (0, 5)
    assert fitted.population.k == 1


def test_balanced_classes_weigh_alike_in_loss(make_rows):
    frame = make_rows(n=300).filter((pl.col("y") == "no") | (pl.int_range(pl.len()) % 6 == 0))
    plain, balanced = ({"class_weights": word, "members": 1, "epochs": 30} for word in ("none", "balanced"))
    shares = []
    for options in (plain, balanced):
        recipe, material, _ = material_of(frame, **options)
        shares.append(fit_population(recipe, material).judged.answer[:, 1].mean())
    assert shares[1] > shares[0] + 0.05


def test_a_run_in_which_all_diverge_says_a_smaller_lr(make_rows):
    recipe, material, _ = material_of(make_rows("regression"), members=1, lr=1e30, optimizer="sgd")
    with pytest.raises(TrainingError, match=r"diverged with lr 1e\+30(.|\n)*--lr 0\.001"):
        fit_population(recipe, material)


def test_a_device_that_is_not_there_is_named(frame):
    recipe, material, _ = material_of(frame, members=1, device="tpu")
    with pytest.raises(RecipeError, match="'tpu' is not among cpu"):
        fit_population(recipe, material)


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_every_loss_of_a_task_trains(make_rows, task):
    """The criterion stays log loss or squared error, whatever is trained on."""
    words = {"binary": ("binary_cross_entropy", "cross_entropy"), "multiclass": ("cross_entropy",)}
    for loss in words.get(task, ("mse", "mae", "huber")):
        recipe, material, _ = material_of(make_rows(task), members=1, loss=loss, epochs=20)
        fitted = fit_population(recipe, material)
        assert fitted.run.val_loss[-1] < fitted.run.val_loss[0]
        assert fitted.judged.answer.shape[1:] == (() if task == "regression" else (2 if task == "binary" else 3,))
