"""The loop over a population: train > run_epoch > train_step; best weights and learning curve out."""

from __future__ import annotations

import contextlib
import math
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from firesteel.nets import Loss, Population, smoothed
from firesteel.training.checkpoint import Checkpoint, Progress
from firesteel.training.crew import Crew, make_crew
from firesteel.training.interrupts import noticed_interrupts
from firesteel.training.optimizers import ADAM_BETAS, OPTIMIZERS, Buffers, Optimizer
from firesteel.training.rows import Batch, Rows, batches, mean_loss
from firesteel.training.run import Ending, Run
from firesteel.training.schedules import SCHEDULES

#: How often within an epoch the observer is told and a stop is noticed, in steps.
N_STEPS_BETWEEN_LOOKS = 50


@dataclass(frozen=True)
class Plan:
    """How to train. Settings that may differ from member to member are tuples of length k."""

    loss: Loss
    criterion: Loss  # what val rows are judged by: log loss for classes, squared error otherwise
    optimizer: str
    schedule: str
    lr: tuple[float, ...]
    weight_decay: tuple[float, ...]
    dropout: tuple[float, ...]
    label_smoothing: tuple[float, ...]
    seeds: tuple[int, ...]  # per member: dropout (and start weights, which are drawn elsewhere)
    seed: int  # batch order, the same for all members
    batch_size: int
    epochs: int
    patience: int
    momentum: float = 0.0
    nesterov: bool = False
    betas: tuple[float, float] = ADAM_BETAS
    ema: float = 0.0  # the share that an average of the weights keeps at each step; 0 = the weights themselves
    precision: torch.dtype | None = None  # of feature maps in training; None = as the weights
    n_folds: int = 1  # so many neighbouring members are folds of one setting: their best epoch is chosen together


@dataclass(frozen=True)
class Sight:
    """What the observer is shown while training goes on."""

    epochs_done: float
    epochs: int
    train_loss: float | None  # mean over members, after the last whole epoch
    val_loss: float | None
    seconds_left: float


#: Looks on while training goes on.
Observer = Callable[[Sight], None]


def train(
    population: Population,
    rows: Rows,
    *,
    val: Rows,
    plan: Plan,
    observer: Observer | None = None,
    checkpoint: Checkpoint | None = None,
    threads: int = 1,
    n_crew: int = 1,
) -> Run:
    """Train in place; at the end every member holds the weights of its best val epoch.

    Deterministic in `plan.seed` and `plan.seeds`. With a checkpoint that holds the progress of this very run, goes on
    from there to the same bits. Ctrl-C ends training with the best weights so far; a second one raises
    KeyboardInterrupt. Cost: one forward and backward pass per batch, one forward pass per epoch over val rows
    and an eighth of the training rows. `threads` are torch's own; `n_crew` threads share every batch instead.
    """
    with (
        noticed_interrupts() as interrupt,
        torch.random.fork_rng(devices=[]),
        quick_arithmetic(threads),
        torch.inference_mode(not population.needs_autograd),
        make_crew(population, n_crew) as crew,
    ):
        return Loop(crew, rows, val, plan, observer, interrupt, checkpoint).run()


