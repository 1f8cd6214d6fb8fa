"""Whatever a user gives to a verb, as a table or as pictures."""

from __future__ import annotations

from numbers import Integral
from os import PathLike
from typing import Any

import polars as pl

from firesteel.data.frames import arrays_to_table
from firesteel.data.picture_sources import is_pictures, pictures_of_columns, read_pictures
from firesteel.data.pictures import Wish
from firesteel.data.sources import read_table
from firesteel.data.table import Table
from firesteel.errors import DataError, RecipeError


def read_input(
    source: Any,
    y: Any = None,
    *,
    test: Any = None,
    target: str | int | None = None,
    wish: Wish | None = None,
    as_pictures: bool | None = None,
    has_header: bool | None = None,
) -> tuple[Table, Table | None]:
    """The rows of a source, and test rows: those of `test`, or a set's own.

    Tables of one pixel a column become pictures unless `as_pictures` is false. `y` are the targets of arrays.
    Raises DataError for what can be read as neither.
    """
    if is_pictures(source):
        if as_pictures is False:
            raise RecipeError(
                "--no-pictures is for tables of pixels", found="these are pictures", hint="leave --no-pictures out"
            )
        return read_pictures(source, y, test=test, wish=wish or Wish())
    table = to_table(source, y, has_header=has_header)
    test_table = None if test is None else to_table(test, None, has_header=header_of(source, table))
    if as_pictures is False:
        return table, test_table
    form = None if wish is None else wish.form
    found = pictures_of_columns(table, target if isinstance(target, str | int) else None, test=test_table, form=form)
    if found is None and as_pictures:
        raise RecipeError(
            "--pictures needs a table of one pixel a column",
            found=f"'{table.name}' has columns of another kind, or no square number of them",
            hint="leave --pictures out",
        )
    return (table, test_table) if found is None else found


def to_table(source: Any, y: Any = None, *, has_header: bool | None = None) -> Table:
    """A table of whatever was given; arrays become columns c0, c1, ... and, with y, `target`."""
    if isinstance(source, tuple) and len(source) == 2:
        source, y = source
    if isinstance(source, pl.LazyFrame):
        source = source.collect()
    is_array = hasattr(source, "__array__") and not hasattr(source, "columns")
    if y is not None and "target" in getattr(source, "columns", ()):
        raise DataError(
            "y becomes the column 'target' beside the frame's own",
            found="the frame has a column 'target' already",
            hint="leave y out and name that column as the target, or drop it",
        )
    if y is not None or is_array or isinstance(source, list):
        return arrays_to_table(source, y)
    return read_table(source, has_header=has_header if isinstance(source, str | PathLike) else None)


def is_column(target: Any) -> bool:
    """Whether a target is the name or the number of a column, and not the targets themselves."""
    return target is None or isinstance(target, str | Integral)


def header_of(source: Any, table: Table) -> bool | None:
    """Whether later text files have a header: as this one, and always where columns have names; arrays do not tell."""
    if not table.has_header:
        return False
    return True if isinstance(source, str | PathLike) or hasattr(type(source), "columns") else None
