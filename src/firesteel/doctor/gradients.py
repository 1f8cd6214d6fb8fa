"""Gradients from backward() to step(): which were there before, which had been applied, which were cleared.

Judged at step(): a gradient is stale if it still holds one that an earlier step applied. Judged at backward() this
would be wrong for a GAN, whose generator's backward also reaches the discriminator, which clears that before its step.
"""

from __future__ import annotations

import weakref
from collections import deque
from dataclasses import dataclass
from typing import Any

import torch

from firesteel.doctor.facts import Backward, Optimizer, Param, Step
from firesteel.doctor.sites import Site
from firesteel.doctor.state import Watched

#: Nodes of a graph that are visited at most.
MOST_NODES = 20_000
#: Values of a raw tensor that tell whether it was changed.
_PROBE = 16


@dataclass
class _State:
    """What is known of the gradient of one parameter."""

    param: Param
    applied: tuple[weakref.ref[torch.Tensor], int] | None = None  # the gradient that the last step applied
    after_backward: tuple[weakref.ref[torch.Tensor], int] | None = None
    is_stale: bool = False
    is_free: bool = True  # held by no optimizer
    probe: torch.Tensor | None = None  # some values of a free one, from its last backward
    version: int = 0


class Gradients:
    def __init__(self, watch: Watched) -> None:
        self._watch = watch
        self._states: dict[int, _State] = {}  # by id of the tensor
        self._inside: Step | None = None  # the step that is running
        self._before: dict[int, torch.Tensor] = {}  # weights before it, by id of the tensor (hot only)

    def follow(self, tensor: torch.Tensor, *, is_free: bool) -> Param:
        """The record of a leaf; from now on its gradient is followed."""
        state = self._states.get(id(tensor))
        if state is None or state.param.ref() is not tensor:
            state = _State(self._new_param(tensor))
            self._states[id(tensor)] = state
        state.is_free = state.is_free and is_free
        return state.param

    def _new_param(self, tensor: torch.Tensor) -> Param:
        param = Param(weakref.ref(tensor), tuple(tensor.shape), is_parameter=isinstance(tensor, torch.nn.Parameter))
        self._watch.facts.params.append(param)
        return param

    def _keep_initial(self, tensor: torch.Tensor, param: Param) -> None:
        """A copy from before the first step, taken at a backward: by then it has been given its values."""
        is_before = param.initial is None and self._watch.facts.n_steps == 0 and param.n_by_hand == 0
        if is_before and tensor.numel() <= self._watch.kept_of_params and not tensor.is_meta:
            param.initial = tensor.detach().clone()

    def _living(self) -> list[tuple[torch.Tensor, _State]]:
        found = []
        for key, state in list(self._states.items()):
            tensor = state.param.ref()
            if tensor is None:
                del self._states[key]
            else:
                found.append((tensor, state))
        return found

    # ---- backward

    def before_backward(self, tensors: Any, site: Site, *, retains_graph: bool, creates_graph: bool) -> Backward:
        watch = self._watch
        first = tensors[0] if isinstance(tensors, list | tuple) and tensors else tensors
        is_scalar = isinstance(first, torch.Tensor) and first.numel() == 1
        event = Backward(
            at=watch.tick(), site=site, loss=first.detach().reshape(()).clone() if is_scalar else None,
            made=watch.seeing.made_of(first) if watch.is_hot else None, is_hot=watch.is_hot,
            retains_graph=retains_graph, creates_graph=creates_graph, step=watch.facts.n_steps,
        )  # fmt: skip
        if watch.is_hot:
            self._walk(tensors, event)
        for tensor, state in self._living():
            self._keep_initial(tensor, state.param)
            self._judge(tensor, state)
        return event

    def _judge(self, tensor: torch.Tensor, state: _State) -> None:
        """Before a backward: is the gradient that it will be added to one that was applied?"""
        gradient = tensor.grad
        if gradient is None:
            state.applied, state.is_stale, state.after_backward = None, False, None
            return
        if state.is_free:
            self._judge_free(tensor, gradient, state)
        if state.applied is not None and _is_same(gradient, state.applied):
            state.is_stale = state.is_stale or _has_values(gradient)
        elif state.is_stale and not _is_same(gradient, state.after_backward) and not _has_values(gradient):
            state.is_stale = False
        state.applied = None

    def _judge_free(self, tensor: torch.Tensor, gradient: torch.Tensor, state: _State) -> None:
        """A leaf of no optimizer: was it changed by hand since its last backward, and the gradient left as it was?"""
        changed = tensor._version != state.version
        if not changed and state.probe is not None:
            changed = not torch.equal(state.probe, _probe(tensor))
        if changed and state.after_backward is not None:
            state.param.n_by_hand += 1
            if _is_same(gradient, state.after_backward) and _has_values(gradient):
                state.param.n_stale_by_hand += 1

    def after_backward(self, event: Backward) -> None:
        n_stale = 0
        for tensor, state in self._living():
            gradient = tensor.grad
            if gradient is None:
                continue
            before = state.after_backward
            state.after_backward = (weakref.ref(gradient), gradient._version)
            reached = before is None or not _is_same(gradient, before)
            n_stale += state.is_stale and reached
            if self._inside is not None and reached:  # a closure: what this backward gave is used at once
                state.applied = state.after_backward
            if state.is_free:
                state.version, state.probe = tensor._version, _probe(tensor)
        event.n_stale = n_stale
        if self._inside is not None:
            self._inside.n_stale = max(self._inside.n_stale, n_stale)

    def _walk(self, tensors: Any, event: Backward) -> None:
        """The leaves that the graph reaches are the ones that can learn."""
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
        if len(seen) >= MOST_NODES:
            self._watch.facts.notes.append(f"a graph of more than {MOST_NODES:,} nodes was not walked to its end")
        params = [self.follow(leaf, is_free=True) for leaf in leaves]
        event.reached, event.reached_params = frozenset(id(one) for one in params), tuple(params)
        event.n_nodes = len(seen)

    # ---- step

    def before_step(self, optimizer: Optimizer, real: torch.optim.Optimizer, site: Site, *, has_closure: bool) -> Step:
        watch = self._watch
        n_without = n_stale = n_unchanged = n_zeroed = n = 0
        for group in real.param_groups:
            for tensor in group["params"]:
                state = self._states.get(id(tensor))
                if state is None or state.param.ref() is not tensor:
                    optimizer.params.append(self.follow(tensor, is_free=False))
                    state = self._states[id(tensor)]
                n += 1
                gradient = tensor.grad
                if gradient is None:
                    n_without += 1
                    n_zeroed += state.after_backward is not None
                    continue
                optimizer.ever_with_gradient.add(id(state.param))
                n_stale += state.is_stale
                if state.applied is not None and _is_same(gradient, state.applied):
                    n_unchanged += 1
                elif not _is_same(gradient, state.after_backward) and state.after_backward is not None:
                    n_zeroed += not _has_values(gradient)
        lrs = tuple(float(group.get("lr", 0.0)) for group in real.param_groups)
        step = Step(
            at=watch.tick(), optimizer=optimizer, site=site, lrs=lrs, n_params=n, n_without_gradient=n_without,
            n_stale=n_stale, n_unchanged=n_unchanged, n_zeroed=n_zeroed, has_closure=has_closure, is_hot=watch.is_hot,
            index=optimizer.n_steps,
        )  # fmt: skip
        self._before = self._weights(real) if watch.is_hot else {}
        self._inside = step
        return step

    def after_step(self, step: Step, real: torch.optim.Optimizer) -> None:
        self._inside = None
        for group in real.param_groups:
            for tensor in group["params"]:
                state, gradient = self._states.get(id(tensor)), tensor.grad
                if state is not None and gradient is not None:
                    state.applied = (weakref.ref(gradient), gradient._version)
                before = self._before.get(id(tensor))
                if before is not None and state is not None:
                    now = tensor.detach()
                    of_gradient = (
                        float(gradient.detach().norm()) if gradient is not None and not gradient.is_sparse else 0.0
                    )
                    name = state.param.name or f"parameter {len(step.norms)}"
                    step.norms[name] = (of_gradient, float(before.norm()), float((now - before).norm()))
        self._before = {}

    def _weights(self, real: torch.optim.Optimizer) -> dict[int, torch.Tensor]:
        tensors = [tensor for group in real.param_groups for tensor in group["params"]]
        if sum(tensor.numel() for tensor in tensors) > self._watch.kept_of_params:
            return {}
        return {id(tensor): tensor.detach().clone() for tensor in tensors}


def _is_same(gradient: torch.Tensor, noted: tuple[weakref.ref[torch.Tensor], int] | None) -> bool:
    return noted is not None and noted[0]() is gradient and noted[1] == gradient._version


def _has_values(gradient: torch.Tensor) -> bool:
    return gradient.is_sparse or bool(gradient.detach().any())


def _probe(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.detach().reshape(-1)[:_PROBE].clone()
