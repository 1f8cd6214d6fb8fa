"""What is known of the gradient of one parameter, and how two moments of it are compared."""

from __future__ import annotations

import weakref
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import torch

from firesteel.doctor.facts import Backward, Optimizer, Param, Step

_Record = TypeVar("_Record", Backward, Step)
#: Nodes of a graph that are visited at most.
MOST_NODES = 20_000
#: Optimizers of so many parameters are asked at each step for those that never had a gradient.
MOST_MISSED = 256
#: Values of a raw tensor that tell whether it was changed.
_PROBE = 16

Noted = tuple["weakref.ref[torch.Tensor]", int]


@dataclass(slots=True)
class GradientState:
    """What is known of the gradient of one parameter."""

    param: Param
    before: Noted | None = None  # the gradient as the backward that runs found it
    after_backward: Noted | None = None  # as the last backward that reached it left it
    applied: Noted | None = None  # as the last step applied it
    applied_by: Optimizer | None = None
    holds_applied: bool = False  # the backward that runs found one that had been applied
    is_stale: bool = False  # it was added to one that had been applied
    had_values: bool = True  # it was not all zeros behind the last backward (looked at when hot)
    pending: list[Backward] = field(default_factory=list)  # what it holds that no step has applied
    version: int = 0  # of the values, at the last backward or step
    is_free: bool = True  # held by no optimizer
    probe: torch.Tensor | None = None  # some values of a free one, from its last backward
    left: Noted | None = None  # the gradient at the last step at which gradients were not followed


def copy_of_number(loss: torch.Tensor) -> torch.Tensor:
    copy = loss.detach().clone()
    return copy.reshape(()) if copy.dim() else copy


def note(gradient: torch.Tensor) -> Noted:
    return weakref.ref(gradient), gradient._version


def copied(record: _Record) -> _Record:
    """A shallow copy; a tenth of the time that copy.copy takes."""
    other = object.__new__(type(record))
    vars(other).update(vars(record))
    return other


def is_same(gradient: torch.Tensor, noted: Noted | None) -> bool:
    return noted is not None and noted[0]() is gradient and noted[1] == gradient._version


def is_new(gradient: torch.Tensor, state: GradientState) -> bool:
    """No step has applied it; not new is also one that was only filled with zeros since."""
    return bool(state.pending) or (not is_same(gradient, state.applied) and has_values(gradient))


def is_other(gradient: torch.Tensor, noted: Noted | None) -> bool:
    """Another tensor stands where the backward left one."""
    return noted is not None and noted[0]() is not gradient


def has_values(gradient: torch.Tensor) -> bool:
    return gradient.is_sparse or bool(gradient.detach().any())


def probe_of(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.detach().reshape(-1)[:_PROBE].clone()


def leaves_of(tensors: Any) -> tuple[list[torch.Tensor], int]:
    """The leaves that the graph of one or several tensors reaches, and how many nodes it has."""
    roots = list(tensors) if isinstance(tensors, list | tuple) else [tensors]
    queue = deque(one.grad_fn for one in roots if isinstance(one, torch.Tensor) and one.grad_fn is not None)
    leaves = [one for one in roots if isinstance(one, torch.Tensor) and one.is_leaf and one.requires_grad]
    seen: set[Any] = set(queue)
    while queue and len(seen) < MOST_NODES:
        node = queue.popleft()
        leaf = getattr(node, "variable", None)
        if isinstance(leaf, torch.Tensor):
            leaves.append(leaf)
        for following, _ in node.next_functions:
            if following is not None and following not in seen:
                seen.add(following)
                queue.append(following)
    return leaves, len(seen)


def copies_of(optimizer: torch.optim.Optimizer, *, most: int) -> dict[int, torch.Tensor]:
    """Copies of its parameters by id; none if they have more than so many numbers."""
    tensors = [tensor for group in optimizer.param_groups for tensor in group["params"]]
    if sum(tensor.numel() for tensor in tensors) > most:
        return {}
    return {id(tensor): tensor.detach().clone() for tensor in tensors}


def note_late_ones(optimizer: Optimizer, states: Mapping[int, GradientState]) -> None:
    """Where gradients are not followed: those that had none so far, a part of the net that joins in later, say.

    A gradient counts that is another one than at the step before: on a layer that was replaced an old one may lie.
    """
    known = optimizer.ever_with_gradient
    if not len(known) < len(optimizer.params) <= MOST_MISSED:
        return
    for param in optimizer.params:
        tensor = param.ref() if id(param) not in known else None
        if tensor is None or tensor.grad is None or (state := states.get(id(tensor))) is None:
            continue
        if state.left is not None and not is_same(tensor.grad, state.left) and has_values(tensor.grad):
            known.add(id(param))
        state.left = note(tensor.grad)
