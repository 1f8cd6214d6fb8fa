"""Counterfactuals: the captured steps of a training again, on copies, with one thing changed.

Nothing of the user's is touched: parameters start from copies of their first values, the optimizer is a new one, and
the random state is put back. Some of the captured batches are never trained on; the loss of these is compared, so that
learning a few batches by heart does not pass for a cure.
"""

from __future__ import annotations

import itertools
import math
import time
import warnings
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch

from firesteel.doctor.baselines import Question, as_rows, constant_answer, question_of
from firesteel.doctor.changes import AS_IT_WAS, Change, kinds_of_optimizers, new_optimizer
from firesteel.doctor.curves import Curve, is_said
from firesteel.doctor.facts import Backward, Facts, Made
from firesteel.doctor.holding import HeldRows, hold_rows
from firesteel.doctor.reexecuting import CannotReplay, Expression, Swap
from firesteel.doctor.scales import inputs_of, standardised, target_scale
from firesteel.doctor.trainings import Training, main_training, mean_of
from firesteel.doctor.weights import OffScale, weights_off_scale

#: Steps of one replay at most and at least; seconds of one replay, and of all replays of a run.
MOST_STEPS = 400
LEAST_STEPS = 20
LIMIT_S = 1.0
#: Where the machine turned slow meanwhile, a replay ends at so many times its seconds.
OVERDUE = 2.0
ALL_S = 6.0
#: A step that makes fewer numbers is replayed on one thread, whose own time is counted: a busy machine changes nothing.
SMALL = 5_000_000
#: From so many captured steps on, every third is kept out of the training.
FROM_HELD = 5
#: The loss of the compared batches is taken so many times, and early; the last quarter's are its end.
N_LOOKS = 20
EARLY = (5, 10)

_KNOWN: weakref.WeakKeyDictionary[Facts, Replays | CannotReplay] = weakref.WeakKeyDictionary()

_Data = dict[int, dict[int, torch.Tensor]]


@dataclass(frozen=True, eq=False)
class _Batch:
    """One captured step: the losses that it used, and what goes into them."""

    losses: tuple[Expression, ...]


def replays_of(facts: Facts) -> Replays:
    """The replays of a run, prepared once.

    Raises:
        CannotReplay: its steps cannot be computed again.
    """
    if facts not in _KNOWN:
        try:
            _KNOWN[facts] = Replays(facts)
        except CannotReplay as reason:
            _KNOWN[facts] = reason
    found = _KNOWN[facts]
    if isinstance(found, CannotReplay):
        raise CannotReplay(str(found))
    return found


