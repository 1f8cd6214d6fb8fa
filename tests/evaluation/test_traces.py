"""Curves and planes: how far they go, which rows they show, and that a stranger's record is looked at first."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter

from firesteel.evaluation.traces import (
    BEYOND,
    MAX_CLASSES,
    MAX_POINTS,
    N_GRID,
    Curve,
    Part,
    Plane,
    trace_curve,
    trace_plane,
)

RNG = np.random.default_rng(0)


def double(rows: np.ndarray) -> np.ndarray:
    """The answer of one member: twice the column."""
    return 2 * rows[:, 0][None]


def split_at_zero(rows: np.ndarray) -> np.ndarray:
    """The answer of one member: class 1 where the first column is positive, the surer the farther."""
    second = 1 / (1 + np.exp(-4 * rows[:, 0]))
    return np.stack([1 - second, second], axis=1)[None]


def part(x: Any, y: Any = None) -> Part:
    rows = np.asarray(x, dtype=np.float64)
    rows = rows[:, None] if rows.ndim == 1 else rows
    return Part(rows, np.zeros(len(rows), dtype=np.int64) if y is None else np.asarray(y))


def curve(x: Any, *, ask: Callable[[np.ndarray], np.ndarray] = double, n_classes: int = 0) -> Curve | None:
    return trace_curve("x", part(x), test=part(x[:2]), ask=ask, n_classes=n_classes, seed=0)


def plane(x: Any, y: Any = None, *, n_classes: int = 2) -> Plane | None:
    return trace_plane(("a", "b"), part(x, y), test=part(x, y), ask=split_at_zero, n_classes=n_classes, seed=0)


def test_a_curve_goes_beyond_the_training_data_on_both_sides() -> None:
    found = curve(np.arange(-5.0, 6))
    assert found.ends == (-5, 5)
    assert (found.x[0], found.x[-1]) == (-5 - 10 * BEYOND, 5 + 10 * BEYOND)
    np.testing.assert_allclose(found.answers[0], 2 * np.array(found.x))


def test_the_outermost_of_very_many_training_rows_are_drawn() -> None:
    found = curve(RNG.normal(size=100_000))
    assert MAX_POINTS <= len(found.train.x) <= MAX_POINTS + 2
    assert (min(found.train.x), max(found.train.x)) == found.ends
    assert found == curve(np.random.default_rng(0).normal(size=100_000))  # the same draw again


def test_several_members_of_a_regression_have_a_line_each() -> None:
    found = curve(np.arange(4.0), ask=lambda rows: np.stack([rows[:, 0], 3 * rows[:, 0]]))
    np.testing.assert_allclose(found.answers[0], 2 * np.array(found.x))
    np.testing.assert_allclose(found.members, [np.array(found.x), 3 * np.array(found.x)])


def test_of_classes_each_has_a_line_and_rows_their_answers() -> None:
    x = np.array([-2.0, -1, 1, 2])
    found = trace_curve("x", part(x), test=part(x), ask=split_at_zero, n_classes=2, seed=0)
    np.testing.assert_allclose(np.sum(found.answers, axis=0), 1)
    assert found.test.picked == (0, 0, 1, 1)


def test_rows_without_a_value_have_no_place() -> None:
    assert curve(np.array([0.0, np.nan, 2.0])).train.x == (0.0, 2.0)
    assert curve(np.array([np.nan, np.nan])) is None


@pytest.mark.parametrize("x", [[5.0], [0.0, 0.0], [-1e300, 1e300], [1e-300, 2e-300], [1.6e9, 1.6e9 + 1]])
def test_a_column_of_any_size_has_a_curve(x: list[float]) -> None:
    found = curve(np.array(x))
    assert found.x[0] < found.ends[0] <= found.ends[1] < found.x[-1]


def test_a_column_as_wide_as_all_numbers_has_none() -> None:
    assert curve(np.array([-1.7e308, 1.7e308])) is None
    assert plane(np.array([[-1.7e308, 0], [1.7e308, 1]])) is None


def test_answers_that_are_no_numbers_have_no_curve() -> None:
    assert curve(np.arange(4.0), ask=lambda rows: np.full((1, len(rows)), np.nan)) is None


def test_a_positive_column_with_a_long_tail_is_spaced_by_logarithms() -> None:
    found = curve(np.exp(RNG.normal(0, 2, 500)))
    assert found.is_log
    assert 0 < found.x[0] < found.ends[0]
    assert not curve(RNG.normal(size=500)).is_log
    assert plane(np.stack([np.exp(RNG.normal(0, 2, 500)), RNG.normal(size=500)], axis=1)).is_log == (True, False)


def test_the_rasters_of_a_plane_are_the_probabilities_there() -> None:
    found = plane(RNG.normal(size=(50, 2)))
    x, y = found.places
    proba = split_at_zero(np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2))[0]
    expected = np.log(proba / proba.max(axis=1, keepdims=True)).T.reshape(2, N_GRID, N_GRID)
    close = expected > -1  # where the boundary is drawn
    np.testing.assert_allclose(found.log_ratio[close], expected[close], atol=0.06)
    assert (found.log_ratio.argmax(axis=0) == expected.argmax(axis=0)).all()


def test_rows_far_off_do_not_make_the_plane_small() -> None:
    rows = RNG.normal(size=(1000, 2))
    rows[0] = [1e6, -1e6]
    found = plane(rows)
    assert found.x[1] < 10
    assert found.y[0] > -10


def test_more_classes_than_colours_have_no_plane_and_no_curve() -> None:
    assert plane(RNG.normal(size=(50, 2)), n_classes=MAX_CLASSES + 1) is None
    assert curve(np.arange(4.0), n_classes=MAX_CLASSES + 1) is None


def test_a_curve_and_a_plane_survive_json() -> None:
    line, area = curve(np.arange(4.0)), plane(RNG.normal(size=(50, 2)))
    again = Curve.from_dict(json.loads(json.dumps(line.to_dict(), allow_nan=False)), n_classes=0)
    assert again == line
    record = area.to_dict()
    assert Plane.from_dict(json.loads(json.dumps(record, allow_nan=False)), n_classes=2).to_dict() == record
    assert TypeAdapter(Plane | None).validate_python(asdict(area)).to_dict() == record


def test_the_record_of_a_plane_is_small() -> None:
    rows = RNG.normal(size=(5000, 2))
    centres = RNG.normal(size=(MAX_CLASSES, 2))

    def ask(places: np.ndarray) -> np.ndarray:
        weights = np.exp(-((places[:, None] - centres) ** 2).sum(axis=2))
        return (weights / weights.sum(axis=1, keepdims=True))[None]

    found = trace_plane(("a", "b"), part(rows), test=part(rows), ask=ask, n_classes=MAX_CLASSES, seed=0)
    assert len(json.dumps(found.to_dict())) < 100_000


@pytest.mark.parametrize(
    "change",
    [
        {"x": [0.0, 1.0]},
        {"x": [0.0] * 302},
        {"x": list(range(301, -1, -1))},
        {"answers": []},
        {"ends": [0.0]},
        {"ends": ["a", "b"]},
        {"column": 3},
        {"is_log": True},
        {"members": [[1.0]]},
        {"train": {"x": [0.0], "y": [1.0, 2.0]}},
        {"train": {"x": [0.0]}},
        {"test": {"x": [0.0] * 1000, "y": [0.0] * 1000}},
        {"test": {"x": [None], "y": [0.0]}},
        {"test": {"x": [0.0], "y": [0.0], "true": [0], "picked": [0]}},
        {"answers": [[float("nan")] * 302]},
    ],
    ids=range(15),
)
def test_a_curve_that_makes_no_sense_is_refused(change: dict[str, Any]) -> None:
    record = curve(np.arange(4.0)).to_dict()
    Curve.from_dict(record, n_classes=0)
    with pytest.raises(ValueError, match=r"curve|points|Curve"):
        Curve.from_dict({**record, **change}, n_classes=0)


@pytest.mark.parametrize(
    "change",
    [
        {"x": [1.0, 0.0]},
        {"y": [0.0, float("inf")]},
        {"is_log": [True, False]},
        {"levels": []},
        {"levels": 3},
        {"levels": ["A" * 10] * 2},
        {"columns": ["a"]},
        {"train": {"x": [0.0], "y": [0.0], "true": [5], "picked": [0]}},
        {"train": {"x": [0.0], "y": [0.0], "true": [-1], "picked": [0]}},
        {"train": {"x": [0.0], "y": [0.0]}},
        {"train": {"x": [0.0], "true": [0], "picked": [0]}},
    ],
    ids=range(11),
)
def test_a_plane_that_makes_no_sense_is_refused(change: dict[str, Any]) -> None:
    record = plane(RNG.normal(size=(50, 2))).to_dict()
    with pytest.raises(ValueError, match=r"[Pp]lane|points"):
        Plane.from_dict({**record, **change}, n_classes=2)


def test_a_plane_or_a_curve_of_other_classes_is_refused() -> None:
    with pytest.raises(ValueError, match="not one of 3 classes"):
        Plane.from_dict(plane(RNG.normal(size=(50, 2))).to_dict(), n_classes=3)
    with pytest.raises(ValueError, match="not one of 2 classes"):
        Curve.from_dict(curve(np.arange(4.0)).to_dict(), n_classes=2)
