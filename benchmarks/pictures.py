"""How right and how quick nets over pictures are: MNIST by four nets, the cats, and the loop of every tutorial.

    python benchmarks/pictures.py [--only NAME,NAME] [--seeds N]

Every run is `firesteel fit` in a process of its own, one seed each (which also draws train and val; the test pictures
are the archive's own). Seconds are those of all training, pilots too; memory is the whole process's largest. `loader`
is an epoch of 784-128-64-10 at batch 64: a DataLoader that turns one picture after the other from PIL into a tensor,
against ours, in turn in one run. Rows are added to benchmarks/results/pictures.csv, unless the number of seeds is
another than the usual one. Needs FIRESTEEL_DATA; best on a quiet machine.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Dataset

from provenance import keep
from speed import MNIST, ours

N_SEEDS, N_ROUNDS = 3, 3

#: Runs the command line and prints its report with the process's largest resident memory in MB.
RUN = """
import contextlib, io, json, resource, sys
from firesteel.cli import main
out = io.StringIO()
with contextlib.redirect_stdout(out):
    code = main(sys.argv[1:])
assert code == 0, code
report = json.loads(out.getvalue())
report["memory_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
del report["sights"]
print(json.dumps(report))
"""


@dataclass(frozen=True)
class Result:
    """One measured quantity over the seeds or rounds, and the bar it must be above or below, if any."""

    case: str
    what: str
    values: list[float]
    bar: float | None = None
    is_more_better: bool = False

    @property
    def mean(self) -> float:
        return statistics.fmean(self.values)

    @property
    def spread(self) -> float:
        return max(self.values) - min(self.values)

    @property
    def verdict(self) -> str:
        if self.bar is None:
            return ""
        return "met" if (self.judged >= self.bar if self.is_more_better else self.judged <= self.bar) else "MISSED"

    @property
    def judged(self) -> float:
        """The mean; of memory, which must never exceed its bar, the largest."""
        return max(self.values) if "memory" in self.what else round(self.mean, 9)


@dataclass(frozen=True)
class Case:
    """One recipe, and its bars."""

    words: tuple[str, ...]
    accuracy: float | None = None
    seconds: float | None = None
    memory_mb: float | None = None
    others: dict[str, float] = field(default_factory=dict)  # baselines by name, and their bar

    def measure(self, name: str, n_seeds: int) -> list[Result]:
        reports = [run(*self.words, "--seed", str(seed)) for seed in range(n_seeds)]
        results = [
            Result(name, "test accuracy", [accuracy(one) for one in reports], self.accuracy, is_more_better=True),
            Result(name, "val accuracy", [one["scores"]["val"]["accuracy"]["value"] for one in reports]),
            Result(name, "training seconds", [one["seconds"]["training"] for one in reports], self.seconds),
            Result(name, "memory in MB", [one["memory_mb"] for one in reports], self.memory_mb),
        ]
        for other, bar in self.others.items():
            values = [one["baselines"][other]["accuracy"]["value"] for one in reports]
            results.append(Result(name, f"test accuracy of {other}", values, bar, is_more_better=True))
        return results


CASES = {
    "mnist": Case(("mnist", "--no-baselines"), accuracy=0.994, seconds=60, memory_mb=700),
    "mlp": Case(("mnist", "--no-baselines", "--net", "mlp"), accuracy=0.983, seconds=8, memory_mb=700),
    "linear": Case(("mnist", "--no-baselines", "--net", "linear"), accuracy=0.92, seconds=2, memory_mb=700),
    "cats": Case(("cats", "--net", "linear"), others={"logistic_regression": 0.70}),
    "cats-conv": Case(("cats", "--no-baselines")),
    "float32": Case(("mnist", "--no-baselines", "--precision", "float32"), accuracy=0.994),
    "bfloat16": Case(("mnist", "--no-baselines", "--precision", "bfloat16"), accuracy=0.994),
}


def run(*words: str) -> dict[str, Any]:
    """The report of one run of the command line."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-c", RUN, "fit", *words, "--json", "-o", f"{folder}/run"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def accuracy(report: dict[str, Any]) -> float:
    return float(report["scores"]["test"]["accuracy"]["value"])


class PerItem(Dataset[tuple[torch.Tensor, int]]):
    """Pictures as tutorials load them: each through PIL, NumPy and a division, in every epoch anew."""

    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        self.pixels = torch.from_numpy(rng.integers(0, 256, (MNIST.n_rows, 28, 28), dtype=np.uint8))
        self.labels = torch.from_numpy(rng.integers(0, 10, MNIST.n_rows))

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, i: int) -> tuple[torch.Tensor, int]:
        """What torchvision's MNIST, ToTensor and Normalize do with one picture, call by call."""
        picture = Image.fromarray(self.pixels[i].numpy(), mode="L")
        x = torch.from_numpy(np.array(picture, np.uint8, copy=True))
        x = x.view(picture.size[1], picture.size[0], 1).permute((2, 0, 1)).contiguous()
        x = x.to(dtype=torch.get_default_dtype()).div(255).clone()
        mean, std = (torch.as_tensor((value,), dtype=x.dtype, device=x.device) for value in (0.1307, 0.3081))
        if (std == 0).any():
            raise ValueError("a spread of 0")
        return x.sub_(mean.view(-1, 1, 1)).div_(std.view(-1, 1, 1)), int(self.labels[i])


