"""Rows stand on one side, in the asked shares, the same each time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from firesteel.data import Schema, Split, Table, fold_rows, read_schema, read_table, split_rows, splits
from firesteel.data.dealing import deal_units
from firesteel.errors import DataError, FiresteelError

N = 400
RNG = np.random.default_rng(11)
X = RNG.normal(size=N)
X_TWICE = np.where(np.arange(N) % 20 == 3, X[(np.arange(N) // 60) * 60 % N], X)  # equal rows in different groups
Y = RNG.choice(["a", "b", "c"], N, p=[0.6, 0.3, 0.1])


def made(target: str = "y", /, options: dict[str, Any] | None = None, **columns: Any) -> tuple[Table, Schema]:
    table = read_table(pl.DataFrame(columns))
    return table, read_schema(table, target, **(options or {}))


def assert_split_is_sound(split: Split, table: Table, schema: Schema) -> None:
    """Every row with a target is in one part, and rows that the net cannot tell apart are in the same."""
    rows = np.concatenate([split.train, split.val, split.test])
    assert len(rows) == len(set(rows.tolist())) == table.n_rows - schema.target.n_missing
    assert min(len(split.train), len(split.val), len(split.test)) > 0
    assert table.frame[schema.target.name][rows].null_count() == 0
    part = np.repeat([0, 1, 2], [len(split.train), len(split.val), len(split.test)])
    used = table.frame[rows].select(c.name for c in schema.used)
    assert_together(part, used)


def assert_together(part: np.ndarray, keys: pl.DataFrame) -> None:
    counts = keys.with_columns(part=pl.Series(part)).group_by(keys.columns).agg(pl.col("part").n_unique())
    assert counts["part"].max() == 1


def test_parts_have_the_asked_shares_and_each_class_too() -> None:
    table, schema = made(x=X, y=Y)
    split = split_rows(table, schema, seed=0)
    assert_split_is_sound(split, table, schema)
    for name in "abc":
        n = Y.tolist().count(name)
        for part, share in zip((split.train, split.val, split.test), (0.7, 0.15, 0.15), strict=True):
            assert abs((Y[part] == name).sum() - share * n) <= 1.5


def test_the_seed_decides_the_split() -> None:
    table, schema = made(x=X, y=Y)
    first, again, other = (split_rows(table, schema, seed=seed) for seed in (1, 1, 2))
    assert first.to_dict() == again.to_dict()
    assert first.test.tolist() != other.test.tolist()


def test_a_regression_has_low_and_high_targets_in_each_part() -> None:
    table, schema = made(x=X, y=X**3)
    split = split_rows(table, schema, seed=0)
    ranks = np.argsort(np.argsort(X)) / N
    assert all(abs(ranks[part].mean() - 0.5) < 0.02 for part in (split.train, split.val, split.test))


def test_equal_rows_are_counted_and_stay_on_one_side() -> None:
    table, schema = made(x=RNG.integers(0, 15, N), z=RNG.integers(0, 15, N), y=Y)
    split = split_rows(table, schema, seed=0)
    assert split.n_equal == N - len(table.frame.select("x", "z").unique())
    assert split.n_equal > N / 3
    assert_split_is_sound(split, table, schema)
    assert abs(len(split.train) - 0.7 * N) < 5


def test_groups_stay_on_one_side_with_the_equal_rows() -> None:
    table, schema = made(options={"group": "who"}, x=X_TWICE, who=[f"p{i // 7}" for i in range(N)], y=Y)
    split = split_rows(table, schema, seed=0, group="who")
    assert_split_is_sound(split, table, schema)
    part = np.zeros(N)
    part[split.val], part[split.test] = 1, 2
    assert_together(part, table.frame.select("who"))
    assert abs(len(split.train) - 0.7 * N) < 40


def test_groups_win_where_equal_rows_would_tie_all_of_them() -> None:
    table, schema = made(
        options={"group": "who"}, x=[i % 5 for i in range(N)], who=[f"p{i // 10}" for i in range(N)], y=Y
    )
    split = split_rows(table, schema, seed=0, group="who")
    assert any("only groups" in notice for notice in split.notices)
    assert len(split.test) == pytest.approx(0.15 * N, abs=10)


@pytest.mark.parametrize("kind", ["date", "number", "text"])
def test_by_time_the_oldest_rows_train_and_the_newest_test(kind: str) -> None:
    order = RNG.permutation(N)
    days = [f"{1800 + i // 300}-01-{1 + i // 12 % 25:02d}" for i in order]
    when = {"date": pl.Series(days).str.to_date(), "number": order // 12, "text": [f"{d} 10:00 " for d in days]}[kind]
    table, schema = made(options={"time": "when"}, x=X, when=when, y=Y)
    split = split_rows(table, schema, seed=0, time="when")
    times = table.frame["when"].to_physical().to_numpy()
    assert times[split.train].max() < times[split.val].min() <= times[split.val].max() < times[split.test].min()
    assert len(split.train) == pytest.approx(0.7 * N, abs=10)
    assert "oldest first" in split.how


def test_rows_without_a_time_count_as_the_oldest() -> None:
    table, schema = made(x=X, when=[None if i % 20 == 0 else i for i in range(N)], y=Y)
    split = split_rows(table, schema, seed=0, time="when")
    assert set(range(0, N, 20)) <= set(split.train.tolist())
    assert "20 rows without a time" in split.notices[-1]


def test_a_date_column_without_a_split_by_time_gets_a_notice() -> None:
    table, schema = made(x=X, day=pl.Series(range(N)).cast(pl.Date), y=Y)
    assert "--time day trains on rows up to 1970-10-07" in split_rows(table, schema, seed=0).notices[0]


def test_a_test_table_of_the_user_is_the_test_part_and_its_rows_are_not_trained_on() -> None:
    table, schema = made(x=X, y=Y)
    rows = table.frame.head(20).with_columns(pl.col("x").cast(pl.String))
    test = Table(pl.concat([rows, pl.DataFrame({"x": ["9.5", "8.5"], "y": [None, "a"]})]), "test.csv")
    split = split_rows(table, schema, seed=0, test=test)
    assert split.test.tolist() == [*range(20), 21]
    assert sorted([*split.train, *split.val]) == list(range(20, N))
    assert len(split.val) == pytest.approx(0.15 / 0.85 * (N - 20), abs=2)
    assert "20 rows equal a test row" in split.notices[0]


def test_rows_of_the_test_tables_groups_are_not_trained_on() -> None:
    table, schema = made(options={"group": "who"}, x=X, who=[f"p{i // 10}" for i in range(N)], y=Y)
    test = Table(pl.DataFrame({"x": [8.5, 9.5], "who": ["p3", "p7"], "y": ["a", "b"]}), "test.csv")
    split = split_rows(table, schema, seed=0, group="who", test=test)
    assert {i // 10 for i in [*split.train, *split.val]} == set(range(N // 10)) - {3, 7}
    assert "20 rows have a 'who' of the test table" in split.notices[0]


def test_groups_of_the_test_table_that_hold_most_rows_are_kept_and_said() -> None:
    table, schema = made(options={"group": "who"}, x=X, who=[f"p{i // 10}" for i in range(N)], y=Y)
    rows = table.frame.gather_every(10).with_columns(pl.col("x") + 1)
    split = split_rows(table, schema, seed=0, group="who", test=Table(rows, "test.csv"))
    assert len(split.train) + len(split.val) == N
    assert "400 rows have a 'who' of the test table: too many" in split.notices[0]


@pytest.mark.parametrize(("start", "n_older"), [(N, 0), (N - 5, 4)])
def test_test_rows_that_are_older_than_training_rows_are_said(start: int, n_older: int) -> None:
    table, schema = made(options={"time": "when"}, x=X, when=range(N), y=Y)
    test = Table(pl.DataFrame({"x": np.arange(9.0) + 9, "when": range(start, start + 9), "y": ["a"] * 9}), "test.csv")
    said = [n for n in split_rows(table, schema, seed=0, time="when", test=test).notices if "are older" in n]
    assert [n.startswith(f"{n_older} test rows") for n in said] == [True] * bool(n_older)


def test_a_million_rows_are_split_in_a_few_seconds() -> None:
    n = 1_000_000
    units, strata = np.arange(n), np.random.default_rng(0).integers(0, 7, n)
    started = perf_counter()
    parts = deal_units(units, strata, shares=np.asarray(splits.SHARES), seed=0, is_first_trained=True)
    assert perf_counter() - started < 3
    for rows, size in ((parts[strata == 3], int((strata == 3).sum())), (parts, n)):
        assert np.abs(np.bincount(rows) - np.asarray(splits.SHARES) * size).max() <= 2


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 4)), min_size=1, max_size=80), st.integers(0, 5))
def test_single_rows_even_out_what_large_units_took(rows: list[tuple[int, int]], seed: int) -> None:
    units = np.unique([unit for unit, _ in rows], return_inverse=True)[1]
    strata = np.array([stratum for _, stratum in rows])
    shares = np.asarray(splits.SHARES)
    parts = deal_units(units, strata, shares=shares, seed=seed, is_first_trained=True)
    first = np.unique(units, return_index=True)[1]
    assert all(0 in parts[first][strata[first] == stratum] for stratum in set(strata[first].tolist()))
    over = np.bincount(parts, minlength=3) - shares * len(rows)
    assert over.max() <= max(np.bincount(units).max(), 1) + len(set(strata.tolist()))


def test_a_class_with_one_row_is_trained_on_and_named() -> None:
    table, schema = made(x=X, y=["rare" if i == 7 else "two" if i in (50, 90) else Y[i] for i in range(N)])
    for seed in range(5):
        split = split_rows(table, schema, seed=seed)
        assert 7 in split.train
        assert {50, 90} & set(split.train.tolist())
        assert "'rare', 'two'" in split.notices[0]


def test_many_rare_classes_leave_no_part_empty() -> None:
    table, schema = made(options={"task": "multiclass"}, x=X, y=[f"class {i // 2}" for i in range(N)])
    split = split_rows(table, schema, seed=0)
    assert_split_is_sound(split, table, schema)
    assert len(split.test) == pytest.approx(0.15 * N, abs=20)


def test_rows_without_a_target_are_in_no_part() -> None:
    table, schema = made(x=X, y=[None if i % 9 == 0 else Y[i] for i in range(N)])
    assert_split_is_sound(split_rows(table, schema, seed=0), table, schema)


@pytest.mark.parametrize("n_rows", [4, 5, 6, 10])
def test_tiny_tables_have_a_row_in_each_part(n_rows: int) -> None:
    table, schema = made(x=X[:n_rows], y=["a", "b"] * (n_rows // 2) + ["a"] * (n_rows % 2))
    assert_split_is_sound(split_rows(table, schema, seed=0), table, schema)


@pytest.mark.parametrize(
    ("columns", "options", "said"),
    [
        ({"x": [1.5, 2.5], "y": ["a", "b"]}, {}, "would be empty"),
        ({"x": [1, 2] * 9, "y": ["a", "b"] * 9}, {}, "has 2 different rows"),
        ({"x": X, "y": Y, "t": [1, 2] * (N // 2)}, {"time": "t"}, "'t' has 2"),
        ({"x": X, "y": Y, "t": ["soon"] * N}, {"time": "t"}, "that are dates or numbers"),
        ({"x": X, "t": range(N), "y": ["a"] * 290 + ["b"] * 110}, {"time": "t"}, "at least 2 different targets"),
        ({"x": X, "y": Y, "g": ["u", "v"] * (N // 2)}, {"group": "g"}, "or groups to part"),
    ],
)
def test_a_split_that_cannot_be_is_an_error(columns: dict[str, Any], options: dict[str, str], said: str) -> None:
    table, schema = made(**columns)
    with pytest.raises(DataError, match=said):
        split_rows(table, schema, seed=0, **options)


def test_folds_are_even_and_spread_the_classes() -> None:
    table, schema = made(x=X, y=Y)
    split = split_rows(table, schema, seed=0)
    folds = fold_rows(table, schema, split=split, n_folds=5, seed=0)
    classes = Y[np.concatenate([split.train, split.val])]
    assert np.ptp(np.bincount(folds, minlength=5)) <= 2
    for name in "abc":
        assert np.ptp(np.bincount(folds[classes == name], minlength=5)) <= 2


def test_folds_keep_groups_and_equal_rows_together() -> None:
    table, schema = made(options={"group": "who"}, x=X_TWICE, who=[f"p{i // 7}" for i in range(N)], y=Y)
    split = split_rows(table, schema, seed=0, group="who")
    folds = fold_rows(table, schema, split=split, n_folds=5, seed=0, group="who")
    rows = table.frame[np.concatenate([split.train, split.val])]
    assert_together(folds, rows.select("who"))
    assert_together(folds, rows.select("x"))


def test_there_are_no_more_folds_than_different_rows() -> None:
    table, schema = made(x=X[:5], y=["a", "b", "a", "b", "a"])
    split = split_rows(table, schema, seed=0)
    folds = fold_rows(table, schema, split=split, n_folds=5, seed=0)
    assert set(folds.tolist()) == set(range(len(split.train) + len(split.val)))


def test_real_duplicates_stay_on_one_side(real_tables: Path) -> None:
    table = read_table(real_tables / "winequality-red.csv")
    schema = read_schema(table, -1)
    split = split_rows(table, schema, seed=0)
    assert split.n_equal == 240
    assert_split_is_sound(split, table, schema)


ODD = ["", "?", " 3", "2024-01-05", "true", "1e999", "00123", "\0", "'", "9" * 25, "é" * 40, "a b c d"]
CELLS: dict[str, Callable[[np.random.Generator, int], Any]] = {
    "two words": lambda rng, n: rng.choice(["a", "b"], n),
    "classes": lambda rng, n: rng.integers(1, 4, n),
    "whole numbers": lambda rng, n: rng.integers(-(10**18), 10**18, n),
    "decimals": lambda rng, n: rng.normal(size=n).round(2),
    "huge decimals": lambda rng, n: rng.normal(size=n) * 1e300,
    "truth": lambda rng, n: rng.random(n) < 0.5,
    "counter": lambda _, n: np.arange(n),
    "keys": lambda rng, n: [f"k{i}" for i in rng.permutation(n)],
    "dates": lambda rng, n: [f"20{i:02d}-01-02" for i in rng.integers(10, 99, n)],
    "constant": lambda _, n: ["same"] * n,
    "odd": lambda rng, n: rng.choice(ODD, n),
}


@st.composite
def tables(draw: st.DrawFn) -> pl.DataFrame:
    """Columns of text of any of these kinds, some with odd cells among the others."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n_rows = draw(st.sampled_from([0, 1, 2, 3, 5, 8, 12, 20, 60, 250]))
    columns = []
    for i, kind in enumerate(draw(st.lists(st.sampled_from(sorted(CELLS)), min_size=1, max_size=5))):
        is_odd = rng.random(n_rows) < draw(st.sampled_from([0, 0, 0, 0.05, 0.5]))
        values = np.where(is_odd, rng.choice(ODD, n_rows), np.asarray(CELLS[kind](rng, n_rows)).astype(str))
        columns.append(pl.Series(f"c{i}", values.tolist(), dtype=pl.String))
    return pl.DataFrame(columns)


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(tables(), st.integers(0, 3), st.integers(0, 9))
def test_any_table_is_split_soundly_or_refused_in_our_words(frame: pl.DataFrame, target: int, seed: int) -> None:
    try:
        table = read_table(frame)
        schema = read_schema(table, target % frame.width)
        split = split_rows(table, schema, seed=seed)
        folds = fold_rows(table, schema, split=split, n_folds=5, seed=seed)
    except FiresteelError as error:
        event(error.must)
        return
    event(f"split, {schema.target.task}")
    assert len(folds) == len(split.train) + len(split.val)
    assert_split_is_sound(split, table, schema)


def test_folds_are_not_dealt_in_the_order_of_the_first_epoch(make_rows) -> None:
    """With one stream for both an epoch showed one fold after the other, and a member saw none of the first rows."""
    table = read_table(make_rows(n=400))
    schema = read_schema(table, "y")
    split = split_rows(table, schema, seed=0)
    folds = fold_rows(table, schema, split=split, n_folds=5, seed=0)
    order = np.random.Generator(np.random.PCG64([0, 0])).permutation(len(folds))
    assert len(set(folds[order][:40].tolist())) == 5
