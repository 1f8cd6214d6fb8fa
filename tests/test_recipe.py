"""Recipes: one description of a run, the same in Python and in TOML, with an answer to every slip."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firesteel.errors import RecipeError
from firesteel.recipe import PER_MEMBER, Choice, Recipe, make_recipe, read_recipe

FULL = {
    "data": "a.csv",
    "target": -1,
    "kind": {"zip code": "categorical"},
    "drop": ("name", "id"),
    "d_hidden": (64, 32),
    "dropout": (0.1, 0.2),
    "lr": 0.01,
    "seed": (1, 2),
    "nesterov": True,
    "device": "cpu",
}


def test_a_recipe_comes_back_from_toml(tmp_path):
    recipe = make_recipe(**FULL)
    path = tmp_path / "recipe.toml"
    path.write_text(recipe.to_toml(), encoding="utf-8")
    assert make_recipe(**read_recipe(path)) == recipe


@given(st.floats(min_value=0, max_value=1e9, exclude_min=True), st.integers(0, 2**32 - 1), st.text(max_size=20))
def test_any_values_come_back_from_toml(lr, seed, name):
    recipe = make_recipe(lr=lr, seed=seed, drop=(name,), kind={name: "text"})
    assert make_recipe(**tomllib.loads(recipe.to_toml())) == recipe


def test_what_is_not_set_is_not_written():
    assert "lr" not in make_recipe(seed=3).to_toml()


def test_a_list_of_one_or_many_values_makes_members():
    for name in PER_MEMBER:
        value = (1, 2) if name == "seed" else (0.1, 0.2)
        assert getattr(make_recipe(**{name: value}), name) == value
        assert getattr(make_recipe(**{name: list(value)}), name) == value


def test_a_changed_recipe_is_checked_like_a_new_one():
    recipe = make_recipe(**FULL).replace(lr=0.5)
    assert (recipe.lr, recipe.d_hidden) == (0.5, (64, 32))
    with pytest.raises(RecipeError, match="lr"):
        recipe.replace(lr=-1)


def test_a_recipe_cannot_be_changed():
    with pytest.raises(ValueError, match="frozen"):
        make_recipe().lr = 3


SLIPS = {
    "an unknown option": ({"learning_rate": 1}, "'learning_rate' is not one"),
    "a near word": ({"epoch": 3}, "did you mean epochs"),
    "a near value": ({"optimizer": "adamm"}, "did you mean adam"),
    "a value that is not there": ({"schedule": "warp"}, "--schedule: how lr changes"),
    "a negative lr": ({"lr": -0.1}, "lr: input should be greater than 0; -0.1 was given"),
    "one bad value of a list": ({"lr": (0.1, 0.0)}, "lr: input should be greater than 0; 0.0 was given"),
    "an lr that is no number": ({"lr": float("nan")}, "lr: input should be"),
    "an infinite weight decay": ({"weight_decay": float("inf")}, "weight_decay"),
    "a share of 1": ({"dropout": 1.0}, "dropout: input should be less than 1"),
    "an empty list": ({"lr": ()}, "an empty list makes no member"),
    "a word for a number": ({"epochs": "many"}, "epochs: input should be a valid integer"),
    "no epochs": ({"epochs": 0}, "epochs"),
    "a seed below 0": ({"seed": -1}, "seed"),
    "a layer without width": ({"d_hidden": (8, 0)}, "d_hidden"),
    "a kind that is none": ({"kind": {"a": "number"}}, "kind"),
}


@pytest.mark.parametrize("slip", SLIPS)
def test_a_slip_is_answered_with_the_field_and_the_value(slip):
    fields, said = SLIPS[slip]
    with pytest.raises(RecipeError) as caught:
        make_recipe(**fields)
    assert said in str(caught.value)
    assert "Try: " in str(caught.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"lr = ", "is not: "), (b"\xff\xfe\x00", "is not: "), (None, "there is no")],
    ids=["broken", "binary", "missing"],
)
def test_a_file_that_is_no_recipe_is_said(tmp_path, content, said):
    path = tmp_path / "recipe.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(RecipeError, match=said):
        read_recipe(path)


def test_a_folder_is_no_recipe(tmp_path):
    with pytest.raises(RecipeError, match="recipe"):
        read_recipe(tmp_path)


def test_a_choice_is_a_record():
    assert Choice("lr", 0.1, "a start").to_dict() == {"name": "lr", "value": 0.1, "reason": "a start"}


def test_the_defaults_alone_are_a_recipe():
    assert make_recipe() == Recipe()
