"""`firesteel fit` on every kind of data, and on every task."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch

import firesteel


def scores_of(model) -> dict[str, float]:
    return {found.name: found.value for found in model.report.test if found.is_applicable}


@pytest.mark.parametrize(
    ("task", "names"),
    [
        ("binary", {"accuracy", "balanced_accuracy", "log_loss", "roc_auc", "f1_macro"}),
        ("multiclass", {"accuracy", "balanced_accuracy", "log_loss", "f1_macro"}),
        ("regression", {"rmse", "mae", "r2"}),
    ],
)
def test_each_task_is_named_and_scored_by_its_own_metrics(make_rows, quick, task, names) -> None:
    model = firesteel.fit(make_rows(task), "y", **quick)
    assert model.report.task == task
    assert scores_of(model).keys() == names


@pytest.mark.parametrize(("task", "main", "least"), [("binary", "accuracy", 0.8), ("regression", "r2", 0.85)])
def test_what_can_be_learned_is_learned(make_rows, task, main, least) -> None:
    model = firesteel.fit(make_rows(task, n=600), "y", baselines=False)
    assert scores_of(model)[main] > least


def test_frames_of_polars_and_pandas_a_file_and_a_lazy_frame_give_the_same_bits(make_rows, quick, tmp_path) -> None:
    rows = make_rows()
    rows.write_csv(tmp_path / "rows.csv")
    rows.write_parquet(tmp_path / "rows.parquet")
    sources = [rows, rows.lazy(), rows.to_pandas(), tmp_path / "rows.csv", str(tmp_path / "rows.parquet")]
    weights = [firesteel.fit(source, "y", **quick).population.weights for source in sources]
    assert all(torch.equal(weights[0], other) for other in weights[1:])


def test_arrays_tensors_and_a_pair_of_them_are_fitted(quick) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(90, 3))
    y = x @ [1.0, 2.0, 3.0]
    pairs = [(x, y), (torch.from_numpy(x), torch.from_numpy(y)), ((x, y), None), (x.tolist(), y.tolist())]
    weights = [firesteel.fit(data, target, **quick).population.weights for data, target in pairs]
    assert all(torch.equal(weights[0], other) for other in weights[1:])


def test_a_frame_with_an_array_of_answers_is_fitted(make_rows, quick) -> None:
    rows = make_rows()
    x, y = rows.drop("y"), rows["y"]
    pairs = [(x, y), (x, y.to_numpy()), (x.to_pandas(), y.to_pandas()), (x.to_pandas(), y.to_list())]
    models = [firesteel.fit(*pair, **quick) for pair in pairs]
    assert all(model.classes == ("no", "yes") and model.features.sources == ("size", "age", "city") for model in models)
    assert all(torch.equal(models[0].population.weights, model.population.weights) for model in models[1:])


def test_a_column_of_an_array_can_be_the_target(quick) -> None:
    x = np.random.default_rng(0).normal(size=(60, 3))
    assert firesteel.fit(x, -1, **quick).report.target == "c2"


def test_a_built_in_set_needs_no_target(quick) -> None:
    assert firesteel.fit("iris", **quick).report.task == "multiclass"


def test_pandas_types_come_as_they_are(quick) -> None:
    frame = pd.DataFrame(
        {
            "n": pd.array([1, None, 3] * 20, dtype="Int64"),
            "when": pd.date_range("2024-01-01", periods=60, freq="h"),
            "word": pd.Categorical(["a", "b", None] * 20),
            "flag": pd.array([True, None, False] * 20, dtype="boolean"),
            "y": np.arange(60) % 2,
        }
    )
    kinds = {column.name: column.kind for column in firesteel.fit(frame, "y", **quick).schema.columns}
    assert kinds == {"n": "numeric", "when": "datetime", "word": "categorical", "flag": "boolean"}


def test_an_own_test_table_whose_labels_are_written_differently_is_matched_with_a_notice(
    say, make_rows, tmp_path
) -> None:
    make_rows().write_csv(tmp_path / "train.csv")
    make_rows(seed=5).with_columns(y=pl.format(" {}.", "y")).write_csv(tmp_path / "test.csv")
    words = ("--target", "y", "--test", tmp_path / "test.csv", "--epochs", 2, "--members", 1, "--no-baselines")
    said = say("fit", tmp_path / "train.csv", *words, "-o", tmp_path / "run")
    assert said.code == 0
    assert "120 test" in said.out
    assert "yes." in said.out
    model = firesteel.load(tmp_path / "run")
    assert scores_of(model)["accuracy"] > 0.2  # and not 0, as it is when no label is matched


def test_rows_of_the_test_table_are_not_trained_on(make_rows, quick) -> None:
    rows = make_rows()
    model = firesteel.fit(rows, "y", test=rows.head(30), **quick)
    assert model.report.n_rows["train"] + model.report.n_rows["val"] == 90
    assert any("equal a test row" in notice.text for notice in model.report.notices)


def test_rows_without_a_target_are_left_out_and_counted(make_rows, quick) -> None:
    rows = make_rows().with_columns(y=pl.when(pl.int_range(pl.len()) < 20).then(None).otherwise(pl.col("y")))
    model = firesteel.fit(rows, "y", **quick)
    assert sum(model.report.n_rows.values()) == 100
    assert any(notice.text == "20 rows have no 'y' and are left out" for notice in model.report.notices)


def test_rows_of_one_group_stay_on_one_side(make_rows, quick) -> None:
    rows = make_rows(n=200).with_columns(patient=pl.int_range(pl.len()) // 10)
    model = firesteel.fit(rows, "y", group="patient", **quick)
    assert all(n % 10 == 0 for n in model.report.n_rows.values())
    assert "patient" in model.report.split
    assert "patient" not in model.features.sources


def test_by_time_the_newest_rows_test(make_rows, quick) -> None:
    when = pl.datetime_range(pl.datetime(2024, 1, 1), pl.datetime(2024, 4, 29), "1d", eager=True)
    rows = make_rows().with_columns(when=when)
    model = firesteel.fit(rows.sample(fraction=1, shuffle=True, seed=1), "y", time="when", **quick)
    assert model.report.n_rows == {"train": 84, "val": 18, "test": 18}
    assert "when" in model.report.split
    again = firesteel.evaluate(model, rows.tail(18))
    assert [found.value for found in again.scores] == pytest.approx([found.value for found in model.report.test])


def test_a_column_that_gives_the_target_away_is_left_out_unless_kept(make_rows, quick) -> None:
    rows = make_rows(n=300).with_columns(alive=pl.col("y").replace({"yes": "alive", "no": "dead"}))
    model = firesteel.fit(rows, "y", **quick)
    leak = next(notice for notice in model.report.notices if notice.code == "leak")
    assert leak.column == "alive"
    assert "alive" not in model.features.sources
    kept = firesteel.fit(rows, "y", keep=["alive"], **quick)
    assert "alive" in kept.features.sources


def test_kind_and_drop_overrule_what_was_seen(make_rows, quick) -> None:
    model = firesteel.fit(make_rows(), "y", kind={"age": "categorical"}, drop=["size"], **quick)
    assert model.features.cat_names == ("age", "city")
    assert model.features.num_names == ()
