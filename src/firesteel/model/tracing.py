"""What a net of one or two numeric columns answers everywhere, for the figures that can show all of it."""

from __future__ import annotations

import numpy as np
import polars as pl

from firesteel.evaluation import Curve, Part, Plane, trace_curve, trace_plane
from firesteel.features import Batch, Features, NumberColumn
from firesteel.model.fitting import Fitted
from firesteel.model.material import Material
from firesteel.model.model import tensors_of


def trace(
    fitted: Fitted, material: Material, *, batch: Batch, y: np.ndarray, seed: int
) -> tuple[Curve | None, Plane | None]:
    """The curve along the only column, or the plane of the only two; `batch` and `y` are the test rows.

    Both are None where the net reads anything but one or two numeric columns.
    """
    features = fitted.features
    if not isinstance(features, Features) or not 0 < len(features.columns) <= 2:
        return None, None
    columns = tuple(column for column in features.columns if isinstance(column, NumberColumn))
    n_classes = len(features.target.classes)
    if len(columns) < len(features.columns) or (len(columns) == 2 and not n_classes):
        return None, None
    n_learned = material.n_train if material.folds is None else len(material.rows)
    train = Part(_raw(columns, material.x_num[:n_learned]), material.y[:n_learned])
    test = Part(_raw(columns, batch.x_num), y)

    def ask(rows: np.ndarray) -> np.ndarray:
        return _answers(fitted, columns, rows, dtype=features.dtype)

    if len(columns) == 1:
        name = columns[0].source
        return trace_curve(name, train, test=test, ask=ask, n_classes=n_classes, seed=seed), None
    names = columns[0].source, columns[1].source
    return None, trace_plane(names, train, test=test, ask=ask, n_classes=n_classes, seed=seed)


def _raw(columns: tuple[NumberColumn, ...], x_num: np.ndarray) -> np.ndarray:
    """The columns' own numbers (n_rows, n) of encoded rows, as exactly as their dtype kept them."""
    raw = [x_num[:, i].astype(np.float64) * one.scaling.scale + one.scaling.offset for i, one in enumerate(columns)]
    return np.stack(raw, axis=1)


def _answers(fitted: Fitted, columns: tuple[NumberColumn, ...], rows: np.ndarray, *, dtype: str) -> np.ndarray:
    """Each member's proba (k, n, n_classes) or pred (k, n) of raw rows (n, 1 or 2)."""
    population = fitted.population
    scaled = [one.scaling.apply(pl.Series(rows[:, i])) for i, one in enumerate(columns)]
    x_num = np.stack(scaled, axis=1).astype(dtype)
    batch = Batch(x_num, np.empty((len(rows), 0), dtype=np.int64))
    z = population.answers(population.prepare(*tensors_of(batch, population)))
    return np.asarray(fitted.readout.of_members(z.double()).cpu().numpy())
