"""How quick a folder of 60,000 pictures becomes one array, and how much memory that takes.

    python benchmarks/reading.py [--rounds N]

The training pictures of MNIST are written as PNG files into 10 folders; every round then reads them in a process of its
own, once with an empty cache and once from it. Seconds are those of the call, memory is the whole process's largest.
Rows are added to benchmarks/results/reading.csv, unless the number of rounds is another than the usual one. Needs
FIRESTEEL_DATA; best on a quiet machine.
"""

from __future__ import annotations

import argparse
import gzip
import os
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from provenance import keep

N_ROUNDS = 5
N_FILES, SIDE = 60_000, 28

#: Prints the seconds of the call and the largest resident memory in MB.
READ = """
import resource, sys, time
from pathlib import Path
from firesteel.data.folders import read_folder
from firesteel.data.pictures import Wish
start = time.perf_counter()
reading = read_folder(Path(sys.argv[1]), wish=Wish())
seconds = time.perf_counter() - start
assert reading.pixels.shape == (60_000, 28, 28, 1), reading.pixels.shape
assert len(set(reading.labels)) == 10
print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


@dataclass(frozen=True)
class Result:
    """One measured quantity over the rounds, and the bar it must be above or below."""

    case: str
    unit: str
    values: list[float]
    bar: float
    is_more_better: bool = False

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def spread(self) -> float:
        """The interquartile range."""
        if len(self.values) < 2:
            return 0.0
        first, _, third = statistics.quantiles(self.values, n=4, method="inclusive")
        return third - first

    @property
    def is_met(self) -> bool:
        return self.median >= self.bar if self.is_more_better else self.median <= self.bar


def write_files(source: Path, folder: Path) -> None:
    """MNIST's training pictures, one PNG each, in one folder a digit."""
    with (
        gzip.open(source / "train-images-idx3-ubyte.gz") as images,
        gzip.open(source / "train-labels-idx1-ubyte.gz") as labels,
    ):
        pixels = np.frombuffer(images.read(), np.uint8, offset=16).reshape(-1, SIDE, SIDE)
        digits = np.frombuffer(labels.read(), np.uint8, offset=8)
    for digit in range(10):
        (folder / str(digit)).mkdir(parents=True)
    for place, (picture, digit) in enumerate(zip(pixels, digits, strict=True)):
        Image.fromarray(picture).save(folder / str(digit) / f"{place:05}.png")


def read_once(folder: Path, cache: Path) -> tuple[float, float]:
    """Seconds and MB of a process that reads the folder."""
    done = subprocess.run(
        [sys.executable, "-c", READ, str(folder)],
        check=True, capture_output=True, text=True, env=os.environ | {"FIRESTEEL_CACHE": str(cache)},
    )  # fmt: skip
    seconds, size_mb = done.stdout.split()
    return float(seconds), float(size_mb)


def measure(n_rounds: int) -> list[Result]:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "pictures"
        write_files(Path(os.environ["FIRESTEEL_DATA"]) / "mnist", folder)
        rounds = [
            (read_once(folder, Path(place) / f"cache{k}"), read_once(folder, Path(place) / f"cache{k}"))
            for k in range(n_rounds)
        ]
    first, second = zip(*rounds, strict=True)
    return [
        Result("first reading", "files/s", [N_FILES / seconds for seconds, _ in first], 2500, is_more_better=True),
        Result("from the cache", "s", [seconds for seconds, _ in second], 1.0),
        Result("memory of the first", "MB", [size_mb for _, size_mb in first], 700),
        Result("memory from the cache", "MB", [size_mb for _, size_mb in second], 700),
    ]


def keep_result(result: Result) -> None:
    cells = {
        "case": f"{N_FILES:,} PNG of {SIDE} x {SIDE}, {result.case}",
        "unit": result.unit,
        "n_rounds": len(result.values),
        "median": f"{result.median:.4g}",
        "spread": f"{result.spread:.3g}",
        "bar": result.bar,
    }
    keep("reading", cells, packages=("pillow", "numpy"))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=N_ROUNDS)
    words = parser.parse_args()
    if not os.environ.get("FIRESTEEL_DATA"):
        print("skipped: FIRESTEEL_DATA does not name the folder of real data")
        return 0
    results = measure(words.rounds)
    for result in results:
        verdict = "met" if result.is_met else "MISSED"
        print(f"{result.case:<22} {result.median:9.4g} ± {result.spread:<7.3g} {result.unit:<8} "
              f"bar {result.bar:<6g} {verdict}")  # fmt: skip
        if words.rounds == N_ROUNDS:
            keep_result(result)
    return 0 if all(result.is_met for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
