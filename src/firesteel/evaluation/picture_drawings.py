"""How pictures are drawn: on axes measured in inches, so that pictures, bars and words stand where they are put.

On axes of another size everything but the letters grows or shrinks with them.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from firesteel.evaluation.look import FONT_SIZE, GRID, INK, MUTED, NET, OTHER, SMALL, WIDTH, clean, cut, new_axes, short
from firesteel.evaluation.pngs import Bytes
from firesteel.evaluation.report import Report
from firesteel.evaluation.sights import Seen, Sights

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LINE = 0.15  # inches from one line of small words to the next
GAP = 0.09
ABOVE = 2  # the cells of a table, which are drawn as patches
LETTER, DIGIT, BOLD = 0.07, 0.077, 0.085  # inches of a small letter of a word, of a file's name or number, in bold

SHEET_COLUMNS = 4
MAX_SHEET = 100  # pictures on one sheet: more would be a file that few programs open
MAX_CUT = 14  # letters of a class name below a picture

LABEL_COLUMNS, MAX_LABELLED = 5, 2.4  # pictures beside each other, and inches of the side of one alone

TRUE = "✓ "  # before the true class
BAR_COLUMNS = 2
MAX_WITH_BARS = 12  # pictures of a sheet that are drawn with their bars
N_BARS, N_BARS_ALONE = 3, 6  # classes with a bar: beside other pictures, and of one picture alone
MAX_STEP = 0.42  # inches from one bar to the next
N_MIXED = 4  # right answers, and wrong ones, in the figure of predictions

N_HEATED = 4  # pictures with a saliency map in the figure
FILTER_COLUMNS, MAX_FILTER = 8, 0.9  # inches of the side of a filter where there are few


def predictions(report: Report, ax: Axes | None = None) -> Axes:
    """Right answers, then wrong ones: each picture with bars of its largest probabilities."""
    sights = report.sights or Sights()
    wrong = sights.worst[:N_MIXED]
    right = sights.right[: 2 * N_MIXED - len(wrong)] if len(wrong) < N_MIXED else _ends_of(sights.right)
    return _with_bars((*right, *wrong), report.classes, ax)


def mistakes(report: Report, ax: Axes | None = None) -> Axes:
    """The surest wrong answers as a sheet of pictures."""
    return _sheet((report.sights or Sights()).worst, report.classes, ax)


def filters(report: Report, ax: Axes | None = None) -> Axes:
    """What each unit of the first layer multiplies the pixels with, as a picture."""
    tiles = (report.sights or Sights()).filters
    if tiles is None:
        return _canvas(ax, LINE)
    columns = min(FILTER_COLUMNS, len(tiles))
    side = min(WIDTH / columns - GAP, MAX_FILTER)
    rows, room = math.ceil(len(tiles) / columns), _size_of(tiles[0], side)[1]
    ax = _canvas(ax, LINE + GAP + rows * (room + GAP))
    _, height, width, _ = tiles.shape
    _write(ax, 0, 0, f"{len(tiles)} filters of {height} x {width} pixels", colour=MUTED)
    _put_tiles(ax, tiles, left=0, top=LINE + GAP, side=side, columns=columns)
    return ax


def feature_maps(report: Report, ax: Axes | None = None) -> Axes:
    """A picture, and what each filter of the first layer makes of it."""
    sights = report.sights or Sights()
    if sights.maps is None or sights.maps_of is None:
        return _canvas(ax, LINE)
    side_in, gap = 1.15, 2 * GAP
    n = len(sights.maps)
    columns = min(FILTER_COLUMNS, math.ceil(n / 2)) if n > 3 else n
    side = min((WIDTH - side_in - gap) / columns - GAP / 2, side_in)
    rows, room = math.ceil(n / columns), _size_of(sights.maps[0], side)[1]
    words, room_in = _lines_of(sights.maps_of, report.classes), _room_for([sights.maps_of], side_in)
    ax = _canvas(ax, max(rows * (room + GAP / 2), room_in + GAP / 2 + len(words) * LINE))
    put_picture(ax, sights.maps_of.pixels, left=0, top=0, side=side_in, room=room_in)
    _write_lines(ax, 0, room_in + GAP / 2, words)
    _put_tiles(ax, sights.maps[..., None], left=side_in + gap, top=0, side=side, columns=columns, gap=GAP / 2)
    return ax


def saliency(report: Report, ax: Axes | None = None) -> Axes:
    """Pictures beside themselves with the pixels that the answer hangs on in the network's colour."""
    found = (report.sights or Sights()).salient
    wrong = [seen for seen in found if seen.is_wrong][: N_HEATED // 2]
    shown = [*[seen for seen in found if not seen.is_wrong][: N_HEATED - len(wrong)], *wrong]
    width = WIDTH / 2
    side = (width - 2 * GAP) / 2 - GAP / 2
    words = [_lines_of(seen, report.classes, n_letters=int(2 * side / LETTER)) for seen in shown]
    room = _room_for(shown, side)
    height = room + GAP / 2 + LINE * max((len(lines) for lines in words), default=1) + GAP
    ax = _canvas(ax, height * math.ceil(len(shown) / 2) - GAP)
    for i, (seen, lines) in enumerate(zip(shown, words, strict=True)):
        left, top = (i % 2) * width, (i // 2) * height
        put_picture(ax, seen.pixels, left=left, top=top, side=side, room=room)
        put_picture(ax, _heated(seen), left=left + side + GAP / 2, top=top, side=side, room=room)
        _write_lines(ax, left, top + room + GAP / 2, lines, colour=_colour_of(seen))
    return ax


def draw_prediction(seen: Seen, classes: Sequence[str], *, ax: Axes | None = None) -> Axes:
    """One picture beside bars of its largest probabilities; the true class is marked where it is known."""
    n_bars = min(N_BARS_ALONE, len(seen.proba))
    side = 2.0
    room = max(_room_for([seen], side), 0.34 * n_bars)
    ax = _canvas(ax, room + GAP + LINE)
    put_picture(ax, seen.pixels, left=0, top=0, side=side, room=room)
    bars = (side + 2 * GAP, WIDTH - GAP)
    _put_bars(ax, seen, classes, n=n_bars, between=bars, top=0, height=room, size=FONT_SIZE)
    _write(ax, 0, room + GAP, _tail(seen.name, int(WIDTH / DIGIT)), colour=MUTED)
    return ax


def draw_sheet(seens: Sequence[Seen], classes: Sequence[str]) -> Figure:
    """All pictures with their answers on one figure, with bars where they are few; at most MAX_SHEET are drawn."""
    from matplotlib.figure import Figure

    if len(seens) == 1:
        ax = draw_prediction(seens[0], classes)
    elif len(seens) <= MAX_WITH_BARS:
        ax = _with_bars(seens, classes, None)
    else:
        ax = _sheet(seens, classes, None)
    assert isinstance(ax.figure, Figure)
    return ax.figure


def draw_labels(pixels: Bytes, labels: Sequence[str]) -> Figure:
    """Pictures (n, h, w, c) or (n, h, w), below each its label; one alone is large. At most MAX_SHEET are drawn."""
    from matplotlib.figure import Figure

    assert len(pixels) == len(labels), "every picture has its label"
    shown = (pixels if pixels.ndim == 4 else pixels[..., None])[:MAX_SHEET]
    n_left, columns = len(labels) - len(shown), min(LABEL_COLUMNS, max(len(shown), 1))
    width = min(WIDTH / columns, MAX_LABELLED)
    side = width - 2 * GAP
    high = max((_size_of(one, side)[1] for one in shown), default=0.0)
    size = FONT_SIZE + 2 if columns == 1 else FONT_SIZE
    room = high + GAP + size / 72 + 2 * GAP
    rows = math.ceil(len(shown) / columns)
    height = max(rows * room - GAP, LINE) + (LINE if n_left else 0)
    ax = _canvas(None, height, width=columns * width)
    for i, (one, label) in enumerate(zip(shown, labels, strict=False)):
        left, top = (i % columns) * width + GAP, (i // columns) * room
        put_picture(ax, one, left=left, top=top, side=side, room=high)
        words = cut(clean(label), int(side / BOLD * SMALL / size))
        ax.text(
            left + side / 2, top + high + GAP / 2, words, ha="center", va="top", color=INK, fontsize=size,
            fontweight="bold", parse_math=False,
        )  # fmt: skip
    if n_left:
        _write(ax, 0, rows * room - GAP, f"and {n_left:,} more", colour=MUTED)
    assert isinstance(ax.figure, Figure)
    return ax.figure


def put_examples(ax: Axes, sights: Sights, *, places: dict[int, int]) -> set[tuple[int, int]]:
    """Example pictures into the cells of a confusion matrix; gives back the cells that have one.

    `places` are the rows (and columns) of the class codes that are drawn.
    """
    filled, edge = set(), 0.88
    for seen in sights.examples:
        if seen.true in places and seen.pred in places:
            i, j = places[seen.true], places[seen.pred]
            put_picture(ax, seen.pixels, left=j - edge / 2, top=i - edge / 2, side=edge)
            filled.add((i, j))
    return filled


def put_picture(ax: Axes, pixels: Bytes, *, left: float, top: float, side: float, room: float | None = None) -> None:
    """A picture (h, w, c) in the middle of a square, or of a box that is `room` high; its pixels stay sharp squares."""
    from matplotlib.patches import Rectangle

    width, height = _size_of(pixels, side)
    left, top = left + (side - width) / 2, top + ((side if room is None else room) - height) / 2
    shown = pixels[..., 0] if pixels.shape[2] == 1 else pixels
    ends = (left, left + width, top + height, top)
    # "none" is "nearest" in a PNG; in an SVG it keeps the picture's own pixels, which are fewer.
    image = ax.imshow(shown, cmap="gray", vmin=0, vmax=255, interpolation="none", extent=ends, aspect=ax.get_aspect())
    image.set_zorder(ABOVE)
    ax.add_patch(Rectangle((left, top), width, height, fill=False, edgecolor=GRID, linewidth=0.8, zorder=ABOVE))


def _size_of(pixels: Bytes, side: float) -> tuple[float, float]:
    """Width and height in inches of a picture that fills a square one way."""
    height, width = pixels.shape[:2]
    return side * width / max(height, width), side * height / max(height, width)


def _room_for(seens: Sequence[Seen], side: float) -> float:
    """The height of the tallest picture, so that wide ones leave no gaps between rows."""
    return max((_size_of(seen.pixels, side)[1] for seen in seens), default=side)


def _canvas(ax: Axes | None, height: float, *, width: float = WIDTH) -> Axes:
    """Axes without a frame, in inches from the upper left corner."""
    ax = ax or new_axes(height=height, width=width)
    ax.set_axis_off()
    ax.set_aspect("equal", anchor="NW")
    ax.set_xlim(0, width)
    ax.set_ylim(height, 0)
    return ax


def _sheet(seens: Sequence[Seen], classes: Sequence[str], ax: Axes | None) -> Axes:
    """Pictures in rows, below each what it was taken for and its name."""
    shown, n_left = seens[:MAX_SHEET], len(seens[MAX_SHEET:])
    width = WIDTH / SHEET_COLUMNS
    side = width - 2 * GAP
    high = _room_for(shown, side)
    room = width - GAP / 2
    words = [_lines_of(seen, classes, n_letters=int(room / LETTER)) for seen in shown]
    tops = [0.0]
    for start in range(0, len(shown), SHEET_COLUMNS):
        n_lines = max(len(lines) for lines in words[start : start + SHEET_COLUMNS])
        tops.append(tops[-1] + high + GAP + (n_lines + 1) * LINE + GAP)
    ax = _canvas(ax, tops[-1] - GAP + (LINE if n_left else 0))
    for i, (seen, lines) in enumerate(zip(shown, words, strict=True)):
        left, top = (i % SHEET_COLUMNS) * width, tops[i // SHEET_COLUMNS]
        put_picture(ax, seen.pixels, left=left, top=top, side=side, room=high)
        _write_lines(ax, left, top + high + GAP / 2, lines)
        _write(ax, left, top + high + GAP / 2 + len(lines) * LINE, _tail(seen.name, int(room / DIGIT)), colour=MUTED)
    if n_left:
        _write(ax, 0, tops[-1] - GAP, f"and {n_left:,} more", colour=MUTED)
    return ax


def _with_bars(seens: Sequence[Seen], classes: Sequence[str], ax: Axes | None) -> Axes:
    """Pictures in two columns, beside each the bars of its largest probabilities, below it its name."""
    side, width = 0.86, WIDTH / BAR_COLUMNS
    room = max(_room_for(seens, side), 0.8)  # three bars
    height = room + GAP / 2 + LINE + 1.6 * GAP
    ax = _canvas(ax, height * math.ceil(len(seens) / BAR_COLUMNS) - GAP)
    for i, seen in enumerate(seens):
        left, top = (i % BAR_COLUMNS) * width, (i // BAR_COLUMNS) * height
        put_picture(ax, seen.pixels, left=left, top=top, side=side, room=room)
        bars = (left + side + GAP, left + width - 2 * GAP)
        _put_bars(ax, seen, classes, n=min(N_BARS, len(seen.proba)), between=bars, top=top, height=room, size=SMALL)
        _write(ax, left, top + room + GAP / 2, _tail(seen.name, int((width - GAP) / DIGIT)), colour=MUTED)
    return ax


def _put_bars(
    ax: Axes,
    seen: Seen,
    classes: Sequence[str],
    *,
    n: int,
    between: tuple[float, float],
    top: float,
    height: float,
    size: float,
) -> None:
    """Name, probability and bar of the n likeliest classes; the true one is among them."""
    from matplotlib.patches import Rectangle

    left, right = between
    proba = np.array(seen.proba)
    likeliest = [int(code) for code in np.argsort(-proba, kind="stable")[:n]]
    if seen.true is not None and seen.true not in likeliest:
        likeliest[-1] = seen.true
    step, thick = min(height / n, MAX_STEP), 0.055
    n_letters = int((right - left) / DIGIT * SMALL / size) - len("100 %")
    for i, code in enumerate(likeliest):
        is_true, is_picked = code == seen.true, code == seen.pred
        colour = OTHER if is_true else NET if is_picked else MUTED
        mark = TRUE if is_true else ""
        low = top + (i + 1) * step - 0.04
        name = mark + cut(_name(code, classes), n_letters - len(mark) - is_picked)  # bold is wider
        ink = colour if is_true or is_picked else INK
        weight = "bold" if is_picked else "normal"
        words = ((left, "left", name), (right, "right", _percent(float(proba[code]))))
        for x, side, text in words:
            ax.text(
                x, low - thick - 0.02, text, ha=side, va="bottom", color=ink, fontsize=size, fontweight=weight,
                parse_math=False,
            )  # fmt: skip
        for share, fill in ((1.0, GRID), (float(proba[code]), colour)):
            ax.add_patch(Rectangle((left, low - thick), share * (right - left), thick, facecolor=fill, linewidth=0))


def _put_tiles(ax: Axes, tiles: Bytes, *, left: float, top: float, side: float, columns: int, gap: float = GAP) -> None:
    room = _size_of(tiles[0], side)[1]
    for i, tile in enumerate(tiles):
        place = (left + (i % columns) * (side + gap), top + (i // columns) * (room + gap))
        put_picture(ax, tile, left=place[0], top=place[1], side=side, room=room)


def _heated(seen: Seen) -> NDArray[np.uint8]:
    """The picture, pale and grey, under the network's colour where the answer hangs on it, (h, w, 3)."""
    grey = 0.5 * seen.pixels.mean(axis=2, keepdims=True)
    share = np.zeros_like(grey) if seen.saliency is None else seen.saliency[..., None] / 255
    colour = np.array([int(NET[i : i + 2], 16) for i in (1, 3, 5)])
    return np.asarray((1 - share) * grey + share * np.minimum(1.2 * colour, 255)).round().astype(np.uint8)


def _ends_of(seens: tuple[Seen, ...]) -> tuple[Seen, ...]:
    """The first and the last ones: typical answers and close calls."""
    if len(seens) <= N_MIXED:
        return seens
    return seens[: N_MIXED // 2] + seens[-(N_MIXED // 2) :]


def _lines_of(seen: Seen, classes: Sequence[str], *, n_letters: int = 16) -> list[str]:
    """`4 taken for 9, 99 %` in lines; of a right answer or without a true class `9, 99 %`."""
    said = f"{cut(_name(seen.pred, classes), MAX_CUT)}, {_percent(seen.proba[seen.pred])}"
    if seen.is_wrong and seen.true is not None:
        said = f"{cut(_name(seen.true, classes), MAX_CUT)} taken for {said}"
    return textwrap.wrap(said, n_letters, break_on_hyphens=False) or [""]


def _write_lines(ax: Axes, x: float, y: float, lines: Sequence[str], *, colour: str = INK) -> None:
    for i, line in enumerate(lines):
        _write(ax, x, y + i * LINE, line, colour=colour)


def _write(ax: Axes, x: float, y: float, text: str, *, colour: str = INK) -> None:
    ax.text(x, y, text, ha="left", va="top", color=colour, fontsize=SMALL, parse_math=False)


def _colour_of(seen: Seen) -> str:
    return NET if seen.is_wrong or seen.true is None else OTHER


def _name(code: int, classes: Sequence[str]) -> str:
    return short(classes[code]) if classes else str(code)


def _percent(share: float) -> str:
    """`99 %`, kept on one line."""
    return f"{100 * share:.0f}\N{NO-BREAK SPACE}%"


def _tail(name: str, n: int) -> str:
    """The end of a file's name, in letters that can be drawn."""
    clean = "".join(letter if letter.isprintable() else "�" for letter in name)
    return clean if len(clean) <= n else f"…{clean[1 - n :]}"
