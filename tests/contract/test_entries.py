"""Every entry of the gallery: data that fit understands, one bar an expectation, a page that was made from it."""

from __future__ import annotations

import string
from importlib import resources
from pathlib import Path

import pytest

from firesteel.evaluation import FIGURES
from firesteel.gallery import MEASURES, fingerprint_in, read_entries, read_path
from firesteel.gallery.touring import TOURS, saying_of
from firesteel.recipe import make_recipe

LEARN = Path(__file__).parents[2] / "docs" / "learn"
ENTRIES = read_entries()
each_entry = pytest.mark.parametrize("entry", ENTRIES.values(), ids=ENTRIES)


def test_every_file_of_an_entry_is_on_the_path_once():
    files = {
        path.name.removesuffix(".toml") for path in resources.files("firesteel.gallery").joinpath("entries").iterdir()
    }
    on_path = [name for group in read_path() for name in group.entries]
    assert sorted(on_path) == sorted(files - {"path"})


def test_no_two_entries_share_a_name():
    names = [name for entry in ENTRIES.values() for name in (entry.id, *entry.also)]
    assert len(names) == len(set(names))


@each_entry
@pytest.mark.parametrize("is_fast", [False, True], ids=["whole", "fast"])
def test_every_recipe_is_one_that_fit_takes(entry, is_fast):
    for fields in entry.runs_of(seed=3, is_fast=is_fast).values():
        assert make_recipe(**fields).data


@each_entry
def test_every_expectation_states_one_bar(entry):
    for one in entry.expect:
        bars = [one.at_least, one.at_most, one.near, one.equals]
        assert sum(bar is not None for bar in bars) == 1, one.what
        assert (one.near is None) == (one.within is None), one.what
        assert not isinstance(one.fast, float) or one.near is one.equals is None, one.what


@each_entry
def test_the_paragraph_names_the_numbers_that_are_measured(entry):
    named = {name for _, name, _, _ in string.Formatter().parse(entry.text) if name}
    assert named == set(entry.numbers)


@each_entry
def test_every_measure_and_figure_is_one_that_there_is(entry):
    for words in (*(one.measure for one in entry.expect), *entry.numbers.values()):
        run, colon, rest = words.rpartition(":")
        assert rest.split()[0] in MEASURES or words in entry.tour, words
        assert not colon or run == "best" or run in entry.runs, words
    for words in entry.figures:
        run, colon, figure = words.rpartition(":")
        assert figure.strip() in {known.name for known in FIGURES}, words
        assert not colon or run in entry.runs, words
    assert set(entry.tour) <= set(TOURS)


@each_entry
def test_an_entry_must_reach_something_or_says_why_it_is_not_run(entry):
    assert bool(entry.expect) != bool(entry.later)


@each_entry
def test_the_page_of_an_entry_is_not_older_than_the_entry(entry):
    page = LEARN / f"{entry.id}.md"
    assert page.is_file(), f"scripts/docs.py learn {entry.id}"
    assert fingerprint_in(page.read_text(encoding="utf-8")) == entry.fingerprint, f"scripts/docs.py learn {entry.id}"


@pytest.mark.parametrize("name", MEASURES)
def test_every_measure_says_what_it_gives(name):
    assert (MEASURES[name].__doc__ or "").strip().endswith(".")


@pytest.mark.parametrize("name", TOURS)
def test_every_step_of_a_tour_says_what_it_shows(name):
    assert saying_of(name)