def tutorial() -> Callable[[], object]:
    """An epoch of 784-128-64-10 over such a loader."""
    module = nn.Sequential(nn.Flatten(), MNIST.module())
    optimizer = torch.optim.Adam(module.parameters())
    loader = DataLoader(PerItem(), batch_size=MNIST.batch_size, shuffle=True)

    def epoch() -> None:
        for x, y in loader:
            optimizer.zero_grad()
            nn.functional.cross_entropy(module(x), y).backward()
            optimizer.step()

    return epoch


def loader(n_rounds: int) -> list[Result]:
    """How many of our epochs fit into one of theirs."""
    torch.set_num_threads(1)
    sides = (ours(MNIST), tutorial())
    seconds: list[list[float]] = [[], []]
    for _ in range(n_rounds):
        for side, taken in zip(sides, seconds, strict=True):
            started = time.perf_counter()
            side()
            taken.append(time.perf_counter() - started)
    ratios = [theirs / own for own, theirs in zip(*seconds, strict=True)]
    return [
        Result("loader", "times quicker than the loop per item", ratios, 10, is_more_better=True),
        Result("loader", "seconds of our epoch", seconds[0]),
        Result("loader", "seconds of the loop per item", seconds[1]),
    ]


def layout(n_rounds: int) -> list[Result]:
    """A step of three convolutions with channels last, as a share of one with channels first."""
    results = []
    for dtype in (torch.float32, torch.bfloat16):
        ratios = []
        for _ in range(n_rounds):
            first, last = (step_seconds(dtype, form) for form in (torch.contiguous_format, torch.channels_last))
            ratios.append(last / first)
        what = f"channels last, as a share of first, {str(dtype).removeprefix('torch.')}"
        results.append(Result("layout", what, ratios, 1.0))
    return results


def crew(n_rounds: int) -> list[Result]:
    """An epoch of the default net by a crew of two, as a share of one thread; with views asked for, so no pilots."""
    asked = ("--epochs", "1", "--precision", "float32", "--shift", "0.07", "--rotate", "10", "--scale", "0.1")
    words = ("mnist", "--no-baselines", *asked, "--flip", "0", "--erase", "0")
    ratios = []
    for _ in range(n_rounds):
        alone, shared = (run(*words, "--threads", n)["seconds"]["training"] for n in ("1", "2"))
        ratios.append(shared / alone)
    return [Result("crew", "seconds of two threads, as a share of one", ratios)]


def step_seconds(dtype: torch.dtype, form: torch.memory_format, n_steps: int = 9) -> float:
    """The median of some forward and backward passes of 16-32-64 channels on 128 pictures of 28 x 28, one thread."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    layers: list[nn.Module] = []
    for d_in, d_out in ((1, 16), (16, 32), (32, 64)):
        layers += [nn.Conv2d(d_in, d_out, 3, padding=1), nn.MaxPool2d(2), nn.BatchNorm2d(d_out), nn.ReLU()]
    net = nn.Sequential(*layers, nn.Flatten(), nn.Linear(576, 10)).to(memory_format=form)
    x = torch.randn(128, 1, 28, 28).to(memory_format=form)
    y = torch.randint(0, 10, (128,))
    seconds = []
    for _ in range(n_steps + 2):
        started = time.perf_counter()
        with torch.autocast("cpu", dtype, enabled=dtype != torch.float32):
            z = net(x)
        nn.functional.cross_entropy(z.float(), y).backward()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds[2:])


def keep_result(result: Result) -> None:
    cells = {
        "case": result.case,
        "what": result.what,
        "n": len(result.values),
        "mean": f"{result.mean:.4g}",
        "spread": f"{result.spread:.3g}",
        "bar": "" if result.bar is None else result.bar,
    }
    keep("pictures", cells, packages=("torch",))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="mnist,mlp,linear,cats,loader,layout,crew")
    parser.add_argument("--seeds", type=int, default=N_SEEDS)
    words = parser.parse_args()
    if not os.environ.get("FIRESTEEL_DATA"):
        print("skipped: FIRESTEEL_DATA does not name the folder of real data")
        return 0
    is_met = True
    for name in words.only.split(","):
        others = {"loader": loader, "layout": layout, "crew": crew}
        results = others[name](N_ROUNDS) if name in others else CASES[name].measure(name, words.seeds)
        for result in results:
            bar = "" if result.bar is None else f"  bar {result.bar:g}: {result.verdict}"
            print(f"{result.case:10} {result.what:38} {result.mean:8.4g} ± {result.spread:.3g}{bar}", flush=True)
            is_met = is_met and result.verdict != "MISSED"
            if words.seeds == N_SEEDS:
                keep_result(result)
    return 0 if is_met else 1


if __name__ == "__main__":
    sys.exit(main())
