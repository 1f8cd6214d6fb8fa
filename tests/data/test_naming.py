"""Columns, tasks and leaks, named as a careful reader would."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from firesteel.data import Schema, read_schema, read_table
from firesteel.errors import DataError, FiresteelError, RecipeError

N = 300
RNG = np.random.default_rng(5)
Y = RNG.integers(0, 2, N)
X = RNG.normal(size=N)


def schema_of(target: str | int | None = "y", /, options: dict[str, Any] | None = None, **columns: Any) -> Schema:
    return read_schema(read_table(pl.DataFrame(columns)), target, **(options or {}))


def kind_of(values: Any, *, name: str = "z", options: dict[str, Any] | None = None) -> tuple[str, bool]:
    """The kind of one column that stands beside an honest one, and whether it is used."""
    schema = schema_of(options=options, **{"x": X, name: values, "y": Y})
    column = schema.columns[1]
    assert column.reason
    return column.kind, column.is_used


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (RNG.normal(size=N).round(2), "numeric"),
        (RNG.permutation(N) * 7 + 1000, "numeric"),  # all different, but a measurement: not counted up
        (RNG.integers(10_000, 99_999, N), "numeric"),
        (RNG.integers(1, 4, N), "numeric"),
        (RNG.integers(0, 2, N), "boolean"),
        (RNG.integers(0, 2, N).astype(bool), "boolean"),
        (RNG.choice(["red", "green"], N), "categorical"),
        ([f"w{i % 100}" for i in range(N)], "categorical"),
        (["yes" if i % 3 else None for i in range(N)], "categorical"),
        (["7"] * (N - 3) + ["unknown"] * 3, "categorical"),
        ([f"2024-01-{i % 28 + 1:02d}" for i in range(N)], "datetime"),
    ],
)
def test_the_kind_is_seen_and_the_column_used(values: Any, kind: str) -> None:
    assert kind_of(values) == (kind, True) or (kind == "categorical" and kind_of(values)[1])


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([f"k-{i:05d}x" for i in range(N)], "id"),
        ([f"{'ABCDEFGH'[i % 8]}{i // 2}" for i in range(N)], "id"),
        ([f"a note on visit {i} of this patient" for i in range(N)], "text"),
        ([1] * N, "constant"),
        (["?"] * N, "constant"),
    ],
)
def test_keys_text_and_constants_are_left_out_with_a_notice(values: Any, kind: str) -> None:
    assert kind_of(values) == (kind, False)
    assert any("left out: 'z'" in notice for notice in schema_of(x=X, z=values, y=Y).notices)


def test_long_keys_are_left_out_in_their_own_words() -> None:
    for keys in ([f"9{i:019d}" for i in range(N)], RNG.permutation(N) + 10**16):
        schema = schema_of(x=X, z=keys, y=Y)
        assert schema.columns[1].kind == "id"
        assert "key of single rows: 300" in schema.columns[1].reason
        assert not any("which count as missing" in notice for notice in schema.notices)


def test_numbers_with_leading_zeros_are_numbers_and_as_a_target_classes() -> None:
    assert kind_of([f"{i % 150:02d}" for i in range(N)]) == ("numeric", True)
    assert schema_of(x=X, y=[f"{i % 4 + 1:02d}" for i in range(N)]).target.classes == ("01", "02", "03", "04")


@pytest.mark.parametrize("name", ["id", "PassengerId", "customer_id", "Unnamed: 0", "#"])
def test_whole_numbers_named_like_a_key_are_a_key(name: str) -> None:
    assert kind_of(RNG.permutation(N) + 500, name=name) == ("id", False)
    assert kind_of(RNG.permutation(N) + 500, name="weight") == ("numeric", True)


def test_a_key_that_repeats_is_a_category() -> None:
    assert kind_of(RNG.integers(0, 9, N), name="shop_id") == ("categorical", True)


def test_a_first_column_that_counts_the_rows_is_left_out() -> None:
    assert not schema_of(row=range(N), x=X, y=Y).columns[0].is_used


def test_a_column_that_counts_the_rows_is_read_where_there_is_no_other() -> None:
    schema = schema_of(x=range(N), y=[3.5 * i for i in range(N)])
    assert [(c.kind, c.is_used) for c in schema.columns] == [("numeric", True)]


def test_a_few_stray_words_among_numbers_are_missing_values_with_a_notice() -> None:
    schema = schema_of(x=[str(i * 0.5) if i % 50 else "unknown" for i in range(N)], y=Y)
    assert schema.columns[0].kind == "numeric"
    assert "'unknown'" in schema.notices[0]


def test_a_category_of_50_000_values_is_read() -> None:
    words = [f"w{i % 50_000}" for i in range(120_000)]
    schema = schema_of(z=words, y=[i % 7 % 2 for i in range(120_000)])
    assert schema.columns[0].kind == "categorical"
    assert schema.columns[0].n_unique == 50_000


def test_the_user_overrules_kinds_and_drops_columns() -> None:
    assert kind_of(RNG.integers(1, 4, N), options={"kind": {"z": "categorical"}}) == ("categorical", True)
    assert kind_of(RNG.integers(1, 4, N), options={"drop": ["z"]}) == ("numeric", False)
    assert kind_of([f"k{i}" for i in range(N)], options={"kind": {"z": "categorical"}}) == ("categorical", True)


def test_the_group_column_is_not_read_unless_it_is_kept() -> None:
    assert kind_of(RNG.integers(1, 40, N), options={"group": "z"}) == ("numeric", False)
    assert kind_of(RNG.integers(1, 40, N), options={"group": "z", "keep": ["z"]}) == ("numeric", True)


@pytest.mark.parametrize(
    ("target", "task", "classes"),
    [
        (RNG.choice(["b", "a"], N), "binary", ("a", "b")),
        (RNG.integers(0, 2, N).astype(bool), "binary", ("false", "true")),
        (RNG.integers(1, 3, N), "binary", ("1", "2")),
        (RNG.integers(1, 3, N) * 1.0, "binary", ("1", "2")),
        (RNG.choice(["b", "a", "c"], N), "multiclass", ("a", "b", "c")),
        (RNG.integers(1, 4, N), "multiclass", ("1", "2", "3")),
        (RNG.integers(0, 10, N), "multiclass", tuple("0123456789")),
        (RNG.choice([1, 2, 3, 5, 6, 7], N, p=[0.33, 0.36, 0.08, 0.06, 0.04, 0.13]), "multiclass", tuple("123567")),
        (RNG.choice([3, 4, 5, 6, 7, 8], N, p=[0.01, 0.03, 0.43, 0.4, 0.12, 0.01]), "regression", ()),
        (RNG.poisson(10, N), "regression", ()),
        (RNG.integers(25, 346, N), "regression", ()),
        (RNG.normal(size=N), "regression", ()),
        ([10, 20, 30, 40, 50] * 2, "regression", ()),
        ([f"{i * 0.5}" if i % 50 else "unknown" for i in range(N)], "regression", ()),
    ],
)
def test_the_task_is_named_from_the_target(target: Any, task: str, classes: tuple[str, ...]) -> None:
    schema = schema_of(x=X[: len(target)], y=target)
    assert (schema.target.task, schema.target.classes) == (task, classes)
    assert schema.target.reason


def test_numeric_classes_stand_in_the_order_of_numbers() -> None:
    schema = schema_of(options={"task": "multiclass"}, x=X, y=RNG.integers(7, 13, N))
    assert schema.target.classes == ("7", "8", "9", "10", "11", "12")


def test_rows_without_a_target_are_counted() -> None:
    schema = schema_of(x=X, y=[None if i % 10 == 0 else "ab"[i % 2] for i in range(N)])
    assert schema.target.n_missing == 30
    assert "30 rows have no 'y'" in schema.notices[0]


@pytest.mark.parametrize("target", ["y", 2, -1, "2", "-1"])
def test_the_target_is_found_by_name_and_by_number(target: str | int) -> None:
    assert schema_of(target, x=X, z=-X, y=Y).target.name == "y"


def test_a_column_named_by_a_number_comes_before_the_number() -> None:
    assert schema_of("0", x=X, **{"0": Y}).target.name == "0"


NOTES = [f"a note on visit {i} of this patient" for i in range(N)]


@pytest.mark.parametrize(
    ("target", "options", "columns", "said"),
    [
        ("survive", {}, {"survived": Y}, "did you mean survived"),
        (5, {}, {}, "0 to 1, or -1"),
        (None, {}, {}, "--target y"),
        ("y", {}, {"y": ["no"] * N}, "has 1 in all 300 rows ('no')"),
        ("y", {}, {"y": [None] * N}, "has none"),
        ("y", {}, {"y": NOTES}, "free text or keys"),
        ("y", {}, {"y": [f"2024-01-{i % 28 + 1:02d}" for i in range(N)]}, "holds dates"),
        ("y", {}, {"x": [1] * N}, "all are left out: 'x' is constant"),
        ("y", {"drop": ["x"]}, {}, "all are left out"),
        ("y", {"kind": {"xx": "numeric"}}, {}, "did you mean x"),
        ("y", {"drop": ["zz"]}, {}, "--drop needs a column"),
        ("y", {"group": "zz"}, {}, "--group needs a column"),
        ("y", {"time": "zz"}, {}, "--time needs a column"),
        ("y", {"keep": ["y"]}, {}, "'y' is the target"),
        ("y", {"kind": {"z": "numeric"}}, {"z": ["a"] * N}, "needs numbers"),
        ("y", {"kind": {"z": "datetime"}}, {"z": ["a"] * N}, "needs dates"),
        ("y", {"task": "regression"}, {"y": RNG.choice(["a", "b"], N)}, "needs numbers in the target"),
        ("y", {"task": "multiclass"}, {}, "3 values or more; 'y' has 2"),
        ("y", {"task": "binary"}, {"y": RNG.integers(0, 3, N)}, "exactly 2 values; 'y' has 3"),
        ("y", {"task": "multiclass"}, {"y": X}, "classes repeat"),
    ],
)
def test_what_cannot_be_learned_is_an_error(
    target: str | int | None, options: dict[str, Any], columns: dict[str, Any], said: str
) -> None:
    with pytest.raises(FiresteelError) as error:
        schema_of(target, options=options, **{"x": X, "y": Y} | columns)
    assert said in str(error.value)


def test_one_usable_row_is_an_error() -> None:
    with pytest.raises(DataError):
        schema_of(x=[1.0], y=["a"])


def test_only_a_target_is_an_error() -> None:
    with pytest.raises(DataError, match="only the target"):
        schema_of(y=Y)


def test_errors_about_words_are_recipe_errors() -> None:
    with pytest.raises(RecipeError):
        schema_of("nothing", x=X, y=Y)


REAL: dict[str, tuple[str | int, str, int, list[str], list[str]]] = {
    # table: target, task, columns read, left out, leaks
    "titanic": ("survived", "binary", 13, ["alive"], ["alive"]),
    "penguins": ("species", "multiclass", 6, [], []),
    "diamonds": ("price", "regression", 9, [], []),
    "mpg": ("mpg", "regression", 7, ["name"], []),
    "adult-train": (-1, "binary", 14, [], []),
    "horse-colic": ("c23", "binary", 27, [], []),
    "german": (-1, "binary", 20, [], []),
    "auto_imports": (-1, "regression", 25, [], []),
    "abalone": (-1, "regression", 8, [], []),
    "sonar": (-1, "binary", 60, [], []),
    "winequality-red": (-1, "regression", 11, [], []),
    "wheat-seeds": (-1, "multiclass", 7, [], []),
    "tips": ("tip", "regression", 6, [], []),
}


@pytest.mark.parametrize("name", REAL)
def test_real_tables_are_understood_without_an_option(real_tables: Path, name: str) -> None:
    target, task, n_used, left_out, leaks = REAL[name]
    schema = read_schema(read_table(real_tables / f"{name}.csv"), target)
    assert schema.target.task == task
    assert len(schema.used) == n_used
    assert [c.name for c in schema.columns if not c.is_used] == left_out
    assert [c.name for c in schema.leaks] == leaks


KINDS = {
    "abalone": "c n n n n n n n",
    "adult-train": "n c n c n c c c c c n n n c",
    "german": "c n c c n c c n c c n c n c c n c n c c",
    "penguins": "c n n n n c",
    "tips": "n c c c c n",
    "titanic": "n c n n n n c c c b c c c b",
}


@pytest.mark.parametrize("name", KINDS)
def test_kinds_of_real_tables_are_right(real_tables: Path, name: str) -> None:
    schema = read_schema(read_table(real_tables / f"{name}.csv"), REAL[name][0])
    assert " ".join(c.kind[0] for c in schema.columns) == KINDS[name]


def test_the_digits_are_ten_classes() -> None:
    schema = read_schema(read_table("digits"), "target")
    assert (schema.target.task, len(schema.target.classes)) == ("multiclass", 10)
    assert {c.kind for c in schema.columns if not c.is_used} == {"constant"}


def test_a_target_whose_squares_are_no_numbers_is_refused() -> None:
    with pytest.raises(DataError, match=r"smaller than 1e\+100.*'y' has 5\.57143e\+200"):
        schema_of(x=np.arange(40.0), y=[1e200 * i / 7 for i in range(40)])
