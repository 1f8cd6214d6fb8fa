"""A table in memory."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import polars as pl

from firesteel.errors import DataError

#: Wider tables are refused: a small net of thousands of columns is not what firesteel is for.
MAX_COLUMNS = 5_000
_ROWS_AT_ONCE = 100_000


@dataclass(frozen=True)
class Table:
    """Rows and named columns, as read: text is stripped, missing marks are null, numbers are numbers."""

    frame: pl.DataFrame
    name: str  # the file or the built-in set, for messages
    has_header: bool = True
    notices: tuple[str, ...] = ()  # what reading noticed, as sentences: encoding, header, dialect
    fair: tuple[str, ...] = ()  # columns that are no leaks, however much they tell

    @property
    def n_rows(self) -> int:
        return self.frame.height

    def fingerprint_start(self) -> bytes:
        """What `fingerprint` has to know beside the frame."""
        return b""

    def take(self, rows: npt.NDArray[np.int64]) -> Table:
        """These rows, in this order."""
        return replace(self, frame=self.frame[rows])


def check_names(names: Sequence[str]) -> None:
    """Raises DataError for columns of one name, and for too many."""
    if len(names) > MAX_COLUMNS:
        raise DataError(
            f"a table may have up to {MAX_COLUMNS:,} columns",
            found=f"it has {len(names):,}",
            hint="keep the columns that matter, or transpose the table if its rows are columns",
        )
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        places = [str(i + 1) for i, name in enumerate(names) if name == twice[0]]
        raise DataError(
            "every column needs its own name",
            found=f"'{twice[0]}' names columns {', '.join(places[:5])}",
            hint="rename them in the file, or put a row of names on top if it has none",
        )


def fingerprint(table: Table) -> str:
    """64 hexadecimal digits that change with any value, type, or name, and with the rows' order."""
    digest = hashlib.sha256(table.fingerprint_start())
    for column in table.frame:
        digest.update(f"{column.name}\0{column.dtype}\0{column.len()}\0".encode())
        for start in range(0, column.len(), _ROWS_AT_ONCE):
            part = column.slice(start, _ROWS_AT_ONCE)
            digest.update(np.packbits(part.is_null().to_numpy()).tobytes())
            digest.update(_bytes(part.drop_nulls()))
    return digest.hexdigest()


def _bytes(values: pl.Series) -> bytes:
    if values.dtype == pl.String:
        return values.str.len_bytes().to_numpy().tobytes() + "".join(values.to_list()).encode()
    return values.to_physical().to_numpy().tobytes()
