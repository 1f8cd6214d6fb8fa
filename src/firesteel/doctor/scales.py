"""The size of the numbers that go into a net and of its targets, and both brought to mean 0 and deviation 1."""

from __future__ import annotations

import torch

from firesteel.doctor.captures import CONVOLUTIONS
from firesteel.doctor.facts import Made
from firesteel.doctor.reexecuting import Expression

_APPLY_WEIGHTS = CONVOLUTIONS | {"linear", "lstm", "gru", "rnn_tanh", "rnn_relu", "addmm", "matmul", "mm"}
_JOIN = {"cat", "hstack", "column_stack"}


def inputs_of(expression: Expression) -> list[Made]:
    """Floating-point data with rows and columns to which weights are applied, or that are joined to what has them."""
    found: dict[int, Made] = {}
    for made in expression.dependent:
        if made.op in _APPLY_WEIGHTS or made.op in _JOIN:
            for parent in made.parents:
                is_data = not expression.depends(parent) and len(parent.shape) >= 2 and parent.shape[0] > 1
                if is_data and parent.dtype is not None and parent.dtype.is_floating_point and parent.op != "zeros":
                    found[id(parent)] = parent
    return list(found.values())


def columns_of(values: list[torch.Tensor]) -> torch.Tensor:
    """`(rows, columns)` of several batches of one input: of pictures the colours, of sequences the last dimension."""
    flat = [one.detach().float() for one in values]
    flat = [one.movedim(1, -1) if one.dim() >= 4 else one for one in flat]
    return torch.cat([one.reshape(-1, one.shape[-1]) for one in flat])


def standardised(values: list[torch.Tensor]) -> list[torch.Tensor]:
    """Each column with mean 0 and standard deviation 1 over all batches; constant columns become 0."""
    rows = columns_of(values).double()
    mean, std = rows.mean(0), rows.std(0)
    std = torch.where(std > 0, std, torch.ones_like(std))
    changed = []
    for one in values:
        shape = [1, -1] + [1] * (one.dim() - 2) if one.dim() >= 4 else [-1]
        changed.append(((one.double() - mean.reshape(shape)) / std.reshape(shape)).to(one.dtype))
    return changed


def target_scale(targets: list[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and standard deviation of each column of the targets."""
    rows = torch.cat([one.double().reshape(len(one), -1) for one in targets])
    mean, std = rows.mean(0), rows.std(0)
    std = torch.where(std > 0, std, torch.ones_like(std))
    return mean.reshape(targets[0].shape[1:]), std.reshape(targets[0].shape[1:])
