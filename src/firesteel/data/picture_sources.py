"""Reading pictures: a folder, a file of any known kind, a named set or arrays become Pictures."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from firesteel.data.arrays import is_picture_array, read_arrays
from firesteel.data.bundles import BUNDLES, read_bundle
from firesteel.data.decoding import PICTURE_ENDINGS
from firesteel.data.folders import read_files, read_folder
from firesteel.data.idx import idx_in_folder, is_idx, read_idx
from firesteel.data.named_sets import NAMED_SETS, read_named_set
from firesteel.data.pictures import Form, Pictures, Reading, Wish, make_pictures
from firesteel.data.pixel_columns import pixels_of_columns
from firesteel.data.table import Table
from firesteel.data.text_grids import is_text_grid, read_text_grid
from firesteel.errors import DataError


def is_pictures(source: Any) -> bool:
    """Whether a source is read as pictures, by its name where nothing is there; everything else is a table."""
    if isinstance(source, list | tuple) and source and all(isinstance(one, str | os.PathLike) for one in source):
        return True
    if not isinstance(source, str | os.PathLike):
        return is_picture_array(source)
    path = Path(source)
    if path.suffix.lower() in PICTURE_ENDINGS | BUNDLES or str(source) in NAMED_SETS:
        return True
    return path.is_dir() or is_idx(path) or is_text_grid(path)


def read_pictures(source: Any, y: Any = None, *, test: Any = None, wish: Wish) -> tuple[Pictures, Pictures | None]:
    """The pictures of a source with their labels, and the test pictures: those of `test`, else the source's own.

    `y` are labels for arrays. Raises DataError for what cannot be read as pictures.
    """
    reading = _read(source, y, wish=wish)
    if test is not None:
        form = Form(*reading.pixels.shape[1:])
        own = _read(test, None, wish=replace(wish, form=form, labels=None))
        reading = replace(reading, test=replace(own, test=None))
    return make_pictures(reading, name=name_of(source))


def pictures_of_columns(
    table: Table, target: str | int | None, *, test: Table | None = None, form: Form | None = None
) -> tuple[Pictures, Pictures | None] | None:
    """A table of one pixel a column, and a test table like it, as pictures; None for every other table."""
    reading = pixels_of_columns(table, target=target, form=form)
    if reading is None:
        return None
    own = None if test is None else pixels_of_columns(test, target=target)
    if test is not None and (own is None or own.pixels.shape[1:] != reading.pixels.shape[1:]):
        raise DataError(
            "test pictures must have the pixels of the training pictures",
            found=f"'{test.name}' has columns of another kind",
            hint="a table of the same columns, or --no-pictures",
        )
    reading = replace(reading, notices=(*table.notices, *reading.notices), test=own)
    return make_pictures(reading, name=table.name)


def name_of(source: Any) -> str:
    """What messages call a source."""
    return str(source) if isinstance(source, str | os.PathLike) else "the pictures"


def _read(source: Any, y: Any, *, wish: Wish) -> Reading:
    if isinstance(source, list | tuple) and source and all(isinstance(one, str | os.PathLike) for one in source):
        if y is not None:
            raise DataError(
                "labels of picture files stand in a table",
                found="a list of files was given with a list of labels",
                hint="labels='FILE.csv'     with their names and labels, or one folder per class",
            )
        return read_files([Path(one) for one in source], wish=wish)
    if not isinstance(source, str | os.PathLike):
        return read_arrays(source, y, wish=wish)
    path = Path(source)
    if not path.exists():
        return read_named_set(str(source), wish=wish)
    if path.is_dir():
        images = idx_in_folder(path)
        return read_folder(path, wish=wish) if images is None else read_idx(images, wish=wish)
    if path.suffix.lower() in BUNDLES:
        return read_bundle(path, wish=wish)
    if path.suffix.lower() in PICTURE_ENDINGS:
        return read_files([path], wish=wish)
    return read_idx(path, wish=wish) if is_idx(path) else read_text_grid(path, wish=wish)
