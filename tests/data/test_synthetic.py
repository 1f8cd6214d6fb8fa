"""Made-up sets: streams of rows that depend on their seed, and settings that are checked."""

from __future__ import annotations

import numpy as np
import pytest

from firesteel.data import SYNTHETIC, made_up_target, read_schema, read_table, rule_of, stream_tables
from firesteel.errors import DataError


def frame(source):
    return read_table(f"synthetic:{source}").frame


@pytest.mark.parametrize("name", SYNTHETIC)
def test_every_set_has_as_many_rows_as_it_is_asked_for_and_the_same_for_the_same_seed(name):
    asked = "6" if name == "six-points" else "300"
    found = frame(f"{name},rows={asked},seed=4")
    assert found.shape == (int(asked), len(SYNTHETIC[name].names) + 1)
    assert found.equals(frame(f"{name},rows={asked},seed=4"))
    assert name == "six-points" or not found.equals(frame(f"{name},rows={asked},seed=5"))


@pytest.mark.parametrize("name", SYNTHETIC)
def test_skipped_rows_are_those_that_came_before(name):
    assert frame(f"{name},rows=3,skip=2,noise=0.1").equals(frame(f"{name},rows=5,noise=0.1")[2:])


@pytest.mark.parametrize("name", ["line", "plane", "parabola"])
def test_noise_is_added_to_the_target_with_its_spread(name):
    noisy, clean = frame(f"{name},rows=4000,noise=2"), frame(f"{name},rows=4000")
    assert noisy.drop("target").equals(clean.drop("target"))
    assert (noisy["target"] - clean["target"]).std() == pytest.approx(2, rel=0.05)


def test_noise_on_columns_leaves_the_target_what_it_was():
    assert frame("strokes,rows=40,noise=0.2")["target"].equals(frame("strokes,rows=40")["target"])


def test_what_is_shaken_before_the_target_is_made_is_not_seen():
    found = frame("shaky-parabola,rows=5000")
    assert found["x"].equals(frame("parabola,rows=5000")["x"])
    residual = found["target"] - found["x"] ** 2
    assert residual.mean() == pytest.approx(1, abs=0.3)  # E (x + e)^2 = x^2 + 1


def test_even_rows_go_from_low_to_high():
    found = frame("line,slope=3,bias=0,rows=6,low=1,high=6,even=1")
    assert found["x"].to_list() == [1, 2, 3, 4, 5, 6]
    assert found["target"].to_list() == [3, 6, 9, 12, 15, 18]


def test_every_string_of_bits_comes_once_before_any_comes_again():
    found = frame("count-ones")
    assert found.n_unique() == 1024
    assert (found.drop("target").sum_horizontal() == found["target"]).all()


def test_the_rule_of_colours_gives_their_target():
    found = frame("colours,rows=500")
    assert (rule_of("synthetic:colours")(found) == found["target"].to_numpy()).all()


def test_the_rule_of_strokes_is_right_without_noise_and_breaks_on_another_way_of_writing():
    rule = rule_of("synthetic:strokes")
    assert (rule(frame("strokes")) == frame("strokes")["target"].to_numpy()).all()
    mirrored = frame("strokes,mirrored=1")
    assert (rule(mirrored) != mirrored["target"].to_numpy()).any()


def test_there_is_no_rule_where_nobody_wrote_one():
    assert rule_of("synthetic:plane") is None


def test_a_column_of_a_made_up_set_is_no_leak():
    schema = read_schema(read_table("synthetic:unknown-formula,rows=2000"), "target")
    assert not schema.leaks
    assert len(schema.used) == 4


def test_rows_come_in_chunks_as_they_come_at_once():
    chunks = list(stream_tables("synthetic:colours,rows=70", n_rows=30))
    assert [table.n_rows for table in chunks] == [30, 30, 10]
    assert (
        np.concatenate([table.frame["a"].to_numpy() for table in chunks]).tolist()
        == frame("colours,rows=70")["a"].to_list()
    )


@pytest.mark.parametrize(
    ("source", "found", "hint"),
    [
        ("colors", "there is no 'colors'", "synthetic:colours"),
        ("nothing-like-it", "there is no 'nothing-like-it'", "count-ones"),
        ("line,slop=2", "'slop=2' was given", "slope=2"),
        ("line,rows", "'rows' was given", "rows=1"),
        ("line,rows=many", "'many' was given", "rows=1"),
        ("line,rows=0", "says 0", "rows=100"),
        ("line,rows=2.5", "says 2.5", "rows=100"),
        ("line,rows=1e9", "says 1e+09", "rows=100"),
        ("line,seed=-1", "says -1", "seed=100"),
        ("line,noise=-1", "-1 was given", "noise=0.1"),
        ("line,noise=nan", "'nan' was given", "noise=1"),
        ("line,low=3,high=3", "3 and 3 were given", "low=0,high=10"),
        ("line,even=2", "even=2", "even=1"),
        ("line,even=1,skip=3", "skip=3", "without skip"),
        ("unknown-formula,low=0,even=1,rows=3", "divides by 0", "low=0.05"),
    ],
)
def test_words_that_make_no_set_are_refused(source, found, hint):
    with pytest.raises(DataError) as caught:
        frame(source)
    assert found in caught.value.found
    assert hint in caught.value.hint


def test_the_part_of_a_column_is_what_the_target_gains_by_it():
    found = frame("unknown-formula,rows=50")
    part = made_up_target("synthetic:unknown-formula", found, column="a")
    assert np.ptp(found["target"].to_numpy() - part) > 1
    grown = 5.3 * found["a"].to_numpy() ** 3
    np.testing.assert_allclose(part - part[0], grown - grown[0], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(("name", "column"), [("strokes", "top_left"), ("line", "z")])
def test_a_column_without_ends_has_no_part(name, column):
    with pytest.raises(DataError, match="the part of a column"):
        made_up_target(f"synthetic:{name}", frame(name), column=column)
