"""The tables of a script, as fingerprints of their rows: what was there, beside what went into a net."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from firesteel.doctor.columns import Columns, Fresh
from firesteel.doctor.facts import Facts, Made
from firesteel.doctor.rows import MOST_ROWS, fingerprints

#: Larger tables among the variables are left alone.
MOST_NUMBERS = 20_000_000
#: By the chance that two rows agree in a column, taken over the columns: so many bits are no chance.
LEAST_BITS = 40.0
#: Or so many columns in which more than this share of the values are different: few rows give few bits.
SHARE_DIFFERENT, LEAST_COLUMNS = 0.5, 3
MOST_LOOKED_AT, MOST_COLUMNS = 1_000, 256


def variables(facts: Facts, shape: tuple[int, ...]) -> Iterator[tuple[str, torch.Tensor]]:
    """Arrays, tensors and data frames among the script's variables whose rows have this shape, as float32."""
    for name, value in facts.variables.items():
        found = _as_tensor(value)
        if found is not None and tuple(found.shape[1:]) == shape and len(found) <= MOST_ROWS:
            yield name, found.to(torch.float32)


def _as_tensor(value: Any) -> torch.Tensor | None:
    if isinstance(value, torch.Tensor):
        is_plain = value.layout is torch.strided and not value.requires_grad and value.dim() > 1
        return value.detach().cpu() if is_plain and value.numel() <= MOST_NUMBERS and not value.is_complex() else None
    if type(value).__name__ == "DataFrame" and hasattr(value, "to_numpy"):
        kinds = {getattr(kind, "kind", "O") for kind in value.dtypes}
        value = value.to_numpy() if kinds <= {"f", "i", "u", "b"} else None
    if isinstance(value, np.ndarray) and value.dtype.kind in "fiub" and value.ndim > 1 and value.size <= MOST_NUMBERS:
        return torch.from_numpy(np.array(value, order="C"))
    return None


def unused(facts: Facts, shape: tuple[int, ...], used: set[int]) -> Iterator[Made]:
    """Tensors with rows of this shape that were made before training and of which nothing came.

    `used` holds the ids of all that a loss or a call of a net was made from.
    """
    first = facts.backwards[0].at if facts.backwards else 0
    parents = {id(parent) for made in facts.ops for parent in made.parents}
    for made in facts.ops:
        if made.at > first:
            return
        is_table = made.value is not None and made.value.is_floating_point() and tuple(made.shape[1:]) == shape
        if is_table and id(made) not in parents and id(made) not in used and made.module is None:
            yield made


def sums(table: torch.Tensor, rows: Any = None) -> Fresh | None:
    """The sums of its columns, equal rows once."""
    return Columns().note(table.to(torch.float32), fingerprints(table) if rows is None else rows)


def is_measured(made: Made, *, least_columns: int = LEAST_COLUMNS) -> bool:
    """Two of its rows are not equal by chance: the values of the columns tell rows apart, by so many bits together.

    Args:
        least_columns: or so many have mostly different values; one will do where all rows are equal to others.
    """
    value = made.value
    if value is None or not value.is_floating_point() or value.dim() < 2 or len(value) < 2:
        return False
    flat = value.reshape(len(value), -1)[:MOST_LOOKED_AT, :MOST_COLUMNS]
    bits, n_free = 0.0, 0
    for column in flat.T:
        counts = torch.unique(column, return_counts=True)[1].double()
        n_free += len(counts) > SHARE_DIFFERENT * len(flat)
        bits -= float(torch.log2(((counts / len(flat)) ** 2).sum()))
    return bits >= LEAST_BITS or n_free >= min(least_columns, flat.shape[1])
