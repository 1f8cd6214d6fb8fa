"""Reports as dicts."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from firesteel.evaluation.intervals import score
from firesteel.evaluation.report import Report
from firesteel.recipe import Choice, Task

TASKS: tuple[Task, ...] = ("binary", "multiclass", "regression")


@pytest.mark.parametrize("task", TASKS)
def test_a_report_survives_json_that_knows_no_nan(task: Task, make_report: Callable[..., Report]) -> None:
    record = make_report(task).to_dict()
    text = json.dumps(record, allow_nan=False)
    assert Report.from_dict(json.loads(text)).to_dict() == record
    assert record["history"]["val_loss"][1] == [0.8, None]


def test_the_dict_maps_metrics_to_values_as_the_json_of_fit_promises(make_report: Callable[..., Report]) -> None:
    record = make_report("binary").to_dict()
    metrics = {"accuracy", "balanced_accuracy", "log_loss", "roc_auc", "f1_macro"}
    for scores in (record["scores"]["test"], record["scores"]["val"], record["baselines"]["random_forest"]):
        assert set(scores) == metrics
        assert all({"value", "low", "high"} <= set(found) for found in scores.values())
    assert record["baselines"]["nearest_neighbours"] == {}
    assert record["baseline_notes"]["nearest_neighbours"]["note"].startswith("not applicable because")
    assert record["choices"][0] == {"name": "d_hidden", "value": [64, 64], "reason": "560 rows"}
    assert record["notices"] == [{"code": "leak", "text": "'alive' gives the target away", "column": "alive"}]


def test_a_score_that_does_not_apply_is_named_with_its_reason(make_report: Callable[..., Report]) -> None:
    report = make_report("regression")
    test = score(np.ones(5), np.zeros(5), task="regression", seed=0)
    record = replace(report, test=test).to_dict()
    assert set(record["scores"]["test"]) == {"rmse", "mae"}
    assert record["not_applicable"] == {"r2": "not applicable because it needs two different target values"}
    assert Report.from_dict(record).to_dict() == record


def test_numbers_of_numpy_and_foreign_values_become_json(make_report: Callable[..., Report]) -> None:
    choices = (Choice("lr", np.float32(0.5), ""), Choice("n", np.int64(3), ""), Choice("inf", float("inf"), ""))
    record = replace(make_report("binary"), choices=choices, n_params=np.int64(7)).to_dict()
    assert [one["value"] for one in record["choices"]] == [0.5, 3, None]
    assert type(record["n_params"]) is int


@pytest.mark.parametrize(("task", "is_higher_better"), [("multiclass", True), ("regression", False)])
def test_standings_are_sorted_best_first_with_the_network_in_its_place(
    task: Task, is_higher_better: bool, make_report: Callable[..., Report]
) -> None:
    report = make_report(task, skill=0.2, rival=0.6)
    assert [one.label for one in report.standings] == ["random forest", "SVM", "network"]
    values = [one.score.value for one in report.standings]
    assert values == sorted(values, reverse=is_higher_better)


def test_a_report_of_a_stranger_needs_only_its_scores() -> None:
    report = Report("binary", "y", score(np.array([0, 1]), np.eye(2), task="binary", seed=0))
    assert Report.from_dict(report.to_dict()).to_dict() == report.to_dict()
    assert report.best is None


def test_pictures_of_other_classes_than_the_reports_are_refused(make_report: Callable[..., Report]) -> None:
    record = make_report("binary").to_dict()
    with pytest.raises(ValueError, match="is not a picture of 3 classes"):
        Report.from_dict({**record, "classes": ["a", "b", "c"]})


def test_a_report_without_pictures_does_not_speak_of_them(make_report: Callable[..., Report]) -> None:
    record = make_report("regression").to_dict()
    assert "sights" not in record
    assert Report.from_dict(record).sights is None
