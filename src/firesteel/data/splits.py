"""Rows into train, val and test, and into folds: equal rows and groups never stand on both sides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from firesteel.data.dealing import Rows, deal_units, fill_empty
from firesteel.data.schema import Schema
from firesteel.data.table import Table
from firesteel.data.values import as_numbers, as_times, as_words
from firesteel.errors import DataError
from firesteel.recipe import Kind

SHARES = (0.70, 0.15, 0.15)
_PARTS = ("train", "val", "test")
#: A regression's rows are spread by tenths of the target from so many rows on.
_N_STRATA, _MIN_STRATIFIED = 10, 100
#: The stream that folds are drawn from. Without one of their own it was that of the first epoch's order (NumPy takes
#: [seed, 0] for seed), which so showed one fold after the other.
_FOLDS = 2**32 - 1
#: Equal rows that tie the groups together to units larger than this share of the rows are let go.
_LARGEST_UNIT = 0.5


@dataclass(frozen=True)
class Split:
    """Row numbers of each part, ascending; those of `test` count in the test table where one was given."""

    train: Rows
    val: Rows
    test: Rows
    how: str  # a sentence
    n_equal: int = 0  # rows that repeat an earlier one in all columns that the net reads
    notices: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        record = asdict(self)
        return record | {part: record[part].tolist() for part in _PARTS} | {"notices": list(self.notices)}


def split_rows(
    table: Table,
    schema: Schema,
    *,
    seed: int,
    group: str | None = None,
    time: str | None = None,
    test: Table | None = None,
    has_val: bool = True,
    shares: tuple[float, float, float] = SHARES,
) -> Split:
    """Train, val and test rows, the same for the same seed; rows without a target are in none.

    Classes (tenths of a regression's target) have the same shares in each part, as far as units allow: a unit is all
    rows that are equal, or of one group. By `time` the parts follow each other instead. With a `test` table all its
    rows with a target are the test rows, and rows of `table` that equal one of them are used nowhere. Without
    `has_val`, which needs a `test` table, all rows of `table` are train.

    Raises: DataError when a part would be empty, or train would have one class.
    """
    rows = _rows_with_target(table.frame, schema)
    equal = _equal_keys(table.frame[rows], schema)
    n_equal = len(rows) - int(equal.max(initial=-1) + 1)
    test_rows, wanted = None, np.asarray(shares)
    notices: list[str] = []
    if test is not None:
        test_rows = _rows_with_target(test.frame, schema)
        is_free, notices = _not_in_test(table.frame[rows], test.frame[test_rows], schema, group=group)
        rows, equal, wanted = rows[is_free], _in_order(equal[is_free]), wanted[:2] / wanted[:2].sum()
    frame = table.frame[rows]
    units, said = _units(frame, equal, group=group)
    notices += said
    if not has_val:
        assert test is not None, "whoever asks for no val part gives test rows"
        parts, said = np.zeros(len(rows), dtype=np.int64), []
    elif time is not None:
        parts, said = _cut_by_time(frame, units, time, shares=wanted)
        if test is not None and test_rows is not None:
            said += _say_older(frame, test.frame[test_rows], time)
    else:
        parts = deal_units(units, _strata(frame, schema), shares=wanted, seed=seed, is_first_trained=True)
        fill_empty(parts, units, n_parts=len(wanted))
        said = _say_rare(frame, schema) + _say_dates(frame, schema)
    last = rows[parts == 2] if test_rows is None else test_rows
    how = _say_how(schema, seed=seed, group=group, time=time, test=test)
    if not has_val:
        how = f"all rows train, and none chooses the best epoch unseen; test is '{test.name if test else ''}'"
    split = Split(rows[parts == 0], rows[parts == 1], last, how, n_equal, tuple(notices + said))
    _check(split, schema, table=table, n_units=len(np.unique(units)), has_val=has_val)
    return split


def fold_rows(table: Table, schema: Schema, *, split: Split, n_folds: int, seed: int, group: str | None = None) -> Rows:
    """The fold (0 to n_folds - 1) of each row of `concatenate([split.train, split.val])`, in that order.

    Equal rows and groups have one fold; classes are spread evenly. Fewer folds come out where there are fewer units.

    Raises: DataError where there are not even two units.
    """
    rows = np.concatenate([split.train, split.val])
    frame = table.frame[rows]
    units, _ = _units(frame, _equal_keys(frame, schema), group=group)
    n_units = len(np.unique(units))
    if n_units < 2:
        raise DataError(
            "folds need at least 2 different rows or groups", found=f"there are {n_units}", hint="--members 1"
        )
    n_folds = min(n_folds, n_units)
    shares = np.full(n_folds, 1 / n_folds)
    folds = deal_units(units, _strata(frame, schema), shares=shares, seed=(seed, _FOLDS), is_first_trained=False)
    fill_empty(folds, units, n_parts=n_folds)
    return folds


def _rows_with_target(frame: pl.DataFrame, schema: Schema) -> Rows:
    target = frame[schema.target.name]
    known = (as_words if schema.target.classes else as_numbers)(target).is_not_null()
    return np.flatnonzero(known.to_numpy())


def _equal_keys(frame: pl.DataFrame, schema: Schema) -> Rows:
    """A number for each row, the same for rows that are equal in all used columns, in order of first appearance."""
    return _in_order(_as_read(frame, schema).hash_rows(seed=0).to_numpy())


def _as_read(frame: pl.DataFrame, schema: Schema) -> pl.DataFrame:
    """The used columns as the net reads them, so that 3 in one file equals 3.0 in another."""
    readers: dict[Kind, Callable[[pl.Series], pl.Series]] = {"numeric": as_numbers, "datetime": as_times}
    return pl.DataFrame([readers.get(column.kind, as_words)(frame[column.name]) for column in schema.used])


def _in_order(keys: npt.NDArray[Any]) -> Rows:
    """0, 1, ... for the different keys in the order in which they appear, so that no hash decides anything."""
    _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[inverse]


def _units(frame: pl.DataFrame, equal: Rows, *, group: str | None) -> tuple[Rows, list[str]]:
    """The unit of each row, from the numbers of equal rows; rows of one unit stay together."""
    if group is None:
        return equal, []
    words = as_words(frame[group])
    alone = pl.Series([f"\0{i}" for i in range(frame.height)], dtype=pl.String)  # no group: a group of its own
    groups = _in_order(words.zip_with(words.is_not_null(), alone).rank("dense").to_numpy())
    tied = _tie(groups, equal)
    if np.bincount(tied).max() > max(_LARGEST_UNIT * len(tied), np.bincount(groups).max()):
        return groups, [
            "equal rows of different groups tie most of the table together: only groups are kept on one side"
        ]
    return tied, []


def _tie(groups: Rows, equal: Rows) -> Rows:
    """Units that contain both whole groups and all rows that are equal (the components of their graph)."""
    units = groups
    while True:
        lowest = np.full(equal.max() + 1, len(units))
        np.minimum.at(lowest, equal, units)
        by_row = lowest[equal]
        lowest = np.full(groups.max() + 1, len(units))
        np.minimum.at(lowest, groups, by_row)
        tied = lowest[groups]
        if (tied == units).all():
            return _in_order(tied)
        units = tied


def _strata(frame: pl.DataFrame, schema: Schema) -> Rows:
    """The class of each row, or the tenth of the target that it is in."""
    target = frame[schema.target.name]
    if schema.target.classes:
        return _in_order(as_words(target).rank("dense").to_numpy())
    if frame.height < _MIN_STRATIFIED:
        return np.zeros(frame.height, dtype=np.int64)
    ranks = as_numbers(target).rank("ordinal").to_numpy().astype(np.int64) - 1
    return ranks * _N_STRATA // frame.height


def _cut_by_time(
    frame: pl.DataFrame, units: Rows, time: str, *, shares: npt.NDArray[np.float64]
) -> tuple[Rows, list[str]]:
    """The part of each row, oldest first; a unit is as old as its newest row, so that train holds no later row."""
    seconds = _seconds(frame[time])
    ages = np.full(units.max(initial=-1) + 1, -np.inf)
    np.maximum.at(ages, units, seconds.fill_null(-np.inf).to_numpy())
    moments, counts = np.unique(ages[units], return_counts=True)
    if len(moments) < len(shares):
        raise DataError(
            f"a split by time needs at least {len(shares)} different times",
            found=f"'{time}' has {seconds.drop_nulls().n_unique()}"
            + (" that are dates or numbers" if seconds.null_count() else ""),
            hint="split at random, without --time",
        )
    n_before = np.cumsum(counts)  # rows up to and with each moment
    cuts: list[int] = []
    for i, share in enumerate(np.cumsum(shares)[:-1]):
        first, last = (cuts[-1] + 1 if cuts else 0), len(moments) - (len(shares) - 1 - i)
        cuts.append(first + int(np.abs(n_before[first:last] - share * n_before[-1]).argmin()))
    parts = np.searchsorted(moments[cuts], ages[units], side="left")
    n_lost = seconds.null_count()
    return parts, [f"{n_lost:,} rows without a time in '{time}' count as the oldest"] if n_lost else []


def _not_in_test(
    rows: pl.DataFrame, test: pl.DataFrame, schema: Schema, *, group: str | None
) -> tuple[npt.NDArray[np.bool_], list[str]]:
    """Which rows equal none of the test rows, and are of none of their groups, and what was said about it."""
    noun = "picture" if any(column.kind == "picture" for column in schema.used) else "row"
    keys, test_keys = (_as_read(frame, schema).hash_rows(seed=0).to_numpy() for frame in (rows, test))
    is_equal = np.isin(keys, test_keys)
    if is_equal.all():
        found = f"all {len(is_equal):,} {noun}s to learn from equal one"
        raise DataError(f"test {noun}s must be others", found=found, hint="leave --test out: rows are held out")
    is_free, notices = _free_of(is_equal, f"equal a test {noun}", noun)
    if group is None:
        return is_free, notices
    if group not in test.columns:
        return is_free, [*notices, f"the test table has no '{group}': rows of one may stand in train and test"]
    test_groups = as_words(test[group]).drop_nulls().unique()
    is_shared = as_words(rows[group]).is_in(test_groups.implode()).fill_null(False).to_numpy()
    is_apart, said = _free_of(is_shared[is_free], f"have a '{group}' of the test table", noun)
    is_free[is_free] = is_apart
    return is_free, notices + said


def _free_of(is_known: npt.NDArray[np.bool_], what: str, noun: str) -> tuple[npt.NDArray[np.bool_], list[str]]:
    """Which rows to use, and what is said: without those that the test knows, unless they are too many."""
    n_known = int(is_known.sum())
    if not n_known:
        return ~is_known, []
    if n_known > _LARGEST_UNIT * len(is_known):
        said = f"{n_known:,} {noun}s {what}: too many to leave them out, the test scores are partly of known rows"
        return np.ones_like(is_known), [said]
    said = (
        f"1 {noun} {what.replace('equal', 'equals').replace('have', 'has')} and is"
        if n_known == 1
        else f"{n_known:,} {noun}s {what} and are"
    )
    return ~is_known, [f"{said} used nowhere, so that the test stays unseen"]


def _say_older(frame: pl.DataFrame, test: pl.DataFrame, time: str) -> list[str]:
    """A sentence where test rows are older than the newest row that is learned from."""
    if time not in test.columns:
        return []
    seconds, test_seconds = _seconds(frame[time]), _seconds(test[time])
    n_older = int((test_seconds < seconds.max()).sum()) if seconds.null_count() < seconds.len() else 0
    if not n_older:
        return []
    return [
        f"{n_older:,} test rows are older in '{time}' than the newest row of train and val: "
        "their score is not that of later rows"
    ]


def _seconds(times: pl.Series) -> pl.Series:
    """Dates as seconds since 1970, and numbers where there are no dates, as they are."""
    dates = as_times(times) if times.dtype == pl.String else times
    return as_numbers(times if dates.null_count() == dates.len() else dates)


def _say_how(schema: Schema, *, seed: int, group: str | None, time: str | None, test: Table | None) -> str:
    parts = "train and val" if test else "train, val and test"
    if time is not None:
        how = f"{parts} follow each other by '{time}', oldest first"
    elif schema.target.classes:
        how = f"{parts} at random (seed {seed}), each class in the same shares"
    else:
        how = f"{parts} at random (seed {seed}), low and high targets in the same shares"
    if group is not None:
        how += f"; rows of one '{group}' stay together"
    return how + (f"; test is '{test.name}'" if test else "")


def _say_rare(frame: pl.DataFrame, schema: Schema) -> list[str]:
    if not schema.target.classes:
        return []
    counts = as_words(frame[schema.target.name]).value_counts(sort=True)
    rare = sorted(counts.filter(pl.col("count") < len(_PARTS))[schema.target.name])
    if not rare:
        return []
    listed = ", ".join(f"'{word}'" for word in rare[:5]) + (f" and {len(rare) - 5} more" if len(rare) > 5 else "")
    return [
        f"classes with one or two rows: {listed}; their first row is in train, and no score says how well they are told"
    ]


def _say_dates(frame: pl.DataFrame, schema: Schema) -> list[str]:
    dates = [column.name for column in schema.used if column.kind == "datetime"]
    said = []
    for name in dates[:1]:
        times = as_times(frame[name]).drop_nulls().sort()
        if times.is_empty():
            continue
        day = as_words(
            times.gather([int(share * (len(times) - 1)) for share in (SHARES[0], SHARES[0] + SHARES[1])]).dt.date()
        )
        said.append(
            f"'{name}' holds dates, and the split does not look at them: if the model is to answer for later rows, "
            f"--time {name} trains on rows up to {day[0]} and tests on those after {day[1]}"
        )
    return said


def _check(split: Split, schema: Schema, *, table: Table, n_units: int, has_val: bool) -> None:
    for part in _PARTS:
        if not len(getattr(split, part)) and (has_val or part != "val"):
            raise DataError(
                "train, val and test need at least one row each",
                found=f"{part} would be empty; '{table.name}' has {n_units} different rows or groups to part",
                hint="give it more rows" + (", or a --group with more values" if "together" in split.how else ""),
            )
    n_values = as_words(table.frame[schema.target.name][split.train]).n_unique()
    if n_values < 2:
        raise DataError(
            "the training rows need at least 2 different targets",
            found=f"the split ({split.how}) gives them one '{schema.target.name}' in all {len(split.train):,} rows",
            hint="give it more rows, or split in another way",
        )
