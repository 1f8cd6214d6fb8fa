"""Every bar of the gallery, whole, for ten seeds: the worst seed counts.

    python benchmarks/gallery.py [--only ID,ID] [--seeds N]

MNIST and the cats are looked for in FIRESTEEL_DATA. Adds a row per bar to benchmarks/results/gallery.csv.
"""

from __future__ import annotations

import argparse
import statistics
import sys

from firesteel import api
from firesteel.gallery import Outcome, find_entry, read_entries, spoken
from provenance import keep


def rows_of(outcomes: list[Outcome]) -> list[dict[str, object]]:
    """A row for each bar of one entry, over its seeds."""
    rows: list[dict[str, object]] = []
    for i, one in enumerate(outcomes[0].reached):
        values = [outcome.reached[i].value for outcome in outcomes]
        numbers = [value for value in values if isinstance(value, int | float)]
        rows.append(
            {
                "entry": outcomes[0].entry.id,
                "what": one.expected.what,
                "n_seeds": len(values),
                "least": f"{min(numbers):.6g}" if numbers else "",
                "median": f"{statistics.median(numbers):.6g}" if numbers else spoken(values[0]),
                "most": f"{max(numbers):.6g}" if numbers else "",
                "bar": one.expected.bar(is_fast=False),
                "n_met": sum(outcome.reached[i].is_met for outcome in outcomes),
                "median_s": f"{statistics.median(outcome.seconds for outcome in outcomes):.1f}",
            }
        )
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="")
    parser.add_argument("--seeds", type=int, default=10)
    words = parser.parse_args()
    names = words.only.split(",") if words.only else list(read_entries())
    n_missed = 0
    for name in names:
        if not find_entry(name).expect:
            continue
        outcomes = list(api.gallery(name, seeds=words.seeds, offline=True))
        if outcomes[0].not_applicable:
            print(f"{name}: not applicable because {outcomes[0].not_applicable}")
            continue
        for row in rows_of(outcomes):
            keep("gallery", row, packages=("torch", "scikit-learn"))
            is_met = row["n_met"] == row["n_seeds"]
            n_missed += not is_met
            said = f"{row['least']} to {row['most']}" if row["least"] else str(row["median"])
            print(
                f"{'ok' if is_met else 'MISSED':<7}{name:<22}{row['what']}: {said} ({row['bar']}), "
                f"{row['n_met']} of {row['n_seeds']} seeds, {row['median_s']} s",
                flush=True,
            )
    return 1 if n_missed else 0


if __name__ == "__main__":
    sys.exit(main())
