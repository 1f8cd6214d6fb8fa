"""Progress on disk, so that a killed run can go on to the very same weights."""

from __future__ import annotations

import json
import math
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from firesteel.errors import TrainingError
from firesteel.nets import Population
from firesteel.training.optimizers import Optimizer

#: A checkpoint is written at most this often, so that writing never takes more than a small share of the time.
SECONDS_BETWEEN = 2.0


@dataclass
class Progress:
    """All that training has to remember from epoch to epoch, beside the population and the optimizer."""

    best_weights: Tensor
    best_state: Tensor
    best_epoch: list[int]
    best_val_loss: list[float]
    train_loss: list[list[float]] = field(default_factory=list)
    val_loss: list[list[float]] = field(default_factory=list)
    seconds: float = 0.0
    averages: dict[str, Tensor] = field(default_factory=dict)  # of weights and state; {} where nothing is averaged

    @classmethod
    def start(cls, population: Population, *, is_averaged: bool = False) -> Progress:
        k, weights, state = population.k, population.weights, population.state
        averages = {"weights": weights.clone(), "state": state.clone()} if is_averaged else {}
        return cls(weights.clone(), state.clone(), [0] * k, [math.inf] * k, averages=averages)

    @property
    def n_epochs(self) -> int:
        return len(self.val_loss)

    def facts(self) -> dict[str, Any]:
        names = ("best_epoch", "best_val_loss", "train_loss", "val_loss", "seconds")
        return {name: getattr(self, name) for name in names}


@dataclass
class Checkpoint:
    """One file that is replaced as a whole; `run_key` names the run, so that no other run goes on from it."""

    path: Path
    run_key: str
    seconds_between: float = SECONDS_BETWEEN
    saved_at: float = field(default_factory=time.monotonic)

    def exists(self) -> bool:
        return self.path.exists()

    def precision(self) -> str | None:
        """What feature maps were trained in, "float32" or "bfloat16"; None where there is no progress yet.

        It was chosen by the clock, and a resumed run must not choose otherwise.
        """
        if not self.exists():
            return None
        try:
            with safe_open(self.path, framework="pt") as file:
                found = json.loads(file.metadata()["progress"])["precision"]
        except (OSError, SafetensorError, LookupError, TypeError, ValueError) as error:
            raise self._foreign(f"{error}") from None
        return "bfloat16" if found == "bfloat16" else "float32"

    def save_now_and_then(self, progress: Progress, population: Population, optimizer: Optimizer) -> None:
        """Write, unless the last write was a moment ago."""
        if time.monotonic() - self.saved_at >= self.seconds_between:
            self.save(progress, population, optimizer)
            self.saved_at = time.monotonic()

    def save(self, progress: Progress, population: Population, optimizer: Optimizer) -> None:
        """Raises TrainingError when the disk does not take it."""
        tensors = {
            "weights": population.weights,
            "state": population.state,
            "best_weights": progress.best_weights,
            "best_state": progress.best_state,
            **{f"memory.{name}": value for name, value in optimizer.memory.items()},
            **{f"average.{name}": value for name, value in progress.averages.items()},
        }
        precision = population.context.precision
        facts = json.dumps(
            {
                **progress.facts(),
                "n_steps": optimizer.n_steps,
                "run_key": self.run_key,
                "precision": None if precision is None else str(precision).removeprefix("torch."),
            }
        )
        part = self.path.with_suffix(".part")
        try:
            save_file({name: value.clone() for name, value in tensors.items()}, part, metadata={"progress": facts})
            part.replace(self.path)
        except (OSError, SafetensorError) as error:
            raise TrainingError(
                "a checkpoint needs room on the disk", found=f"'{self.path}': {error}", hint=f"df -h {self.path.parent}"
            ) from None

    def load(self, population: Population, optimizer: Optimizer, *, is_averaged: bool = False) -> Progress:
        """Put population and optimizer back where the checkpoint left them. Raises TrainingError for another run's."""
        progress = Progress.start(population, is_averaged=is_averaged)
        try:
            with safe_open(self.path, framework="pt") as file:
                facts = json.loads(file.metadata()["progress"])
                if facts.pop("run_key") != self.run_key:
                    raise self._foreign("it was written by a run with another recipe, other data or another version")
                optimizer.n_steps = facts.pop("n_steps")
                del facts["precision"]
                targets = {"weights": population.weights, "state": population.state}
                targets |= {"best_weights": progress.best_weights, "best_state": progress.best_state}
                targets |= {f"memory.{name}": value for name, value in optimizer.memory.items()}
                targets |= {f"average.{name}": value for name, value in progress.averages.items()}
                for name, target in targets.items():
                    target.copy_(_like(target, file.get_tensor(name)))
                return Progress(progress.best_weights, progress.best_state, **facts, averages=progress.averages)
        except (OSError, SafetensorError, LookupError, AttributeError, TypeError, ValueError, RuntimeError) as error:
            raise self._foreign(f"{error}") from None

    def _foreign(self, found: str) -> TrainingError:
        return TrainingError(
            "a run goes on only from its own checkpoint",
            found=f"'{self.path}': {found}",
            hint="the same command without --resume, and with --force to start anew",
        )


def _like(target: Tensor, found: Tensor) -> Tensor:
    """Raises ValueError for a tensor that is not of the target's shape and kind."""
    if (found.shape, found.dtype) != (target.shape, target.dtype):
        raise ValueError(f"{tuple(found.shape)} {found.dtype} was read for {tuple(target.shape)} {target.dtype}")
    return found
