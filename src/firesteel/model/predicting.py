"""Predictions for a whole file, part by part, so that a file larger than memory is answered in bounded memory."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import polars as pl

from firesteel.data import stream_tables
from firesteel.errors import DataError, ModelError, nearest
from firesteel.features import Oddity, sum_oddities
from firesteel.model.model import Model

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


def predict_file(
    model: Model, source: Any, *, output: str | Path, id_columns: Sequence[str] = (), force: bool = False
) -> Predictions:
    """All answers into a CSV file, which appears only when it is complete.

    Raises: ModelError where it cannot be written, or stands already without `force`.
    """
    place = Path(output)
    if place.is_dir() or (place.exists() and not force):
        found = f"'{place}' is a folder" if place.is_dir() else f"'{place}' is there already"
        raise ModelError("predictions go to a new file", found=found, hint="-o ANOTHER.csv, or --force to replace it")
    part = place.with_name(f".{place.name}.{secrets.token_hex(4)}.part")
    n_rows = 0
    oddities: list[Oddity] = []
    try:
        with part.open("xb") as file:
            for frame, odd in predict_parts(model, source, id_columns=id_columns):
                _append(file, frame, is_first=n_rows == 0)
                n_rows += frame.height
                oddities += odd
        part.replace(place)
    except OSError as error:
        raise ModelError(
            "predictions need a place to be written", found=f"'{place}': {error.strerror}", hint="-o ANOTHER.csv"
        ) from None
    finally:
        part.unlink(missing_ok=True)
    return Predictions(n_rows, tuple(oddity.text for oddity in sum_oddities(oddities)))


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
