"""The sets that ship with scikit-learn, by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from firesteel.data.frames import TARGET, frame_to_table
from firesteel.data.table import Table

#: Name: scikit-learn's loader, its options, what is in the set.
BUILT_IN: Mapping[str, tuple[str, Mapping[str, Any], str]] = {
    "digits": ("load_digits", {}, "1,797 handwritten digits of 8 x 8 pixels"),
    "iris": ("load_iris", {}, "150 flowers of three kinds"),
    "wine": ("load_wine", {}, "178 wines of three growers"),
    "breast-cancer": ("load_breast_cancer", {}, "569 tumours, benign or malignant"),
    "diabetes": ("load_diabetes", {"scaled": False}, "442 patients, progress of the disease after a year"),
}


def built_in_table(name: str) -> Table:
    """A set with scikit-learn's column names, and `target` last, as class names where there are any."""
    from sklearn import datasets

    loader, options, _ = BUILT_IN[name]
    bunch = getattr(datasets, loader)(**options)
    columns = [pl.Series(str(n), bunch.data[:, i]) for i, n in enumerate(bunch.feature_names)]
    target = bunch.target
    names = np.asarray(bunch.get("target_names", ()))
    if names.size and names.dtype.kind == "U":
        target = names[target]
    columns.append(pl.Series(TARGET, target.tolist()))
    return frame_to_table(pl.DataFrame(columns), name=name)
