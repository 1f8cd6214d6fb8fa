"""Reading: a file of any known kind, a frame, arrays, or a built-in set becomes a Table."""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import polars as pl

from firesteel.data.builtins import BUILT_IN, built_in_table
from firesteel.data.delimited import TextTable
from firesteel.data.frames import arrays_to_table, frame_to_table, is_pandas, pandas_to_frame
from firesteel.data.named_sets import NAMED_SETS
from firesteel.data.synthetic import PREFIX, SYNTHETIC, is_synthetic, synthetic_table
from firesteel.data.table import Table
from firesteel.errors import DataError, nearest

#: A file's path, a built-in set's name, a Table, a polars or pandas DataFrame, a NumPy array, a torch tensor.
Source: TypeAlias = Any

#: Rows of a binary file fetched at once when it is read in chunks: about a row group.
_WINDOW_ROWS = 250_000
_MAX_OFFERED = 5
#: What the disk and a damaged gzip file raise.
_UNREADABLE = (OSError, EOFError, zlib.error)


def read_table(source: Source, *, has_header: bool | None = None) -> Table:
    """All rows of a source. `has_header` overrules what the first row looks like (text files only).

    Raises DataError for what is no table: no such file, a folder, binary data, ragged rows, two columns of one name.
    """
    table = _read_object(source)
    if table is None:
        path, word = Path(source), str(source)
        if is_synthetic(word) and not path.is_file():
            table = synthetic_table(word)
        elif word in BUILT_IN and not path.is_file():
            table = built_in_table(word)
        else:
            table = _read_file(path, has_header=has_header)
    if not table.n_rows:
        raise _no_rows(table.name)
    return table


def stream_tables(source: Source, *, n_rows: int, has_header: bool | None = None) -> Iterator[Table]:
    """The rows of a source in order, as tables of up to `n_rows`, in memory that does not grow with the file.

    Columns of text files come as text in every chunk, so that no chunk is read differently from another:
    `as_numbers`, `as_words` and `as_times` make of them what they make of a whole table's columns.
    """
    tables = _stream_file(source, n_rows=n_rows, has_header=has_header)
    is_empty = True
    for table in tables if tables is not None else [read_table(source, has_header=has_header)]:
        for start in range(0, table.n_rows, n_rows):
            is_empty = False
            notices = table.notices if start == 0 else ()
            yield replace(table, frame=table.frame.slice(start, n_rows), notices=notices)
    if is_empty:
        raise _no_rows(Path(source).name)


def _read_object(source: Source) -> Table | None:
    """A table of what is in memory already; None for a path or a name."""
    if isinstance(source, Table):
        return source
    if isinstance(source, pl.LazyFrame):
        source = source.collect()
    if isinstance(source, pl.DataFrame):
        return frame_to_table(source, name="the frame")
    if isinstance(source, str | os.PathLike):
        return None
    if is_pandas(source):
        return frame_to_table(pandas_to_frame(source), name="the frame")
    if hasattr(source, "__array__") or isinstance(source, list | tuple):
        return arrays_to_table(source)
    raise DataError(
        "a table is read from a path, a frame or an array",
        found=f"a {type(source).__name__} was given",
        hint="firesteel.fit('rows.csv', ...): the path of a file, or a pandas or polars DataFrame",
    )


def _read_delimited(path: Path, *, has_header: bool | None) -> Table:
    text = TextTable(path, has_header=has_header)
    frames = list(text.frames())
    if not frames:
        raise _no_rows(path.name)
    return frame_to_table(pl.concat(frames), name=path.name, has_header=text.dialect.has_header, notices=text.notices)


def _read_binary(read: Callable[[bytes | Path], pl.DataFrame]) -> Callable[..., Table]:
    def reader(path: Path, *, has_header: bool | None) -> Table:
        del has_header  # these files name their columns
        try:
            packed = path.suffix.lower() == ".gz"
            frame = read(gzip.decompress(path.read_bytes()) if packed else path)
        except PermissionError:
            raise
        except (pl.exceptions.PolarsError, *_UNREADABLE) as error:  # polars says OSError of a file that is no Arrow
            raise _damaged(path, error) from None
        return frame_to_table(frame, name=path.name)

    return reader


def _damaged(path: Path, error: Exception) -> DataError:
    words = str(error).strip().splitlines() or [type(error).__name__]
    return DataError(
        f"a {_ending(path)} file must be what its name says",
        found=f"'{path.name}' cannot be read as that ({words[0]})",
        hint="give the file the ending of what it is, or write it again",
    )


def _ndjson(source: bytes | Path) -> pl.DataFrame:
    return pl.read_ndjson(source, infer_schema_length=None)


def _json(source: bytes | Path) -> pl.DataFrame:
    return pl.read_json(source, infer_schema_length=None)


def _scan_ndjson(path: Path) -> pl.LazyFrame:
    return pl.scan_ndjson(path, infer_schema_length=None)


