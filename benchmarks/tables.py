"""How good the defaults are on thirteen real tables: the default fit on several split seeds, test rows only.

    python benchmarks/tables.py [--only NAME,NAME] [--seeds N] [--option NAME=VALUE ...]

Needs FIRESTEEL_DATA. Adds one row per table to benchmarks/results/tables.csv, unless options are tried.
"""

from __future__ import annotations

import argparse
import csv
import os
import platform
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch

import firesteel

RESULTS = Path(__file__).parent / "results" / "tables.csv"

#: Many seeds for small tables, whose test rows are few.
N_SEEDS_SMALL, N_SEEDS_LARGE, N_SMALL_ROWS = 10, 3, 2000


@dataclass(frozen=True)
class Case:
    """One table, how its target is named, and the bar that the mean must reach."""

    name: str
    file: str
    target: str | None
    metric: str
    bar: float | None = None
    drop: tuple[str, ...] = ()
    forest_share: float | None = None  # the network's RMSE may be this many times the forest's


CASES = (
    Case("penguins", "penguins.csv", "species", "accuracy", 0.98),
    Case("titanic", "titanic.csv", "survived", "accuracy", 0.80),
    Case("adult", "adult-train.csv", "-1", "accuracy", 0.850),
    Case("german", "german.csv", "-1", "accuracy", 0.74),
    Case("horse-colic", "horse-colic.csv", "c23", "accuracy", 0.80, drop=("c2", "c24", "c25", "c26")),
    Case("diamonds", "diamonds.csv", "price", "r2", 0.980),
    Case("mpg", "mpg.csv", "mpg", "r2", 0.85),
    Case("auto_imports", "auto_imports.csv", "-1", "r2", 0.89),
    Case("sonar", "sonar.csv", "-1", "accuracy", 0.83),
    Case("winequality-red", "winequality-red.csv", "-1", "rmse", forest_share=1.05),
    Case("digits", "digits", None, "accuracy", 0.975),
    Case("abalone", "abalone.csv", "-1", "r2"),
    Case("wheat-seeds", "wheat-seeds.csv", "-1", "accuracy"),
    Case("tips", "tips.csv", "tip", "r2"),
)


def measure(case: Case, *, seed: int, options: dict[str, Any]) -> tuple[float, float, float]:
    """The metric on the test rows of one split, the forest's (NaN where not asked for), and seconds of training."""
    folder = os.environ.get("FIRESTEEL_DATA")
    if case.file != "digits" and folder is None:
        raise FileNotFoundError("FIRESTEEL_DATA names no folder")
    source = case.file if case.file == "digits" else str(Path(str(folder)) / "tables" / case.file)
    has_forest = case.forest_share is not None
    model = firesteel.fit(source, case.target, seed=seed, drop=case.drop, baselines=has_forest, **options)
    scores = model.report.to_dict()["scores"]["test"]
    forest = model.report.to_dict()["baselines"]["random_forest"][case.metric]["value"] if has_forest else np.nan
    return scores[case.metric]["value"], forest, model.report.seconds["training"]


def run(case: Case, *, n_seeds: int | None, options: dict[str, Any]) -> dict[str, Any]:
    """One row of results."""
    values, forests, seconds = [], [], []
    n = n_seeds or (N_SEEDS_LARGE if case.name in ("adult", "diamonds", "abalone") else N_SEEDS_SMALL)
    for seed in range(n):
        value, forest, training = measure(case, seed=seed, options=options)
        values.append(value)
        forests.append(forest)
        seconds.append(training)
    mean, spread = float(np.mean(values)), float(np.std(values, ddof=1)) if n > 1 else 0.0
    bar = case.bar if case.forest_share is None else case.forest_share * float(np.mean(forests))
    is_met = bar is None or (mean <= bar if case.metric == "rmse" else mean >= bar)
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "table": case.name,
        "metric": case.metric,
        "n_seeds": n,
        "mean": round(mean, 5),
        "spread": round(spread, 5),
        "bar": "" if bar is None else round(bar, 5),
        "met": "yes" if is_met else "NO",
        "training_s": round(float(np.median(seconds)), 2),
        "firesteel": firesteel.__version__,
        "torch": torch.__version__,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "command": "python " + " ".join(sys.argv),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="")
    parser.add_argument("--seeds", type=int)
    parser.add_argument("--option", action="append", default=[])
    words = parser.parse_args()
    options = dict(option.split("=", 1) for option in words.option)
    wanted = [case for case in CASES if not words.only or case.name in words.only.split(",")]
    missed = 0
    for case in wanted:
        started = time.perf_counter()
        row = run(case, n_seeds=words.seeds, options=options)
        missed += row["met"] == "NO"
        print(
            f"{row['table']:<16} {row['metric']:<9} {row['mean']:.4f} ± {row['spread']:.4f}  bar {row['bar'] or '-':<8}"
            f" {row['met']:<4} training {row['training_s']:.1f} s  ({row['n_seeds']} seeds, "
            f"{time.perf_counter() - started:.0f} s)",
            flush=True,
        )
        if not options and words.seeds is None:
            is_new = not RESULTS.exists()
            with RESULTS.open("a", newline="") as file:
                writer = csv.DictWriter(file, fieldnames=list(row))
                if is_new:
                    writer.writeheader()
                writer.writerow(row)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
