"""`firesteel explain`: the page of a rule, or all of them."""

from __future__ import annotations

import json

import pytest

import firesteel
from firesteel.doctor import rule_ids
from firesteel.errors import RecipeError


@pytest.mark.parametrize("rule", rule_ids())
def test_a_page_has_its_five_parts(rule: str, say) -> None:
    said = say("explain", rule)
    assert said.code == 0
    assert said.out.startswith(f"# {rule}: ")
    heads = [line for line in said.out.splitlines() if line.startswith("## ")]
    assert heads == [
        "## What happens",
        "## Sick",
        "## Healthy",
        "## How it is detected",
        "## When it does not apply",
    ]


def test_without_a_rule_all_are_listed(say) -> None:
    said = say("explain")
    assert all(rule in said.out for rule in rule_ids())
    assert all(len(line) <= 80 for line in said.out.splitlines())


def test_small_letters_will_do(say) -> None:
    assert say("explain", "l01").out == say("explain", "L01").out


def test_json_holds_the_page(say) -> None:
    record = json.loads(say("explain", "L01", "--json").out)
    assert record["rule"] == "L01"
    assert record["page"] == firesteel.explain("L01")


def test_an_unknown_rule_gets_the_nearest(say) -> None:
    said = say("explain", "L99")
    assert said.code == 2
    assert "is neither" in said.err
    assert "Try: " in said.err
    with pytest.raises(RecipeError):
        firesteel.explain("nonsense")
