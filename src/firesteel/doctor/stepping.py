"""Optimizers, backward, learning rate schedules, clipping and loss scaling."""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable
from typing import Any

import torch
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook

from firesteel.doctor.facts import MOST_RECORDS, Call, Optimizer, Param, ZeroGrad
from firesteel.doctor.gradients import Gradients
from firesteel.doctor.leaves import watch_leaves
from firesteel.doctor.modules import creation_site
from firesteel.doctor.scheduling import watch_schedules
from firesteel.doctor.sites import Site, find_site
from firesteel.doctor.state import Watched
from firesteel.doctor.stopping import StopWatching

#: Steps of each optimizer in which gradients are followed in any case.
FOLLOWED_OF_EACH = 20
#: Steps and backwards that are kept, before only those that are looked at.
MOST_EVENTS = 100_000


def watch_steps(watch: Watched, gradients: Gradients, hooks: list[Any]) -> None:
    """Sees every backward, step, zero_grad, schedule, leaf, clipping and scaling from now on."""
    steps = _Steps(watch, gradients)
    replace = watch.patches.replace
    replace(torch.Tensor, "backward", steps.make_backward_of_tensor)
    replace(torch.autograd, "backward", steps.make_backward)
    replace(torch.optim.Optimizer, "__init__", steps.make_init)
    replace(torch.optim.Optimizer, "add_param_group", steps.make_add_group)
    replace(torch.optim.Optimizer, "zero_grad", steps.make_zero_grad)
    replace(torch.nn.Module, "zero_grad", steps.make_zero_grad)
    hooks.append(register_optimizer_step_pre_hook(steps.before))
    hooks.append(register_optimizer_step_post_hook(steps.after))
    watch_schedules(watch, steps.record_of)
    watch_leaves(watch, gradients)
    for name in ("clip_grad_norm_", "clip_grad_value_"):
        for owner in (torch.nn.utils, torch.nn.utils.clip_grad):
            replace(owner, name, steps.make_clip(name))
    for name in ("unscale_", "step", "update"):
        replace(torch.amp.GradScaler, name, steps.make_scaler(name))
    replace(torch.amp.GradScaler, "scale", steps.make_scale)


