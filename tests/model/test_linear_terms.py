"""A linear network as the formula that it is; no formula where it is none."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import firesteel

LINEAR = {"net": "linear", "baselines": False, "epochs": 3}


def answer(terms, row):
    named = {"1": 1.0, **row}
    return sum(term.coefficient * named[term.name] for term in terms)


@pytest.mark.parametrize("scaling", ["none", "standard", "range"])
def test_the_formula_gives_what_the_net_answers(scaling):
    model = firesteel.fit("synthetic:plane,rows=300", scaling=scaling, dtype="float64", **LINEAR)
    row = {"a": 3.0, "b": -50.0, "c": 7.5, "d": 1000.0}
    said = firesteel.predict(model, pl.DataFrame([row])).frame["target"].item()
    assert answer(model.report.terms, row) == pytest.approx(said, rel=1e-9)


def test_columns_that_are_bent_on_their_way_make_no_formula():
    x = np.random.default_rng(0).normal(0, 1000, 400)
    frame = pl.DataFrame({"x": x, "target": 0.0001 * x})
    assert firesteel.fit(frame, "target", scaling="robust", **LINEAR).report.terms == ()


@pytest.mark.parametrize("data", ["synthetic:colours,rows=200", "words"])
def test_classes_and_words_make_no_formula(data, make_rows):
    frame = make_rows("regression") if data == "words" else data
    target = {"target": "y"} if data == "words" else {}
    assert firesteel.fit(frame, **target, **LINEAR).report.terms == ()


def test_the_formula_is_in_the_summary_and_on_disk(tmp_path):
    model = firesteel.fit("synthetic:line,rows=100", output=tmp_path / "run", **LINEAR)
    assert "network: target = " in model.summary()
    assert firesteel.load(tmp_path / "run").report.terms == model.report.terms
