"""A report's words and tables for a terminal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from firesteel.evaluation.baselines import Baseline
from firesteel.evaluation.digits import aligned
from firesteel.evaluation.lines import WIDTH, headline, model_table, score_table, summary, width_note
from firesteel.evaluation.report import Report
from firesteel.evaluation.terms import Term
from firesteel.recipe import Task

TASKS: tuple[Task, ...] = ("binary", "multiclass", "regression")
MakeReport = Callable[..., Report]


@pytest.mark.parametrize("task", TASKS)
def test_a_baseline_that_clearly_beats_the_network_stands_first(task: Task, make_report: MakeReport) -> None:
    text = headline(make_report(task, skill=0.1, rival=0.8))
    assert text.startswith("Random forest beats the network: ")
    assert "on 120 test rows (clear: 95 % interval of the gap " in text
    low, high = (float(end) for end in text.split("gap ")[1].rstrip(")").split(" to "))
    assert 0 < low < high  # in the winner's favour, whether more or less is better


@pytest.mark.parametrize("task", TASKS)
def test_a_network_that_wins_is_named_with_its_interval_and_the_best_baseline(
    task: Task, make_report: MakeReport
) -> None:
    report = make_report(task, skill=0.8, rival=0.1)
    text = headline(report)
    assert text.startswith("RMSE " if task == "regression" else "accuracy ")
    assert "best baseline: random forest, " in text
    assert "behind (clear: " in text
    low, high = (float(end) for end in text.split("gap ")[1].rstrip(")").split(" to "))
    assert 0 < low < high


def test_a_lead_within_noise_is_said_to_be_one(make_report: MakeReport) -> None:
    report = make_report("regression", skill=0.5, rival=0.5)
    assert "within noise: " in headline(report)


def test_equal_answers_are_level(make_report: MakeReport) -> None:
    report = make_report("binary", skill=0.8, rival=0.1)
    assert report.comparison is not None
    level = replace(report, comparison=replace(report.comparison, difference=0.0, low=0.0, high=0.0))
    assert "random forest" in headline(level)
    assert "level with the network (within noise" in headline(level)


def test_without_baselines_only_the_score_is_said(make_report: MakeReport) -> None:
    report = replace(make_report("regression"), baselines=(), comparison=None)
    assert headline(report).startswith("RMSE ")
    assert headline(report).endswith("on 120 test rows")
    assert " g (95 % interval " in headline(report)
    assert summary(report)[-1].startswith("R2")


def test_a_wide_interval_is_said_in_points_with_what_narrows_it(make_report: MakeReport) -> None:
    report = make_report("binary")
    main = replace(report.main, value=0.7, low=0.57, high=0.83, n_rows=50)
    few = replace(report, test=(main, *report.test[1:]))
    said = "50 test rows give an interval of ±13 points; more test rows narrow it"
    assert width_note(few) == said
    assert f"  {said}" in summary(few)


def test_a_narrow_interval_and_one_of_no_share_are_not_remarked(make_report: MakeReport) -> None:
    report = make_report("binary")
    many = replace(report, test=(replace(report.main, low=0.66, high=0.75), *report.test[1:]))
    alone = replace(report, test=(replace(report.main, low=float("nan"), high=float("nan")), *report.test[1:]))
    assert width_note(many) == width_note(alone) == width_note(make_report("regression")) == ""


@pytest.mark.parametrize("task", TASKS)
def test_no_line_is_wider_than_a_terminal(task: Task, make_report: MakeReport) -> None:
    report = make_report(task)
    huge = [
        replace(found, value=found.value * 1e6, low=found.low * 1e6, high=found.high * 1e6) for found in report.test
    ]
    for one in (report, replace(report, test=tuple(huge))):
        assert max(len(line) for line in summary(one)) <= WIDTH


def test_the_network_stands_marked_in_its_place_and_what_could_not_run_is_explained(make_report: MakeReport) -> None:
    lines = summary(make_report("multiclass", skill=0.3, rival=0.6))
    rows = [line[:20].strip() for line in lines if line.startswith(("  random", "▸ network", "  SVM"))]
    assert rows[0] == "random forest"
    assert "▸ network" in rows
    assert "  nearest neighbours: not applicable because no column differs" in lines


def test_a_table_has_the_same_decimals_in_a_column(make_report: MakeReport) -> None:
    lines = model_table(make_report("regression"))
    numbers = [line[20:].split()[0] for line in lines[1:]]
    assert len({len(number.split(".")[1]) for number in numbers}) == 1
    assert len({line.index(number) + len(number) for line, number in zip(lines[1:], numbers, strict=True)}) == 1


def test_val_scores_stand_beside_the_test_scores_with_the_spread_over_members(make_report: MakeReport) -> None:
    lines = score_table(make_report("binary"))
    assert lines[0].split()[-2:] == ["val", "members"]
    assert all("±" in line for line in lines[1:])
    assert score_table(replace(make_report("binary"), val=()))[0].split() == ["test", "95", "%", "interval"]


@pytest.mark.parametrize(
    ("values", "metric", "texts"),
    [
        ([0.97812, 1.0], "accuracy", ["0.978", "1.000"]),
        ([537.214, 1130.2], "rmse", ["537", "1,130"]),
        ([0.012345, float("nan")], "rmse", ["0.01235", "–"]),
        ([-0.0001, 0.5], "r2", ["0.000", "0.500"]),
        ([3.1e9, 2e8], "rmse", ["3.100e+09", "2.000e+08"]),
        ([-250.0], "r2", ["-250.0"]),
        ([0.0], "rmse", ["0.0"]),
        ([], "rmse", []),
    ],
)
def test_numbers_have_few_digits_and_as_many_decimals(values: list[float], metric: str, texts: list[str]) -> None:
    assert aligned(values, metric=metric) == texts


def test_what_a_model_that_is_a_sum_has_found_is_a_line(make_report: MakeReport) -> None:
    report = make_report("regression")
    line = Baseline(
        "linear_regression", "linear regression", report.test, 0.1, terms=(Term("1", 24.0), Term("x", 1.29))
    )
    assert "  linear regression: weight = 24 + 1.29 x" in summary(replace(report, baselines=(line,)))
