"""From a real table to answers, with no other option than the target."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

import firesteel

#: A table, its target, and its task.
TABLES = {
    "titanic": ("survived", "binary"),
    "penguins": ("species", "multiclass"),
    "diamonds": ("price", "regression"),
    "mpg": ("mpg", "regression"),
    "adult-train": (-1, "binary"),
    "horse-colic": (23, "binary"),
    "german": (-1, "binary"),
    "auto_imports": (-1, "regression"),
    "abalone": (-1, "regression"),
    "sonar": (-1, "binary"),
    "winequality-red": (-1, "regression"),
    "wheat-seeds": (-1, "multiclass"),
    "tips": ("tip", "regression"),
}


@pytest.mark.parametrize(("name", "target", "task"), [(name, *rest) for name, rest in TABLES.items()], ids=list(TABLES))
def test_goes_from_the_file_to_answers(say, real_tables, tmp_path, name: str, target: str | int, task: str) -> None:
    path = real_tables / f"{name}.csv"
    words = ("--target", target, "--epochs", 1, "--members", 1, "--no-baselines", "--quiet", "-o", tmp_path / "run")
    said = say("fit", path, *words)
    assert (said.code, said.err) == (0, "")
    assert firesteel.load(tmp_path / "run").report.task == task
    assert say("predict", tmp_path / "run", path, "-o", tmp_path / "out.csv").code == 0
    assert pl.read_csv(tmp_path / "out.csv", infer_schema=False).height == firesteel.read(path).n_rows
    assert say("evaluate", tmp_path / "run", path).code == 0


def test_the_column_that_gives_titanic_away_is_named(real_tables, quick) -> None:
    model = firesteel.fit(real_tables / "titanic.csv", "survived", **quick)
    assert [notice.column for notice in model.report.notices if notice.code == "leak"] == ["alive"]
    assert "alive" not in model.features.sources


def test_a_test_file_of_adult_with_dots_behind_its_labels_is_matched(real_tables: Path, quick, tmp_path) -> None:
    lines = (real_tables / "adult-train.csv").read_text().splitlines()[:3_000]
    (tmp_path / "train.csv").write_text("\n".join(lines[:2_000]) + "\n")
    (tmp_path / "test.csv").write_text("\n".join(f"{line}." for line in lines[2_000:]) + "\n")
    model = firesteel.fit(tmp_path / "train.csv", -1, test=tmp_path / "test.csv", **quick)
    assert model.classes == ("<=50K", ">50K")
    assert model.report.n_rows["test"] == 1_000
    assert model.report.main.value > 0.7