class _Steps:
    def __init__(self, watch: Watched, gradients: Gradients) -> None:
        self._watch = watch
        self._gradients = gradients
        self._places: set[tuple[str, Site]] = set()  # of steps
        self._shield = watch.shield("seeing a step")
        self._shield_of_backward = watch.shield("seeing a backward")
        self._known: dict[int, Optimizer] = {}
        self._running: dict[int, Any] = {}
        self._depth = 0  # of backwards: a checkpointed one runs others

    # ---- optimizers

    def make_init(self, original: Callable[..., None]) -> Callable[..., None]:
        watch = self._watch

        def initialise(optimizer: torch.optim.Optimizer, *args: Any, **kwargs: Any) -> None:
            original(optimizer, *args, **kwargs)
            if not watch.is_paused:
                with watch.shield("seeing an optimizer being created"):
                    self._new(optimizer, creation_site(optimizer))

        return initialise

    def _new(self, real: torch.optim.Optimizer, site: Any) -> Optimizer:
        follow = self._gradients.follow
        tensors = [one for group in real.param_groups for one in group["params"]]
        params = [follow(one, is_free=False) for one in tensors]
        record = Optimizer(
            at=self._watch.tick(), ref=weakref.ref(real), kind=type(real).__name__, site=site,
            defaults=dict(real.defaults), params=params, continues=self._gradients.last_optimizer(tensors),
        )  # fmt: skip
        self._known[id(real)] = record
        if len(self._watch.facts.optimizers) < MOST_RECORDS:
            self._watch.facts.optimizers.append(record)
        return record

    def make_add_group(self, original: Callable[..., None]) -> Callable[..., None]:
        watch = self._watch

        def add_param_group(optimizer: torch.optim.Optimizer, *args: Any, **kwargs: Any) -> None:
            original(optimizer, *args, **kwargs)
            record = self._known.get(id(optimizer))
            if record is not None and record.ref() is optimizer and not watch.is_paused:
                with watch.shield("seeing parameters being added"):
                    new = optimizer.param_groups[-1]["params"]
                    record.params.extend(self._gradients.follow(one, is_free=False) for one in new)

        return add_param_group

    def record_of(self, real: torch.optim.Optimizer) -> Optimizer:
        found = self._known.get(id(real))
        return found if found is not None and found.ref() is real else self._new(real, None)

    def before(self, real: torch.optim.Optimizer, args: Any, kwargs: Any) -> None:
        watch = self._watch
        if watch.is_paused:
            return
        with self._shield:
            closure = kwargs.get("closure", args[1] if len(args) > 1 else None)
            site = find_site(sys._getframe(2))
            step = self._gradients.before_step(self.record_of(real), real, site, has_closure=callable(closure))
            self._running[id(real)] = step
        if not callable(closure):
            watch.seeing.is_held = True

    def after(self, real: torch.optim.Optimizer, args: Any, kwargs: Any) -> None:
        watch = self._watch
        if watch.is_paused:
            return
        watch.seeing.is_held = False
        with self._shield:
            step = self._running.pop(id(real), None)
            facts = watch.facts
            facts.n_steps += 1
            if step is not None:
                self._gradients.after_step(step, real)
                step.optimizer.n_steps += 1
                if len(facts.steps) < MOST_EVENTS or step.is_hot:
                    facts.steps.append(step)
                if watch.is_hot:
                    watch.note_retained(step.site)
                place = ("step", step.site)
                watch.after_update(place)
                self._places.add(place)
                is_new = step.optimizer.n_steps < FOLLOWED_OF_EACH  # of a second net, or the next fold
                near = is_new or any(watch.schedule.is_near(one) for one in self._places)
                self._gradients.rest(is_due=near or watch.is_hot or step.has_closure)
        if watch.most_steps is not None and watch.facts.n_steps >= watch.most_steps:
            raise StopWatching("steps")

    def make_zero_grad(self, original: Callable[..., None]) -> Callable[..., None]:
        watch = self._watch

        def zero_grad(owner: Any, *args: Any, **kwargs: Any) -> None:
            if not watch.is_paused and watch.is_hot:
                with watch.shield("seeing zero_grad"):
                    self._note_zero_grad(owner, find_site(sys._getframe(1)))
            elif not watch.is_paused and id(owner) in self._known:
                self._known[id(owner)].n_zero_grads += 1
            original(owner, *args, **kwargs)

        return zero_grad

    def _note_zero_grad(self, owner: Any, site: Site) -> None:
        record, n_params = None, 0
        if isinstance(owner, torch.nn.Module):
            n_params = sum(1 for _ in owner.parameters())
        else:
            record = self.record_of(owner)
            record.n_zero_grads += 1
            n_params = sum(len(group["params"]) for group in owner.param_groups)
        kind = "module" if record is None else "optimizer"
        self._watch.facts.zero_grads.append(ZeroGrad(self._watch.tick(), site, kind, record, n_params))

    # ---- backward

    def make_backward_of_tensor(self, original: Callable[..., None]) -> Callable[..., None]:
        seeing = self._watch.seeing

        def backward(tensor: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
            if not seeing.is_on:
                return original(tensor, *args, **kwargs)
            return seeing.step_aside(original, tensor, *args, **kwargs)

        return backward

    def make_backward(self, original: Callable[..., None]) -> Callable[..., None]:
        watch = self._watch

        def backward(tensors: Any, *args: Any, **kwargs: Any) -> None:
            if watch.is_paused or self._depth:
                return original(tensors, *args, **kwargs)
            if self._gradients.may_skip:
                watch.facts.n_backwards += 1
                return original(tensors, *args, **kwargs)
            event = None
            with self._shield_of_backward:
                creates = bool(kwargs.get("create_graph", args[2] if len(args) > 2 else False))
                retains = kwargs.get("retain_graph", args[1] if len(args) > 1 else None)
                event = self._gradients.before_backward(
                    tensors, find_site(sys._getframe(1)), creates_graph=creates,
                    retains_graph=creates if retains is None else bool(retains),
                )  # fmt: skip
            self._depth += 1
            is_done = False
            try:
                original(tensors, *args, **kwargs)
                is_done = True
            finally:
                self._depth -= 1
                if not is_done:
                    self._gradients.drop_backward()
            if event is not None:
                with self._shield_of_backward:
                    self._note(event, tensors)
            return None

        return backward

    def _note(self, event: Any, tensors: Any) -> None:
        watch, facts = self._watch, self._watch.facts
        self._gradients.after_backward(event)
        facts.n_backwards += 1
        if len(facts.backwards) < MOST_EVENTS or event.is_hot:
            facts.backwards.append(event)
        if isinstance(tensors, torch.Tensor):
            watch.retained.follow(tensors, event.site)
        if not facts.optimizers:  # steps are done by hand
            if watch.is_hot:
                watch.note_retained(event.site)
            watch.after_update(("backward", event.site))

    # ---- clipping and scaling

    def make_clip(self, name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        watch = self._watch

        def make(original: Callable[..., Any]) -> Callable[..., Any]:
            def clip(parameters: Any, *args: Any, **kwargs: Any) -> Any:
                if watch.is_paused:
                    return original(parameters, *args, **kwargs)
                if self._gradients.rests:
                    return original(parameters, *args, **kwargs)
                if not isinstance(parameters, torch.Tensor | list):
                    parameters = list(parameters)
                with watch.shield("seeing a clipping"):
                    tensors = [parameters] if isinstance(parameters, torch.Tensor) else parameters
                    limit = args[0] if args else kwargs.get("max_norm", kwargs.get("clip_value"))
                    details = self._gradients.counts(tensors) | {"limit": float(limit)} if limit is not None else {}
                    details["is_scaled"] = self._gradients.is_scaled(tensors)
                    self._call(name, find_site(sys._getframe(1)), [watch.param_of(one) for one in tensors], details)
                return original(parameters, *args, **kwargs)

            return clip

        return make

    def make_scaler(self, name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        watch = self._watch

        def make(original: Callable[..., Any]) -> Callable[..., Any]:
            def method(scaler: Any, *args: Any, **kwargs: Any) -> Any:
                if watch.is_paused or not scaler.is_enabled():
                    return original(scaler, *args, **kwargs)
                real = args[0] if args else kwargs.get("optimizer")
                with watch.shield("seeing a loss being scaled"):
                    self._note_scaling(name, real if name != "update" else None, find_site(sys._getframe(1)))
                self._gradients.in_scaler = name == "step"
                try:
                    return original(scaler, *args, **kwargs)
                finally:
                    self._gradients.in_scaler = False
                    if name == "step" and real is not None:
                        with watch.shield("seeing a loss being scaled"):
                            self._gradients.use_all(real)

            return method

        return make

    def make_scale(self, original: Callable[..., Any]) -> Callable[..., Any]:
        watch = self._watch

        def scale(scaler: Any, outputs: Any) -> Any:
            scaled = original(scaler, outputs)
            if not watch.is_paused and scaler.is_enabled() and isinstance(scaled, torch.Tensor):
                with watch.shield("seeing a loss being scaled"):
                    self._gradients.scaled = weakref.ref(scaled)
                    self._call("scaler_scale", find_site(sys._getframe(1)), [], {})
            return scaled

        return scale

    def _note_scaling(self, name: str, real: torch.optim.Optimizer | None, site: Site) -> None:
        details: dict[str, Any] = {}
        params: list[Param] = []
        if real is not None:
            params = self.record_of(real).params
            tensors = [one for group in real.param_groups for one in group["params"]]
            details = self._gradients.counts(tensors) | {"is_scaled": self._gradients.is_scaled(tensors)}
        self._call(f"scaler_{name.rstrip('_')}", site, params, details)

    def _call(self, name: str, site: Site, params: list[Param], details: dict[str, Any]) -> None:
        if len(self._watch.facts.calls) < MOST_EVENTS:
            ids = tuple(id(one) for one in params)
            self._watch.facts.calls.append(Call(self._watch.tick(), name, site, ids, details))
