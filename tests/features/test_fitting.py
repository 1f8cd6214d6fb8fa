"""What each column becomes, decided from training rows."""

from __future__ import annotations

import sys

import numpy as np
import polars as pl
import pytest

from firesteel.data import Column, Schema, Target
from firesteel.errors import DataError
from firesteel.features import Features, fit_features
from firesteel.recipe import Kind


def fit(kinds: dict[str, Kind], frame: pl.DataFrame) -> Features:
    columns = tuple(Column(name, kind, "", is_used=True) for name, kind in kinds.items())
    return fit_features(Schema(columns, Target("y", "regression", "")), frame)


def test_levels_are_coded_by_frequency_then_by_name() -> None:
    frame = pl.DataFrame({"c": ["b", "a", "c", "c", "b", "d", "d", "d"]})
    batch = fit({"c": "categorical"}, frame).encode(frame)
    assert batch.x_cat[:, 0].tolist() == [2, 4, 3, 3, 2, 1, 1, 1]  # d 3 times, b and c twice, a once


def test_a_missing_level_seen_in_training_has_a_code_of_its_own() -> None:
    frame = pl.DataFrame({"c": ["a", None, "a", "b"]})
    features = fit({"c": "categorical"}, frame)
    assert features.n_levels == (4,)
    assert features.encode(frame).x_cat[:, 0].tolist() == [1, 3, 1, 2]


def test_a_missing_value_is_unknown_where_training_had_none() -> None:
    features = fit({"c": "categorical"}, pl.DataFrame({"c": ["a", "b"]}))
    batch = features.encode(pl.DataFrame({"c": ["b", None, "z"]}))
    assert batch.x_cat[:, 0].tolist() == [2, 0, 0]


def test_fifty_thousand_values_become_a_thousand_levels() -> None:
    often = [f"often{i % 2_000}" for i in range(20_000)]
    frame = pl.DataFrame({"c": [*often, *(f"once{i}" for i in range(48_000))]})
    features = fit({"c": "categorical"}, frame)
    codes = features.encode(frame).x_cat[:, 0]
    assert features.n_levels == (1_001,)
    assert set(codes[20_000:]) == {0}
    assert "49,000 of 50,000 values are too rare" in features.notices[0]
    assert f"({(codes == 0).sum():,} training rows)" in features.notices[0]


def test_a_word_that_differs_in_each_row_is_left_out() -> None:
    frame = pl.DataFrame({"c": [f"u{i}" for i in range(30)], "x": range(30)})
    features = fit({"c": "categorical", "x": "numeric"}, frame)
    assert features.cat_names == ()
    assert features.notices == ("'c' has a different value in each training row and is left out",)


def test_a_column_that_does_not_vary_in_the_training_rows_is_left_out() -> None:
    frame = pl.DataFrame({"x": [1.0, 2.0], "same": ["a", "a"], "none": [None, None]})
    features = fit({"x": "numeric", "same": "categorical", "none": "numeric"}, frame)
    assert features.sources == ("x",)
    assert features.encode(frame).notices == ()  # the columns are known, though unread


def test_no_column_left_is_an_error() -> None:
    with pytest.raises(DataError, match="at least one column that varies"):
        fit({"same": "categorical"}, pl.DataFrame({"same": ["a", "a"]}))


def test_text_cannot_be_read_as_it_is() -> None:
    with pytest.raises(DataError, match=r"'note' is taken for text(.|\n)*--drop note"):
        fit({"note": "text"}, pl.DataFrame({"note": ["some words", "other words"]}))


@pytest.mark.parametrize(
    ("given", "later", "expected"),
    [
        ([True, False, None], ["true", "false", None], [1, 0, np.nan]),
        ([True, False, True], [1.0, 0.0, None], [1, 0, np.nan]),
        (["no", "yes", "no"], ["yes", "no", "perhaps"], [1, 0, np.nan]),
        ([0, 1, 1], [True, False, True], [1, 0, 1]),
    ],
)
def test_a_boolean_column_is_zero_and_one(given: list[object], later: list[object], expected: list[float]) -> None:
    features = fit({"b": "boolean"}, pl.DataFrame({"b": given}))
    x_num = features.encode(pl.DataFrame({"b": later})).x_num
    np.testing.assert_array_equal(x_num[:, 0], expected)


