"""Tables whose columns are the pixels of pictures, like the CSV files of MNIST."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import numpy as np
import polars as pl

from firesteel.data.pictures import TARGET, Form, Pixels, Reading, numbered
from firesteel.data.table import Table
from firesteel.data.values import as_words

#: Smaller pictures are left as columns: 64 columns of numbers from 0 to 255 are often something else.
_LEAST_SIDE = 16
_BRIGHTEST = 255
#: Neighbours of pictures differ by at most this share of what any two pixels do (MNIST: 0.33, photos of
#: 16 x 16: 0.49), those of columns that are no pixels by about all of it. Looked at in some rows.
_ALIKE = 0.75
_LOOK_ROWS = 500
#: Names of a column of labels in such tables, where it is neither named nor first or last.
_LABEL_NAMES = ("label", "target", "class", "y", "digit")
#: Names like r0, pixel12_G, 0_b: a channel and a place.
_NAME_OF_CHANNEL = re.compile(r"^(?:[a-z]*[_\W]*\d+[_\W]*)?([rgb])(?:ed|reen|lue)?(?:[_\W]*\d+)?$", re.IGNORECASE)


def pixels_of_columns(table: Table, *, target: str | int | None, form: Form | None = None) -> Reading | None:
    """Pictures of a table with one pixel a column, row by row from the top left; None for any other table.

    All columns but the target must be whole numbers 0 to 255, or all numbers 0 to 1, without gaps, and as many as the
    pixels of a square of at least 16 x 16, or three times as many: RGB. Those are a plane of red, then green, then blue
    (as CIFAR has them), unless the columns' names say that each pixel's three stand together. And neighbours must be
    alike, or a table of 1,024 answers of yes and no would be pictures; only where a `form` is expected and theirs, they
    need not: a blank picture has no neighbours that are alike.
    """
    frame = table.frame
    label = _target_of(frame, target)
    pixels = frame.drop(label) if label is not None else frame
    side, channels = _square(pixels.width)
    if not side or not table.n_rows:
        return None
    levels = _levels(pixels)
    if levels is None:
        return None
    is_together = channels == 3 and _are_channels_together(pixels.columns)
    if channels == 1 or is_together:
        pictures = levels.reshape(-1, side, side, channels)
    else:
        pictures = np.ascontiguousarray(np.moveaxis(levels.reshape(-1, 3, side, side), 1, 3))
    is_expected = form is not None and pictures.shape[1:] == form.shape
    if not is_expected and not _are_neighbours_alike(pictures):
        return None
    words = None if label is None else tuple(as_words(frame[label]).to_list())
    said = _said(pixels.width, side, channels, is_together)
    return Reading(pictures, numbered(len(pictures)), words, (said,), label=label or TARGET)


def _said(n_columns: int, side: int, channels: int, is_together: bool) -> str:
    order = (
        "" if channels == 1 else " in RGB, each pixel's three side by side" if is_together else " in planes of R, G, B"
    )
    return f"{n_columns:,} columns are seen as {side} x {side} pixels{order} (--no-pictures reads them as columns)"


def _target_of(frame: pl.DataFrame, target: str | int | None) -> str | None:
    """The column of labels: the one that is named, else the one that is too many; None where there is none."""
    if isinstance(target, str):
        return target if target in frame.columns else None
    if target is not None:
        return frame.columns[target] if -frame.width <= target < frame.width else None
    if _square(frame.width)[0] or not _square(frame.width - 1)[0]:
        return None
    ends = (frame.columns[0], frame.columns[-1])
    named = [name for name in frame.columns if name.lower() in _LABEL_NAMES]
    words = [name for name in ends if frame[name].dtype == pl.String]
    if named or words:
        return (named or words)[0]
    first, last = (frame[name].n_unique() for name in ends)
    return ends[0] if first > 1 and (last == 1 or first <= last) else ends[1]


def _square(n: int) -> tuple[int, int]:
    """Side and channels of a square picture of n numbers; side 0 where there is none."""
    for channels in (1, 3):
        side = math.isqrt(n // channels)
        if n % channels == 0 and side * side * channels == n and side >= _LEAST_SIDE:
            return side, channels
    return 0, 0


def _levels(frame: pl.DataFrame) -> Pixels | None:
    """Grey levels (n_rows, n_columns); None where a column is no pixel."""
    if any(not dtype.is_numeric() for dtype in frame.dtypes) or any(column.null_count() for column in frame):
        return None
    if any(column.is_nan().any() for column in frame if column.dtype.is_float()):
        return None
    lows, highs = frame.min_horizontal().min(), frame.max_horizontal().max()
    if not isinstance(lows, int | float) or not isinstance(highs, int | float) or lows < 0 or highs > _BRIGHTEST:
        return None
    if all(dtype.is_integer() for dtype in frame.dtypes):
        factor = _BRIGHTEST if highs <= 1 else 1
    elif highs <= 1:
        factor = _BRIGHTEST
    elif all(bool((column == column.round()).all()) for column in frame if column.dtype.is_float()):
        factor = 1
    else:
        return None
    levels = np.empty(frame.shape, np.uint8)
    for i, column in enumerate(frame):
        levels[:, i] = np.rint(column.to_numpy() * factor)
    return levels


def _are_neighbours_alike(pictures: Pixels) -> bool:
    """Whether pixels above each other and beside each other differ less than any two of a picture."""
    some = pictures[:: max(1, len(pictures) // _LOOK_ROWS)].astype(np.float32)
    flat = some.reshape(len(some), -1, some.shape[3])
    any_two = np.abs(flat - flat[:, np.random.default_rng(0).permutation(flat.shape[1])]).mean()
    return all(float(np.abs(np.diff(some, axis=axis)).mean()) < _ALIKE * any_two for axis in (1, 2))


def _are_channels_together(names: Sequence[str]) -> bool:
    """Whether the names say r, g, b, r, g, b, ..."""
    found = [_NAME_OF_CHANNEL.match(name) for name in names]
    return [match[1].lower() if match else "" for match in found] == ["r", "g", "b"] * (len(names) // 3)
