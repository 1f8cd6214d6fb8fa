"""Columns that give the target away are found, and honest ones are not accused."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from firesteel.data import Schema, read_schema, read_table

N = 600
RNG = np.random.default_rng(3)
X = RNG.normal(size=N)
CLASSES = np.where(X + RNG.normal(size=N) > 0, "yes", "no")
THREE = RNG.choice(["a", "b", "c"], N)
AMOUNT = np.exp(X + RNG.normal(size=N))


def schema_of(target: Any, column: Any, *, keep: tuple[str, ...] = (), **others: Any) -> Schema:
    frame = pl.DataFrame({"x": X[: len(target)], **others, "z": column, "y": target})
    return read_schema(read_table(frame), "y", keep=keep)


def is_leak(target: Any, column: Any) -> bool:
    return [c.name for c in schema_of(target, column).leaks] == ["z"]


@pytest.mark.parametrize(
    "column",
    [
        np.where(CLASSES == "yes", "alive", "dead"),
        (CLASSES == "yes").astype(int),
        np.where(CLASSES == "yes", RNG.choice(["p", "q"], N), "r"),
        np.where(CLASSES == "yes", 5.0, -1.0) + RNG.normal(size=N) * 0.1,
        [1.5 if c == "yes" else None for c in CLASSES],
        np.where(RNG.random(N) < 0.005, "dead", np.where(CLASSES == "yes", "alive", "dead")),
    ],
)
def test_a_column_that_tells_the_class_is_a_leak(column: Any) -> None:
    assert is_leak(CLASSES, column)


@pytest.mark.parametrize("column", [AMOUNT * 100, np.log(AMOUNT), -AMOUNT, AMOUNT.round(3).astype(str)])
def test_a_column_that_tells_the_amount_is_a_leak(column: Any) -> None:
    assert is_leak(AMOUNT, column)


@pytest.mark.parametrize(
    ("target", "column"),
    [
        (CLASSES, X * 2),
        (CLASSES, RNG.permutation(N) + 10_000),  # all different: maps perfectly, but not on rows not seen
        (CLASSES, [f"w{i // 3}" for i in range(N)]),
        (CLASSES, np.where(RNG.random(N) < 0.08, "dead", np.where(CLASSES == "yes", "alive", "dead"))),
        (THREE, np.where(THREE == "a", "p", "q")),
        (AMOUNT, AMOUNT + RNG.normal(size=N) * AMOUNT.std() * 0.1),
        (AMOUNT, np.where(np.median(AMOUNT) < AMOUNT, "high", "low")),
        (np.where(np.arange(N) % 25, 0.0, AMOUNT), np.arange(N) % 25 == 0),  # tells only what is not zero
        (["no"] * (N - 4) + ["yes"] * 4, ["p"] * (N - 4) + ["q"] * 4),  # four rare rows are no evidence
    ],
)
def test_an_honest_column_is_no_leak(target: Any, column: Any) -> None:
    assert not is_leak(target, column)


def test_a_few_huge_values_do_not_make_a_leak() -> None:
    target, column = AMOUNT.copy(), RNG.normal(size=N)
    target[:40] = column[:40] = np.linspace(1e6, 2e6, 40)
    assert not is_leak(target, column)


def test_measurements_of_a_small_table_may_part_its_classes() -> None:
    x = np.concatenate([RNG.normal(-5, 1, 40), RNG.normal(5, 1, 40)])
    assert not is_leak(["a"] * 40 + ["b"] * 40, x)


def test_a_leak_is_left_out_with_a_notice_that_names_it_and_kept_on_demand() -> None:
    schema = schema_of(CLASSES, CLASSES == "yes")
    assert [c.name for c in schema.used] == ["x"]
    assert "leak: column 'z'" in schema.notices[0]
    assert "--keep z" in schema.notices[0]
    kept = schema_of(CLASSES, CLASSES == "yes", keep=("z",))
    assert [c.name for c in kept.used] == ["x", "z"]
    assert [c.name for c in kept.leaks] == ["z"]


def test_a_lesson_whose_only_column_is_the_answer_is_learned_all_the_same() -> None:
    frame = pl.DataFrame({"x": X, "y": 3 * X})
    schema = read_schema(read_table(frame), "y")
    assert [c.name for c in schema.used] == ["x"]
    assert "nothing else to read" in schema.notices[0]


def test_a_leak_is_found_among_many_rows_of_a_sample() -> None:
    y = np.arange(50_000) % 3
    frame = pl.DataFrame({"x": RNG.normal(size=50_000), "z": y * 10, "y": y})
    assert [c.name for c in read_schema(read_table(frame), "y").leaks] == ["z"]
