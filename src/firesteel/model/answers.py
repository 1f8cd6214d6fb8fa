"""Classes as the values that the target's column held, so that answers compare equal to it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
import polars as pl

#: What a label is outside of firesteel, where it is a word.
LabelType: TypeAlias = Literal["text", "integer", "number", "boolean"]

_TRUTH = {"false": False, "true": True}
#: So many digits always fit into 64 bits.
_WHOLE = re.compile(r"-?\d{1,18}")


def label_type_of(column: pl.Series, classes: Sequence[str]) -> LabelType:
    """What the labels of a training table's target are: whole numbers also where the column holds them as floats."""
    if column.dtype == pl.Boolean:
        return "boolean"
    if not column.dtype.is_numeric():
        return "text"
    return "integer" if all(_WHOLE.fullmatch(word) for word in classes) else "number"


def label_values(classes: Sequence[str], label_type: LabelType) -> np.ndarray[Any, Any]:
    """The classes `(n_classes,)` as int64, float64, bool or str objects. Raises ValueError for words that are none."""
    if label_type == "text":
        return np.array(classes, dtype=object)
    if label_type == "boolean":
        if not set(classes) <= _TRUTH.keys():
            raise ValueError(f"truth values are called {', '.join(classes)}")
        return np.array([_TRUTH[word] for word in classes])
    if label_type == "integer":
        return np.array([int(word) for word in classes], dtype=np.int64)
    return np.array([float(word) for word in classes])
