"""Where a run goes, what is in it, and by what a resumed run is known."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest
from torch import nn

import firesteel
from firesteel import DataError, ModelError
from firesteel.model import run_key_of
from firesteel.recipe import make_recipe


@pytest.mark.parametrize("place", [".", "..", ""])
def test_a_run_does_not_replace_the_folder_one_is_in(make_rows, quick, tmp_path, monkeypatch, place) -> None:
    (tmp_path / "inner").mkdir()
    monkeypatch.chdir(tmp_path / "inner")
    with pytest.raises(ModelError, match="is the folder that you are in"):
        firesteel.fit(make_rows(), "y", output=place, **quick)


def test_where_one_stands_there_is_nothing_to_resume(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelError, match="only an unfinished run can be resumed"):
        firesteel.fit(resume=".")


def test_the_run_holds_its_split(make_rows, quick, tmp_path) -> None:
    model = firesteel.fit(make_rows(), "y", output=tmp_path / "run", **quick)
    split = json.loads((tmp_path / "run" / "split.json").read_text(encoding="utf-8"))
    assert sorted(split["train"] + split["val"] + split["test"]) == list(range(120))
    assert {part: len(split[part]) for part in ("train", "val", "test")} == model.report.n_rows
    assert split["how"] == model.report.split


@pytest.mark.parametrize("number", [3, -1, np.int64(3), np.int32(-1)])
def test_a_column_is_named_by_any_whole_number(make_rows, quick, number) -> None:
    assert firesteel.fit(make_rows(), number, **quick).report.target == "y"


@pytest.mark.parametrize("as_frame", [pl.DataFrame.clone, pl.DataFrame.to_pandas], ids=["polars", "pandas"])
def test_a_frame_keeps_its_columns_beside_answers_of_its_own(make_rows, quick, as_frame) -> None:
    x, y = as_frame(make_rows().drop("y")), make_rows()["y"]
    model = firesteel.fit(x, y, **quick)
    assert firesteel.predict(model, x).n_rows == 120
    assert firesteel.evaluate(model, x, y).n_rows == 120


def test_a_frame_with_a_column_target_and_answers_of_its_own_is_refused(make_rows, quick) -> None:
    rows = make_rows().rename({"age": "target"})
    with pytest.raises(DataError, match="the frame has a column 'target' already"):
        firesteel.fit(rows.drop("y"), rows["y"], **quick)
    with pytest.raises(DataError, match="120 and y has 119"):
        firesteel.fit(make_rows().drop("y"), make_rows()["y"][1:], **quick)


def test_a_run_is_another_with_other_test_rows_or_another_net(make_rows) -> None:
    recipe, table = make_recipe(data="x.csv"), firesteel.read(make_rows())
    tests = [None, table, firesteel.read(make_rows(seed=1))]
    nets = [None, nn.Linear(4, 1), nn.Linear(5, 1), nn.Bilinear(4, 4, 1), make_rows]
    keys = [run_key_of(recipe, table, test=test, source=None) for test in tests]
    keys += [run_key_of(recipe, table, test=None, source=net) for net in nets[1:]]
    assert len(set(keys)) == len(keys)
