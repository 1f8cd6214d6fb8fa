"""Fingerprints of rows: equal rows have equal ones, in whatever batch and at whatever place they lie."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import torch

_AS_INTEGERS = {
    torch.float32: torch.int32, torch.float64: torch.int64, torch.float16: torch.int16, torch.bfloat16: torch.int16,
}  # fmt: skip
#: Of wider rows so many columns, drawn once a width, take part.
MOST_COLUMNS = 1_024
MOST_ROWS = 100_000
_CHUNK = 8_192
#: An odd number without a pattern.
_MIXING = np.int64(0x1F58476D1CE4E5B9)


@cache
def _factors(width: int) -> tuple[torch.Tensor, torch.Tensor | None]:
    rng = np.random.default_rng(width)
    columns = None
    if width > MOST_COLUMNS:
        columns = torch.from_numpy(np.sort(rng.choice(width, MOST_COLUMNS, replace=False)))
    factors = rng.integers(-(2**62), 2**62, min(width, MOST_COLUMNS), dtype=np.int64) | 1
    return torch.from_numpy(factors), columns


def scrambled(array: np.ndarray) -> str:
    """How the rows of an array are no rows of the array that it is a view of; "" where they are.

    A reshape that makes the samples the last axis, and .T behind it, give as many rows as there were, each of which
    holds one number of many.
    """
    base = array.base
    if not isinstance(base, np.ndarray) or array.ndim < 2 or base.ndim < 2 or base.dtype != array.dtype:
        return ""
    n, size = len(array), base.size
    if n < 2 or len(base) != n or array.size != size or not base.flags.c_contiguous or n == size // n:
        return ""
    if array.strides[0] == base.strides[0] or array.strides[0] == 0:
        return ""
    return (
        f"an array {array.shape} is a view of one of {base.shape}, and the numbers of a row lie "
        f"{array.strides[1] // array.itemsize} apart there: each row holds a bit of many"
    )


def is_stretch(array: np.ndarray, base: np.ndarray) -> bool:
    """Whole rows of another array that lie behind each other, as `table[i:j]` gives them."""
    if not array.ndim or array.ndim != base.ndim or array.shape[1:] != base.shape[1:] or array.dtype != base.dtype:
        return False
    return array.strides == base.strides and 1 < len(array) < len(base)


def fingerprints(x: torch.Tensor) -> Any:
    """`(n,)` int64, one number a row of `x` `(n, ...)`; None where rows cannot be told apart (no dimension, no values).

    Whole-number arithmetic that wraps around, so the order of summation does not matter. Rows that are equal to the
    last bit have equal numbers; -0.0 and 0.0 count as different.
    """
    if x.dim() == 0 or x.numel() == 0 or x.shape[0] > MOST_ROWS or x.is_complex() or x.layout is not torch.strided:
        return None
    if torch._C._functorch.peek_interpreter_stack() is not None:  # inside vmap or grad: nothing has numbers of its own
        return None
    flat = x.detach().reshape(x.shape[0], -1)
    factors, columns = _factors(flat.shape[1])
    if columns is not None:
        flat = flat[:, columns.to(flat.device)]
    flat = flat.cpu()
    if flat.dtype in _AS_INTEGERS:
        flat = flat.contiguous().view(_AS_INTEGERS[flat.dtype])
    parts = [(part.long() * factors).sum(1) for part in flat.split(_CHUNK)]
    return torch.cat(parts).numpy()


def mixed(parts: list[np.ndarray]) -> np.ndarray:
    """`(n,)` int64, one number a row of several fingerprints: other ones where two are exchanged, or a sum is alike."""
    found = np.zeros(len(parts[0]), dtype=np.int64)
    for part in parts:
        found = (found ^ (found >> 29)) * _MIXING + part
        found = (found ^ (found >> 32)) * _MIXING
    return found
