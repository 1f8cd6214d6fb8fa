"""What one value means, the same in a column of numbers and in a column of text."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firesteel.data import as_numbers, as_times, as_words
from firesteel.data.values import cast_text, clean_text

MARKS = ["", "?", "NA", "N/A", "NaN", "null", " ? ", "\t"]


def test_missing_marks_with_blanks_around_them_are_missing() -> None:
    assert clean_text(pl.Series(MARKS)).null_count() == len(MARKS)


def test_numbers_are_read_from_text_and_all_else_is_missing() -> None:
    text = pl.Series([" 3", "3.50 ", "1e3", "007", "?", "two", "inf", "nan", "1,5", "True", "-0"])
    assert as_numbers(text).to_list() == [3, 3.5, 1000, 7, None, None, None, None, None, 1, 0]


def test_a_number_is_one_word_however_it_is_written() -> None:
    assert as_words(pl.Series(["3", " 3", "3.0", "3.00"])).unique().to_list() == ["3"]
    assert as_words(pl.Series([3.0]))[0] == as_words(pl.Series([3]))[0] == "3"


def test_text_that_no_computer_writes_for_its_number_is_a_word_of_its_own() -> None:
    text = ["12", "0012", "1e5", "100000", "+3", "12345678901234567890", "12345678901234567891", "1.00000000000000001"]
    assert as_words(pl.Series(text)).to_list() == text


@given(
    st.lists(st.from_regex(r"[+-]?0{0,2}[0-9]{1,20}(\.[0-9]{0,3})?([eE][+-]?[0-9]{1,2})?", fullmatch=True), min_size=1)
)
def test_a_column_that_becomes_numbers_keeps_its_words(text: list[str]) -> None:
    column = clean_text(pl.Series(text))
    assert as_words(cast_text(column)).equals(as_words(column))
    assert as_numbers(cast_text(column)).equals(as_numbers(column))


def test_truth_is_one_word_however_it_is_written() -> None:
    assert as_words(pl.Series(["True", "true", " TRUE "])).unique().to_list() == ["true"]
    assert as_words(pl.Series([True]))[0] == "true"


@given(st.lists(st.none() | st.integers(-(2**60), 2**60), min_size=1))
def test_whole_numbers_mean_the_same_in_text(values: list[int | None]) -> None:
    typed = pl.Series(values, dtype=pl.Int64)
    text = typed.cast(pl.String)
    assert as_words(text).equals(as_words(typed))
    assert as_numbers(text).equals(as_numbers(typed))


@given(st.lists(st.none() | st.floats(allow_infinity=False, allow_nan=False), min_size=1))
def test_decimals_mean_the_same_in_text(values: list[float | None]) -> None:
    typed = pl.Series(values, dtype=pl.Float64)
    text = pl.Series([None if value is None else f" {value!r}" for value in values], dtype=pl.String)
    assert as_words(text).equals(as_words(typed))
    assert as_numbers(text).equals(as_numbers(typed))


@given(
    st.lists(
        st.none()
        | st.datetimes(
            dt.datetime.fromisoformat("1600-01-01T00:00:00"), dt.datetime.fromisoformat("2500-01-01T00:00:00")
        ),
        min_size=1,
    )
)
def test_times_mean_the_same_in_text(values: list[dt.datetime | None]) -> None:
    typed = pl.Series(values, dtype=pl.Datetime("us"))
    text = pl.Series([None if value is None else value.isoformat() for value in values], dtype=pl.String)
    assert as_times(text).equals(typed)
    assert as_words(text).equals(as_words(typed))
    assert as_numbers(typed).null_count() == typed.null_count()


@given(st.lists(st.none() | st.text(max_size=5)))
def test_words_of_words_are_the_words(values: list[str | None]) -> None:
    words = as_words(pl.Series(values, dtype=pl.String))
    assert as_words(words).equals(words)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-02-29", dt.datetime.fromisoformat("2024-02-29T00:00:00")),
        ("2024/2/9 7:05", dt.datetime.fromisoformat("2024-02-09T07:05:00")),
        ("2024-02-29T13:45:10.5Z", dt.datetime.fromisoformat("2024-02-29T13:45:10.500000")),
        ("2024-02-29 13:45+02:00", dt.datetime.fromisoformat("2024-02-29T11:45:00")),
        ("2024-02-29 13:45:00-0530", dt.datetime.fromisoformat("2024-02-29T19:15:00")),
        ("2023-02-29", None),
        ("2024-02-29 25:00", None),
        ("29.2.2024", None),
        ("20240229", dt.datetime.fromisoformat("2024-02-29T00:00:00")),
        ("1999", dt.datetime.fromisoformat("1999-01-01T00:00:00")),
        ("1700000000", dt.datetime.fromisoformat("2023-11-14T22:13:20")),
        ("1700000000000", dt.datetime.fromisoformat("2023-11-14T22:13:20")),
    ],
)
def test_times_are_read_as_iso_writes_them(text: str, expected: dt.datetime | None) -> None:
    assert as_times(pl.Series([text]))[0] == expected


@pytest.mark.parametrize(
    ("text", "dtype"),
    [
        (["1", "2", None], pl.Int64),
        (["1"] * 1000 + ["2.5"], pl.Float64),
        (["1"] * 1000 + ["x"], pl.String),
        (["00000", "2208"], pl.String),
        (["00000", "02208"], pl.String),
        (["01", "12"], pl.String),
        (["000", "000"], pl.String),
        (["12345678901234567890", "1"], pl.String),
        (["0.5", "1e-05", "2.0"], pl.Float64),
        (["1e5", "2"], pl.String),
        (["true", "False"], pl.Boolean),
        (["true", "maybe"], pl.String),
        (["2024-01-01", "2024-12-31"], pl.Date),
        (["2024-01-01", "2024-12-31 10:00"], pl.Datetime("us")),
        (["2024-01-01", "2024-13-01"], pl.String),
        ([None, None], pl.String),
    ],
)
def test_a_column_of_text_gets_the_type_of_all_its_values(text: list[str | None], dtype: pl.DataType) -> None:
    assert cast_text(pl.Series(text, dtype=pl.String)).dtype == dtype
