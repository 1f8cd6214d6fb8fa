"""`firesteel evaluate`: scores on other rows whose answers are known."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest
from sklearn import metrics

import firesteel
from firesteel import DataError, RecipeError


@pytest.fixture
def rows(make_rows) -> pl.DataFrame:
    return make_rows(n=60, seed=2)


def test_scores_are_those_of_scikit_learn_on_the_predictions(finished_run, rows) -> None:
    scores = {found.name: found for found in firesteel.evaluate(finished_run, rows).scores}
    answers = firesteel.predict(finished_run, rows).frame
    y, proba = rows["y"].to_list(), answers["proba_yes"].to_numpy()
    assert scores["accuracy"].value == pytest.approx(metrics.accuracy_score(y, answers["y"].to_list()))
    assert scores["roc_auc"].value == pytest.approx(metrics.roc_auc_score(y, proba))
    assert scores["log_loss"].value == pytest.approx(metrics.log_loss(y, proba, labels=["no", "yes"]), rel=1e-6)
    assert all(found.low <= found.value <= found.high for found in scores.values())


def test_a_regression_is_scored_in_the_target_s_units(make_rows, quick) -> None:
    model = firesteel.fit(make_rows("regression").with_columns(pl.col("y") * 1000), "y", **quick)
    rows = make_rows("regression", seed=3).with_columns(pl.col("y") * 1000)
    scores = {found.name: found.value for found in firesteel.evaluate(model, rows).scores}
    pred = firesteel.predict(model, rows).frame["y"].to_numpy()
    assert scores["rmse"] == pytest.approx(metrics.root_mean_squared_error(rows["y"], pred))
    assert scores["r2"] == pytest.approx(metrics.r2_score(rows["y"], pred))


def test_the_test_rows_score_as_they_did_in_fit(make_rows, quick) -> None:
    """Rows of an own test table are the ones that fit scored."""
    rows = make_rows(n=40, seed=4)
    model = firesteel.fit(make_rows(), "y", test=rows, **quick)
    again = firesteel.evaluate(model, rows)
    assert [found.value for found in again.scores] == pytest.approx([found.value for found in model.report.test])


def test_rows_without_a_target_are_left_out_and_counted(finished_run, rows) -> None:
    half = rows.with_columns(y=pl.when(pl.int_range(pl.len()) < 20).then(None).otherwise(pl.col("y")))
    evaluation = firesteel.evaluate(finished_run, half)
    assert evaluation.n_rows == 40
    assert [notice.text for notice in evaluation.notices] == ["20 rows have no 'y' and cannot be scored"]


def test_labels_that_are_written_differently_are_matched_with_a_notice(finished_run, rows) -> None:
    odd = rows.with_columns(y=pl.format(" {}.", pl.col("y")))
    evaluation = firesteel.evaluate(finished_run, odd)
    plain = firesteel.evaluate(finished_run, rows)
    assert [found.value for found in evaluation.scores] == [found.value for found in plain.scores]
    assert any("yes." in notice.text for notice in evaluation.notices)


def test_labels_that_training_never_saw_are_refused(finished_run, rows) -> None:
    with pytest.raises(DataError, match="perhaps"):
        firesteel.evaluate(finished_run, rows.with_columns(y=pl.lit("perhaps")))


def test_a_table_without_the_target_is_refused(finished_run, rows) -> None:
    with pytest.raises(DataError, match="'y'"):
        firesteel.evaluate(finished_run, rows.drop("y"))


def test_no_row_with_a_target_is_refused(finished_run, rows) -> None:
    with pytest.raises(DataError):
        firesteel.evaluate(finished_run, rows.with_columns(y=pl.lit(None, dtype=pl.String)))


def test_arrays_are_scored(quick) -> None:
    x = np.random.default_rng(0).normal(size=(80, 3))
    y = np.where(x[:, 0] > 0, "up", "down")
    model = firesteel.fit(x, y, **quick)
    assert firesteel.evaluate(model, x, y).n_rows == 80


def test_one_class_in_the_rows_still_has_an_accuracy(finished_run, rows) -> None:
    scores = firesteel.evaluate(finished_run, rows.filter(pl.col("y") == "yes")).scores
    assert next(found for found in scores if found.name == "accuracy").is_applicable
    assert not next(found for found in scores if found.name == "roc_auc").is_applicable


def test_json_maps_each_metric_to_its_value_and_interval(say, finished_run, rows, tmp_path) -> None:
    rows.write_csv(tmp_path / "rows.csv")
    said = say("evaluate", finished_run, tmp_path / "rows.csv", "--json")
    record = json.loads(said.out)
    assert record["run"] == str(finished_run)
    assert record["n_rows"] == {"test": 60}
    assert record["scores"]["test"].keys() == {"accuracy", "balanced_accuracy", "log_loss", "roc_auc", "f1_macro"}
    assert all(found.keys() >= {"value", "low", "high"} for found in record["scores"]["test"].values())
    assert record["notices"] == []


def test_the_terminal_shows_every_score(say, finished_run, rows, tmp_path) -> None:
    rows.write_csv(tmp_path / "rows.csv")
    said = say("evaluate", finished_run, tmp_path / "rows.csv")
    assert said.code == 0
    for word in ("on 60 rows", "accuracy", "log loss", "ROC AUC"):
        assert word.lower() in said.out.lower()


@pytest.mark.parametrize("target", ["size", "nothing", 0, np.int64(1), 99])
def test_another_column_than_the_target_is_refused(finished_run, rows, target) -> None:
    with pytest.raises(RecipeError, match="this one predicts 'y'"):
        firesteel.evaluate(finished_run, rows, target)


@pytest.mark.parametrize("target", ["y", -1, 3])
def test_the_target_may_be_named(finished_run, rows, target) -> None:
    assert firesteel.evaluate(finished_run, rows, target).n_rows == 60
