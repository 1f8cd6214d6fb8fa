"""`firesteel show`: what a run is, how it was made, its choices and scores."""

from __future__ import annotations

import json

import pytest

import firesteel
from firesteel import FiresteelError


def test_says_what_is_predicted_from_what(say, finished_run) -> None:
    said = say("show", finished_run)
    assert (said.code, said.err) == (0, "")
    assert "predicts 'y' (binary) from 3 columns" in said.out
    for word in ("size", "age", "city", "categorical", "accuracy", "chosen", "lr"):
        assert word in said.out


def test_no_line_is_wider_than_a_terminal(say, finished_run) -> None:
    lines = say("show", finished_run).out.splitlines()
    assert max(len(line) for line in lines if str(finished_run) not in line) <= 80


def test_json_has_the_report_and_the_schema(say, finished_run) -> None:
    record = json.loads(say("show", finished_run, "--json").out)
    assert record["run"] == str(finished_run)
    assert [column["name"] for column in record["schema"]["columns"]] == ["size", "age", "city"]
    assert record["scores"]["test"]["accuracy"].keys() >= {"value", "low", "high"}


def test_says_the_same_as_python(say, finished_run) -> None:
    model = firesteel.show(finished_run)
    record = json.loads(say("show", finished_run, "--json").out)
    assert record["scores"] == json.loads(json.dumps(model.report.to_dict()["scores"]))


def test_a_folder_that_is_no_run_is_refused(tmp_path) -> None:
    with pytest.raises(FiresteelError, match=r"has no model\.json"):
        firesteel.show(tmp_path)


def test_shows_only_a_folder_or_a_model() -> None:
    with pytest.raises(FiresteelError, match="a run is a folder or a Model; a int"):
        firesteel.show(3)
