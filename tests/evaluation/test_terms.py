"""Sums as data and as a line."""

from __future__ import annotations

import json

import pytest

from firesteel.evaluation import Term, formula
from firesteel.evaluation.terms import term_name


@pytest.mark.parametrize(
    ("terms", "text"),
    [
        ([Term("1", 24.0), Term("x", 1.29)], "y = 24 + 1.29 x"),
        ([Term("1", -24.0), Term("x", -1.0), Term("x^3", 5.2)], "y = -24 - x + 5.2 x^3"),
        ([Term("b^-1", 1.0), Term("c", 2.0)], "y = b^-1 + 2 c"),
        ([Term("1", 0.0), Term("x", 1234567.0)], "y = 1.235e+06 x"),
        ([Term("x", 0.0)], "y = 0"),
        ([], "y = 0"),
    ],
)
def test_a_sum_is_one_readable_line(terms: list[Term], text: str) -> None:
    assert formula("y", terms) == text


def test_of_many_terms_the_largest_are_shown_in_their_order_with_the_number_of_the_others() -> None:
    terms = [Term("1", 0.5)] + [Term(f"x{i}", 0.001 * i, effect=float(100 - i)) for i in range(1, 16)]
    text = formula("y", terms)
    assert text.startswith("y = 0.5 + 0.001 x1 + 0.002 x2")
    assert text.endswith("x9 and 6 more")


def test_a_term_of_rounding_is_not_shown_and_not_counted() -> None:
    terms = [Term("1", 31.0, effect=31.0), Term("x", 3e-13, effect=1e-12), Term("x^3", 5.2, effect=900.0)]
    assert formula("y", terms) == "y = 31 + 5.2 x^3"


def test_a_small_term_with_a_real_effect_is_shown() -> None:
    assert formula("y", [Term("x", 1e-9, effect=50.0), Term("z", 3.0, effect=90.0)]) == "y = 1e-09 x + 3 z"


@pytest.mark.parametrize(
    ("powers", "name"), [((0, 0), "1"), ((1, 0), "x"), ((3, 0), "x^3"), ((0, -2), "'net weight'^-2"), ((1, 1), "x*y")]
)
def test_a_product_of_powers_has_a_name(powers: tuple[int, int], name: str) -> None:
    assert term_name(["x", "y" if powers == (1, 1) else "net weight"], powers) == name


def test_terms_survive_json() -> None:
    for term in (Term("x^3", 5.2), Term("1", 0.1, effect=0.1)):
        assert Term.from_dict(json.loads(json.dumps(term.to_dict()))) == term
