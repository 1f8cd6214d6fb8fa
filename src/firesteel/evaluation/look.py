"""The look that all figures share: colours, sizes, axes without clutter.

Colours are Okabe and Ito's (2008), told apart by colour-blind readers: the network is vermilion everywhere,
what it is held against is blue or grey. On the page each stands for a CSS variable (`VARIABLES` in `figures.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.ticker import MaxNLocator

NET = "#d55e00"
OTHER = "#0072b2"
INK = "#1f2328"
MUTED = "#6e7781"
GRID = "#d8dee4"
PAPER = "#ffffff"

#: Of classes, with a marker each. Okabe and Ito's yellow is darker here, their black grey, to be seen on any paper.
CLASS_COLOURS = (OTHER, "#e69f00", "#009e73", "#cc79a7", "#56b4e9", NET, "#b8a800", MUTED)
CLASS_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
MARKER_SIZES = (1.0, 0.95, 1.1, 0.9, 1.1, 1.15, 1.1, 1.55)  # at which they look equally large

WIDTH = 4.8  # inches: at 100 % on a phone the text stays above 10 px
FONT_SIZE = 10.0
SMALL = 8.5
MAX_LABEL = 22  # characters of a user's own word on an axis
DPI = 200  # of PNG files
TICK_DIGITS = 12  # of a number beside an axis
LONG = 10_000  # from here on digits stand in groups; a year does not
LOG_RATIO = 20.0  # losses that differ by more than this factor are drawn on a logarithmic axis
NOTHING = 1e-9  # of the axis: a tick nearer to 0 is 0


def new_axes(*, height: float, width: float = WIDTH) -> Axes:
    """Axes on a figure of their own, without pyplot."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained").add_subplot()


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


def clean(label: str) -> str:
    """A user's word in one line, without characters that XML forbids."""
    return "".join(letter if letter.isprintable() else "�" for letter in " ".join(label.split()))


def short(label: str) -> str:
    """A user's word cut to what an axis can hold."""
    text = clean(label)
    return text if len(text) <= MAX_LABEL else text[: MAX_LABEL - 1] + "…"


def cut(text: str, n: int) -> str:
    """The text without its middle, where it is longer: classes may differ in their ends only."""
    n_end = (n - 1) // 2
    return text if len(text) <= n else f"{text[: n - 1 - n_end].rstrip()}…{text[len(text) - n_end :].lstrip()}"


def few_ticks(*, whole: bool = False, n: int = 5, is_inside: bool = False) -> MaxNLocator:
    """About n ticks at round numbers; with `is_inside` none at the ends, where the next panel has one."""
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(
        nbins=n,
        integer=whole,
        steps=[1, 2, 5, 10] if whole else [1, 2, 2.5, 5, 10],
        prune="both" if is_inside else None,
    )


def number_ticks(axis: Axis) -> None:
    """About five ticks, each with its whole number: matplotlib would write what they share into a corner."""
    from matplotlib.ticker import FuncFormatter

    def spoken(value: float, _: object) -> str:
        low, high = axis.get_view_interval()
        text = f"{value:.{TICK_DIGITS}g}" if abs(value) > NOTHING * (high - low) else "0"
        if LONG <= abs(value) < 10.0**TICK_DIGITS:
            text = f"{value:,.{TICK_DIGITS}g}"
        return text.replace("-", "\N{MINUS SIGN}").replace("e+", "e")

    if axis.get_scale() == "linear":
        axis.set_major_locator(few_ticks())
        axis.set_major_formatter(FuncFormatter(spoken))
    else:
        _log_ticks(axis, subs=(1,), spoken=spoken)


def is_wide(values: Sequence[float]) -> bool:
    """Whether positive values differ so much that only a logarithmic axis tells the small ones apart."""
    return bool(values) and min(values) > 0 and max(values) / min(values) > LOG_RATIO


#: Powers of ten along an axis with numbers between them.
MAX_DECADES = 3


def plain_log_ticks(ax: Axes) -> None:
    """0.1, 0.2, 0.5, 1 along y; only 0.1, 1, 10 where that would be more than a reader wants."""
    low, high = ax.get_ylim()
    is_long = high > low > 0 and high / low > 10**MAX_DECADES
    _log_ticks(ax.yaxis, subs=(1,) if is_long else (1, 2, 5), spoken=lambda value, _: f"{value:g}")


def _log_ticks(axis: Axis, *, subs: Sequence[float], spoken: Callable[[float, object], str]) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    axis.set_major_locator(LogLocator(subs=subs, numticks=9))
    axis.set_major_formatter(FuncFormatter(spoken))
    axis.set_minor_locator(NullLocator())