@dataclass
class Loop:
    crew: Crew
    rows: Rows
    val: Rows
    plan: Plan
    observer: Observer | None
    interrupt: threading.Event
    checkpoint: Checkpoint | None
    gradients: dict[tuple[int, int], Tensor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.population = self.crew.populations[0]
        population, plan = self.population, self.plan
        buffers = Buffers(population.weights, population.grads, population.layout)
        self.optimizer: Optimizer = OPTIMIZERS[plan.optimizer](
            buffers, plan.lr, plan.weight_decay, plan.momentum, plan.nesterov, plan.betas
        )
        self.factor = SCHEDULES[plan.schedule]
        self.n_epoch_steps = math.ceil(self.rows.n_rows / plan.batch_size)
        self.n_steps = plan.epochs * self.n_epoch_steps
        self.smoothing = self._smoothing()
        self.sample = self.rows.sample(plan.seed)
        is_averaged = plan.ema > 0
        self.progress = Progress.start(population, is_averaged=is_averaged)
        if self.checkpoint is not None and self.checkpoint.exists():
            self.progress = self.checkpoint.load(population, self.optimizer, is_averaged=is_averaged)
        for one in self.crew.populations:
            one.set_dropout(plan.dropout)
            one.context.precision = plan.precision
        self.crew.share_state()

    def run(self) -> Run:
        started = time.perf_counter() - self.progress.seconds
        ending: Ending = "all epochs"
        while self.progress.n_epochs < self.plan.epochs:
            self.started = time.perf_counter() - self.progress.seconds
            is_whole = self.run_epoch()
            self.judge()
            self.progress.seconds = time.perf_counter() - started
            self.look(self.progress.n_epochs)
            if not is_whole or self.interrupt.is_set():
                ending = "interrupted"
                break
            if not any(self.waiting()):
                ending = "no better val loss"
                break
            if self.checkpoint is not None:
                self.checkpoint.save_now_and_then(self.progress, self.population, self.optimizer)
        progress = self.progress
        if progress.n_epochs < self.plan.epochs:
            self.look(self.plan.epochs)  # ended early: nothing is left to wait for
        self.population.weights.copy_(progress.best_weights)
        self.population.state.copy_(progress.best_state)
        return Run(
            tuple(map(tuple, progress.train_loss)),
            tuple(map(tuple, progress.val_loss)),
            tuple(progress.best_epoch),
            tuple(progress.best_val_loss),
            ending,
            self.optimizer.n_steps,
            time.perf_counter() - started,
            self.plan.schedule == "constant",
        )

    def run_epoch(self) -> bool:
        """Every training row once; False when a stop was asked for on the way."""
        plan, population = self.plan, self.population
        epoch = self.progress.n_epochs
        self.reseed(epoch)
        order = batches(
            self.rows,
            plan.loss,
            batch_size=plan.batch_size,
            seed=plan.seed,
            epoch=epoch,
            k=population.k,
            dtype=population.weights.dtype,
        )
        for i, batch in enumerate(order):
            self.train_step(batch)
            if i % N_STEPS_BETWEEN_LOOKS == N_STEPS_BETWEEN_LOOKS - 1:
                self.look(epoch + (i + 1) / self.n_epoch_steps)
                if self.interrupt.is_set():
                    return False
        return True

    def train_step(self, batch: Batch) -> None:
        parts = self.crew.parts_of(batch)
        self.crew.run(self.learn, parts)
        self.crew.gather(len(parts))
        optimizer = self.optimizer
        optimizer.step(self.factor(optimizer.n_steps, self.n_steps))
        if self.progress.averages:
            kept = min(self.plan.ema, (1 + optimizer.n_steps) / (10 + optimizer.n_steps))  # a young average learns fast
            self.progress.averages["weights"].lerp_(self.population.weights, 1 - kept)
            self.progress.averages["state"].lerp_(self.population.state, 1 - kept)

    def learn(self, population: Population, batch: Batch) -> None:
        """Fills the population's gradients from its part of a batch."""
        plan = self.plan
        t = batch.t if self.smoothing is None else smoothed(batch.t, self.smoothing, n_classes=max(2, plan.loss.d_out))
        context = population.context
        context.is_training, context.row_weights = True, batch.seen
        program = population.program(len(batch.t))
        z = program.forward(batch.inputs)
        place = (id(population), len(batch.t))
        if place not in self.gradients:
            self.gradients[place] = torch.empty_like(z)
        program.backward(plan.loss.gradient(z, t, batch.share, self.gradients[place]))

    def judge(self) -> None:
        """Measure train and val loss, and keep the weights of every member that has never been better.

        Where the weights are averaged, it is their average that is measured and kept.
        """
        with self._averaged():
            self._judge()

    def _judge(self) -> None:
        progress, population = self.progress, self.population
        answers, criterion = self.crew.answers, self.plan.criterion
        train_loss = mean_loss(answers, self.sample, loss=criterion)
        val_loss = torch.nan_to_num(mean_loss(answers, self.val, loss=criterion), nan=math.inf, posinf=math.inf)
        waiting = torch.tensor(self.waiting())
        progress.train_loss.append(torch.nan_to_num(train_loss, nan=math.inf, posinf=math.inf).tolist())
        progress.val_loss.append(val_loss.tolist())
        # one fold is few rows, and the best epoch on it mostly luck: all folds of a setting are asked together
        asked = val_loss.cpu().double().view(-1, self.plan.n_folds).mean(1).repeat_interleave(self.plan.n_folds)
        is_better = waiting & (asked < torch.tensor(progress.best_val_loss, dtype=torch.float64))
        for i in is_better.nonzero().flatten().tolist():
            progress.best_epoch[i] = progress.n_epochs
            progress.best_val_loss[i] = float(asked[i])
        if is_better.any():
            better = is_better.to(population.weights.device)
            _keep(progress.best_weights, population.weights, population.layout.per_number(better))
            _keep(progress.best_state, population.state, population.state_layout.per_number(better))

    @contextlib.contextmanager
    def _averaged(self) -> Iterator[None]:
        """The averages in place of weights and state, as long as it lasts."""
        buffers = {"weights": self.population.weights, "state": self.population.state}
        averages = self.progress.averages
        before = {name: buffers[name].clone() for name in averages}
        for name, average in averages.items():
            buffers[name].copy_(average)
        yield
        for name, value in before.items():
            buffers[name].copy_(value)
        self.crew.share_state()

    def waiting(self) -> list[bool]:
        """Which members still hope for a better val loss."""
        n_epochs, patience = self.progress.n_epochs, self.plan.patience
        return [n_epochs - best < patience for best in self.progress.best_epoch]

    def look(self, epochs_done: float) -> None:
        if self.observer is None:
            return
        seconds = time.perf_counter() - self.started
        progress = self.progress
        done_here = max(epochs_done, 1e-9)
        left = seconds / done_here * (self.plan.epochs - epochs_done)
        losses = [progress.train_loss, progress.val_loss]
        train_loss, val_loss = (float(np.mean(curve[-1])) if curve else None for curve in losses)
        self.observer(Sight(epochs_done, self.plan.epochs, train_loss, val_loss, left))

    def reseed(self, epoch: int) -> None:
        """Dropout depends on the member's seed and the epoch alone, so that a resumed run draws the same."""
        for i, one in enumerate(self.crew.populations):
            place = [epoch, i] if i else [epoch]
            one.context.generators = tuple(np.random.PCG64([seed, *place]) for seed in self.plan.seeds)
        self.population.reseed(int(np.random.SeedSequence([self.plan.seed, epoch]).generate_state(1)[0]))

    def _smoothing(self) -> Tensor | float | None:
        values = self.plan.label_smoothing
        if not any(values):
            return None
        if len(set(values)) == 1:
            return values[0]
        weights = self.population.weights
        return torch.tensor(values, dtype=weights.dtype, device=weights.device).view(-1, 1, 1)


def _keep(best: Tensor, current: Tensor, is_better: Tensor) -> None:
    torch.where(is_better, current, best, out=best)


@contextlib.contextmanager
def quick_arithmetic(threads: int) -> Iterator[None]:
    """So many threads, and (in this thread) numbers below the normal ones count as 0, as long as it lasts.

    What Adam remembers of a dead unit shrinks to such numbers and stays there; each costs a hundred normal ones.
    """
    n_before, was_flushed = torch.get_num_threads(), sys.float_info.min / 2 == 0
    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(was_flushed)
        torch.set_num_threads(n_before)
