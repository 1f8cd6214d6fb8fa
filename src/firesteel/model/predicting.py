"""Predictions for a whole file, part by part, so that a file larger than memory is answered in bounded memory."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import polars as pl

from firesteel.data import FILE, Pictures, stream_tables
from firesteel.errors import DataError, ModelError, RecipeError, nearest
from firesteel.evaluation import make_seen, sheet_png
from firesteel.features import Oddity, sum_oddities
from firesteel.model.model import Model, Prediction

#: Rows that are read, answered and written at once.
N_ROWS_AT_ONCE = 20_000


@dataclass(frozen=True)
class Predictions:
    """What a prediction over a whole source came to; `frame` is None where the answers went to a file."""

    n_rows: int
    notices: tuple[str, ...]
    frame: pl.DataFrame | None = None


def predict_parts(
    model: Model, source: Any, *, id_columns: Sequence[str] = ()
) -> Iterator[tuple[pl.DataFrame, tuple[Oddity, ...]]]:
    """The answers part by part, in the rows' order, with the named columns of the source in front.

    Raises: DataError for a missing column, or a name that would stand twice.
    """
    id_columns = list(dict.fromkeys(id_columns))
    for table in stream_tables(source, n_rows=N_ROWS_AT_ONCE, has_header=model.has_header):
        prediction = model.predict(table)
        answers = prediction.to_frame()
        _check_id_columns(id_columns, table.frame.columns)
        ids = table.frame.select(id_columns)
        answers = answers.rename({name: f"{name}_predicted" for name in answers.columns if name in id_columns})
        _check_once([*id_columns, *answers.columns])
        yield pl.concat([ids, answers], how="horizontal"), prediction.oddities


def predict_table(model: Model, source: Any, *, id_columns: Sequence[str] = ()) -> Predictions:
    """All answers in memory."""
    frames: list[pl.DataFrame] = []
    oddities: list[Oddity] = []
    for frame, odd in predict_parts(model, source, id_columns=id_columns):
        frames.append(frame)
        oddities += odd
    whole = pl.concat(frames)
    return Predictions(whole.height, tuple(oddity.text for oddity in sum_oddities(oddities)), whole)


def predict_pictures(
    model: Model, source: Any, *, output: str | Path | None = None, force: bool = False, sheet: str | Path | None = None
) -> Predictions:
    """All answers for pictures, each beside its file's name; with `sheet` also a PNG of the pictures and answers.

    Raises: ModelError where a file cannot be written, or stands already without `force`.
    """
    if sheet is not None and output is not None and Path(sheet) == Path(output):
        raise ModelError("answers and their sheet are two files", found=f"'{output}' twice", hint="-o answers.csv")
    for place in (output, sheet):
        if place is not None:
            _check_place(Path(place), force=force)
    pictures = model.pictures(source)
    found = model.predict(pictures)
    answers = found.to_frame()
    frame = pl.concat(
        [pictures.frame.select(pl.col(FILE).alias(_free(FILE, answers.columns))), answers], how="horizontal"
    )
    if sheet is not None:
        drawn = _draw(pictures, found)
        _write(Path(sheet), lambda part: part.write(drawn))
    if output is not None:
        _write(Path(output), lambda part: _append(part, frame, is_first=True))
    notices = (*pictures.notices, *found.notices)
    return Predictions(frame.height, notices, frame if output is None else None)


def _draw(pictures: Pictures, found: Prediction) -> bytes:
    """The sheet as PNG. Raises RecipeError for a regression."""
    if found.proba is None:
        raise RecipeError(
            "a sheet shows the probabilities of classes", found=f"'{found.target}' is a number", hint="leave it out"
        )
    names = pictures.frame[FILE].to_list()
    shown = zip(pictures.pixels, names, found.proba, strict=True)
    return sheet_png([make_seen(pixels, name, proba=proba) for pixels, name, proba in shown], found.classes)


def _free(name: str, taken: list[str]) -> str:
    return name if name not in taken else f"{name}_name"


def predict_file(
    model: Model, source: Any, *, output: str | Path, id_columns: Sequence[str] = (), force: bool = False
) -> Predictions:
    """All answers into a CSV file, which appears only when it is complete.

    Raises: ModelError where it cannot be written, or stands already without `force`.
    """
    place = Path(output)
    _check_place(place, force=force)
    n_rows = 0
    oddities: list[Oddity] = []

    def write(file: BinaryIO) -> None:
        nonlocal n_rows
        for frame, odd in predict_parts(model, source, id_columns=id_columns):
            _append(file, frame, is_first=n_rows == 0)
            n_rows += frame.height
            oddities.extend(odd)

    _write(place, write)
    return Predictions(n_rows, tuple(oddity.text for oddity in sum_oddities(oddities)))


def _check_place(place: Path, *, force: bool) -> None:
    if place.is_dir() or (place.exists() and not force):
        found = f"'{place}' is a folder" if place.is_dir() else f"'{place}' is there already"
        hint = "-o ANOTHER.csv, or --force to replace it"
        raise ModelError("predictions go to a new file", found=found, hint=hint)


def _write(place: Path, write: Callable[[BinaryIO], object]) -> None:
    """A file that appears only when it is complete. Raises ModelError where it cannot be written."""
    part = place.with_name(f".{place.name}.{secrets.token_hex(4)}.part")
    try:
        with part.open("xb") as file:
            write(file)
        part.replace(place)
    except OSError as error:
        raise ModelError(
            "predictions need a place to be written", found=f"'{place}': {error.strerror}", hint="-o ANOTHER.csv"
        ) from None
    finally:
        part.unlink(missing_ok=True)


def _append(file: BinaryIO, frame: pl.DataFrame, *, is_first: bool) -> None:
    file.write(frame.write_csv(include_header=is_first).encode("utf-8"))


def _check_once(names: list[str]) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise DataError(
            "every column of the answers needs its own name",
            found=f"'{twice[0]}' is an id column and an answer",
            hint=f"leave out --id {twice[0]}, or rename that column",
        )


def _check_id_columns(id_columns: Sequence[str], names: list[str]) -> None:
    for name in id_columns:
        if name not in names:
            near = nearest(name, names)
            raise DataError(
                "an id column stands in the table that is predicted",
                found=f"'{name}' does not",
                hint=f"--id {near[0]}" if near else f"--id with one of {', '.join(names[:8])}",
            )
