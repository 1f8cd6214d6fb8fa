"""Reading pictures: a folder, a file of any known kind, a named set or arrays become Pictures."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from firesteel.data.arrays import is_picture_array, read_arrays
from firesteel.data.bundles import BUNDLES, read_bundle
from firesteel.data.decoding import PICTURE_ENDINGS
from firesteel.data.folders import read_files, read_folder
from firesteel.data.idx import is_idx, read_idx
from firesteel.data.named_sets import NAMED_SETS, read_named_set
from firesteel.data.pictures import Pictures, Reading, Wish, make_pictures
from firesteel.data.text_grids import is_text_grid, read_text_grid


def is_pictures(source: Any) -> bool:
    """Whether a source is read as pictures; everything else is a table."""
    if isinstance(source, list | tuple) and source and all(isinstance(one, str | os.PathLike) for one in source):
        return True
    if not isinstance(source, str | os.PathLike):
        return is_picture_array(source)
    path = Path(source)
    if not path.exists():
        return str(source) in NAMED_SETS
    if path.is_dir() or path.suffix.lower() in PICTURE_ENDINGS | BUNDLES:
        return True
    return is_idx(path) or is_text_grid(path)


def read_pictures(source: Any, y: Any = None, *, wish: Wish) -> tuple[Pictures, Pictures | None]:
    """The pictures of a source with their labels, and its own test set where it has one.

    `y` are labels for arrays. Raises DataError for what cannot be read as pictures.
    """
    name = str(source) if isinstance(source, str | os.PathLike) else "the pictures"
    return make_pictures(_read(source, y, wish=wish), name=name)


def _read(source: Any, y: Any, *, wish: Wish) -> Reading:
    if isinstance(source, list | tuple) and source and all(isinstance(one, str | os.PathLike) for one in source):
        return read_files([Path(one) for one in source], wish=wish)
    if not isinstance(source, str | os.PathLike):
        return read_arrays(source, y, wish=wish)
    path = Path(source)
    if not path.exists():
        return read_named_set(str(source), wish=wish)
    if path.is_dir():
        return read_folder(path, wish=wish)
    if path.suffix.lower() in BUNDLES:
        return read_bundle(path, wish=wish)
    if path.suffix.lower() in PICTURE_ENDINGS:
        return read_files([path], wish=wish)
    return read_idx(path, wish=wish) if is_idx(path) else read_text_grid(path, wish=wish)
