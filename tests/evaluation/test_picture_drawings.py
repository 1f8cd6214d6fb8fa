"""What stands on the figures of pictures."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from firesteel.evaluation.figures import FIGURES, draw, label_sheet_png, to_svg
from firesteel.evaluation.picture_drawings import draw_labels, draw_prediction, draw_sheet
from firesteel.evaluation.report import Report
from firesteel.evaluation.sights import Seen

MakeReport = Callable[..., Report]
CLASSES = ("zero", "one", "two", "three", "four", "five", "six", "seven")
OF_PICTURES = [figure for figure in FIGURES if figure.is_of_pictures]


def seen(
    true: int | None, *, proba: tuple[float, ...] = (0.01, 0.9, 0.09), shape: tuple[int, int, int] = (4, 4, 1)
) -> Seen:
    return Seen(np.zeros(shape, np.uint8), "a/b.png", true, proba)


def words(ax: Axes) -> list[str]:
    return [text.get_text().replace("\N{NO-BREAK SPACE}", " ") for text in ax.texts]


@pytest.mark.parametrize("figure", OF_PICTURES, ids=lambda figure: figure.name)
def test_a_figure_of_pictures_draws_on_the_axes_it_is_given(figure, make_report: MakeReport) -> None:
    ax = Figure().add_subplot()
    assert draw(figure.name, make_report("multiclass"), ax=ax) is ax
    assert ax.images
    assert not ax.axison


def test_a_mistake_says_what_was_taken_for_what_and_how_surely() -> None:
    said = " ".join(words(draw_sheet([seen(0)] * 13, CLASSES).axes[0]))
    assert "zero taken for one, 90 % a/b.png" in said


def test_without_a_true_class_only_the_answer_is_said() -> None:
    said = words(draw_sheet([seen(None)] * 13, CLASSES).axes[0])
    assert "one, 90 %" in said
    assert not any("taken" in word for word in said)


def test_the_likeliest_classes_have_bars_the_true_one_always() -> None:
    proba = (0.3, 0.2, 0.15, 0.12, 0.1, 0.08, 0.05, 0.0)
    said = words(draw_prediction(seen(7, proba=proba), CLASSES))
    assert [word for word in said if word.strip("✓ ") in CLASSES] == ["zero", "one", "two", "three", "four", "✓ seven"]
    assert not any("✓" in word for word in words(draw_prediction(seen(None, proba=proba), CLASSES)))


def test_bars_are_as_long_as_the_probabilities_are_large() -> None:
    ax = draw_prediction(seen(1), CLASSES)
    tracks_and_bars = [patch.get_width() for patch in ax.patches if patch.get_fill()]
    track = max(tracks_and_bars)
    assert [width / track for width in tracks_and_bars] == pytest.approx([1, 0.9, 1, 0.09, 1, 0.01])


def test_a_sheet_of_few_has_bars_and_one_of_many_is_cut() -> None:
    assert "✓ zero" in words(draw_sheet([seen(0)] * 2, CLASSES).axes[0])
    many = draw_sheet([seen(0)] * 120, CLASSES).axes[0]
    assert len(many.images) == 100
    assert words(many)[-1] == "and 20 more"


def test_wide_pictures_leave_no_gaps_between_rows() -> None:
    square, wide = (draw_sheet([seen(0, shape=shape)] * 20, CLASSES) for shape in ((4, 4, 1), (2, 8, 3)))
    assert wide.get_figheight() < 0.7 * square.get_figheight()


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 64, 3), (64, 1, 1)])
def test_any_shape_of_picture_can_be_drawn(shape: tuple[int, int, int]) -> None:
    for n in (1, 3, 14):
        draw_sheet([seen(0, shape=shape)] * n, CLASSES).draw_without_rendering()


def test_long_names_that_differ_at_their_ends_stay_different() -> None:
    names = [f"the long name of the class number {i}" for i in range(3)]
    said = words(draw_sheet([seen(0)] * 2, names).axes[0])
    labels = {word.removeprefix("✓ ") for word in said if word.removeprefix("✓ ").startswith("the")}
    assert len(labels) == 3


def test_the_page_holds_each_pixel_once(make_report: MakeReport) -> None:
    svg = to_svg(next(figure for figure in FIGURES if figure.name == "mistakes"), make_report("binary"))
    content = re.findall(r'base64,\s*([^"]+)"', svg)
    assert {Image.open(io.BytesIO(base64.b64decode(one))).size for one in content} == {(8, 8)}
    assert "image-rendering:pixelated" in svg.replace(" ", "")


def test_a_confusion_has_its_examples_in_their_cells(make_report: MakeReport) -> None:
    report = make_report("multiclass", skill=0.2)
    ax = draw("confusion", report)
    cells = {(round(image.get_extent()[2]), round(image.get_extent()[0])) for image in ax.images}
    assert cells == {(one.true, one.pred) for one in report.sights.examples}
    assert min(image.get_zorder() for image in ax.images) > ax.patches[0].get_zorder()
    counts = report.mistakes.confusion.array
    assert sorted(words(ax)) == sorted(f"{n:,}" for n in counts[counts > 0])


def test_examples_of_classes_that_are_not_drawn_are_left_out(make_report: MakeReport) -> None:
    report = make_report("multiclass", skill=0.2)
    counts = np.zeros((40, 40), int)
    counts[20:, 0:20] = 5
    strangers = tuple(replace(one, true=30, proba=(0.0,) * 31 + (1.0,) * 9) for one in report.sights.examples)
    mistakes = replace(report.mistakes, confusion=type(report.mistakes.confusion)(tuple(map(tuple, counts.tolist()))))
    names = tuple(str(i) for i in range(40))
    sights = replace(report.sights, examples=strangers)
    assert not draw("confusion", replace(report, mistakes=mistakes, classes=names, sights=sights)).images


@pytest.mark.parametrize(("n", "shape"), [(1, (8, 8)), (10, (8, 8, 1)), (12, (4, 16, 3))])
def test_each_picture_has_its_label_below_it(n: int, shape: tuple[int, ...]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (n, *shape)).astype(np.uint8)
    (ax,) = draw_labels(pixels, [f"{i}" for i in range(n)]).axes
    assert words(ax) == [f"{i}" for i in range(n)]
    for image, text in zip(ax.images, ax.texts, strict=True):
        left, right, bottom, _ = image.get_extent()
        x, y = text.get_position()
        assert x == pytest.approx((left + right) / 2)
        assert y >= bottom


def test_labelled_pictures_are_a_png_however_many() -> None:
    assert label_sheet_png(np.zeros((0, 4, 4), np.uint8), []).startswith(b"\x89PNG")
    assert words(draw_labels(np.zeros((103, 4, 4), np.uint8), ["a"] * 103).axes[0])[-1] == "and 3 more"
