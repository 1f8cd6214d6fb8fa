"""An entry as data: its bars, its recipes, its names."""

from __future__ import annotations

import math

import pytest

from firesteel.errors import RecipeError
from firesteel.gallery import Entry, Expected, find_entry


def entry(**fields):
    return Entry(**{"id": "e", "title": "t", "asks": "?", "text": "x", **fields})


@pytest.mark.parametrize(
    ("bar", "value", "is_met"),
    [
        ({"at_least": 0.9}, 0.9, True),
        ({"at_least": 0.9}, 0.8999, False),
        ({"at_least": 0.9}, math.nan, False),
        ({"at_most": 2}, 2.0, True),
        ({"at_most": 2}, math.inf, False),
        ({"near": 3, "within": 0.01}, 3.01, True),
        ({"near": 3, "within": 0.01}, 3.02, False),
        ({"equals": [4, 11]}, [4.0, 11.0], True),
        ({"equals": [4, 11]}, [4.0, 12.0], False),
        ({"equals": "6"}, "6", True),
        ({"equals": "6"}, "5", False),
        ({"at_least": 1}, "a word", False),
    ],
)
def test_a_bar_is_reached_or_not(bar, value, is_met):
    assert Expected(what="w", measure="m", **bar).is_met(value, is_fast=False) == is_met


def test_a_short_run_has_a_bar_of_its_own_where_the_entry_says_so():
    one = Expected(what="w", measure="m", at_least=0.99, fast=0.9)
    assert one.is_met(0.95, is_fast=True)
    assert not one.is_met(0.95, is_fast=False)
    assert (one.bar(is_fast=True), one.bar(is_fast=False)) == (">= 0.9", ">= 0.99")


def test_runs_change_the_recipe_and_the_seed_stands_in_it():
    made = entry(
        recipe={"data": "synthetic:line,seed={seed}", "lr": 0.1},
        runs={"a": {}, "b": {"recipe": {"lr": 0.2}, "starts": 3}},
        fast={"epochs": 1},
    )
    found = made.runs_of(seed=2, is_fast=False)
    assert found["a"] == {"data": "synthetic:line,seed=2", "lr": 0.1, "seed": 2}
    assert found["b"] == {"data": "synthetic:line,seed=2", "lr": 0.2, "seed": (6, 7, 8)}
    assert made.runs_of(seed=2, is_fast=True)["b"]["epochs"] == 1


def test_the_fingerprint_changes_with_the_entry():
    assert entry().fingerprint == entry().fingerprint != entry(text="y").fingerprint


def test_an_entry_is_found_by_any_of_its_names():
    assert find_entry("line-module") is find_entry("line")


@pytest.mark.parametrize(("name", "hint"), [("line-3", "line-3x"), ("qqq", "firesteel gallery")])
def test_an_unknown_entry_is_told_its_nearest(name, hint):
    with pytest.raises(RecipeError) as caught:
        find_entry(name)
    assert hint in caught.value.hint
