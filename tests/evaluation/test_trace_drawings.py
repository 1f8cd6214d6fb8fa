"""What stands on the figures of the data with the fit, and of which class is where."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from firesteel.evaluation.figures import FIGURES, draw, figures_of
from firesteel.evaluation.look import CLASS_COLOURS, CLASS_MARKERS, INK, MARKER_SIZES, NET
from firesteel.evaluation.report import Report
from firesteel.evaluation.traces import MAX_CLASSES, Part, trace_curve, trace_plane

MakeReport = Callable[..., Report]
NOWHERE = "no data\nhere"


def legend(ax: Axes) -> list[str]:
    return [text.get_text() for text in ax.get_legend().get_texts()]


def caption(name: str, report: Report) -> str:
    return next(one for one in FIGURES if one.name == name).caption(report)


def with_curve(report: Report, x: np.ndarray, y: np.ndarray, *, answer: Callable[[np.ndarray], np.ndarray]) -> Report:
    part = Part(x[:, None], y)
    curve = trace_curve("x", part, test=part, ask=lambda rows: answer(rows[:, 0])[None], n_classes=0, seed=0)
    return replace(report, curve=curve)


@pytest.mark.parametrize("name", ["data_fit", "boundary"])
def test_a_trace_draws_on_the_axes_it_is_given(name: str, make_report: MakeReport) -> None:
    ax = Figure().add_subplot()
    assert draw(name, make_report("binary"), ax=ax) is ax


def test_what_lies_beyond_the_data_is_shaded_and_said(make_report: MakeReport) -> None:
    report = make_report("regression")
    ax = draw("data_fit", report)
    assert [text.get_text() for text in ax.texts] == [NOWHERE, NOWHERE]
    shaded = sorted((patch.get_x(), patch.get_x() + patch.get_width()) for patch in ax.patches)
    low, high = report.curve.ends
    assert shaded == [(report.curve.x[0], low), (high, report.curve.x[-1])]


def test_the_fit_is_named_beside_the_rows(make_report: MakeReport) -> None:
    assert legend(draw("data_fit", make_report("regression"))) == [
        "network", "its members", "train rows", "test rows",
    ]  # fmt: skip


def test_the_fit_is_dashed_where_there_is_no_data(make_report: MakeReport) -> None:
    report = make_report("regression")
    lines = [line for line in draw("data_fit", report).lines if line.get_color() == NET and line.get_linewidth() > 1]
    reach = {line.get_linestyle() == "--": np.ptp(line.get_xdata()) for line in lines}
    assert len(lines) == 3
    assert reach[False] == pytest.approx(np.ptp(report.curve.ends))


def test_a_fit_that_shoots_up_beyond_the_data_does_not_make_the_data_small(make_report: MakeReport) -> None:
    x = np.linspace(0, 1, 50)
    ax = draw("data_fit", with_curve(make_report("regression"), x, x, answer=lambda rows: np.exp(rows**2 * 20)))
    low, high = ax.get_ylim()
    assert high - low < 4 * np.exp(20)


def test_large_numbers_are_written_whole(make_report: MakeReport) -> None:
    x = np.linspace(0, 1, 50)
    ax = draw("data_fit", with_curve(make_report("regression"), x, x + 1e9, answer=lambda rows: rows + 1e9))
    ax.figure.draw_without_rendering()
    assert ax.yaxis.get_offset_text().get_text() == ""
    assert "1,000,000,001" in [text.get_text() for text in ax.get_yticklabels()]


def test_every_class_has_its_colour_and_its_marker(make_report: MakeReport) -> None:
    ax = draw("boundary", make_report("multiclass"))
    assert legend(ax) == ["no", "yes", "perhaps", "train row", "test row", "wrong"]
    handles = ax.get_legend().legend_handles
    assert [to_hex(handle.get_color()) for handle in handles[:3]] == list(CLASS_COLOURS[:3])
    assert [handle.get_marker() for handle in handles[:3]] == list(CLASS_MARKERS[:3])


def test_there_is_a_look_for_each_class_that_is_drawn() -> None:
    assert len(set(CLASS_COLOURS)) == len(set(CLASS_MARKERS)) == len(MARKER_SIZES) == MAX_CLASSES


def test_wrong_test_rows_are_ringed_and_counted(make_report: MakeReport) -> None:
    report = make_report("binary")
    test = report.plane.test
    n_wrong = sum(true != picked for true, picked in zip(test.true, test.picked, strict=True))
    rings = [line for line in draw("boundary", report).lines if line.get_markeredgecolor() == INK]
    assert [len(line.get_xdata()) for line in rings] == [n_wrong]
    assert f"{n_wrong} of the {len(test.true)} test rows drawn are wrong." in caption("boundary", report)


def test_names_that_differ_at_their_ends_stay_different_in_the_legend(make_report: MakeReport) -> None:
    names = tuple(f"a very long name of class number {i}" for i in range(2))
    shown = legend(draw("boundary", replace(make_report("binary"), classes=names)))[:2]
    assert shown[0] != shown[1]


def test_one_class_everywhere_and_a_single_row_can_be_drawn(make_report: MakeReport) -> None:
    part = Part(np.zeros((1, 2)), np.zeros(1, dtype=np.int64))

    def ask(rows: np.ndarray) -> np.ndarray:
        return np.tile([0.75, 0.25], (1, len(rows), 1))

    plane = trace_plane(("a", "b"), part, test=part, ask=ask, n_classes=2, seed=0)
    draw("boundary", replace(make_report("binary"), plane=plane)).figure.draw_without_rendering()


def test_along_one_column_each_class_has_its_rows_in_a_lane(make_report: MakeReport) -> None:
    report = make_report("multiclass")
    ax = draw("data_fit", report)
    assert legend(ax) == list(report.classes)
    lanes = {float(line.get_ydata()[0]) for line in ax.lines if line.get_marker() in CLASS_MARKERS}
    assert len(lanes) == 3
    assert min(lanes) > 1


def test_a_report_without_traces_has_no_such_figure(make_report: MakeReport) -> None:
    names = [one.name for one in figures_of(replace(make_report("binary"), curve=None, plane=None))]
    assert not {"data_fit", "boundary"} & set(names)
