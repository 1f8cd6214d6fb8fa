"""Where answers go wrong: which class is taken for which, how numbers miss, and what probabilities promise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firesteel.evaluation.calibration import Calibration, calibration_curve
from firesteel.evaluation.metrics import Answer, Floats
from firesteel.recipe import Task

MAX_POINTS = 1000  # rows kept for the figure of true against predicted: more would only be a blot
SHARES = (0.05, 0.25, 0.5, 0.75, 0.95)  # the quantiles that a residual summary gives


@dataclass(frozen=True)
class Confusion:
    """How many rows of each class (outer) were taken for each class (inner)."""

    counts: tuple[tuple[int, ...], ...]

    @property
    def array(self) -> NDArray[np.int64]:
        return np.array(self.counts, dtype=np.int64)

    def worst(self) -> tuple[int, int, int]:
        """The most frequent mistake: true class, picked class, rows (0 rows where all is right)."""
        wrong = self.array - np.diag(self.array.diagonal())
        true, picked = np.unravel_index(int(wrong.argmax()), wrong.shape)
        return int(true), int(picked), int(wrong[true, picked])

    def to_dict(self) -> dict[str, Any]:
        return {"counts": [list(row) for row in self.counts]}

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> Confusion:
        return cls(tuple(tuple(row) for row in record["counts"]))


@dataclass(frozen=True)
class Residuals:
    """Predicted minus true, in the target's unit: its mean, quantiles, the largest miss, and rows for a figure."""

    mean: float
    quantiles: tuple[float, ...]  # at SHARES
    worst: float  # the largest absolute residual
    n_rows: int
    true: tuple[float, ...]  # at most MAX_POINTS rows, drawn at random
    predicted: tuple[float, ...]

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> Residuals:
        fields: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in record.items()
        }
        return cls(**fields)


@dataclass(frozen=True)
class Mistakes:
    """All that is known about the answers on the test rows beside the scores; None where it does not apply."""

    confusion: Confusion | None = None
    calibration: Calibration | None = None
    residuals: Residuals | None = None

    def to_dict(self) -> dict[str, Any]:
        parts = {"confusion": self.confusion, "calibration": self.calibration, "residuals": self.residuals}
        return {name: None if part is None else part.to_dict() for name, part in parts.items()}

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Mistakes:
        confusion, calibration, residuals = (record.get(name) for name in ("confusion", "calibration", "residuals"))
        return cls(
            confusion=Confusion.from_dict(confusion) if confusion else None,
            calibration=Calibration.from_dict(calibration) if calibration else None,
            residuals=Residuals.from_dict(residuals) if residuals else None,
        )


def find_mistakes(y: NDArray[Any], answer: Answer, *, task: Task, seed: int) -> Mistakes:
    """Confusion and calibration of proba (n, n_classes), or the residuals of pred (n,)."""
    if task == "regression":
        return Mistakes(residuals=residual_summary(y, answer, seed=seed))
    return Mistakes(confusion=confusion_matrix(y, answer), calibration=calibration_curve(y, answer))


def confusion_matrix(y: NDArray[Any], proba: Floats) -> Confusion:
    """How often each class was taken for each; classes without a row have zeros."""
    k = proba.shape[1]
    cells = np.bincount(y.astype(np.int64) * k + proba.argmax(axis=1), minlength=k * k)
    return Confusion(tuple(tuple(row) for row in cells.reshape(k, k).tolist()))


def residual_summary(y: NDArray[Any], pred: Floats, *, seed: int) -> Residuals:
    """How far predictions lie from the truth, with a draw of rows for a figure."""
    truth, predicted = y.astype(np.float64), pred.astype(np.float64)
    residual = predicted - truth
    rng = np.random.Generator(np.random.PCG64(seed))
    drawn = np.sort(rng.choice(len(truth), size=min(MAX_POINTS, len(truth)), replace=False))
    return Residuals(
        mean=float(residual.mean()),
        quantiles=tuple(np.quantile(residual, SHARES).tolist()),
        worst=float(np.abs(residual).max()),
        n_rows=len(truth),
        true=tuple(truth[drawn].tolist()),
        predicted=tuple(predicted[drawn].tolist()),
    )
