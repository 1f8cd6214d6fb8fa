"""What goes in and what comes out: rows of any kind in memory, labels as the training table held them."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import firesteel
from firesteel import DataError

X = np.random.default_rng(0).normal(size=(90, 3))


@pytest.fixture(scope="module")
def array_model(quick) -> firesteel.Model:
    return firesteel.fit(X, np.where(X[:, 0] > 0, 1, 0), **quick)


@pytest.mark.parametrize("has_header", [True, False])
def test_a_model_of_arrays_looks_whether_a_file_has_a_header(array_model, tmp_path, has_header) -> None:
    pl.DataFrame(X[:7], schema=["c0", "c1", "c2"]).write_csv(tmp_path / "rows.csv", include_header=has_header)
    answers = firesteel.predict(array_model, tmp_path / "rows.csv").frame
    assert answers.equals(firesteel.predict(array_model, X[:7]).frame)


def test_a_model_without_a_header_reads_the_first_line_as_a_row_even_after_loading(quick, tmp_path) -> None:
    pl.DataFrame(X).write_csv(tmp_path / "rows.csv", include_header=False)
    firesteel.fit(tmp_path / "rows.csv", -1, output=tmp_path / "run", **quick)
    (tmp_path / "words.csv").write_text("a,b,c\n1,2,3\n")
    assert firesteel.load(tmp_path / "run").has_header is False
    assert firesteel.predict(tmp_path / "run", tmp_path / "words.csv").n_rows == 2


def test_a_headerless_test_file_is_read_like_the_training_file(quick, tmp_path) -> None:
    pl.DataFrame(X).write_csv(tmp_path / "rows.csv", include_header=False)
    (tmp_path / "test.csv").write_text("a,b,0.5\n1,2,0.1\n")
    model = firesteel.fit(tmp_path / "rows.csv", -1, test=tmp_path / "test.csv", **quick)
    assert model.report.n_rows["test"] == 2


@pytest.mark.parametrize("classes", [(0, 1), (False, True), (-3, 7), (0.5, 1.5), ("a", "b"), (3.0, 4.0)])
def test_answers_compare_equal_to_the_labels_they_were_learned_from(quick, tmp_path, classes) -> None:
    y = np.where(X[:, 0] > 0, classes[1], classes[0])
    firesteel.fit(X, y, task="binary", output=tmp_path / "run", **quick | {"epochs": 40})
    pred = firesteel.predict(tmp_path / "run", X).frame["target"]
    assert (pred.to_numpy() == y).mean() > 0.8
    assert set(firesteel.load(tmp_path / "run").predict(X).pred) <= set(classes)


def test_labels_of_a_file_are_written_as_they_were(quick, tmp_path) -> None:
    pl.DataFrame(X).with_columns(y=X[:, 0] > 0).write_csv(tmp_path / "rows.csv")
    model = firesteel.fit(tmp_path / "rows.csv", "y", **quick)
    firesteel.predict(model, tmp_path / "rows.csv", output=tmp_path / "out.csv")
    assert set(pl.read_csv(tmp_path / "out.csv", infer_schema=False)["y"]) <= {"true", "false"}


def test_a_model_answers_every_kind_of_rows_in_memory(finished_run, make_rows, array_model) -> None:
    model, rows = firesteel.load(finished_run), make_rows(n=20).drop("y")
    expected = model.predict(rows).proba
    others = [rows.to_pandas(), rows.lazy(), rows.with_columns(pl.col("city").cast(pl.Categorical))]
    assert all(np.array_equal(model.predict(other).proba, expected) for other in others)
    assert np.array_equal(array_model.predict(X).proba, array_model.predict(X.tolist()).proba)
    assert array_model.encode(X).n_rows == 90


def test_no_rows_get_no_answers(finished_run, make_rows, array_model) -> None:
    model, rows = firesteel.load(finished_run), make_rows(n=5)
    for none in (rows.head(0), rows.to_pandas().head(0)):
        prediction = model.predict(none)
        assert prediction.proba.shape == (0, 2)
        assert prediction.to_frame().schema == model.predict(rows).to_frame().schema
    assert array_model.predict(X[:0]).to_frame().schema == array_model.predict(X).to_frame().schema


def test_an_id_column_said_twice_stands_once(finished_run, make_rows) -> None:
    answers = firesteel.predict(finished_run, make_rows(n=5), id_columns=["age", "age"])
    assert answers.frame.columns == ["age", "y", "proba_no", "proba_yes"]


def test_an_id_column_named_like_an_answer_is_refused_where_both_would_stand(finished_run, make_rows) -> None:
    rows = make_rows(n=5).with_columns(y_predicted=1)
    with pytest.raises(DataError, match="'y_predicted' is an id column and an answer"):
        firesteel.predict(finished_run, rows, id_columns=["y", "y_predicted"])


def test_a_model_says_its_scores(finished_run) -> None:
    assert "accuracy" in firesteel.load(finished_run).summary()
