"""The look that all figures share: colours, sizes, axes without clutter.

Colours are Okabe and Ito's (2008), told apart by colour-blind readers: the network is vermilion everywhere,
what it is held against is blue or grey. On the page each stands for a CSS variable (`VARIABLES` in `figures.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.ticker import MaxNLocator

NET = "#d55e00"
OTHER = "#0072b2"
INK = "#1f2328"
MUTED = "#6e7781"
GRID = "#d8dee4"
PAPER = "#ffffff"

WIDTH = 4.8  # inches: at 100 % on a phone the text stays above 10 px
FONT_SIZE = 10.0
SMALL = 8.5
MAX_LABEL = 22  # characters of a user's own word on an axis
DPI = 200  # of PNG files


def new_axes(*, height: float) -> Axes:
    """Axes on a figure of their own, without pyplot."""
    from matplotlib.figure import Figure

    return Figure(figsize=(WIDTH, height), layout="constrained").add_subplot()


def dress(ax: Axes, *, x: str = "", y: str = "", grid: str = "") -> None:
    """Thin muted axes, labels in words, grid lines along `grid` ('x', 'y' or 'both') behind the data."""
    ax.set_xlabel(x, color=MUTED, fontsize=SMALL, parse_math=False)
    ax.set_ylabel(y, color=MUTED, fontsize=SMALL, parse_math=False)
    ax.tick_params(which="both", length=0, colors=MUTED, labelsize=SMALL, pad=5)
    ax.patch.set_visible(False)
    for spine in ax.spines.values():
        spine.set_visible(False)
    ax.set_axisbelow(True)
    if grid:
        ax.grid(visible=True, axis="both" if grid == "both" else "x" if grid == "x" else "y", color=GRID, linewidth=0.8)


def name_rows(ax: Axes, labels: list[str], *, bold: int | None = None) -> None:
    """Labels of horizontal rows 0, 1, ... from the top; one of them may stand out in the network's colour."""
    ax.set_yticks(range(len(labels)), [short(label) for label in labels], parse_math=False)
    ax.set_ylim(len(labels) - 0.5, -0.5)
    for i, text in enumerate(ax.get_yticklabels()):
        text.set_color(NET if i == bold else INK)
        text.set_fontweight("bold" if i == bold else "normal")
        text.set_fontsize(FONT_SIZE)


def short(label: str) -> str:
    """A user's word cut to what an axis can hold, in one line, without characters that XML forbids."""
    line = " ".join(label.split())
    clean = "".join(letter if letter.isprintable() else "�" for letter in line)
    return clean if len(clean) <= MAX_LABEL else clean[: MAX_LABEL - 1] + "…"


def few_ticks(*, whole: bool = False) -> MaxNLocator:
    """About five ticks at round numbers."""
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(nbins=5, integer=whole, steps=[1, 2, 2.5, 5, 10])


def plain_log_ticks(ax: Axes) -> None:
    """0.1, 0.2, 0.5, 1 instead of powers of ten."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=9))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.yaxis.set_minor_locator(NullLocator())
