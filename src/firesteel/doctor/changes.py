"""What a replay does otherwise than the run did, and the optimizer that it is done with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch

from firesteel.doctor.reexecuting import CannotReplay, Swap
from firesteel.doctor.trainings import Training

#: PyTorch's optimizers that do a step in one piece.
_FUSED = frozenset({"Adagrad", "Adam", "AdamW", "SGD"})


@dataclass(frozen=True)
class Change:
    """What a replay does otherwise than the run did."""

    lr_factor: float = 1.0
    n_times: int = 1  # so many times the steps
    scales_inputs: bool = False
    scales_targets: bool = False
    drops_decay: bool = False
    scales_weights: bool = False
    swap: Swap | None = field(default=None, compare=False)
    name: str = ""  # tells swaps apart


AS_IT_WAS = Change()


def new_optimizer(training: Training, tensors: list[torch.Tensor], change: Change) -> torch.optim.Optimizer:
    """One of the same kind and settings, for other tensors.

    Raises:
        CannotReplay: it cannot be made.
    """
    settings = dict(training.settings)
    settings["lr"] = max(training.lr * change.lr_factor, 1e-30)
    if change.drops_decay:
        settings["weight_decay"] = 0.0
    if training.optimizer is None:
        return torch.optim.SGD(tensors, lr=settings["lr"])
    kind = kinds_of_optimizers()[training.kind]
    known = kind.__init__.__code__.co_varnames[: kind.__init__.__code__.co_argcount + 20]
    chosen = {name: value for name, value in settings.items() if name in known and name not in ("params", "self")}
    if training.kind in _FUSED and not any(chosen.get(name) for name in ("foreach", "differentiable")):
        chosen["fused"] = all(one.is_floating_point() for one in tensors)  # the same steps in a third of the time
    try:
        return kind(tensors, **chosen)
    except (TypeError, ValueError) as error:
        raise CannotReplay(f"a second {training.kind} cannot be made ({error})") from error


def kinds_of_optimizers() -> dict[str, Callable[..., torch.optim.Optimizer]]:
    """PyTorch's own, by name, that make a step without asking for the loss again."""
    return {
        name: kind
        for name, kind in vars(torch.optim).items()
        if isinstance(kind, type) and issubclass(kind, torch.optim.Optimizer) and name not in ("Optimizer", "LBFGS")
    }
