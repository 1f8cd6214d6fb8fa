"""How a gradient becomes a step: each optimizer over the flat buffers of a whole population."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from torch import Tensor

from firesteel.nets import Layout
from firesteel.training.eigenbases import N_STEPS_BETWEEN, find_turned

#: torch's own defaults.
EPS = 1e-8
ADAM_BETAS = (0.9, 0.999)
RMSPROP_ALPHA = 0.99

Rate = float | Tensor  # one for all members, or one per number of the flat buffer


@dataclass(frozen=True)
class Buffers:
    """The flat buffers that an optimizer works on."""

    weights: Tensor
    grads: Tensor
    layout: Layout

    def rate(self, values: tuple[float, ...]) -> Rate:
        """A setting per member as the step needs it: a plain number when all members share it."""
        if len(set(values)) == 1:
            return values[0]
        members = torch.tensor(values, dtype=self.weights.dtype, device=self.weights.device)
        return self.layout.per_number(members)


@dataclass
class Optimizer(ABC):
    """Keeps its own flat buffers; `step` changes the weights in place. lr and weight_decay are per member."""

    registry: ClassVar[dict[str, type[Optimizer]]] = {}

    buffers: Buffers
    lr: tuple[float, ...]
    weight_decay: tuple[float, ...]
    momentum: float = 0.0
    nesterov: bool = False
    betas: tuple[float, float] = ADAM_BETAS
    n_steps: int = 0
    memory: dict[str, Tensor] = field(default_factory=dict)  # what a checkpoint must hold

    def __init_subclass__(cls, *, word: str | None = None, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if word is not None:
            Optimizer.registry[word] = cls

    def __post_init__(self) -> None:
        self.rates = self.buffers.rate(self.lr)
        self.decays = self.buffers.rate(self.weight_decay)
        self.has_decay = any(self.weight_decay)
        self.memory.update({name: torch.zeros_like(self.buffers.weights) for name in self.names()})

    def names(self) -> tuple[str, ...]:
        """The flat buffers that this optimizer remembers from step to step."""
        return ()

    def step(self, factor: float) -> None:
        """One step along the gradients, with every lr multiplied by `factor`."""
        self.n_steps += 1
        self.update(self.buffers.weights, self.buffers.grads, factor)

    @abstractmethod
    def update(self, weights: Tensor, grads: Tensor, factor: float) -> None:
        """Change the weights; `grads` may be overwritten."""

    def descend(self, weights: Tensor, direction: Tensor, factor: float) -> None:
        """weights -= factor * lr * direction."""
        if isinstance(self.rates, float):
            weights.add_(direction, alpha=-factor * self.rates)
        else:
            weights.addcmul_(direction, self.rates, value=-factor)

    def couple_decay(self, weights: Tensor, grads: Tensor) -> None:
        """Weight decay as part of the gradient (L2), as torch's sgd, adam and rmsprop do."""
        if self.has_decay:
            if isinstance(self.decays, float):
                grads.add_(weights, alpha=self.decays)
            else:
                grads.addcmul_(weights, self.decays)

    def decouple_decay(self, weights: Tensor, factor: float) -> None:
        """Weight decay beside the gradient: weights *= 1 - factor * lr * weight_decay."""
        if self.has_decay:
            pull = self.rates * self.decays
            if isinstance(pull, float):
                weights.mul_(1 - factor * pull)
            else:
                weights.addcmul_(weights, pull, value=-factor)


class SGD(Optimizer, word="sgd"):
    """Plain, with momentum, or with Nesterov's look ahead; as `torch.optim.SGD`."""

    def names(self) -> tuple[str, ...]:
        return ("velocity",) if self.momentum else ()

    def update(self, weights: Tensor, grads: Tensor, factor: float) -> None:
        self.couple_decay(weights, grads)
        if self.momentum:
            velocity = self.memory["velocity"].mul_(self.momentum).add_(grads)
            grads = grads.add_(velocity, alpha=self.momentum) if self.nesterov else velocity
        self.descend(weights, grads, factor)


class _Adam(Optimizer, ABC):
    def names(self) -> tuple[str, ...]:
        return ("mean", "square")

    def moments(self, weights: Tensor, grads: Tensor, factor: float, fused: FusedAdam | None, decay: float) -> None:
        """Adam's step: in one pass where torch has a fused kernel and all members share lr and decay."""
        mean, square = self.memory["mean"], self.memory["square"]
        beta1, beta2 = self.betas
        if fused is not None and isinstance(self.rates, float):
            # keyword names are torch's own
            fused(
                [weights], [grads], [mean], [square], [], [self._counter()],
                lr=factor * self.rates, beta1=beta1, beta2=beta2, weight_decay=decay, eps=EPS,
                amsgrad=False, maximize=False,
            )  # fmt: skip
            return
        mean.lerp_(grads, 1 - beta1)
        square.mul_(beta2).addcmul_(grads, grads, value=1 - beta2)
        spread = torch.sqrt(square).div_((1 - beta2**self.n_steps) ** 0.5).add_(EPS)
        self.descend(weights, torch.div(mean, spread, out=spread), factor / (1 - beta1**self.n_steps))

    def _counter(self) -> Tensor:
        """The number of steps as the fused kernel reads it."""
        if not hasattr(self, "counter"):
            self.counter = torch.zeros((), device=self.buffers.weights.device)
        return self.counter.fill_(self.n_steps)


