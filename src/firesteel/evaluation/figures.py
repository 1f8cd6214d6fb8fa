"""The figures of a report: which there are, for which task, what each shows, and as PNG or SVG."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from firesteel.errors import RecipeError, nearest
from firesteel.evaluation import captions, compared_drawings, drawings, look, picture_drawings, trace_drawings
from firesteel.evaluation.activation_drawings import Activation, draw_activations
from firesteel.evaluation.metrics import CLASSES, REGRESSION
from firesteel.evaluation.pngs import Bytes
from firesteel.evaluation.report import Report
from firesteel.evaluation.sights import Seen, Sights
from firesteel.recipe import Task

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawn

_COMMON = (look.NET, look.OTHER, look.MUTED)

#: What a colour is called on the page, where it changes between light and dark.
VARIABLES = {
    look.NET: "var(--net)",
    look.OTHER: "var(--other)",
    look.INK: "var(--ink)",
    look.MUTED: "var(--muted)",
    look.GRID: "var(--grid)",
    look.PAPER: "var(--paper)",
    **{colour: f"var(--class-{i})" for i, colour in enumerate(look.CLASS_COLOURS, start=1) if colour not in _COMMON},
}


@dataclass(frozen=True)
class Figure:
    """A figure of the report: the tasks it is for, whether a report has what it needs, and what it shows."""

    name: str
    title: str
    tasks: tuple[Task, ...]
    draw: Callable[[Report, Axes | None], Axes]
    has_data: Callable[[Report], bool]
    caption: Callable[[Report], str]
    is_of_pictures: bool = False

    def applies_to(self, report: Report) -> bool:
        return report.task in self.tasks and self.has_data(report)


def _sights(report: Report) -> Sights:
    return report.sights or Sights()


FIGURES: tuple[Figure, ...] = (
    Figure(
        "models",
        "The network beside the baselines",
        CLASSES + REGRESSION,
        drawings.models,
        lambda report: bool(report.test),
        captions.about_models,
    ),
    Figure(
        "data_fit",
        "The data and the fit",
        CLASSES + REGRESSION,
        trace_drawings.data_fit,
        lambda report: report.curve is not None,
        captions.about_data_fit,
    ),
    Figure(
        "boundary",
        "Which class where",
        CLASSES,
        trace_drawings.boundary,
        lambda report: report.plane is not None,
        captions.about_boundary,
    ),
    Figure(
        "learning_curve",
        "Learning curve",
        CLASSES + REGRESSION,
        drawings.learning_curve,
        lambda report: report.history is not None,
        captions.about_learning,
    ),
    Figure(
        "compared",
        "Which value was best",
        CLASSES + REGRESSION,
        compared_drawings.compared,
        lambda report: len(report.compared) > 1,
        captions.about_compared,
    ),
    Figure(
        "confusion",
        "What is taken for what",
        CLASSES,
        drawings.confusion,
        lambda report: report.mistakes.confusion is not None,
        captions.about_confusion,
    ),
    Figure(
        "calibration",
        "Promised and observed",
        CLASSES,
        drawings.calibration,
        lambda report: report.mistakes.calibration is not None,
        captions.about_calibration,
    ),
    Figure(
        "residuals",
        "Predicted against true",
        REGRESSION,
        drawings.residuals,
        lambda report: report.mistakes.residuals is not None,
        captions.about_residuals,
    ),
    Figure(
        "importances",
        "What the network looks at",
        CLASSES + REGRESSION,
        drawings.importances,
        lambda report: bool(report.importances),
        captions.about_importances,
    ),
    Figure(
        "mistakes",
        "The worst mistakes",
        CLASSES,
        picture_drawings.mistakes,
        lambda report: bool(_sights(report).worst),
        captions.about_mistakes,
        is_of_pictures=True,
    ),
    Figure(
        "predictions",
        "Answers",
        CLASSES,
        picture_drawings.predictions,
        lambda report: bool(_sights(report).right or _sights(report).worst),
        captions.about_predictions,
        is_of_pictures=True,
    ),
    Figure(
        "saliency",
        "Where the network looks",
        CLASSES,
        picture_drawings.saliency,
        lambda report: bool(_sights(report).salient),
        captions.about_saliency,
        is_of_pictures=True,
    ),
    Figure(
        "filters",
        "Filters of the first layer",
        CLASSES,
        picture_drawings.filters,
        lambda report: _sights(report).filters is not None,
        captions.about_filters,
        is_of_pictures=True,
    ),
    Figure(
        "feature_maps",
        "What the first layer sees",
        CLASSES,
        picture_drawings.feature_maps,
        lambda report: _sights(report).maps is not None and _sights(report).maps_of is not None,
        captions.about_feature_maps,
        is_of_pictures=True,
    ),
)


def figures_of(report: Report) -> tuple[Figure, ...]:
    """The figures for which a report has the data."""
    return tuple(figure for figure in FIGURES if figure.applies_to(report))


def draw(name: str, report: Report, *, ax: Axes | None = None) -> Axes:
    """One figure by its name. Raises RecipeError for a name that there is not, or not for this report."""
    able = {figure.name: figure for figure in figures_of(report)}
    if name not in able:
        near = nearest(name, able)
        raise RecipeError(
            "a figure must be one that this report has",
            found=f"'{name}' is not",
            hint=f"did you mean {near[0]}?" if near else f"one of {', '.join(able)}",
        )
    return able[name].draw(report, ax)


def write_png(report: Report, folder: Path) -> list[Path]:
    """Every figure of the report as a PNG file in an existing folder."""
    paths = []
    for figure in figures_of(report):
        path = folder / f"{figure.name}.png"
        with _quiet_fonts():
            path.write_bytes(_png(_drawn(figure, report)))
        paths.append(path)
    return paths


def figure_png(name: str, report: Report) -> bytes:
    """One figure by its name as a PNG. Raises RecipeError as `draw` does."""
    with _quiet_fonts():
        return _png(_whole(draw(name, report)))


def sheet_png(seens: Sequence[Seen], classes: Sequence[str]) -> bytes:
    """Pictures with their answers as a PNG."""
    with _quiet_fonts():
        return _png(picture_drawings.draw_sheet(seens, classes))


def label_sheet_png(pixels: Bytes, labels: Sequence[str]) -> bytes:
    """Pictures (n, h, w, c) or (n, h, w) with their labels as a PNG."""
    with _quiet_fonts():
        return _png(picture_drawings.draw_labels(pixels, labels))


def activations_png(curves: Mapping[str, Activation]) -> bytes:
    """Activations with their gradients as a PNG: of each name x, the function and the gradient there, (n,) each."""
    with _quiet_fonts():
        return _png(draw_activations(curves))


def _png(drawn: Drawn) -> bytes:
    buffer = io.BytesIO()
    drawn.savefig(buffer, format="png", dpi=look.DPI, facecolor=look.PAPER, metadata={"Software": None})
    return buffer.getvalue()


def to_svg(figure: Figure, report: Report) -> str:
    """A figure as an SVG element for a page: its colours and font are the page's, its ids its own."""
    import matplotlib as mpl

    buffer = io.StringIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": figure.name}), _quiet_fonts():
        _drawn(figure, report).savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    svg = text[text.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r' (?:width|height)="[\d.]+pt"', "", svg, count=2)
    svg = re.sub(r'(<image [^>]*?) id="[^"]*"', r"\1", svg)  # made of the pixels: equal pictures have the same
    svg = re.sub(r'( id="|url\(#|href="#)', rf"\g<1>{figure.name}-", svg)
    for colour, variable in VARIABLES.items():
        svg = svg.replace(colour, variable)
    svg = svg.replace("'DejaVu Sans'", "var(--font)")
    return svg.replace("<svg", f'<svg role="img" aria-label="{figure.title}"', 1)


def _drawn(figure: Figure, report: Report) -> Drawn:
    return _whole(figure.draw(report, None))


def _whole(ax: Axes) -> Drawn:
    from matplotlib.figure import Figure as Drawing

    drawn = ax.figure
    if not isinstance(drawn, Drawing):
        raise TypeError("a figure of its own was drawn on a part of another")
    return drawn


@contextmanager
def _quiet_fonts() -> Iterator[None]:
    """Without matplotlib's warning per letter that its font lacks (中): on the page the reader's fonts have it."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"Glyph \d+ .* missing from", category=UserWarning)
        yield
