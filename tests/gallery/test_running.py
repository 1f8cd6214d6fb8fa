"""Entries run by the ordinary fit, and what was measured held against what must be."""

from __future__ import annotations

import json

import numpy as np
import pytest

import firesteel
from firesteel import api
from firesteel.data import Wish
from firesteel.errors import RecipeError
from firesteel.gallery import Entry, learn_page, run_entry
from firesteel.gallery.measuring import measure

LINE = {
    "data": "synthetic:line,rows=60,seed={seed}",
    "net": "linear",
    "epochs": 3,
    "baselines": ["mean", "linear_regression"],
}


def made(**fields):
    return Entry(**{"id": "e", "title": "A title", "asks": "Why?", "text": "x is {x:.2f}", "recipe": LINE, **fields})


@pytest.fixture(scope="module")
def outcome():
    return run_entry(
        made(
            expect=[
                {"what": "slope", "measure": "term linear_regression x", "near": 1.29, "within": 1e-4},
                {"what": "too much", "measure": "test r2", "at_least": 2},
            ],
            numbers={"x": "term linear_regression 1"},
            figures=["data_fit"],
        ),
        firesteel.fit,
    )


def test_what_was_reached_stands_beside_what_must_be(outcome):
    assert [one.is_met for one in outcome.reached] == [True, False]
    assert not outcome.is_met
    assert outcome.reached[0].value == pytest.approx(1.29)


def test_the_paragraph_has_its_numbers(outcome):
    assert outcome.paragraph == "x is 24.00"


def test_figures_are_pictures(outcome):
    assert outcome.figures()["data-fit"].png.startswith(b"\x89PNG")


def test_the_page_holds_question_answer_and_numbers(outcome):
    page = learn_page(outcome, figures=outcome.figures(), before=None, after=made(id="next"))
    assert page.startswith(f"<!-- made from entry {outcome.entry.fingerprint} ")
    assert "*Why?*" in page
    assert "| slope | 1.29 | 1.29 ± 0.0001 |" in page
    assert "![A title: data fit](images/e-data-fit.png)" in page
    assert "[A title →](next.md)" in page


def test_the_outcome_is_a_record(outcome):
    assert json.loads(json.dumps(outcome.to_dict()))["reached"][0]["is_met"] is True


def test_another_seed_is_another_set():
    numbers = {"x": "test rmse"}
    found = [run_entry(made(numbers=numbers), firesteel.fit, seed=seed).numbers["x"] for seed in (0, 1)]
    assert found[0] != found[1]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("steps 1e9", 4.0),
        ("steps 0", float("inf")),
        ("epochs", 3.0),
        ("terms linear_regression", "1 x"),
        ("chosen lr", 0.05),
        ("notices leak", 0.0),
    ],
)
def test_measures_read_the_report(outcome, words, expected):
    assert measure(outcome.runs, words) == expected


def test_the_share_beside_a_column_is_that_of_the_rest():
    """c makes nearly all of the variance; a model that is right about c alone has an R2 of 0 beside it."""
    words = {"data": "synthetic:unknown-formula,rows=400", "net": "linear", "epochs": 1, "baselines": ["power_library"]}
    outcome = run_entry(made(recipe=words, numbers={"x": "beside c power_library"}), firesteel.fit)
    assert outcome.numbers["x"] > 0.999
    assert measure(outcome.runs, "beside c") < 0
    assert measure(outcome.runs, "share c") > 0.999


def test_an_unknown_measure_is_refused(outcome):
    with pytest.raises(RecipeError, match="did you mean steps"):
        measure(outcome.runs, "stepps 1")


def test_an_entry_whose_set_is_not_there_is_not_applicable(tmp_path, monkeypatch):
    monkeypatch.delenv("FIRESTEEL_DATA", raising=False)
    outcome = run_entry(
        made(needs="mnist", numbers={"x": "test r2"}), firesteel.fit, wish=Wish(data_dir=tmp_path, is_offline=True)
    )
    assert outcome.not_applicable.startswith("no data: mnist is not on this machine")
    assert "FIRESTEEL_DATA" in outcome.not_applicable
    assert outcome.is_met
    assert outcome.paragraph == ""


def test_what_is_wrong_with_the_words_is_said_before_anything_runs():
    for words, found in {("nope",): "nope", (): "seeds is 0"}.items():
        with pytest.raises(RecipeError) as caught:
            api.gallery(*words, seeds=1 if words else 0)
        assert found in caught.value.found


def test_an_epoch_of_the_loop_shows_every_row_once(outcome):
    assert measure(outcome.runs, "shown") == 1.0


def test_a_fit_of_a_degree_is_numpys_own():
    words = {"data": "synthetic:shaky-parabola,rows=120", "d_hidden": [8], "epochs": 5, "baselines": False}
    outcome = run_entry(made(recipe=words, numbers={"x": "against_degree 2"}), firesteel.fit)
    ran = outcome.runs["run"]
    known, test = (ran.table(part).frame for part in ("known", "test"))
    errors = np.polyval(np.polyfit(known["x"], known["target"], 2), test["x"]) - test["target"].to_numpy()
    assert outcome.numbers["x"] == pytest.approx(measure(outcome.runs, "test mse") / np.square(errors).mean())


def test_a_run_folder_is_for_one_entry(tmp_path):
    with pytest.raises(RecipeError, match="one run folder is for one entry"):
        list(api.gallery("line-3x", "fit-c", output=tmp_path / "run"))
