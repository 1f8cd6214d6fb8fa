"""Pictures in memory: their pixels, and a table beside them with a row for each."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from firesteel.data.likeness import equal_units, find_units
from firesteel.data.table import Table
from firesteel.errors import DataError, RecipeError

#: Pictures that are hashed at once, so that those of a memory map are not all in memory.
_PICTURES_AT_ONCE = 1_000

_SIDE_MAX = 1_024  # of a size that may be asked for
#: Where fewer than this share of the pictures are different, what makes them differ is finer than what is compared.
_SHARE_DIFFERENT = 0.5
_MAX_NAMED = 3  # pictures that a sentence names

Pixels = npt.NDArray[np.uint8]

#: The columns of the table beside the pixels. PICTURE numbers the different pictures: equal and nearly equal ones have
#: the same number, so that a split that keeps equal rows together keeps them together.
PICTURE, FILE, TARGET = "picture", "file", "target"


@dataclass(frozen=True)
class Form:
    """Height, width and channels (1 grey, 3 RGB) that all pictures of a set have."""

    height: int
    width: int
    channels: int

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.height, self.width, self.channels

    @classmethod
    def parse(cls, text: str) -> Form:
        """64x64x3 as a form. Raises RecipeError for anything else."""
        must = (
            f"a size is HEIGHTxWIDTHxCHANNELS, with 1 channel (grey) or 3 (RGB) and up to {_SIDE_MAX:,} pixels a side"
        )
        sides = [int(word) for word in text.lower().split("x") if word.isdigit() and len(word) < 6]
        if (
            len(sides) != 3
            or min(sides) < 1
            or max(sides) > _SIDE_MAX
            or sides[2] not in (1, 3)
            or text.count("x") + text.count("X") != 2
        ):
            raise RecipeError(
                must,
                found=f"'{text}' was given",
                hint="--size 64x64x3",
            )
        return cls(*sides)

    @property
    def d(self) -> int:
        """Numbers of one picture."""
        return self.height * self.width * self.channels


@dataclass(frozen=True)
class Reading:
    """What a reader made of a source, before pictures are compared with each other."""

    pixels: Pixels  # (n, h, w, c)
    names: tuple[str, ...]  # of the files, or "#0", "#1", ...
    labels: tuple[str | None, ...] | None = None  # None: the source has no labels
    notices: tuple[str, ...] = ()
    test: Reading | None = None  # the source's own test set
    label: str = TARGET  # what the labels are called
    has_whole_labels: bool = False  # labels were given as whole numbers, and come back as such


@dataclass(frozen=True)
class Wish:
    """How to read pictures, as the user asked for it."""

    labels: Path | None = None  # a CSV of file names and labels
    target: str | None = None  # its column of labels, or the key of an array
    form: Form | None = None  # every picture is fitted to it; None: the commonest of the source
    is_for_answers: bool = False  # every picture, whatever labels or parts the source has
    is_strict: bool = False  # a broken file is an error
    is_offline: bool = False
    data_dir: Path | None = None  # where named sets lie already
    observer: Callable[[int, int], None] | None = None  # (n_done, n_all), while files are decoded


@dataclass(frozen=True)
class Pictures(Table):
    """A table of pictures: row i of `frame` is about `pixels[i]`."""

    pixels: Pixels = field(default_factory=lambda: np.empty((0, 1, 1, 1), np.uint8), kw_only=True, repr=False)
    label: str = field(default=TARGET, kw_only=True)  # the column of labels, where there are any

    def __post_init__(self) -> None:
        assert len(self.pixels) == self.frame.height, "every picture has its row"

    @property
    def form(self) -> Form:
        _, height, width, channels = self.pixels.shape
        return Form(height, width, channels)

    @property
    def has_labels(self) -> bool:
        return self.label in self.frame.columns

    def labelled(self, name: str) -> Pictures:
        """The same with the labels under another name."""
        frame = self.frame.rename({self.label: name}) if self.has_labels and name != self.label else self.frame
        return replace(self, frame=frame, label=name)

    def fingerprint_start(self) -> bytes:
        """The hash of all pixels."""
        digest = hashlib.sha256(repr(self.pixels.shape).encode())
        for start in range(0, len(self.pixels), _PICTURES_AT_ONCE):
            digest.update(self.pixels[start : start + _PICTURES_AT_ONCE].tobytes())
        return digest.digest()

    def take(self, rows: npt.NDArray[np.int64]) -> Pictures:
        """These pictures, in this order; a run of neighbours shares the memory."""
        is_run = len(rows) > 0 and bool((np.diff(rows) == 1).all())
        pixels = self.pixels[rows[0] : rows[-1] + 1] if is_run else _picked(self.pixels, rows)
        return replace(self, frame=self.frame[rows], pixels=pixels)


def _picked(pixels: Pixels, rows: npt.NDArray[np.int64]) -> Pixels:
    """These pictures in memory; those of a file that is mapped because it is large, in another such file."""
    if not isinstance(pixels, np.memmap) or not len(rows):
        return pixels[rows]
    with tempfile.TemporaryFile() as file:  # the map outlives it
        room = np.memmap(file, np.uint8, "w+", shape=(len(rows), *pixels.shape[1:]))
    for start in range(0, len(rows), _PICTURES_AT_ONCE):
        room[start : start + _PICTURES_AT_ONCE] = pixels[rows[start : start + _PICTURES_AT_ONCE]]
    return room


def make_pictures(reading: Reading, *, name: str) -> tuple[Pictures, Pictures | None]:
    """The pictures of a source, and its own test pictures where it has some.

    Equal and nearly equal ones are found over both sets together. Raises DataError where there is no picture.
    """
    parts = [reading] if reading.test is None else [reading, reading.test]
    if not all(len(part.pixels) for part in parts):
        raise DataError("there must be pictures to read", found=f"'{name}' has none", hint="another folder or file")
    units, said = _units([part.pixels for part in parts])
    reading = replace(reading, notices=(*reading.notices, *said))
    if reading.test is None:
        return _beside(reading, units[0], name=name), None
    said = _say_shared(reading, reading.test, units)
    learned = replace(reading, notices=(*reading.notices, *said))
    return _beside(learned, units[0], name=name), _beside(reading.test, units[1], name=f"the test set of {name}")


def _units(parts: Sequence[Pixels]) -> tuple[list[npt.NDArray[np.int64]], list[str]]:
    """Numbers of the different pictures, and what was said: where nearly all are alike, only equal ones are one."""
    units, n = find_units(parts), sum(len(part) for part in parts)
    n_alike, equal = len(np.unique(np.concatenate(units))), equal_units(parts)
    n_equal = len(np.unique(np.concatenate(equal)))
    if n_alike >= _SHARE_DIFFERENT * n or n_alike == n_equal:
        return units, []
    said = f"{n - n_alike:,} pictures are so alike that they would tie the set together: only equal ones are kept on "
    return equal, [said + "one side of the split, and a test picture may look much like one that was learned"]


def _say_shared(train: Reading, test: Reading, units: Sequence[npt.NDArray[np.int64]]) -> list[str]:
    """A sentence that names the pictures which stand in both sets."""
    places = np.flatnonzero(np.isin(units[0], units[1]))
    if not len(places):
        return []
    first = {int(unit): name for unit, name in zip(units[1][::-1], test.names[::-1], strict=True)}
    pairs = [f"{train.names[i]} = {first[int(units[0][i])]} of the test set" for i in places[:_MAX_NAMED]]
    n = "1 picture stands" if len(places) == 1 else f"{len(places):,} pictures stand"
    return [f"{n} in the test set, too, or nearly so: {listed(pairs, _MAX_NAMED)}"]


def _beside(reading: Reading, units: npt.NDArray[np.int64], *, name: str) -> Pictures:
    label = reading.label if reading.label not in (PICTURE, FILE) else TARGET
    columns: dict[str, pl.Series] = {
        PICTURE: pl.Series(units),
        FILE: pl.Series(reading.names, dtype=pl.String),
    }
    if reading.labels is not None:
        labels = pl.Series(reading.labels, dtype=pl.String)
        columns[label] = labels.cast(pl.Int64) if reading.has_whole_labels else labels
    return Pictures(pl.DataFrame(columns), name, notices=reading.notices, pixels=reading.pixels, label=label)


def numbered(n: int) -> tuple[str, ...]:
    """Names for pictures that have none."""
    return tuple(f"#{i}" for i in range(n))


def spoken_form(form: Form) -> str:
    """28 x 28, grey."""
    return f"{form.height} x {form.width}, {'grey' if form.channels == 1 else 'RGB'}"


def listed(names: Sequence[str], n: int = 3) -> str:
    """Some names for a sentence: 'a.png', 'b.png', 'c.png' and 7 more."""
    more = f" and {len(names) - n:,} more" if len(names) > n else ""
    return ", ".join(f"'{name}'" for name in names[:n]) + more
