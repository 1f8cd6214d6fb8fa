"""A finished report of each task, small and quick, for the tests of what is made of reports."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from firesteel.evaluation.baselines import Baseline
from firesteel.evaluation.compared import Compared
from firesteel.evaluation.importance import Importance
from firesteel.evaluation.intervals import score, with_spread
from firesteel.evaluation.mistakes import find_mistakes
from firesteel.evaluation.report import History, Notice, Report, compare_with_best
from firesteel.evaluation.sights import Sights, find_sights
from firesteel.evaluation.traces import Curve, Part, Plane, trace_curve, trace_plane
from firesteel.recipe import Choice, Task

LOSSES = ((0.001, 0.5), (0.01, 0.3), (0.1, float("inf")))


def _truth_and_answers(task: Task, *, skill: float, seed: int = 0, n: int = 120) -> tuple[np.ndarray, np.ndarray]:
    """True values of n rows, the same for every skill, and answers that are right the more the larger `skill`."""
    truth, noise = np.random.default_rng(99), np.random.default_rng(seed)
    if task == "regression":
        y = truth.normal(100, 20, n)
        return y, y + noise.normal(0, 20 * (1 - skill), n)
    k = 2 if task == "binary" else 3
    y = truth.integers(0, k, n)
    weights = np.exp(4 * skill * np.eye(k)[y] + noise.normal(size=(n, k)))
    return y, weights / weights.sum(axis=1, keepdims=True)


def _baseline(task: Task, name: str, *, label: str, skill: float, seed: int = 1, note: str = "") -> Baseline:
    y, answer = _truth_and_answers(task, skill=skill, seed=seed)
    return Baseline(name, label, score(y, answer, task=task, seed=0, n_resamples=100), 0.25, note, answer)


def _sights(y: np.ndarray, proba: np.ndarray, *, side: int = 8) -> Sights:
    """The sights of random grey pictures that have these answers."""
    rng = np.random.default_rng(5)
    pixels = rng.integers(0, 256, (len(y), side, side, 1)).astype(np.uint8)
    return find_sights(
        pixels,
        y,
        proba=proba,
        names=[f"{i}.png" for i in range(len(y))],
        saliency=lambda rows: pixels[rows][..., 0],
        filters=rng.integers(0, 256, (5, 3, 3, 1)).astype(np.uint8),
        maps=lambda row: np.stack([pixels[row, ..., 0]] * 4),
    )


def _curve(task: Task, y: np.ndarray) -> Curve | None:
    """The curve of a net that knows one column: a wave, or classes that follow each other."""
    k = {"regression": 0, "binary": 2, "multiclass": 3}[task]
    column = np.linspace(-1, 1, len(y))[:, None]

    def ask(rows: np.ndarray) -> np.ndarray:
        if not k:
            return np.stack([100 + 20 * np.sin(3 * rows[:, 0]), 100 + 18 * np.sin(3 * rows[:, 0])])
        weights = np.exp(-4 * (rows - np.linspace(-1, 1, k)) ** 2)
        return (weights / weights.sum(axis=1, keepdims=True))[None]

    return trace_curve("height", Part(column, y), test=Part(column, y), ask=ask, n_classes=k, seed=0)


def _plane(task: Task, y: np.ndarray) -> Plane | None:
    k = {"regression": 0, "binary": 2, "multiclass": 3}[task]
    rows = np.random.default_rng(2).normal(size=(len(y), 2))

    def ask(places: np.ndarray) -> np.ndarray:
        weights = np.exp(3 * np.stack([places[:, 0] * np.cos(i) + places[:, 1] * np.sin(i) for i in range(k)], axis=1))
        return (weights / weights.sum(axis=1, keepdims=True))[None]

    part = Part(rows, y)
    return trace_plane(("height", "age"), part, test=part, ask=ask, n_classes=k, seed=0) if k else None


def _report(task: Task, *, skill: float = 0.6, rival: float = 0.3) -> Report:
    """A report with every part filled; the network has `skill`, its best baseline `rival`."""
    y, answer = _truth_and_answers(task, skill=skill)
    test = score(y, answer, task=task, seed=0, n_resamples=100, unit="g" if task == "regression" else "")
    baselines = (
        _baseline(task, "random_forest", label="random forest", skill=rival, note="200 trees"),
        _baseline(task, "svm", label="SVM", skill=rival / 2),
        Baseline("nearest_neighbours", "nearest neighbours", (), 0.0, "not applicable because no column differs"),
    )
    return Report(
        task=task,
        target="weight",
        test=test,
        split="70 / 15 / 15 at random.",
        n_rows={"train": 560, "val": 120, "test": len(y)},
        classes=() if task == "regression" else ("no", "yes", "perhaps")[: 2 if task == "binary" else 3],
        val=with_spread(test, [test, test]),
        baselines=baselines,
        comparison=compare_with_best(answer, baselines, task=task, y=y, seed=0),
        mistakes=find_mistakes(y, answer, task=task, seed=0),
        importances=(Importance("height", 0.2, 0.02, 120, 5), Importance("age", -0.001, 0.01, 120, 5)),
        sights=None if task == "regression" else _sights(y, answer),
        curve=_curve(task, y),
        plane=_plane(task, y),
        compared=tuple(Compared({"lr": lr}, loss, 3, 9, lr == 0.01) for lr, loss in LOSSES),
        history=History(((1.0, 1.1), (0.5, 0.6)), ((1.2, 1.3), (0.8, float("nan"))), (2, 1)),
        choices=(Choice("d_hidden", (64, 64), "560 rows"), Choice("lr", 0.004, "the default for AdamW")),
        notices=(Notice("leak", "'alive' gives the target away", "alive"),),
        n_columns=2,
        n_members=2,
        n_params=1234,
        seconds={"reading": 0.1, "training": 2.0, "evaluating": 1.5},
    )


@pytest.fixture(scope="session")
def make_report() -> Callable[..., Report]:
    """`make_report(task, skill=, rival=)`: a report in which the network has `skill`, its best baseline `rival`."""
    return _report
