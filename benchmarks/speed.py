"""How quick training is beside a plain PyTorch loop and skorch, and how long the words of the command line take.

    python benchmarks/speed.py [--only NAME,NAME] [--rounds N]

Ratios are of one run: in every round both sides do the same work, one after the other, one thread each; the median of
the rounds' ratios counts, and its spread is their interquartile range. Rows are added to benchmarks/results/speed.csv,
unless the number of rounds is another than the usual one. Needs FIRESTEEL_DATA for `diamonds`; best on a quiet machine.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

import firesteel
from firesteel.nets import (
    LOSSES,
    Branch,
    Concat,
    Layer,
    ModulePopulation,
    Net,
    Population,
    Sequential,
    start_population,
)
from firesteel.nets.activations import ReLU
from firesteel.nets.linear import Linear
from firesteel.training import Plan, Rows
from firesteel.training.crew import Crew
from firesteel.training.loop import Loop, quick_arithmetic
from provenance import keep

N_ROUNDS, N_COMMANDS = 9, 11
LR = 0.001  # torch.optim.Adam's own default
CPU = torch.device("cpu")

Epoch = Callable[[], object]


@dataclass(frozen=True)
class Task:
    """Random rows and the widths of the net that learns them; one output is a regression, more are classes."""

    widths: tuple[int, ...]
    n_rows: int
    batch_size: int

    @property
    def is_regression(self) -> bool:
        return self.widths[-1] == 1

    def rows(self) -> tuple[Tensor, Tensor]:
        generator = torch.Generator().manual_seed(0)
        x = torch.rand(self.n_rows, self.widths[0], generator=generator)
        if self.is_regression:
            return x, torch.rand(self.n_rows, generator=generator)
        return x, torch.randint(0, self.widths[-1], (self.n_rows,), generator=generator)

    def module(self) -> nn.Sequential:
        torch.manual_seed(0)
        hidden = zip(self.widths[:-2], self.widths[1:-1], strict=True)
        layers: list[nn.Module] = [part for d_in, d_out in hidden for part in (nn.Linear(d_in, d_out), nn.ReLU())]
        return nn.Sequential(*layers, nn.Linear(*self.widths[-2:]))

    def net(self, *body: Layer) -> Net:
        return Net(self.widths[0], 0, Concat((Branch("num", Sequential(())),)), Sequential(body))

    def layers(self) -> list[Layer]:
        hidden: list[Layer] = [part for width in self.widths[1:-1] for part in (Linear(width), ReLU())]
        return [*hidden, Linear(self.widths[-1])]

    def plan(self, k: int) -> Plan:
        loss = LOSSES["mse" if self.is_regression else "cross_entropy"](self.widths[-1])
        return Plan(
            loss, loss, "adam", "constant", lr=(LR,) * k, weight_decay=(0.0,) * k, dropout=(0.0,) * k,
            label_smoothing=(0.0,) * k, seeds=tuple(range(k)), seed=0, batch_size=self.batch_size, epochs=1, patience=1,
        )  # fmt: skip


def plain(task: Task) -> Epoch:
    """The loop of every tutorial, without its DataLoader: rows picked from tensors in memory."""
    x, y = task.rows()
    module = task.module()
    optimizer = torch.optim.Adam(module.parameters())
    criterion = functional.mse_loss if task.is_regression else functional.cross_entropy
    target = y.unsqueeze(1) if task.is_regression else y

    def epoch() -> None:
        for batch in torch.randperm(task.n_rows).split(task.batch_size):
            optimizer.zero_grad()
            criterion(module(x[batch]), target[batch]).backward()
            optimizer.step()

    return epoch


def skorched(task: Task) -> Epoch:
    """skorch's own loop with its default DataLoader; no rows are held out and nothing is printed."""
    from skorch import NeuralNetClassifier

    x, y = (part.numpy() for part in task.rows())
    classifier = NeuralNetClassifier(
        task.module(), criterion=nn.CrossEntropyLoss, optimizer=torch.optim.Adam, lr=LR,
        batch_size=task.batch_size, train_split=None, verbose=0,
    ).initialize()  # fmt: skip
    return lambda: classifier.partial_fit(x, y, epochs=1)


def ours(task: Task, k: int = 1) -> Epoch:
    """An epoch of a population of k members."""
    net = task.net(*task.layers())
    return trained(task, start_population(net, range(k), fitted={}, dtype=torch.float32, device=CPU))


def own_module(task: Task) -> Epoch:
    """An epoch of the very module that `plain` trains."""
    module = task.module()
    return trained(task, ModulePopulation(task.net(), module, fitted={}, dtype=torch.float32, device=CPU))


def trained(task: Task, population: Population) -> Epoch:
    x, y = task.rows()
    rows = Rows(population.prepare(x, torch.zeros(task.n_rows, 0, dtype=torch.int64)), y)
    loop = Loop(Crew((population,), None), rows, rows, task.plan(population.k), None, threading.Event(), None)

    def epoch() -> None:
        with quick_arithmetic(threads=1), torch.inference_mode(not population.needs_autograd):
            loop.run_epoch()

    return epoch


@dataclass(frozen=True)
class Race:
    """Both sides are made once and then run round by round; ours may cost `bar` times the other."""

    name: str
    what: str
    ours: Callable[[], Epoch]
    other: Callable[[], Epoch]
    bar: float