#: Endings (before a .gz) and what reads them; every other ending is taken for delimited text.
READERS: Mapping[str, Callable[..., Table]] = {
    **dict.fromkeys((".csv", ".tsv", ".tab", ".psv", ".txt", ".data"), _read_delimited),
    **dict.fromkeys((".parquet", ".pq"), _read_binary(pl.read_parquet)),
    **dict.fromkeys((".arrow", ".feather", ".ipc"), _read_binary(pl.read_ipc)),
    **dict.fromkeys((".jsonl", ".ndjson"), _read_binary(_ndjson)),
    ".json": _read_binary(_json),
}
_SCANNERS: Mapping[str, Callable[[Path], pl.LazyFrame]] = {
    **dict.fromkeys((".parquet", ".pq"), pl.scan_parquet),
    **dict.fromkeys((".arrow", ".feather", ".ipc"), pl.scan_ipc),
    **dict.fromkeys((".jsonl", ".ndjson"), _scan_ndjson),
}


def _read_file(path: Path, *, has_header: bool | None) -> Table:
    _check_is_file(path)
    try:
        return READERS.get(_ending(path), _read_delimited)(path, has_header=has_header)
    except _UNREADABLE as error:
        raise _unreadable(path, error) from None


def _stream_file(source: Source, *, n_rows: int, has_header: bool | None) -> Iterator[Table] | None:
    """Chunks of a file that can be larger than memory; None for every other source."""
    if not isinstance(source, str | os.PathLike):
        return None
    path = Path(source)
    if (str(source) in BUILT_IN or is_synthetic(source)) and not path.is_file():
        return None
    _check_is_file(path)
    if READERS.get(_ending(path), _read_delimited) is _read_delimited:
        return _stream_delimited(path, n_rows=n_rows, has_header=has_header)
    scan = _SCANNERS.get(path.suffix.lower())
    return None if scan is None else _stream_scan(path, scan, n_rows=max(n_rows, _WINDOW_ROWS // n_rows * n_rows))


def _stream_delimited(path: Path, *, n_rows: int, has_header: bool | None) -> Iterator[Table]:
    n_said = 0
    waiting: list[pl.DataFrame] = []
    try:
        text = TextTable(path, has_header=has_header)
        for frame in text.frames():
            waiting.append(frame)
            ready = sum(f.height for f in waiting) // n_rows * n_rows
            if ready:
                rows = pl.concat(waiting)
                yield Table(rows.head(ready), path.name, text.dialect.has_header, tuple(text.notices[n_said:]))
                n_said = len(text.notices)
                waiting = [rows.slice(ready)]
        if any(f.height for f in waiting):
            yield Table(pl.concat(waiting), path.name, text.dialect.has_header, tuple(text.notices[n_said:]))
    except _UNREADABLE as error:
        raise _unreadable(path, error) from None


def _stream_scan(path: Path, scan: Callable[[Path], pl.LazyFrame], *, n_rows: int) -> Iterator[Table]:
    start = 0
    try:
        frame = scan(path)
        while (rows := frame.slice(start, n_rows).collect()).height:
            yield frame_to_table(rows, name=path.name)
            start += rows.height
    except PermissionError as error:
        raise _unreadable(path, error) from None
    except (pl.exceptions.PolarsError, *_UNREADABLE) as error:
        raise _damaged(path, error) from None


def _ending(path: Path) -> str:
    """The last ending in lower case, the one before it where that is .gz."""
    return Path(path.stem if path.suffix.lower() == ".gz" else path).suffix.lower()


def _check_is_file(path: Path) -> None:
    try:
        is_folder = path.is_dir()
    except (OSError, ValueError) as error:  # a name that is too long, or has a zero byte in it
        raise _unreadable(path, error) from None
    if is_folder:
        inside = sorted(p.name for p in path.iterdir() if _ending(p) in READERS)[:_MAX_OFFERED]
        raise DataError(
            "a table is a file",
            found=f"'{path}' is a folder",
            hint=f"one of its files: {', '.join(inside)}" if inside else "name a CSV or Parquet file",
        )
    try:
        path.stat()
    except FileNotFoundError:
        raise _no_such_file(path) from None
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from None


def _no_such_file(path: Path) -> DataError:
    folder = path.parent
    there = [p.name for p in folder.iterdir() if p.is_file()] if folder.is_dir() else []
    stems = {Path(name).stem: name for name in there}  # an ending in common makes no name near
    offers = [str(folder / stems[stem]) for stem in nearest(path.stem, stems)] + nearest(
        str(path), [*BUILT_IN, *NAMED_SETS, *(f"{PREFIX}{name}" for name in SYNTHETIC)]
    )
    where = f"there is no file '{path}'" if folder.is_dir() else f"there is no folder '{folder}'"
    hint = (
        f"did you mean {' or '.join(offers)}?" if offers else f"a path, or a set: {', '.join([*BUILT_IN, *NAMED_SETS])}"
    )
    return DataError("the data must exist", found=where, hint=hint)


def _no_rows(name: str) -> DataError:
    return DataError("a table needs rows", found=f"'{name}' has none, or only a header", hint="another file")


def _unreadable(path: Path, error: Exception) -> DataError:
    why = getattr(error, "strerror", None) or str(error)
    return DataError("the data must be readable", found=f"'{path}': {why}", hint=f"look at {path} and its permissions")
