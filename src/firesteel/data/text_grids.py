"""Pictures drawn in text: blocks of 0 and 1, of . and #, or of grey levels, with empty lines between them.

label: T
111
010
010

L
100
100
111
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from firesteel.data.arrays import fit_array
from firesteel.data.pictures import Form, Pixels, Reading, Wish, numbered, spoken_form
from firesteel.errors import DataError

_SURE, _MAYBE = ".grid", ".txt"
#: Characters of a drawing, dark and bright.
_DRAWINGS = (("0", "1"), (".", "#"))
_LABEL = "label:"
_BRIGHTEST = 255
#: A .txt file is looked at up to here to know what it is.
_LOOK_CHARACTERS = 200_000
#: Less in a .txt file is a column of numbers or a list, not a drawing.
_LEAST_SIDE = 3


@dataclass(frozen=True)
class _Block:
    """Lines of a drawing, which line of the file is its first, and its label."""

    rows: tuple[str, ...]
    line: int
    label: str | None


def is_text_grid(path: Path) -> bool:
    """Whether a file is text grids: every .grid is; a .txt is if all of it are equal blocks, 2 or with a label."""
    if not path.is_file() or path.suffix.lower() not in (_SURE, _MAYBE):
        return False
    if path.suffix.lower() == _SURE:
        return True
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(_LOOK_CHARACTERS)
        if len(text) == _LOOK_CHARACTERS:
            text = text.rpartition("\n\n")[0]
        blocks = _blocks(text, name=path.name)
        pixels, filled = _drawn(blocks, name=path.name)
    except (DataError, UnicodeDecodeError, OSError):
        return False
    is_drawing = len({one.shape for one in pixels}) == 1 and min(pixels[0].shape) >= _LEAST_SIDE and not filled
    return is_drawing and (len(blocks) > 1 or blocks[0].label is not None)


def read_text_grid(path: Path, *, wish: Wish) -> Reading:
    """Pictures of a text file, 1 and # white, 0 and . black; a line `label: X`, or one word, above each is its label.

    Raises DataError, with its line, for what is no drawing.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise DataError(
            "text grids must be text", found=f"'{path.name}' is not UTF-8", hint="0 and 1, or . and #"
        ) from None
    except OSError as error:
        raise DataError("the file must be readable", found=f"'{path}': {error.strerror}", hint="chmod +r") from None
    blocks = _blocks(text, name=path.name)
    drawn, filled = _drawn(blocks, name=path.name)
    height, width = Counter(one.shape for one in drawn).most_common(1)[0][0]
    form = wish.form or Form(height, width, 1)
    pixels = np.concatenate([fit_array(one[None, ..., None], form) for one in drawn])
    n_other = sum(one.shape != (form.height, form.width) for one in drawn)
    said = [f"{n_other:,} of {len(drawn):,} drawings have another size and were fitted to {spoken_form(form)}"]
    said = [*filled, *(said if n_other else ())]
    labels = tuple(block.label for block in blocks)
    return Reading(
        pixels,
        numbered(len(drawn)),
        labels if any(label is not None for label in labels) else None,
        tuple(said),
    )


def _blocks(text: str, *, name: str) -> list[_Block]:
    """The drawings of a text; a word on a line of its own is the label of what follows."""
    blocks: list[_Block] = []
    label: str | None = None
    rows: list[str] = []
    for number, line in enumerate([*text.splitlines(), ""], start=1):
        row = line.strip()
        if row and not rows and (word := _label_in(row)) is not None:
            if label is not None:
                raise _no_drawing(row, number, name)
            label = word
        elif row:
            rows.append(row)
        elif rows:
            first = number - len(rows)
            if label is None and _is_label_above(rows):
                label, rows, first = rows[0], rows[1:], first + 1
            blocks.append(_Block(tuple(rows), first, label))
            label, rows = None, []
    if label is not None:
        raise _no_drawing(label, len(text.splitlines()), name)
    return blocks


def _is_label_above(rows: list[str]) -> bool:
    """Whether the first line is a label, though it is written in characters of pixels, like 1 or 10."""
    widths = [len(row.split()) if len(row.split()) > 1 else len(row) for row in rows]
    return len(rows[0].split()) == 1 and len(set(widths[1:])) == 1 and widths[0] != widths[1]


def _label_in(row: str) -> str | None:
    """The label that a line gives; None for a line of pixels, or what may be one."""
    if row.lower().startswith(_LABEL):
        return row[len(_LABEL) :].strip() or None
    if len(row.split()) > 1 or any(set(row) <= set(drawing) for drawing in _DRAWINGS):
        return None
    return row


def _drawn(blocks: Sequence[_Block], *, name: str) -> tuple[list[Pixels], list[str]]:
    """Grey pixels (h, w) of each block, and what was filled up. Raises DataError for other characters."""
    if not blocks:
        raise DataError("a text grid must have drawings", found=f"'{name}' has none", hint="lines of 0 and 1")
    used = {character for block in blocks for row in block.rows for character in row}
    for dark, bright in _DRAWINGS:
        if used <= {dark, bright}:
            levels = [[[_BRIGHTEST * (one == bright) for one in row] for row in block.rows] for block in blocks]
            break
    else:
        levels = [[_levels(row, block.line + i, name) for i, row in enumerate(block.rows)] for block in blocks]
        if max(max(row) for block in levels for row in block) <= 1:
            levels = [[[_BRIGHTEST * one for one in row] for row in block] for block in levels]
    filled = []
    for block, rows in zip(blocks, levels, strict=True):
        width = max(map(len, rows))
        short = [i for i, row in enumerate(rows) if len(row) < width]
        if short:
            filled.append(
                f"'{name}': {len(short)} of the {len(rows)} lines from line {block.line} on are shorter than {width} "
                f"pixels, the first is line {block.line + short[0]}: they are filled up with black on the right"
            )
        for row in rows:
            row.extend([0] * (width - len(row)))
    return [np.array(rows, np.uint8) for rows in levels], filled


def _levels(row: str, line: int, name: str) -> list[int]:
    words = row.split()
    if len(words) > 1 and all(word.isascii() and word.isdigit() and int(word) <= _BRIGHTEST for word in words):
        return [int(word) for word in words]
    raise _no_drawing(row, line, name)


def _no_drawing(row: str, line: int, name: str) -> DataError:
    return DataError(
        "drawings are of 0 and 1, of . and #, or of grey levels 0 to 255 with blanks between them, all of one kind",
        found=f"line {line} of '{name}' is '{row[:40]}'",
        hint="label: X     on the line above a drawing, for its label",
    )