MNIST = Task((784, 128, 64, 10), n_rows=60_000, batch_size=64)
TINY = Task((5, 10, 4), n_rows=40_000, batch_size=100)
SMALL = Task((20, 64, 64, 1), n_rows=20_000, batch_size=100)
RACES = (
    Race("mnist", "784-128-64-10, batch 64: plain loop", lambda: ours(MNIST), lambda: plain(MNIST), 0.45),
    Race("skorch", "784-128-64-10, batch 64: skorch", lambda: ours(MNIST), lambda: skorched(MNIST), 0.28),
    Race("tiny", "5-10-4, batch 100: plain loop", lambda: ours(TINY), lambda: plain(TINY), 0.2),
    Race("32-tiny", "32 members of 5-10-4: one plain run", lambda: ours(TINY, 32), lambda: plain(TINY), 2.0),
    Race("32-small", "32 members of 20-64-64-1: one plain run", lambda: ours(SMALL, 32), lambda: plain(SMALL), 4.0),
    Race(
        "own", "a module of your own, 784-128-64-10: plain loop", lambda: own_module(MNIST), lambda: plain(MNIST), 0.7
    ),
)


@dataclass(frozen=True)
class Result:
    """What a case came to; the bar is of the ratio where there is another side, and of our seconds otherwise."""

    name: str
    what: str
    n_rounds: int
    ours_s: float
    other_s: float | None
    ratio: float | None
    spread: float
    bar: float

    @property
    def is_met(self) -> bool:
        return (self.ours_s if self.ratio is None else self.ratio) <= self.bar


def seconds_of(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def interquartile(values: Sequence[float]) -> float:
    if len(values) < 2:
        return 0.0
    first, _, third = statistics.quantiles(values, n=4, method="inclusive")
    return third - first


def run_race(race: Race, n_rounds: int) -> Result:
    """Interleaved rounds, after one that warms both up."""
    sides = (race.ours(), race.other())
    pairs = [tuple(seconds_of(side) for side in sides) for _ in range(n_rounds + 1)][1:]
    ratios = [mine / theirs for mine, theirs in pairs]
    mine, theirs = (statistics.median(side) for side in zip(*pairs, strict=True))
    return Result(
        race.name, race.what, n_rounds, mine, theirs, statistics.median(ratios), interquartile(ratios), race.bar
    )


def run_command(name: str, command: list[str], *, n_rounds: int, bar: float) -> Result:
    """The whole process, Python's own start included."""
    times = [seconds_of(lambda: subprocess.run(command, check=True, capture_output=True)) for _ in range(n_rounds + 1)]
    what = " ".join([Path(command[0]).name, *command[1:]])
    return Result(name, what, n_rounds, statistics.median(times[1:]), None, None, interquartile(times[1:]), bar)


def run_help(n_rounds: int) -> Result:
    program = shutil.which("firesteel", path=str(Path(sys.executable).parent))
    if program is None:
        raise FileNotFoundError("no program 'firesteel' beside this Python; pip install -e .")
    return run_command("help", [program, "--help"], n_rounds=max(n_rounds, N_COMMANDS), bar=0.25)


def run_import(n_rounds: int) -> Result:
    command = [sys.executable, "-c", "import firesteel"]
    return run_command("import", command, n_rounds=max(n_rounds, N_COMMANDS), bar=0.1)


def run_diamonds(_: int) -> Result | None:
    """Seconds of training in a fit with default settings; None where the table is not there."""
    folder = os.environ.get("FIRESTEEL_DATA")
    if not folder:
        return None
    model = firesteel.fit(Path(folder) / "tables" / "diamonds.csv", "price", baselines=False)
    what = "fit on diamonds (53,940 rows), training alone"
    return Result("diamonds", what, 1, model.report.seconds["training"], None, None, 0.0, 30.0)


def keep_result(result: Result) -> None:
    cells = {
        "case": result.name,
        "n_rounds": result.n_rounds,
        "ours_median_s": f"{result.ours_s:.4g}",
        "other_median_s": "" if result.other_s is None else f"{result.other_s:.4g}",
        "ratio": "" if result.ratio is None else f"{result.ratio:.3f}",
        "spread": f"{result.spread:.3g}",
        "bar": result.bar,
    }
    keep("speed", cells, packages=("torch", "skorch"))


def line_of(result: Result) -> str:
    other = "" if result.other_s is None else f"{result.other_s:8.3f} s"
    found = f"{result.ours_s:.3f} s" if result.ratio is None else f"{result.ratio:.3f}"
    verdict = "met" if result.is_met else "MISSED"
    return (
        f"{result.name:<9} {result.what:<48} {result.ours_s:8.3f} s {other:>10}"
        f"  {found:>8} ± {result.spread:<5.2g} bar {result.bar:<5g} {verdict}"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands: dict[str, Callable[[int], Result | None]] = {
        "help": run_help,
        "import": run_import,
        "diamonds": run_diamonds,
    }
    cases = {race.name: lambda n, race=race: run_race(race, n) for race in RACES} | commands
    parser.add_argument("--only", default=",".join(cases), help="of " + ", ".join(cases))
    parser.add_argument("--rounds", type=int, default=N_ROUNDS)
    words = parser.parse_args()
    torch.set_num_threads(1)
    n_missed = 0
    for name in words.only.split(","):
        result = cases[name](words.rounds)
        if result is None:
            print(f"{name:<9} skipped: FIRESTEEL_DATA does not name the folder of real tables")
            continue
        print(line_of(result), flush=True)
        n_missed += not result.is_met
        if words.rounds == N_ROUNDS:
            keep_result(result)
    return 1 if n_missed else 0


if __name__ == "__main__":
    sys.exit(main())