FusedAdam = Callable[..., None]

#: Private names of torch: one pass over the buffers instead of six. Without them the formula above does the same.
FUSED_ADAM: FusedAdam | None = getattr(torch, "_fused_adam_", None)
FUSED_ADAMW: FusedAdam | None = getattr(torch, "_fused_adamw_", None)


class Adam(_Adam, word="adam"):
    """The running mean of the gradient by its running size. Source: arXiv 1412.6980; as `torch.optim.Adam`."""

    def update(self, weights: Tensor, grads: Tensor, factor: float) -> None:
        self.couple_decay(weights, grads)
        self.moments(weights, grads, factor, FUSED_ADAM, 0.0)


class AdamW(_Adam, word="adamw"):
    """Adam with the weight decay beside the gradient. Source: arXiv 1711.05101; as `torch.optim.AdamW`."""

    def update(self, weights: Tensor, grads: Tensor, factor: float) -> None:
        is_plain = isinstance(self.rates, float) and isinstance(self.decays, float) and FUSED_ADAMW is not None
        if not is_plain:
            self.decouple_decay(weights, factor)
        decay = self.decays if is_plain and isinstance(self.decays, float) else 0.0
        self.moments(weights, grads, factor, FUSED_ADAMW if is_plain else FUSED_ADAM, decay)


class Soap(Optimizer, word="soap"):
    """AdamW in axes that each weight matrix's own gradients choose, so that it follows narrow valleys.

    Where a target must be met to many digits it needs a fraction of Adam's steps, each at two to four times the cost
    (more where wide layers see small batches). On noisy tables it finds nothing better.
    Source: arXiv 2409.11321, algorithm 3.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        self.turned = tuple(find_turned(self.buffers.layout, self.memory, self.buffers.weights))
        self.step_buffer, self.grad_buffer = torch.empty_like(self.buffers.grads), torch.empty_like(self.buffers.grads)

    def names(self) -> tuple[str, ...]:
        return ("mean", "square")

    def update(self, weights: Tensor, grads: Tensor, factor: float) -> None:
        mean, square = self.memory["mean"], self.memory["square"]
        beta1, beta2 = self.betas
        self.decouple_decay(weights, factor)
        mean.lerp_(grads, 1 - beta1)
        step, turned_grads = self.step_buffer.copy_(mean), self.grad_buffer.copy_(grads)
        for one in self.turned:
            for buffer in (step, turned_grads):
                x = view = one.view(buffer)
                for side in one.sides:
                    x = side.turn(x)
                view.copy_(x)
        square.mul_(beta2).addcmul_(turned_grads, turned_grads, value=1 - beta2)
        step.div_(torch.sqrt(square).div_((1 - beta2**self.n_steps) ** 0.5).add_(EPS))
        for one in self.turned:
            x = view = one.view(step)
            for side in one.sides:
                x = side.turn_back(x)
            view.copy_(x)
        self.descend(weights, step, factor / (1 - beta1**self.n_steps))
        self._watch(grads)

    def _watch(self, grads: Tensor) -> None:
        """The axes are taken from gradients up to the last step, never from the one that they turn."""
        for one in self.turned:
            for side in one.sides:
                side.watch(one.view(grads))
                if self.n_steps % N_STEPS_BETWEEN == 1:
                    side.renew(one.view(self.memory["square"]))


class RMSprop(Optimizer, word="rmsprop"):
    """The gradient by its running size; as `torch.optim.RMSprop`."""

    def names(self) -> tuple[str, ...]:
        return ("square", "velocity") if self.momentum else ("square",)

    def update(self, weights: Tensor, grads: Tensor, factor: float) -> None:
        self.couple_decay(weights, grads)
        square = self.memory["square"].mul_(RMSPROP_ALPHA).addcmul_(grads, grads, value=1 - RMSPROP_ALPHA)
        direction = grads.div_(torch.sqrt(square).add_(EPS))
        if self.momentum:
            direction = self.memory["velocity"].mul_(self.momentum).add_(direction)
        self.descend(weights, direction, factor)


class Sign(Optimizer, word="sign"):
    """A step of lr against the sign of each gradient, whatever its size; as `torch.sign` says, 0 stays."""

    def update(self, weights: Tensor, grads: Tensor, factor: float) -> None:
        self.couple_decay(weights, grads)
        self.descend(weights, grads.sign_(), factor)


#: The recipe's words for them.
OPTIMIZERS = Optimizer.registry