class Replays:
    """The captured steps of the training that stands for a run, ready to be computed again."""

    def __init__(self, facts: Facts) -> None:
        self.training: Training = main_training(facts)
        learns = [one for one in self.training.params if one.initial is not None]
        if not self.training.batches:
            raise CannotReplay("no step was looked at closely")
        if self.training.kind not in kinds_of_optimizers():
            raise CannotReplay(f"the optimizer {self.training.kind} is none of PyTorch's")
        self._initial = {id(one): one.initial for one in learns if one.initial is not None}
        self.batches, reason = [], ""
        for backwards in self.training.batches:
            made = [_unscaled(one) for one in backwards]
            try:
                self.batches.append(_Batch(tuple(Expression(one, learns) for one in made if one is not None)))
            except CannotReplay as why:
                reason = str(why)
        if not self.batches:
            raise CannotReplay(reason)
        first = self.training.batches[0][0]
        if self.training.is_again and first.step != self.training.step:
            raise CannotReplay("its weights had been trained before")
        if first.step == self.training.step and first.loss is not None and not first.is_scaled:
            with apart():
                self.batches[0].losses[0].check(self._initial, float(first.loss))
        inside = [one for expression in self.batches[0].losses for one in expression.dependent]
        self._is_small = sum(math.prod(one.shape) for one in inside) < SMALL
        self._left_s = ALL_S
        self._curves: dict[Change, Curve | CannotReplay] = {}
        self.question: Question | None = question_of(self.batches[0].losses[0])
        self.constant = self._constant_loss()
        #: What a net that learns nothing costs: the best constant answer, or where that is not known the first loss.
        self.base = self.constant or max(self.training.start, 1e-12)
        self._known_base: float | None = None
        self._held = self._held_rows()

    # ---- which batches

    @property
    def _trained(self) -> list[_Batch]:
        return [one for i, one in enumerate(self.batches) if i % 3 != 2] if self.holds_out else self.batches

    @property
    def _compared(self) -> list[_Batch]:
        return [one for i, one in enumerate(self.batches) if i % 3 == 2] if self.holds_out else self.batches

    @property
    def holds_out(self) -> bool:
        return len(self.batches) >= FROM_HELD

    # ---- inputs and targets

    def inputs(self) -> list[list[Made]]:
        """Per captured loss the data that weights are applied to, in order; none where losses have others."""
        found = [inputs_of(expression) for batch in self.batches for expression in batch.losses]
        widths = {tuple(one.shape[1 if len(one.shape) >= 4 else -1] for one in part) for part in found}
        return found if len(widths) == 1 else []

    def questions(self) -> list[tuple[Expression, Question]]:
        """The captured losses, each with what it compares; none unless all compare alike."""
        losses = [one for batch in self.batches for one in batch.losses]
        pairs = [(one, found) for one in losses if (found := question_of(one)) is not None]
        kinds = {(one.kind, one.prediction.shape[1:], one.target.shape[1:]) for _, one in pairs}
        return pairs if len(pairs) == len(losses) and len(kinds) == 1 else []

    def _constant_loss(self, data: _Data | None = None, *, on: list[_Batch] | None = None) -> float | None:
        """What the best constant answer to all captured batches costs, on all or on some of them."""
        pairs, answer = self.questions(), self._constant_answer(data)
        if answer is None:
            return None
        losses, chosen = [], {id(one) for batch in on or self.batches for one in batch.losses}
        for expression, question in pairs:
            if id(expression) not in chosen:
                continue
            given = (data or {}).get(id(expression))

            def swap(made: Made, value: torch.Tensor, _: Any, question: Question = question) -> torch.Tensor:
                return as_rows(question, answer, value) if made is question.prediction else value

            with apart(), torch.no_grad():
                try:
                    losses.append(float(expression.compute(self._initial, data=given, swap=swap)))
                except (CannotReplay, RuntimeError):  # the answer does not fit the prediction
                    return None
        found = mean_of(losses)
        return found if math.isfinite(found) and found > 0 else None

    def _constant_answer(self, data: _Data | None = None) -> torch.Tensor | None:
        pairs = self.questions()
        targets = [(data or {}).get(id(one), {}).get(id(two.target), one.data_of(two.target)) for one, two in pairs]
        return constant_answer([one for _, one in pairs], targets) if pairs else None

    def _held_rows(self) -> HeldRows | None:
        """Rows that are held out where whole batches cannot be, as all have the same rows."""
        if self.constant is None:
            return None
        trained = {id(one) for batch in self._trained for one in batch.losses} if self.holds_out else None
        pairs = self.questions()
        return hold_rows(pairs, [trained is None or id(one) in trained for one, _ in pairs])

    def _base_of(self, data: _Data | None) -> float:
        """What a net that learns nothing costs on the compared batches."""
        if data is not None:
            return self._constant_loss(data, on=self._looked_at) or self.base
        if self._known_base is None:
            self._known_base = self._constant_loss(on=self._looked_at) or self.base
        return self._known_base

    @property
    def _looked_at(self) -> list[_Batch]:
        return self._compared if self._held is None else self.batches

    def _look(self, leaves: Any, data: Any, swap: Swap | None, base: float) -> float:
        """The loss of what is not trained on: of whole batches, or of the rows that are held out of all."""
        answer = self._constant_answer(data) if self._held is not None else None
        if self._held is None or answer is None or self.question is None:
            return self._mean_loss(self._looked_at, leaves, data, swap)
        mixed = self._mean_loss(self.batches, leaves, data, self._held.alone(self.question, answer, swap))
        return max(base - (base - mixed) / self._held.share, 0.0)  # the other rows cost what a constant answer does

    # ---- running

    def curve(self, change: Change = AS_IT_WAS) -> Curve:
        """The losses of a replay with a change.

        Raises:
            CannotReplay: a step takes too long, or cannot be computed so.
        """
        if change not in self._curves:
            with apart(), on_one_thread(is_wanted=self._is_small):
                began = _clock()
                try:
                    self._curves[change] = self._run(change)
                except CannotReplay as reason:
                    self._curves[change] = reason
                self._left_s -= _clock() - began
        found = self._curves[change]
        if isinstance(found, CannotReplay):
            raise CannotReplay(str(found))
        return found

    def _run(self, change: Change) -> Curve:
        if self._left_s <= 0:
            raise CannotReplay("the time for replays was spent")
        leaves = {key: value.clone().requires_grad_() for key, value in self._begun(change).items()}
        data = self._changed_data(change)
        optimizer = new_optimizer(self.training, list(leaves.values()), change)
        base = self._base_of(data if change.scales_targets else None)
        looks = [self._look(leaves, data, change.swap, base)]
        swap = change.swap if self._held is None else self._held.without(change.swap)
        n, began = min(MOST_STEPS, self.training.n_steps) * change.n_times, _clock()
        limit = min(LIMIT_S, max(self._left_s, 0.1))
        done = 0
        while done < n and not is_said(looks, base) and _clock() - began < OVERDUE * limit:
            batch = self._trained[done % len(self._trained)]
            loss = torch.stack([one.compute(leaves, data=data.get(id(one)), swap=swap) for one in batch.losses]).sum()
            self._step(loss, leaves, optimizer, progress=done / n, factor=change.lr_factor)
            done += 1
            if done == 3:
                per_step = (_clock() - began) / done
                n = min(n, int(limit / per_step))
                if n < min(LEAST_STEPS, self.training.n_steps):
                    raise CannotReplay(f"one step of a replay takes {1000 * per_step:.0f} ms")
            if (n - done) % max(1, n // N_LOOKS) == 0 or done in EARLY:
                looks.append(self._look(leaves, data, change.swap, base))
        if len(looks) == 1:
            looks.append(self._look(leaves, data, change.swap, base))
        end = mean_of(looks[-max(1, len(looks) // 4) :])
        best = min((mean_of(pair) for pair in itertools.pairwise(looks[1:])), default=end)
        return Curve(
            looks[0],
            end,
            done,
            self.holds_out or self._held is not None,
            end / base,
            min(best, end),
            min(best, end) / base,
            max(abs(one - looks[0]) for one in looks) / base if all(map(math.isfinite, looks)) else math.inf,
        )

    def stepwise(self, most: int) -> Iterator[tuple[Expression, dict[int, torch.Tensor]]]:
        """Each loss of a replay as it was, before its step, with the parameters as they are then.

        Random numbers are drawn: to be asked for inside `apart()`.
        """
        leaves = {key: value.clone().requires_grad_() for key, value in self._initial.items()}
        optimizer = new_optimizer(self.training, list(leaves.values()), AS_IT_WAS)
        began = _clock()
        for i in range(min(most, self.training.n_steps)):
            batch = self.batches[i % len(self.batches)]
            for expression in batch.losses:
                yield expression, leaves
            if _clock() - began > LIMIT_S:
                return
            loss = torch.stack([one.compute(leaves) for one in batch.losses]).sum()
            self._step(loss, leaves, optimizer, progress=i / self.training.n_steps, factor=1.0)

    def gradients(self) -> list[tuple[Made, float, float]]:
        """Of each parameter, in the order of the graph, the norms of its gradient and its weights at the first step.

        Raises:
            CannotReplay: no gradient comes to any of them.
        """
        expression = self.batches[0].losses[0]
        leaves = {key: value.clone().requires_grad_() for key, value in self._initial.items()}
        with apart():
            used = [one for one in expression.leaves if one.param is not None]
            tensors = [leaves[id(one.param)] for one in used]
            loss = expression.compute(leaves)
            if not loss.requires_grad:  # all that the optimizer holds is frozen
                raise CannotReplay("the loss reaches nothing that the optimizer holds")
            found: tuple[torch.Tensor | None, ...] = torch.autograd.grad(loss, tensors, allow_unused=True)
        return [
            (one, float(gradient.norm()) if gradient is not None else 0.0, float(tensor.detach().norm()))
            for one, gradient, tensor in zip(used, found, tensors, strict=True)
        ]

    def _mean_loss(self, batches: list[_Batch], leaves: Any, data: Any, swap: Swap | None) -> float:
        with torch.no_grad():
            return mean_of(
                float(one.compute(leaves, data=data.get(id(one)), swap=swap))
                for batch in batches
                for one in batch.losses
            )

    def _step(
        self, loss: torch.Tensor, leaves: dict[int, torch.Tensor], optimizer: Any, *, progress: float, factor: float
    ) -> None:
        if loss.requires_grad:
            tensors = list(leaves.values())
            gradients = torch.autograd.grad(loss, tensors, allow_unused=True)
            for tensor, gradient in zip(tensors, gradients, strict=True):
                tensor.grad = gradient
            self._clip(tensors)
        lrs = self.training.lrs
        for group in optimizer.param_groups:
            group["lr"] = lrs[min(int(progress * len(lrs)), len(lrs) - 1)] * factor
        optimizer.step()

    def _clip(self, tensors: list[torch.Tensor]) -> None:
        if self.training.clipping is not None:
            name, limit = self.training.clipping
            tensors = [one for one in tensors if one.grad is not None]
            (torch.nn.utils.clip_grad_norm_ if name == "clip_grad_norm_" else torch.nn.utils.clip_grad_value_)(
                tensors, limit
            )

    # ---- other data and weights

    def weights_off_scale(self) -> list[OffScale]:
        """The weights that begin far too large or small."""
        return weights_off_scale(self.batches[0].losses[0])

    def _begun(self, change: Change) -> dict[int, torch.Tensor]:
        """The weights as they begin."""
        if not change.scales_weights:
            return self._initial
        times = {id(one.param): one.times for one in self.weights_off_scale()}
        return {key: value / times.get(key, 1.0) for key, value in self._initial.items()}

    def _changed_data(self, change: Change) -> _Data:
        """By id of each expression, the data that take the place of others."""
        changed: _Data = {}
        expressions = [one for batch in self.batches for one in batch.losses]
        if change.scales_inputs:
            rows = [inputs_of(one) for one in expressions]
            for column in zip(*rows, strict=False):
                values = [one.data_of(made) for one, made in zip(expressions, column, strict=True)]
                for one, made, value in zip(expressions, column, standardised(values), strict=True):
                    changed.setdefault(id(one), {})[id(made)] = value
        if change.scales_targets:
            pairs = self.questions()
            scale = target_scale([one.data_of(two.target) for one, two in pairs])
            for one, question in pairs:
                value = one.data_of(question.target)
                changed.setdefault(id(one), {})[id(question.target)] = ((value - scale[0]) / scale[1]).to(value.dtype)
        return changed


@contextmanager
def apart() -> Iterator[None]:
    """A block whose random numbers, warnings and gradients are no business of the user's program."""
    with torch.random.fork_rng(), warnings.catch_warnings(), torch.enable_grad():
        warnings.simplefilter("ignore")
        torch.manual_seed(0)
        yield


@contextmanager
def on_one_thread(*, is_wanted: bool) -> Iterator[None]:
    """A block whose operations are computed on one thread, if so much is wanted."""
    n = torch.get_num_threads()
    if is_wanted:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(n)


def _clock() -> float:
    """Seconds: of this process alone, where one thread computes."""
    return time.process_time() if torch.get_num_threads() == 1 else time.perf_counter()


def _unscaled(backward: Backward) -> Made | None:
    """The loss as it was before a GradScaler multiplied it."""
    return backward.made.parents[0] if backward.is_scaled and backward.made is not None else backward.made
