"""Figures: which there are, what stands on their axes, and that odd reports can be drawn too."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from firesteel.errors import RecipeError
from firesteel.evaluation.calibration import calibration_curve
from firesteel.evaluation.figures import FIGURES, VARIABLES, draw, figures_of, to_svg, write_png
from firesteel.evaluation.mistakes import Confusion, Mistakes, confusion_matrix, residual_summary
from firesteel.evaluation.report import History, Report
from firesteel.recipe import Task

MakeReport = Callable[..., Report]
NAMES = {
    "multiclass": [
        *["models", "data_fit", "boundary", "learning_curve", "compared", "confusion", "calibration", "importances"],
        *["mistakes", "predictions", "saliency", "filters", "feature_maps"],
    ],
    "regression": ["models", "data_fit", "learning_curve", "compared", "residuals", "importances"],
}


@pytest.mark.parametrize("task", NAMES)
def test_each_task_has_its_figures_as_png(task: Task, make_report: MakeReport, tmp_path: Path) -> None:
    paths = write_png(make_report(task), tmp_path)
    assert [path.stem for path in paths] == NAMES[task]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in paths)
    assert "matplotlib.pyplot" not in sys.modules  # no global state


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure.name)
def test_a_figure_is_an_svg_element_of_the_page(figure, make_report: MakeReport) -> None:
    report = make_report(figure.tasks[0])
    svg = to_svg(figure, report)
    root = ET.fromstring(svg)
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    assert all(name.startswith(f"{figure.name}-") for name in ids)
    assert not any(colour in svg for colour in VARIABLES)
    assert "var(--font)" in svg
    assert root.get("width") is None
    assert svg == to_svg(figure, report)  # the same bytes again


def test_a_figure_draws_on_the_axes_it_is_given(make_report: MakeReport) -> None:
    from matplotlib.figure import Figure

    ax = Figure().add_subplot()
    assert draw("confusion", make_report("binary"), ax=ax) is ax
    assert [text.get_text() for text in ax.get_yticklabels()] == ["no", "yes"]


def test_an_unknown_figure_gets_the_nearest_name(make_report: MakeReport) -> None:
    with pytest.raises(RecipeError, match="did you mean confusion"):
        draw("confusin", make_report("binary"))
    with pytest.raises(RecipeError, match="one of models, data_fit, learning_curve, compared, residuals, importances"):
        draw("confusion", make_report("regression"))


def test_every_model_is_named_with_its_score(make_report: MakeReport) -> None:
    report = make_report("multiclass")
    ax = draw("models", report)
    assert [text.get_text() for text in ax.get_yticklabels()] == [one.label for one in report.standings]
    shown = {text.get_text() for text in ax.texts}
    assert all(f"{one.score.value:.3f}" in shown for one in report.standings)


def test_what_knows_nothing_and_lies_far_off_becomes_an_arrow(make_report: MakeReport) -> None:
    report = make_report("regression", skill=0.9, rival=0.85)
    rows = [replace(one, name="mean", label="mean") if one.name == "svm" else one for one in report.baselines]
    ax = draw("models", replace(report, baselines=tuple(rows)))
    assert any("▸" in text.get_text() for text in ax.texts)


@pytest.mark.parametrize("epochs", [0, 1, 2])
def test_a_short_or_diverged_learning_curve_can_be_drawn(epochs: int, make_report: MakeReport) -> None:
    nan = float("nan")
    for value in (1.0, nan, float("inf"), 0.0):
        history = History(((value,),) * epochs, ((value,),) * epochs, (min(epochs, 1),))
        draw("learning_curve", replace(make_report("binary"), history=history)).figure.draw_without_rendering()


def test_of_many_classes_those_with_most_mistakes_are_drawn(make_report: MakeReport) -> None:
    rng = np.random.default_rng(0)
    y, proba = rng.integers(0, 40, 500), rng.random((500, 40))
    mistakes = Mistakes(confusion_matrix(y, proba), calibration_curve(y, proba / proba.sum(axis=1, keepdims=True)))
    names = tuple(f"class {i} with a very long name indeed" for i in range(40))
    ax = draw("confusion", replace(make_report("multiclass"), mistakes=mistakes, classes=names, sights=None))
    assert len(ax.get_xticks()) == 15
    assert ax.get_title(loc="left") == "the 15 classes with most mistakes; 25 more"
    ax.figure.draw_without_rendering()


def test_a_constant_prediction_of_a_constant_target_can_be_drawn(make_report: MakeReport) -> None:
    mistakes = Mistakes(residuals=residual_summary(np.ones(1), np.ones(1), seed=0))
    draw("residuals", replace(make_report("regression"), mistakes=mistakes)).figure.draw_without_rendering()


@pytest.mark.parametrize(
    "word", ["$x_2^", "a$b$c", "<b>&", "中文", "tab\tnew\nline", "\x00\x1b", "", "_hidden", "x" * 200]
)
def test_any_word_of_the_user_can_stand_on_an_axis(word: str, make_report: MakeReport) -> None:
    report = make_report("binary")
    report = replace(
        report,
        classes=(word, "b"),
        target=word,
        importances=tuple(replace(one, name=word) for one in report.importances),
    )
    for figure in figures_of(report):
        ET.fromstring(to_svg(figure, report))
        assert figure.caption(report)


def test_a_table_has_no_figure_of_pictures(make_report: MakeReport) -> None:
    found = figures_of(replace(make_report("binary"), sights=None))
    assert found
    assert not any(figure.is_of_pictures for figure in found)


@pytest.mark.parametrize(("n_wrong", "text"), [(3, "All 3 wrong answers"), (30, "The 3 surest of 30 wrong answers")])
def test_the_sheet_says_how_many_mistakes_it_leaves_out(n_wrong: int, text: str, make_report: MakeReport) -> None:
    report = make_report("binary")
    sights = replace(report.sights, worst=report.sights.worst[:3])
    mistakes = Mistakes(confusion=Confusion(((9, n_wrong), (0, 9))))
    figure = next(one for one in FIGURES if one.name == "mistakes")
    assert figure.caption(replace(report, sights=sights, mistakes=mistakes)).startswith(text)


def test_without_val_rows_the_learning_curve_is_of_training_rows_alone(make_report: MakeReport) -> None:
    report = make_report("binary")
    named = [text.get_text() for text in draw("learning_curve", report).texts]
    assert {"train", "val"} <= set(named)
    alone = replace(report, n_rows={"train": 8, "val": 0, "test": 4})
    assert "val" not in [text.get_text() for text in draw("learning_curve", alone).texts]


def test_curves_that_end_together_have_their_names_apart(make_report: MakeReport) -> None:
    history = History(((1.0,), (0.5,)), ((1.0,), (0.5001,)), (2,))
    texts = draw("learning_curve", replace(make_report("binary"), history=history)).texts
    heights = [text.xyann[1] for text in texts if text.get_text() in ("train", "val")]
    assert abs(heights[0] - heights[1]) > 10