def test_a_boolean_column_with_one_word_and_gaps_keeps_what_the_gaps_say() -> None:
    frame = pl.DataFrame({"b": [True, None, True, None]})
    assert fit({"b": "boolean"}, frame).encode(frame).x_cat[:, 0].tolist() == [1, 2, 1, 2]


def test_large_whole_numbers_keep_their_differences() -> None:
    first = 1_700_000_000
    frame = pl.DataFrame({"unix": [first + i for i in range(1_000)]})
    features = fit({"unix": "numeric"}, frame)
    x_num = features.encode(frame).x_num
    assert x_num.dtype == np.float32
    np.testing.assert_array_equal(np.diff(x_num[:, 0]), 1.0)
    assert "1,700,000,999" in features.notices[0]
    assert "all its values stay apart" in features.notices[0]


def test_whole_numbers_that_float32_merges_are_said() -> None:
    rng = np.random.default_rng(0)
    features = fit({"key": "numeric"}, pl.DataFrame({"key": rng.integers(0, 2**62, 20_000)}))
    assert "float32 tells them apart only up to 16,777,216" in features.notices[0]
    assert "20,000 different values become 19,9" in features.notices[0]


def test_an_ordinary_column_is_not_touched() -> None:
    values = np.random.default_rng(0).normal(50, 3, 1_000)
    features = fit({"x": "numeric"}, pl.DataFrame({"x": values}))
    np.testing.assert_array_equal(features.encode(pl.DataFrame({"x": values})).x_num[:, 0], values.astype(np.float32))
    assert features.notices == ()


@pytest.mark.parametrize("size", [1e300, 1e-300, 1.7e308, 5e-324])
def test_the_largest_and_smallest_floats_give_finite_numbers_that_differ(size: float) -> None:
    frame = pl.DataFrame({"x": [-size, 0.0, size, 0.0, size]})
    x_num = fit({"x": "numeric"}, frame).encode(frame).x_num[:, 0]
    assert np.isfinite(np.square(x_num)).all()
    assert x_num[0] < x_num[1] < x_num[2]
    assert (np.abs(x_num[[0, 2]]) > 1e-6).all()


def test_a_date_gives_its_trend_and_the_cycles_that_vary() -> None:
    days = pl.Series("t", ["2023-12-31", "2024-01-01", "2024-07-01", None]).str.to_date()
    features = fit({"t": "datetime"}, days.to_frame())
    assert features.num_names == ("t", "t (part of year)", "t (weekday)")
    assert features.num_sources == ("t", "t", "t")
    x_num = features.encode(days.to_frame()).x_num
    np.testing.assert_allclose(x_num[2] - x_num[1], [182, 182 / 366, 0])
    assert x_num[1, 2] == 1  # a Monday
    assert np.isnan(x_num[3]).all()


def test_the_hour_is_read_where_it_varies() -> None:
    times = pl.Series("t", ["2024-05-01 06:30:00", "2024-05-01 18:00:00"]).str.to_datetime()
    features = fit({"t": "datetime"}, times.to_frame())
    assert features.num_names == ("t", "t (hour)")
    np.testing.assert_allclose(features.encode(times.to_frame()).x_num[:, 1], [6.5, 18.0])


def test_a_column_that_spans_all_floats_is_scaled() -> None:
    largest = sys.float_info.max
    frame = pl.DataFrame({"x": [-largest, -largest, 0.0, largest, largest]})
    batch = fit({"x": "numeric"}, frame).encode(frame)
    assert np.isfinite(batch.x_num).all()
    assert len(np.unique(batch.x_num)) == 3
