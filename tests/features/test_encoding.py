"""Any table, encoded as the training rows were."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_series_equal

from firesteel.data import Column, Schema, Target, as_words, read_schema, read_table, stream_tables
from firesteel.errors import DataError, ModelError
from firesteel.features import Features, fit_features, sum_oddities

TRAIN = pl.DataFrame(
    {
        "age": [22.0, 38.0, 26.0, None],
        "deck": ["C", None, "E", "C"],
        "alone": [True, False, False, True],
        "born": ["1980-01-01", "1981-06-01", "1982-02-01", "1983-03-03"],
        "name": ["Ann", "Bob", "Cyd", "Dan"],
        "y": ["no", "yes", "yes", "no"],
    }
)
SCHEMA = Schema(
    (
        Column("age", "numeric", "", is_used=True),
        Column("deck", "categorical", "", is_used=True),
        Column("alone", "boolean", "", is_used=True),
        Column("born", "datetime", "", is_used=True),
        Column("name", "id", "", is_used=False),
    ),
    Target("y", "binary", "", classes=("no", "yes")),
)


@pytest.fixture(scope="module")
def features() -> Features:
    return fit_features(SCHEMA, TRAIN)


def test_the_arrays_have_the_stated_names_shapes_and_types(features: Features) -> None:
    batch = features.encode(TRAIN)
    assert batch.x_num.shape == (4, len(features.num_names)) == (4, len(features.num_sources))
    assert batch.x_cat.shape == (4, len(features.cat_names)) == (4, len(features.n_levels))
    assert (batch.x_num.dtype, batch.x_cat.dtype) == (np.float32, np.int64)
    assert batch.x_num.flags.c_contiguous
    assert batch.notices == ()


def test_double_precision_is_kept_where_asked() -> None:
    batch = fit_features(SCHEMA, TRAIN.with_columns(age=pl.Series([0.1, 0.2, 0.3, 0.4])), dtype="float64").encode(TRAIN)
    assert batch.x_num.dtype == np.float64


@pytest.mark.parametrize("kind", ["numeric", "categorical"])
@pytest.mark.parametrize("spelled", [("007", "12", "7"), ("7", "12", "3"), ("7", "1e1", "2.50"), ("1.50", "2", "0.25")])
def test_numbers_are_read_alike_in_training_and_in_chunks(tmp_path: Path, kind: Any, spelled: tuple[str, ...]) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("z,y\n" + "".join(f"{spelled[i % 3]},{'ab'[i % 2]}\n" for i in range(12)))
    table = read_table(path)
    features = fit_features(read_schema(table, "y", kind={"z": kind}), table.frame)
    batches = [features.encode(chunk.frame) for chunk in stream_tables(path, n_rows=1)]
    whole = features.encode(table.frame)
    np.testing.assert_array_equal(np.concatenate([b.x_num for b in batches]), whole.x_num)
    np.testing.assert_array_equal(np.concatenate([b.x_cat for b in batches]), whole.x_cat)
    assert len(np.unique(np.hstack([whole.x_num, whole.x_cat])[:3], axis=0)) == len(
        set(spelled if kind == "categorical" else map(float, spelled))
    )
    assert not any(batch.notices for batch in batches)


def test_no_rows_give_empty_arrays(features: Features) -> None:
    batch = features.encode(TRAIN.clear())
    assert batch.x_num.shape == (0, len(features.num_names))
    assert batch.x_cat.shape == (0, 1)


def test_a_table_of_text_is_read_like_the_typed_one(features: Features) -> None:
    text = TRAIN.with_columns(pl.all().cast(pl.String))
    typed, read = features.encode(TRAIN), features.encode(text)
    np.testing.assert_array_equal(read.x_num, typed.x_num)
    np.testing.assert_array_equal(read.x_cat, typed.x_cat)
    assert read.notices == ()


def test_the_order_of_columns_does_not_matter(features: Features) -> None:
    turned = features.encode(TRAIN.select(reversed(TRAIN.columns)))
    np.testing.assert_array_equal(turned.x_num, features.encode(TRAIN).x_num)


def test_a_row_alone_is_read_as_among_others(features: Features) -> None:
    together = features.encode(TRAIN)
    for i in range(TRAIN.height):
        alone = features.encode(TRAIN[i])
        np.testing.assert_array_equal(alone.x_num[0], together.x_num[i])
        np.testing.assert_array_equal(alone.x_cat[0], together.x_cat[i])


def test_what_cannot_be_read_is_counted_with_an_example(features: Features) -> None:
    strange = TRAIN.with_columns(
        age=pl.Series(["22", "old", "older", "?"]),
        deck=pl.Series(["C", "Z", None, "Z"]),
        born=pl.Series(["1980-01-01", "long ago", None, "1983-03-03"]),
        alone=pl.Series(["true", "perhaps", "false", "true"]),
    )
    batch = features.encode(strange)
    assert set(batch.notices) == {
        "'age': 2 rows without a number, like 'old', read as missing",
        "'deck': 2 rows with a value that training never or hardly had, like 'Z', read as unknown",
        "'born': 1 row without a date or time, like 'long ago', read as missing",
        "'alone': 1 row with a value that training never had, like 'perhaps', read as missing",
    }
    assert np.isnan(batch.x_num[1:, 0]).all()
    assert batch.x_cat[:, 0].tolist()[1::2] == [0, 0]


def test_the_oddities_of_a_stream_are_added_up(features: Features) -> None:
    chunk = TRAIN.with_columns(age=pl.Series(["22", "old", "older", "?"]), new=1)
    twice = sum_oddities([*features.encode(chunk).oddities, *features.encode(chunk).oddities])
    assert [oddity.text for oddity in twice] == [
        "'new' was not there in training and is ignored",
        "'age': 4 rows without a number, like 'old', read as missing",
    ]


def test_a_missing_column_is_named_with_the_nearest_one(features: Features) -> None:
    with pytest.raises(DataError, match=r"'age' is not among its 6 columns(.|\n)*rename 'Age' for 'age'"):
        features.encode(TRAIN.rename({"age": "Age"}))


def test_labels_become_the_codes_of_the_classes(features: Features) -> None:
    y = features.encode_target(TRAIN)
    assert y.dtype == np.int64
    assert y.tolist() == [0, 1, 1, 0]


def test_a_label_that_training_did_not_know_is_named(features: Features) -> None:
    with pytest.raises(DataError, match=r"'yes\.' stands in 2 of 4 rows(.|\n)*write 'yes' instead"):
        features.encode_target(TRAIN.with_columns(y=pl.Series(["no", "yes.", "yes.", "no"])))


@pytest.mark.parametrize(
    ("values", "found"),
    [([1.0, None], "missing in 1 of 2 rows"), (["1", "many"], "'many' stands in it")],
)
def test_a_regression_needs_a_number_in_every_row(values: list[Any], found: str) -> None:
    schema = Schema((Column("x", "numeric", "", is_used=True),), Target("y", "regression", ""))
    features = fit_features(schema, pl.DataFrame({"x": [1, 2], "y": [1.5, 2.5]}))
    assert features.encode_target(pl.DataFrame({"y": ["1.5", " 2"]})).tolist() == [1.5, 2.0]
    with pytest.raises(DataError, match=found):
        features.encode_target(pl.DataFrame({"y": values}))


def test_the_target_must_be_there(features: Features) -> None:
    with pytest.raises(DataError, match="'y' is not among its 5 columns"):
        features.encode_target(TRAIN.drop("y"))


def test_features_survive_json(features: Features) -> None:
    again = Features.from_dict(json.loads(json.dumps(features.to_dict())))
    assert again == features
    np.testing.assert_array_equal(again.encode(TRAIN).x_num, features.encode(TRAIN).x_num)


def break_levels(record: dict[str, Any]) -> None:
    record["columns"][1]["levels"] = ["C", "C"]


EDITS = {
    "columns": lambda record: record.pop("columns"),
    r"columns\.0\.number\.scaling\.scale": lambda record: record["columns"][0]["scaling"].update(scale=0),
    r"columns\.0\.number\.scaling\.offset": lambda record: record["columns"][0]["scaling"].update(offset=float("nan")),
    r"columns\.1": break_levels,
    r"columns\.2": lambda record: record["columns"][2].update(encoding="pickle"),
    "dtype": lambda record: record.update(dtype="float16"),
    "target": lambda record: record.update(target="y"),
}


@pytest.mark.parametrize("where", EDITS)
def test_an_edited_record_is_an_error_that_says_where(features: Features, where: str) -> None:
    record = json.loads(json.dumps(features.to_dict()))
    EDITS[where](record)
    with pytest.raises(ModelError, match=f"'{where}"):
        Features.from_dict(record)


@given(st.lists(st.none() | st.text(max_size=6) | st.floats().map(str) | st.dates().map(str), max_size=5))
def test_a_word_has_one_spelling_for_good(values: list[str | None]) -> None:
    """What looking up levels without spelling them again relies on."""
    words = as_words(pl.Series(values, dtype=pl.String))
    assert_series_equal(as_words(words), words)


VALUES = st.one_of(
    st.none(), st.integers(-(2**63), 2**63 - 1).map(str), st.floats().map(str), st.text(max_size=5), st.just("C")
)


@given(st.lists(st.tuples(VALUES, VALUES, VALUES, VALUES), min_size=1, max_size=8))
def test_any_text_at_all_gives_finite_numbers_or_missing_ones_and_known_codes(
    rows: list[tuple[str | None, ...]],
) -> None:
    features = fit_features(SCHEMA, TRAIN)
    names = ["age", "deck", "alone", "born"]
    batch = features.encode(pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row"))
    assert not np.isinf(batch.x_num).any()
    assert ((batch.x_cat >= 0) & (batch.x_cat < features.n_levels)).all()


def test_a_real_table_with_gaps_is_encoded_without_a_notice(real_tables: Path) -> None:
    frame = pl.read_csv(real_tables / "titanic.csv")
    kinds = {"age": "numeric", "fare": "numeric", "sex": "categorical", "deck": "categorical", "alone": "boolean"}
    columns = tuple(Column(name, kind, "", is_used=True) for name, kind in kinds.items())
    features = fit_features(Schema(columns, Target("survived", "binary", "", ("0", "1"))), frame)
    batch = features.encode(frame)
    assert np.isnan(batch.x_num[:, 0]).sum() == frame["age"].null_count()
    assert (batch.x_cat[:, 1] == features.n_levels[1] - 1).sum() == frame["deck"].null_count()
    assert features.encode_target(frame).mean() == frame["survived"].mean()
