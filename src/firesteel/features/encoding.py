"""The rows of any table, encoded as the training rows were."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
import polars as pl
from pydantic import Field, TypeAdapter, ValidationError

from firesteel.data import Target, as_numbers, as_words
from firesteel.errors import DataError, ModelError, nearest
from firesteel.features.numbers import Dtype, FlagColumn, NumberColumn
from firesteel.features.oddities import Oddity
from firesteel.features.times import TimeColumn
from firesteel.features.words import WordColumn

Encoding = Annotated[NumberColumn | FlagColumn | TimeColumn | WordColumn, Field(discriminator="encoding")]

#: Columns or labels that an error message spells out.
MAX_WORDS_SHOWN = 10


@dataclass(frozen=True)
class Batch:
    """Rows as a net reads them; `torch.from_numpy` shares the memory of both arrays."""

    x_num: npt.NDArray[Any]  # (n_rows, n_num) in the features' dtype, NaN = missing; uint8 for pictures
    x_cat: npt.NDArray[np.int64]  # (n_rows, n_cat), 0 = unknown
    oddities: tuple[Oddity, ...] = ()

    @property
    def n_rows(self) -> int:
        return len(self.x_num)

    @property
    def notices(self) -> tuple[str, ...]:
        """The oddities as sentences for the user."""
        return tuple(oddity.text for oddity in self.oddities)


@dataclass(frozen=True)
class Features:
    """How each column is read, as fitted on training rows; `fit_features` makes one."""

    columns: tuple[Encoding, ...]  # in file order
    target: Target
    dtype: Dtype = "float32"
    unread: tuple[str, ...] = ()  # columns that training had and the net does not read: no oddity when they are there
    notices: tuple[str, ...] = ()  # what fitting noticed, as sentences

    @cached_property
    def _numeric(self) -> tuple[NumberColumn | FlagColumn | TimeColumn, ...]:
        return tuple(column for column in self.columns if not isinstance(column, WordColumn))

    @cached_property
    def _categorical(self) -> tuple[WordColumn, ...]:
        return tuple(column for column in self.columns if isinstance(column, WordColumn))

    @property
    def num_names(self) -> tuple[str, ...]:
        """The names of the columns of `x_num`."""
        return tuple(name for column in self._numeric for name in column.names)

    @property
    def num_labels(self) -> tuple[str, ...]:
        """What each column of `x_num` holds, so that a formula is true: `x`, `x - 1990`, `smoker=yes`."""
        return tuple(label for column in self._numeric for label in column.labels)

    @property
    def num_sources(self) -> tuple[str, ...]:
        """The table's column that each column of `x_num` comes from."""
        return tuple(column.source for column in self._numeric for _ in column.names)

    @property
    def cat_names(self) -> tuple[str, ...]:
        """The names of the columns of `x_cat`, which are also their sources."""
        return tuple(column.source for column in self._categorical)

    @property
    def widths(self) -> tuple[int, int]:
        """Columns of `x_num` and of `x_cat`."""
        return len(self.num_names), len(self.cat_names)

    @property
    def n_levels(self) -> tuple[int, ...]:
        """The number of codes of each column of `x_cat`, 0 included."""
        return tuple(column.n_levels for column in self._categorical)

    @property
    def sources(self) -> tuple[str, ...]:
        """The table's columns that are read, in file order."""
        return tuple(column.source for column in self.columns)

    def encode(self, frame: pl.DataFrame) -> Batch:
        """The rows as two arrays, and what could not be read.

        Raises: DataError for a column that is not there.
        """
        oddities = self._check_columns(frame.columns)
        x_num = np.empty((frame.height, len(self.num_names)), dtype=self.dtype)
        x_cat = np.empty((frame.height, len(self.cat_names)), dtype=np.int64)
        first = 0
        for column in self._numeric:
            numbers, odd = column.encode(frame[column.source])
            for i, values in enumerate(numbers, start=first):
                x_num[:, i] = values
            first += len(numbers)
            oddities += odd
        for i, words in enumerate(self._categorical):
            x_cat[:, i], odd = words.encode(frame[words.source])
            oddities += odd
        return Batch(x_num, x_cat, tuple(oddities))

    def encode_target(self, frame: pl.DataFrame) -> npt.NDArray[np.int64] | npt.NDArray[np.float64]:
        """The class codes (n_rows,) int64, or the numbers (n_rows,) float64 of a regression.

        Raises: DataError for a target that is not there or missing in a row, or a label that training did not know.
        """
        return encode_target(self.target, frame)

    def to_dict(self) -> dict[str, Any]:
        """All of it, as JSON can hold it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, record: object) -> Features:
        """The features that `to_dict` described. Raises ModelError for anything else."""
        try:
            return TypeAdapter(cls).validate_python(record)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise ModelError(
                "the features of a model must be as fit wrote them",
                found=f"'{where}': {first['msg']}",
                hint="fit the model again, or take model.json from a copy",
            ) from None

    def _check_columns(self, names: list[str]) -> list[Oddity]:
        absent = [name for name in self.sources if name not in names]
        if absent:
            raise _missing_column(absent, names, what="every column that the model reads")
        known = {*self.sources, *self.unread, self.target.name}
        return [Oddity("extra_column", name, 0) for name in names if name not in known]


def encode_target(target: Target, frame: pl.DataFrame) -> npt.NDArray[np.int64] | npt.NDArray[np.float64]:
    """As `Features.encode_target`."""
    if target.name not in frame.columns:
        raise _missing_column([target.name], frame.columns, what="the target")
    given = frame[target.name]
    return _encode_labels(given, target) if target.classes else _encode_numbers(given)


def _missing_column(absent: list[str], names: list[str], *, what: str) -> DataError:
    near = [f"'{other}' for '{name}'" for name in absent for other in nearest(name, names, n=1)]
    shown = ", ".join(f"'{name}'" for name in absent[:MAX_WORDS_SHOWN])
    more = f" and {len(absent) - MAX_WORDS_SHOWN} more" if len(absent) > MAX_WORDS_SHOWN else ""
    return DataError(
        f"{what} must be in the table",
        found=f"{shown}{more} {'is' if len(absent) == 1 else 'are'} not among its {len(names)} columns",
        hint=f"rename {', '.join(near[:MAX_WORDS_SHOWN])}" if near else "the table's columns: " + _list_words(names),
    )


def _list_words(words: Sequence[str]) -> str:
    more = f", ... ({len(words)} in all)" if len(words) > MAX_WORDS_SHOWN else ""
    return ", ".join(words[:MAX_WORDS_SHOWN]) + more


def _encode_labels(given: pl.Series, target: Target) -> npt.NDArray[np.int64]:
    words = as_words(given)
    codes = words.replace_strict(
        list(target.classes), list(range(len(target.classes))), default=None, return_dtype=pl.Int64
    )
    if codes.null_count():
        _refuse_missing(words)
        strange = words.filter(codes.is_null())
        near = nearest(strange[0], target.classes, n=1)
        raise DataError(
            f"a label of '{given.name}' must be one that training knew: {_list_words(target.classes)}",
            found=f"'{strange[0]}' stands in {(strange == strange[0]).sum()} of {len(given)} rows",
            hint=f"write '{near[0]}' instead" if near else "leave these rows out, or fit again with them",
        )
    labels: npt.NDArray[np.int64] = codes.to_numpy()
    return labels


def _encode_numbers(given: pl.Series) -> npt.NDArray[np.float64]:
    numbers = as_numbers(given).cast(pl.Float64)
    if numbers.null_count():
        _refuse_missing(as_words(given))
        strange = given.filter(numbers.is_null())
        raise DataError(
            f"the target '{given.name}' must be a number in every row",
            found=f"{strange[0]!r} stands in it ({len(strange)} of {len(given)} rows are not numbers)",
            hint="leave these rows out",
        )
    values: npt.NDArray[np.float64] = numbers.to_numpy()
    return values


def _refuse_missing(words: pl.Series) -> None:
    if n_missing := words.null_count():
        raise DataError(
            f"the target '{words.name}' must be there in every row",
            found=f"it is missing in {n_missing} of {len(words)} rows",
            hint="leave these rows out",
        )
