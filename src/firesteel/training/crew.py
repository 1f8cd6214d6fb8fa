"""The crew: threads that share one step, each running the net on its part of the batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor

from firesteel.nets import Inputs, Population
from firesteel.training.rows import Batch

T = TypeVar("T")

#: Rows that one thread should have at least: fewer cost more in taking turns than they save.
N_ROWS_EACH = 32


@dataclass(frozen=True)
class Crew:
    """The population, and twins of it that share its weights and have gradients and state of their own.

    torch's own threads do not share such a step well: what lies between the convolutions runs on one of them, and
    where the machine is busy they wait for each other by spinning (`benchmarks/pictures.py --only crew`).
    """

    populations: tuple[Population, ...]
    threads: ThreadPoolExecutor | None  # None: nobody else

    def run(self, work: Callable[[Population, T], None], parts: Sequence[T]) -> None:
        """Every part by a population of its own, at the same time."""
        waiting = []
        for population, part in zip(self.populations[1:], parts[1:], strict=False):
            assert self.threads is not None, "a crew of one has one part"
            waiting.append(self.threads.submit(_in_inference_mode, work, population, part))
        work(self.populations[0], parts[0])
        for one in waiting:
            one.result()

    def parts_of(self, batch: Batch) -> list[Batch]:
        """The batch in as many parts as there are threads, as far as there are rows for them."""
        n = min(len(self.populations), max(1, len(batch.t) // N_ROWS_EACH))
        return [batch] if n == 1 else batch.split(n)

    def gather(self, n_parts: int) -> None:
        """Adds the twins' gradients to the population's, and makes their running averages one."""
        first, *others = self.populations[:n_parts]
        for twin in others:
            first.grads.add_(twin.grads)
            first.state.add_(twin.state)
        if others:
            first.state.div_(n_parts)
        self.share_state()

    def share_state(self) -> None:
        """The twins take over the population's state."""
        for twin in self.populations[1:]:
            twin.state.copy_(self.populations[0].state)

    def answers(self, inputs: Inputs) -> Tensor:
        """As `Population.answers`, each thread answering some of the rows."""
        first, n = self.populations[0], min(len(self.populations), inputs[0].shape[-2])
        if n <= 1:
            return first.answers(inputs)
        self.share_state()
        parts = list(zip(*(x.tensor_split(n, dim=-2) for x in inputs), strict=True))
        found: dict[int, Tensor] = {}

        def answer(population: Population, part: tuple[int, Inputs]) -> None:
            found[part[0]] = population.answers(part[1])

        self.run(answer, list(enumerate(parts)))
        return torch.cat([found[i] for i in range(n)], dim=1)


@contextmanager
def make_crew(population: Population, n: int) -> Iterator[Crew]:
    """A crew of n threads, this one among them."""
    if n == 1:
        yield Crew((population,), None)
        return
    with ThreadPoolExecutor(n - 1, initializer=_begin) as threads:
        yield Crew((population, *(population.twin() for _ in range(n - 1))), threads)


def _begin() -> None:
    """Both hold for one thread only."""
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)


def _in_inference_mode(work: Callable[[Population, T], None], population: Population, part: T) -> None:
    with torch.inference_mode():
        work(population, part)
