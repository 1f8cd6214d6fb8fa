"""`firesteel data`: what is in a table, before anything is trained."""

from __future__ import annotations

import json

import polars as pl

from firesteel import api


def test_names_each_column_s_kind(say, make_rows, tmp_path) -> None:
    make_rows().write_csv(tmp_path / "rows.csv")
    said = say("data", tmp_path / "rows.csv")
    assert (said.code, said.err) == (0, "")
    kinds = {line.split()[0]: line.split()[1] for line in said.out.splitlines() if line.startswith("  ")}
    assert kinds.items() >= {("size", "numeric"), ("age", "numeric"), ("city", "categorical")}


def test_offers_a_command_that_works(say, make_rows, tmp_path, monkeypatch) -> None:
    make_rows().write_csv(tmp_path / "rows.csv")
    monkeypatch.chdir(tmp_path)
    hint = say("data", "rows.csv", "--target", "y").out.splitlines()[-1].removeprefix("Next: ")
    said = say(*hint.split()[1:], "--epochs", 2, "--members", 1, "--no-baselines")
    assert said.code == 0


def test_counts_missing_values_and_equal_rows(make_rows) -> None:
    rows = make_rows()
    look = api.data(pl.concat([rows, rows.head(7)]))
    assert look.n_rows == 127
    assert look.n_equal == 7
    age = next(column for column in look.columns if column.name == "age")
    assert age.n_missing == pl.concat([rows, rows.head(7)])["age"].null_count()


def test_with_a_target_names_its_task_and_what_gives_it_away(make_rows) -> None:
    rows = make_rows(n=300).with_columns(answer=pl.col("y").replace({"yes": "1st", "no": "2nd"}))
    look = api.data(rows, "y")
    assert look.target is not None
    assert look.target.task == "binary"
    assert any(notice.startswith("leak: column 'answer'") for notice in look.notices)


def test_a_built_in_set_can_be_looked_over(say) -> None:
    said = say("data", "iris", "--target", "target")
    assert "multiclass" in said.out
    assert "3 classes" in said.out


def test_json_is_one_object(say, make_rows, tmp_path) -> None:
    make_rows().write_csv(tmp_path / "rows.csv")
    record = json.loads(say("data", tmp_path / "rows.csv", "--target", "y", "--json").out)
    assert record.keys() == {"name", "n_rows", "n_equal", "columns", "target", "notices", "hint", "counts"}
    assert record["target"]["classes"] == ["no", "yes"]
    assert record["columns"][0].keys() >= {"name", "kind", "reason", "n_missing", "n_unique"}


def test_the_same_table_is_seen_alike_from_a_file_and_a_frame(make_rows, tmp_path) -> None:
    make_rows().write_csv(tmp_path / "rows.csv")
    seen = [api.data(source).columns for source in (tmp_path / "rows.csv", make_rows())]
    assert seen[0] == seen[1]
