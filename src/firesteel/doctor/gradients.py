"""Gradients from backward() to step(): which were there before, which had been applied, which were cleared.

Judged at step(): a gradient is stale if it still holds one that an earlier step applied. Judged at backward() this
would be wrong for a GAN, whose generator's backward also reaches the discriminator, which clears that before its step.
"""

from __future__ import annotations

import weakref
from typing import Any

import torch
from torch.nn.parameter import is_lazy

from firesteel.doctor.facts import Backward, Optimizer, Param, Step
from firesteel.doctor.gradient_states import (
    MOST_NODES,
    GradientState,
    copied,
    copies_of,
    copy_of_number,
    has_values,
    is_new,
    is_other,
    is_same,
    leaves_of,
    note,
    note_late_ones,
    probe_of,
)
from firesteel.doctor.sites import Site
from firesteel.doctor.state import Watched

#: Steps in which every gradient is followed.
FOLLOWED = 200
#: Losses that are kept in any case; after them one of so many.
FIRST_LOSSES, KEPT_OF_LOSSES = 1_000, 4
#: Operations between what a GradScaler gave and backward(): a division, say.
_NEAR = 4
#: Backwards that are remembered while no step uses them.
MOST_PENDING = 1_000


class Gradients:
    def __init__(self, watch: Watched) -> None:
        self._watch = watch
        self._states: dict[int, GradientState] = {}  # by id of the tensor
        self._sites: dict[int, tuple[weakref.ref[torch.Tensor], Site, bool, bool]] = {}
        self._inside: list[Step] = []  # the steps that are running
        self._weights: dict[int, torch.Tensor] = {}  # before the step that runs, by id of the tensor (hot only)
        self._reachable: list[tuple[torch.Tensor, GradientState]] = []  # while a backward runs
        self._rests = False
        self._is_first = False  # after a rest: what was applied before it is not known
        self._backwards: dict[Site, Backward] = {}  # the last one of each place that was followed
        self._steps: dict[int, Step] = {}  # the last one of each optimizer that was followed
        self._since_step: list[Backward] = []  # while at rest
        self.in_scaler = False  # a GradScaler is calling step()
        self.scaled: weakref.ref[torch.Tensor] | None = None  # the loss that it scaled last

    def note_creation(self, tensor: torch.Tensor, site: Site, *, is_copy: bool) -> None:
        """Where a leaf was made."""
        self._sites[id(tensor)] = (weakref.ref(tensor), site, self._watch.depth > 0, is_copy)

    def follow(self, tensor: torch.Tensor, *, is_free: bool) -> Param:
        """The record of a leaf; from now on its gradient is followed."""
        state = self._states.get(id(tensor))
        if state is None or state.param.ref() is not tensor:
            state = GradientState(self._new_param(tensor), version=tensor._version)
            self._states[id(tensor)] = state
        state.is_free = state.is_free and is_free
        return state.param

    def _new_param(self, tensor: torch.Tensor) -> Param:
        shape = () if is_lazy(tensor) else tuple(tensor.shape)  # a lazy layer gets its shape at its first call
        param = Param(weakref.ref(tensor), shape, is_parameter=isinstance(tensor, torch.nn.Parameter))
        known = self._sites.get(id(tensor))
        if known is not None and known[0]() is tensor:
            param.site, param.is_made_inside, param.is_loaded = known[1:]
        self._watch.facts.params.append(param)
        return param

    def _living(self) -> list[tuple[torch.Tensor, GradientState]]:
        found = []
        for key, state in list(self._states.items()):
            tensor = state.param.ref()
            if tensor is None:
                del self._states[key]
            elif tensor.is_leaf:  # not what functional_call put in the place of a parameter
                found.append((tensor, state))
        return found

    def counts(self, tensors: list[torch.Tensor]) -> dict[str, int]:
        """How many of these have a gradient, and how many one that no step has applied."""
        known = [one for one in tensors if id(one) in self._states]
        pairs = [(one.grad, self._states[id(one)]) for one in known if one.grad is not None]
        n_new = sum(bool(self._inside) or is_new(gradient, state) for gradient, state in pairs)
        return {"n_with_gradient": len(pairs), "n_pending": n_new}

    def is_scaled(self, tensors: list[torch.Tensor]) -> bool:
        """Some of these hold a gradient of a scaled loss that no step has applied."""
        states = [self._states[id(one)] for one in tensors if id(one) in self._states]
        return any(one.is_scaled for state in states for one in state.pending)

    def last_optimizer(self, tensors: list[torch.Tensor]) -> Optimizer | None:
        """The optimizer that stepped these last, if nothing has changed them since."""
        found: set[int] = set()
        last = None
        for tensor in tensors:
            state = self._states.get(id(tensor))
            if state is None or state.applied_by is None or state.version != tensor._version:
                return None
            last = state.applied_by
            found.add(id(last))
        return last if len(found) == 1 else None

    # ---- rest: after the first steps gradients are followed where operations are looked at, and the step before

    def rest(self, *, is_due: bool) -> None:
        """Called behind each step: may gradients be left alone until the next?"""
        rests = not is_due and self._watch.facts.n_steps >= FOLLOWED
        if self._rests and not rests:
            self._is_first = True
            for state in self._states.values():
                state.pending.clear()
                state.applied, state.after_backward, state.before, state.is_stale = None, None, None, False
        self._rests = rests
        self._since_step.clear()

    @property
    def rests(self) -> bool:
        """What gradients hold is not known right now."""
        return self._rests or self._is_first

    @property
    def may_skip(self) -> bool:
        """At rest, of a long run, the loss of every fourth backward is enough."""
        n = self._watch.facts.n_backwards
        return self._rests and n > FIRST_LOSSES and n % KEPT_OF_LOSSES > 0 and not self._watch.seeing.is_on

    def _like_backward(self, tensors: Any, site: Site) -> Backward | None:
        known = self._backwards.get(site) if self._rests and not self._watch.is_hot else None
        if known is None or not isinstance(tensors, torch.Tensor) or tensors.numel() != 1:
            return None
        event = copied(known)
        event.at, event.loss, event.made, event.is_hot = self._watch.tick(), copy_of_number(tensors), None, False
        event.step, event.is_followed = self._watch.facts.n_steps, False
        self._since_step.append(event)
        return event

    def _like_step(self, optimizer: Optimizer, real: torch.optim.Optimizer) -> Step | None:
        known = self._steps.get(id(optimizer))
        if known is None:
            return None
        step = copied(known)
        step.at, step.index, step.is_hot, step.norms = self._watch.tick(), optimizer.n_steps, False, {}
        step.lrs = tuple(float(group.get("lr", 0.0)) for group in real.param_groups)
        step.applied, step.is_followed = tuple(self._since_step) or known.applied, False
        note_late_ones(optimizer, self._states)
        return step

    # ---- backward

    def before_backward(self, tensors: Any, site: Site, *, retains_graph: bool, creates_graph: bool) -> Backward:
        watch = self._watch
        if (like := self._like_backward(tensors, site)) is not None:
            return like
        first = tensors[0] if isinstance(tensors, list | tuple) and tensors else tensors
        is_scalar = isinstance(first, torch.Tensor) and first.numel() == 1
        event = Backward(
            at=watch.tick(), site=site, loss=copy_of_number(first) if is_scalar else None,
            made=watch.seeing.made_of(first) if watch.is_hot else None, is_hot=watch.is_hot,
            retains_graph=retains_graph, creates_graph=creates_graph, step=watch.facts.n_steps,
            is_scaled=self._comes_from_scaled(first),
        )  # fmt: skip
        if watch.is_hot:
            self._walk(tensors, event)
        self._reachable = self._living()
        is_first = watch.facts.n_steps == 0
        for tensor, state in self._reachable:
            if is_first or state.param.n_backwards == 0:
                watch.keep_initial(tensor, state.param, is_late=not is_first)
            self._judge(tensor, state)
        return event

    def _comes_from_scaled(self, loss: Any) -> bool:
        """The loss that a GradScaler scaled last, or made of it; what was scaled counts for one backward."""
        noted, self.scaled = self.scaled, None
        if noted is None or not isinstance(loss, torch.Tensor):
            return False
        scaled = noted()
        if scaled is None or scaled is loss or scaled.grad_fn is None:
            return True
        nodes, wanted = [loss.grad_fn], scaled.grad_fn
        for _ in range(_NEAR):
            if any(one is wanted for one in nodes):
                return True
            nodes = [following for one in nodes if one is not None for following, _ in one.next_functions]
        return False

    def _judge(self, tensor: torch.Tensor, state: GradientState) -> None:
        """Before a backward: what is there that it may be added to?"""
        gradient = tensor.grad
        if state.is_free:
            self._judge_free(tensor, gradient, state)
        state.holds_applied = False
        if gradient is None:
            if state.pending or state.is_stale:
                self._clear(state)
            state.before = None
            return
        state.before = note(gradient)
        if state.is_stale or (state.pending and not is_same(gradient, state.after_backward)):
            if not has_values(gradient):
                self._clear(state)
            elif is_other(gradient, state.after_backward):  # somebody computed it and put it there
                state.is_stale = False
                state.pending.clear()
        elif state.pending and self._watch.is_hot and state.had_values and not has_values(gradient):
            self._clear(state)  # by way of .data, which leaves the version as it was
        if is_same(gradient, state.applied):
            state.holds_applied = has_values(gradient)

    def _clear(self, state: GradientState) -> bool:
        """The gradient was cleared; true if it held one that no step had used, for no parameter at all."""
        state.is_stale = False
        is_lost = bool(state.pending) and not any(one.n_applied for one in state.pending)
        for one in state.pending:
            one.n_cleared += 1
        state.pending.clear()
        return is_lost

    def _judge_free(self, tensor: torch.Tensor, gradient: torch.Tensor | None, state: GradientState) -> None:
        """A leaf of no optimizer: was it changed by hand since its last backward, and the gradient left as it was?"""
        if state.probe is None:
            return
        if tensor._version != state.version or not torch.equal(state.probe, probe_of(tensor)):
            state.param.n_by_hand += 1
            if gradient is not None and is_same(gradient, state.after_backward) and has_values(gradient):
                state.param.n_stale_by_hand += 1
        state.probe = None

    def drop_backward(self) -> None:
        """It was left by an exception."""
        self._reachable = []

    def after_backward(self, event: Backward) -> None:
        if not event.is_followed:
            return
        self._backwards[event.site] = event
        inside = self._inside[-1] if self._inside else None
        is_hot = self._watch.is_hot
        reachable, self._reachable = self._reachable, []
        for tensor, state in reachable:
            gradient = tensor.grad
            if gradient is None or is_same(gradient, state.before):
                continue
            event.n_reached += 1
            state.param.n_backwards += 1
            state.param.last_backward_at = event.at
            state.is_stale = state.is_stale or state.holds_applied
            event.n_stale += state.is_stale
            state.after_backward = note(gradient)
            state.had_values = not is_hot or has_values(gradient)
            if inside is not None and state.is_free:  # an input whose gradient was asked for, or a weight done by hand
                event.n_stale -= state.is_stale
            elif inside is not None:  # a closure: what this backward gave is used at once
                state.applied, state.applied_by = state.after_backward, inside.optimizer
                inside.optimizer.ever_with_gradient.add(id(state.param))
                event.n_applied += 1
            elif len(state.pending) < MOST_PENDING:
                state.pending.append(event)
            if state.is_free:
                state.version, state.probe = tensor._version, probe_of(tensor)
        if inside is not None:
            inside.n_stale = max(inside.n_stale, event.n_stale)

    def _walk(self, tensors: Any, event: Backward) -> None:
        """The leaves that the graph reaches are the ones that can learn."""
        leaves, event.n_nodes = leaves_of(tensors)
        if event.n_nodes >= MOST_NODES:
            self._watch.facts.notes.append(f"a graph of more than {MOST_NODES:,} nodes was not walked to its end")
        params = [self.follow(leaf, is_free=True) for leaf in leaves]
        event.reached, event.reached_params = frozenset(id(one) for one in params), tuple(params)

    # ---- step

    def before_step(self, optimizer: Optimizer, real: torch.optim.Optimizer, site: Site, *, has_closure: bool) -> Step:
        watch = self._watch
        if self._rests and not watch.is_hot and not has_closure and not self._inside:
            like = self._like_step(optimizer, real)
            if like is not None:
                return like
        step = Step(
            at=watch.tick(), optimizer=optimizer, site=site, n_params=0, n_without_gradient=0, n_stale=0,
            lrs=tuple(float(group.get("lr", 0.0)) for group in real.param_groups), n_unchanged=0, n_zeroed=0,
            has_closure=has_closure, is_hot=watch.is_hot, index=optimizer.n_steps, is_scaled=self.in_scaler,
        )  # fmt: skip
        for group in real.param_groups:
            for tensor in group["params"]:
                state = self._states.get(id(tensor))
                if state is None or state.param.ref() is not tensor:
                    optimizer.params.append(self.follow(tensor, is_free=False))
                    state = self._states[id(tensor)]
                self._look(step, tensor, state)
        if any(one.optimizer is optimizer for one in self._inside):  # an exception left it
            self._inside.clear()
        if watch.is_hot and not self._inside:
            self._weights = copies_of(real, most=watch.kept_of_params)
        self._inside.append(step)
        return step

    def _look(self, step: Step, tensor: torch.Tensor, state: GradientState) -> None:
        """At a step: what does the gradient of one parameter hold?"""
        step.n_params += 1
        gradient = tensor.grad
        if gradient is None:
            step.n_without_gradient += 1
            step.n_frozen += not tensor.requires_grad
            step.n_zeroed += self._clear(state)
            return
        is_applied = is_same(gradient, state.applied)
        if not is_applied and not self.rests:  # nobody clears what is left on a layer that was replaced
            step.optimizer.ever_with_gradient.add(id(state.param))
        if is_other(gradient, state.after_backward):  # somebody computed it and put it there
            state.is_stale = False
            state.pending.clear()
        elif state.pending:
            may_be_cleared = step.is_hot and state.had_values
            if may_be_cleared and not has_values(gradient):
                step.n_zeroed += self._clear(state)
            else:
                self._look_at_pending(step, state)
        if state.is_stale:
            step.n_stale += 1
            if step.is_hot:
                step.stale = (*step.stale, state.param)
        if is_applied and state.applied_by is step.optimizer:
            step.n_unchanged += has_values(gradient)

    def _look_at_pending(self, step: Step, state: GradientState) -> None:
        pending = state.pending
        step.n_pending += 1
        if len(pending) > len(step.applied):
            step.applied = tuple(pending)
        if len(pending) > 1:
            last = pending[-1]
            step.n_leaked += any(one.n_applied and one.site != last.site for one in pending[:-1])

    def after_step(self, step: Step, real: torch.optim.Optimizer) -> None:
        if not step.is_followed:
            return
        known = self._steps.get(id(step.optimizer))
        if self._is_first and known is not None:
            step.n_stale, step.n_unchanged, step.stale = known.n_stale, known.n_unchanged, known.stale
        self._is_first = False
        self._steps[id(step.optimizer)] = step
        if step in self._inside:
            self._inside.remove(step)
        for group in real.param_groups:
            for tensor in group["params"]:
                state, gradient = self._states.get(id(tensor)), tensor.grad
                if state is None:
                    continue
                state.version, state.applied_by = tensor._version, step.optimizer
                if state.pending:
                    self.use(state)
                if gradient is not None:
                    state.applied = note(gradient)
                before = self._weights.get(id(tensor)) if self._weights else None
                if before is not None:
                    name = state.param.name or f"parameter {len(step.norms)}"
                    of_gradient = 0.0 if gradient is None or gradient.is_sparse else float(gradient.detach().norm())
                    update = float((tensor.detach() - before).norm())
                    step.norms[name] = (of_gradient, float(before.norm()), update)
        if not self._inside:
            self._weights = {}

    def use(self, state: GradientState) -> None:
        """What was pending has been applied."""
        for one in state.pending:
            one.n_applied += 1
        state.pending.clear()

    def use_all(self, real: torch.optim.Optimizer) -> None:
        """A GradScaler decided over these gradients, whether it steps or not."""
        for group in real.param_groups:
            for tensor in group["params"]:
                if id(tensor) in self._states and tensor.grad is not None:
                    self.use(self._states[id(tensor)])
