"""The rows that are not test rows, encoded and parted: what training is given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor

from firesteel.data import Pictures, Schema, Split, Table, fold_rows
from firesteel.features import Batch, Features, PictureFeatures, fit_features, fit_pictures
from firesteel.nets import Population
from firesteel.recipe import Choice, Recipe
from firesteel.training import choose_folds, choose_picture_folds, first_seed

#: How raw rows become numbers: columns or pictures.
AnyFeatures: TypeAlias = Features | PictureFeatures


@dataclass(frozen=True)
class Material:
    """The rows that are not test rows, encoded: train rows first, then val rows."""

    features: AnyFeatures
    rows: np.ndarray  # row numbers of the table
    n_train: int
    x_num: np.ndarray
    x_cat: np.ndarray
    y: np.ndarray  # class codes, or numbers in the target's units
    folds: np.ndarray | None  # (n_rows,), None for a single val part

    @property
    def n_folds(self) -> int:
        return 1 if self.folds is None else int(self.folds.max()) + 1

    @property
    def has_val(self) -> bool:
        """Whether some rows are held out to choose on; else the training rows choose."""
        return self.folds is not None or self.n_train < len(self.rows)

    @property
    def judged(self) -> np.ndarray:
        """Places of the rows that choose the best epoch, where there are no folds."""
        return np.arange(self.n_train if self.has_val else 0, len(self.rows))

    @property
    def n_learned(self) -> int:
        """Rows that one member learns from."""
        return self.n_train if self.folds is None else round(len(self.rows) * (1 - 1 / self.n_folds))


def gather_material(
    recipe: Recipe, table: Table, *, schema: Schema, split: Split, is_own_net: bool = False
) -> tuple[Material, list[Choice]]:
    """Encode the training rows; folds are drawn where the recipe or the number of rows asks for them."""
    rows = np.concatenate([split.train, split.val])
    chosen = choose_picture_folds(recipe, n_rows=len(rows)) if isinstance(table, Pictures) and not is_own_net else None
    if chosen is None:
        chosen = choose_folds(recipe, n_rows=len(rows), is_by_time=recipe.time is not None, is_own_net=is_own_net)
    folds = None
    if chosen.value > 1:
        seed = first_seed(recipe)
        folds = fold_rows(table, schema, split=split, n_folds=chosen.value, seed=seed, group=recipe.group)
    n_train = len(split.train)
    known = table.take(rows)
    fitted_on = known if folds is not None else known.take(np.arange(n_train))
    if isinstance(fitted_on, Pictures):
        features: AnyFeatures = fit_pictures(schema.target, fitted_on)
    else:
        features = fit_features(schema, fitted_on.frame, dtype=recipe.dtype)
    batch = encode(features, known)
    y = features.encode_target(known.frame).copy()  # polars lends its memory for reading only
    return Material(features, rows, n_train, batch.x_num, batch.x_cat, y, folds), (
        [chosen] if recipe.members is None else []
    )


def encode(features: AnyFeatures, table: Table) -> Batch:
    """The rows of a table, or pictures, as the net reads them. Raises DataError where they are not what it knows."""
    if isinstance(features, Features):
        return features.encode(table.frame)
    assert isinstance(table, Pictures), "whoever reads for a model of pictures reads pictures"
    return features.encode(table)


def as_read(x_num: np.ndarray, population: Population) -> Tensor:
    """Columns in the population's dtype, grey levels as they are; where it lives."""
    weights = population.weights
    whole = np.ascontiguousarray(x_num)
    x = torch.from_numpy(whole if whole.flags.writeable else whole.copy())  # torch warns of what is for reading only
    return x.to(weights.device) if x.dtype == torch.uint8 else x.to(weights.device, weights.dtype)
