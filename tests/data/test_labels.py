"""A test table's labels are understood or refused, never scored as wrong."""

from __future__ import annotations

import polars as pl
import pytest

from firesteel.data import Schema, Table, match_test_labels, read_schema, read_table
from firesteel.errors import DataError

SALARY = read_table(pl.DataFrame({"age": range(20, 60), "pay": ["<=50K", ">50K"] * 20}))
SCHEMA = read_schema(SALARY, "pay")


def labels(*words: str | None, schema: Schema = SCHEMA) -> Table:
    return match_test_labels(read_table(pl.DataFrame({"age": range(len(words)), "pay": words})), schema)


def test_labels_written_alike_pass_without_a_word() -> None:
    assert not labels(">50K", "<=50K").notices


@pytest.mark.parametrize("written", [" >50K.", ">50k", "> 50K", ">50K. "])
def test_labels_written_differently_are_matched_with_a_notice(written: str) -> None:
    table = labels(written, "<=50K", None)
    assert table.frame["pay"].to_list() == [">50K", "<=50K", None]
    assert "as '>50K'" in table.notices[0]


@pytest.mark.parametrize("word", ["=50K", "more", "50K"])
def test_unknown_labels_are_refused(word: str) -> None:
    with pytest.raises(DataError, match=f"has '{word}', training has '<=50K', '>50K'"):
        labels(word, ">50K")


def test_labels_that_would_fit_two_classes_are_refused() -> None:
    table = read_table(pl.DataFrame({"age": range(30), "pay": ["a", "A", "b"] * 10}))
    with pytest.raises(DataError, match=r"has 'a\.'"):
        labels("a.", "b", schema=read_schema(table, "pay"))


def test_numbers_as_classes_are_the_same_in_any_spelling() -> None:
    schema = read_schema(read_table(pl.DataFrame({"age": range(40), "pay": [1, 2] * 20})), "pay")
    assert match_test_labels(Table(pl.DataFrame({"age": [1], "pay": ["1.0"]}), "t"), schema).notices == ()


def test_a_test_table_without_a_column_is_refused_with_its_name() -> None:
    with pytest.raises(DataError, match="lacks 'age'") as error:
        match_test_labels(read_table(pl.DataFrame({"Age": [1], "pay": [">50K"]})), SCHEMA)
    assert "called 'Age'" in error.value.hint


def test_a_test_table_without_any_target_is_refused() -> None:
    with pytest.raises(DataError, match="'pay' is empty"):
        labels(None, None)


def test_words_in_the_target_of_a_regression_are_refused() -> None:
    schema = read_schema(read_table(pl.DataFrame({"age": range(40), "pay": [i * 0.5 for i in range(40)]})), "pay")
    assert not labels("1.5", "2", schema=schema).notices
    with pytest.raises(DataError, match="have words, like 'much'"):
        labels("1.5", "much", schema=schema)
