"""`firesteel predict`: answers for new rows, in their order."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest
import torch

import firesteel
from firesteel import DataError, ModelError


@pytest.fixture
def rows(make_rows) -> pl.DataFrame:
    return make_rows(n=50, seed=1)


def test_rows_keep_their_order(finished_run, rows) -> None:
    forwards = firesteel.predict(finished_run, rows).frame
    backwards = firesteel.predict(finished_run, rows.reverse()).frame
    assert forwards["y"].equals(backwards["y"].reverse())
    np.testing.assert_allclose(forwards["proba_yes"], backwards["proba_yes"].reverse(), atol=1e-6)


def test_a_row_is_answered_alike_alone_and_among_others(finished_run, rows) -> None:
    together = firesteel.predict(finished_run, rows).frame
    alone = pl.concat([firesteel.predict(finished_run, rows[i]).frame for i in range(rows.height)])
    assert together["y"].equals(alone["y"])
    np.testing.assert_allclose(together["proba_yes"], alone["proba_yes"], atol=1e-6)


def test_each_class_has_its_probability(finished_run, rows) -> None:
    frame = firesteel.predict(finished_run, rows).frame
    assert frame.columns == ["y", "proba_no", "proba_yes"]
    np.testing.assert_allclose(frame["proba_no"] + frame["proba_yes"], 1, atol=1e-12)
    assert frame["y"].to_list() == ["yes" if p > 0.5 else "no" for p in frame["proba_yes"]]


def test_the_plain_torch_net_gives_the_same_answers(finished_run, rows) -> None:
    model = firesteel.load(finished_run)
    batch = model.encode(rows)
    with torch.no_grad():
        proba = model.net(torch.from_numpy(batch.x_num), torch.from_numpy(batch.x_cat))
    np.testing.assert_allclose(proba, model.predict(rows).proba, atol=1e-6)


def test_a_regression_answers_with_numbers_in_the_target_s_units(make_rows, rows, quick) -> None:
    train = make_rows("regression", n=400).with_columns(pl.col("y") * 1000 + 5000)
    model = firesteel.fit(train, "y", **quick | {"epochs": 30})
    frame = firesteel.predict(model, rows).frame
    assert frame.columns == ["y"]
    truth = make_rows("regression", n=50, seed=1)["y"] * 1000 + 5000
    assert np.corrcoef(frame["y"], truth)[0, 1] > 0.8
    assert frame["y"].mean() == pytest.approx(truth.mean(), rel=0.2)


def test_values_that_training_did_not_have_are_read_as_unknown(finished_run, rows) -> None:
    strange = rows.with_columns(city=pl.lit("paris"), size=pl.lit("big"))
    answers = firesteel.predict(finished_run, strange)
    assert answers.frame["proba_yes"].is_finite().all()
    assert any("'city': 50 rows with a value that training never or hardly had" in text for text in answers.notices)
    assert any("'size': 50 rows without a number, like 'big'" in text for text in answers.notices)


def test_missing_values_are_answered(finished_run, rows) -> None:
    empty = rows.with_columns(pl.lit(None).alias(name) for name in ("size", "age", "city"))
    proba = firesteel.predict(finished_run, empty).frame["proba_yes"].to_numpy()
    assert np.isfinite(proba).all()
    np.testing.assert_allclose(proba, proba[0], atol=1e-6)


def test_extra_columns_are_ignored_with_a_notice(finished_run, rows) -> None:
    plain = firesteel.predict(finished_run, rows)
    wide = firesteel.predict(finished_run, rows.with_columns(extra=1))
    assert wide.frame.equals(plain.frame)
    assert wide.notices == ("'extra' was not there in training and is ignored",)


def test_the_target_is_not_needed(finished_run, rows) -> None:
    assert firesteel.predict(finished_run, rows.drop("y")).frame.equals(firesteel.predict(finished_run, rows).frame)


def test_the_order_of_the_columns_does_not_matter(finished_run, rows) -> None:
    turned = rows.select(rows.columns[::-1])
    assert firesteel.predict(finished_run, turned).frame.equals(firesteel.predict(finished_run, rows).frame)


def test_a_missing_column_is_named(finished_run, rows) -> None:
    with pytest.raises(DataError, match=r"'city' is not among its 3 columns.\n  Try: rename 'City' for 'city'"):
        firesteel.predict(finished_run, rows.rename({"city": "City"}).drop("y"))


def test_a_file_a_polars_and_a_pandas_frame_are_answered_alike(finished_run, rows, tmp_path) -> None:
    rows.write_csv(tmp_path / "rows.csv")
    rows.write_parquet(tmp_path / "rows.parquet")
    expected = firesteel.predict(finished_run, rows).frame
    for source in (tmp_path / "rows.csv", tmp_path / "rows.parquet", rows.to_pandas()):
        assert firesteel.predict(finished_run, source).frame.equals(expected)


def test_id_columns_stand_in_front(say, finished_run, rows, tmp_path) -> None:
    rows.with_row_index("key").write_csv(tmp_path / "rows.csv")
    said = say("predict", finished_run, tmp_path / "rows.csv", "--id", "key,y", "-o", tmp_path / "out.csv")
    assert said.code == 0
    frame = pl.read_csv(tmp_path / "out.csv")
    assert frame.columns == ["key", "y", "y_predicted", "proba_no", "proba_yes"]
    assert frame["key"].to_list() == list(range(50))
    assert frame["y"].to_list() == rows["y"].to_list()


def test_an_id_column_that_is_not_there_is_refused(finished_run, rows) -> None:
    with pytest.raises(DataError, match=r"'sise' does not.\n  Try: --id size"):
        firesteel.predict(finished_run, rows, id_columns=["sise"])


def test_a_file_of_answers_holds_the_same_as_memory(say, finished_run, rows, tmp_path) -> None:
    rows.write_csv(tmp_path / "rows.csv")
    assert say("predict", finished_run, tmp_path / "rows.csv", "-o", tmp_path / "out.csv").code == 0
    written = pl.read_csv(tmp_path / "out.csv")
    assert written.equals(firesteel.predict(finished_run, rows).frame)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.csv", "rows.csv"]


def test_an_earlier_file_is_replaced_only_with_force(say, finished_run, rows, tmp_path) -> None:
    rows.write_csv(tmp_path / "rows.csv")
    (tmp_path / "out.csv").write_text("mine")
    words = ("predict", finished_run, tmp_path / "rows.csv", "-o", tmp_path / "out.csv")
    said = say(*words)
    assert said.code == 2
    assert "is there already" in said.err
    assert (tmp_path / "out.csv").read_text() == "mine"
    assert say(*words, "--force").code == 0
    assert pl.read_csv(tmp_path / "out.csv").height == 50


def test_no_part_of_a_file_is_left_where_the_rows_break_off(finished_run, rows, tmp_path) -> None:
    rows.write_csv(tmp_path / "rows.csv")
    with (tmp_path / "rows.csv").open("a") as file:
        file.write("1,2,3,4,5,6\n")
    with pytest.raises(DataError, match=r"line 52 of 'rows\.csv' has 6"):
        firesteel.predict(finished_run, tmp_path / "rows.csv", output=tmp_path / "out.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["rows.csv"]


def test_a_file_read_in_many_parts_is_answered_as_one(finished_run, rows, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("firesteel.model.predicting.N_ROWS_AT_ONCE", 7)
    rows.with_columns(extra=1).write_csv(tmp_path / "rows.csv")
    parts = firesteel.predict(finished_run, tmp_path / "rows.csv")
    assert parts.frame["y"].equals(firesteel.load(finished_run).predict(rows).to_frame()["y"])
    assert parts.notices == ("'extra' was not there in training and is ignored",)


def test_a_model_without_a_header_answers_files_without_one(make_rows, quick, tmp_path) -> None:
    make_rows("regression").write_csv(tmp_path / "rows.csv", include_header=False)
    model = firesteel.fit(tmp_path / "rows.csv", -1, **quick)
    make_rows("regression", n=3).write_csv(tmp_path / "three.csv", include_header=False)
    assert firesteel.predict(model, tmp_path / "three.csv").n_rows == 3


def test_arrays_are_answered(quick) -> None:
    x = np.random.default_rng(0).normal(size=(80, 3))
    model = firesteel.fit(x, np.where(x[:, 0] > 0, "up", "down"), **quick)
    assert firesteel.predict(model, x[:5]).frame.height == 5


def test_json_has_every_row(say, finished_run, rows, tmp_path) -> None:
    rows.write_csv(tmp_path / "rows.csv")
    record = json.loads(say("predict", finished_run, tmp_path / "rows.csv", "--json").out)
    assert record.keys() == {"n_rows", "notices", "rows"}
    assert record["n_rows"] == len(record["rows"]) == 50
    assert record["rows"][0].keys() == {"y", "proba_no", "proba_yes"}


def test_a_place_that_cannot_be_written_is_named(finished_run, rows, tmp_path) -> None:
    with pytest.raises(ModelError, match=r"no/out\.csv': No such file or directory"):
        firesteel.predict(finished_run, rows, output=tmp_path / "no" / "out.csv")
