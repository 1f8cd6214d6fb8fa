"""A file larger than memory is answered in memory that does not grow with it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

N_BYTES = 300_000_000
#: Reading in chunks, 20,000 rows at once, and the answers of these.
MAX_OVER_BASELINE_MB = 600

PROBE = """
import resource, sys
from firesteel.cli import main
code = main(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
sys.exit(code)
"""


def peak_mb(*words: object) -> float:
    """The most memory that a command took, in a process of its own."""
    command = [sys.executable, "-c", PROBE, *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    unit = 1024**2 if sys.platform == "darwin" else 1024
    return int(done.stdout.splitlines()[-1]) / unit


@pytest.mark.slow
def test_memory_does_not_grow_with_the_file(finished_run, make_rows, tmp_path: Path) -> None:
    pytest.importorskip("resource", reason="Windows does not say how much memory a process took")
    rows = make_rows(n=2_000).with_columns(remark=pl.lit("word " * 150))
    small, large = tmp_path / "small.csv", tmp_path / "large.csv"
    rows.write_csv(small)
    body = rows.write_csv(include_header=False).encode()
    n_times = N_BYTES // len(body) + 1
    with large.open("wb") as file:
        file.write(b"size,age,city,y,remark\n")
        file.writelines(body for _ in range(n_times))
    before = peak_mb("predict", finished_run, small, "-o", tmp_path / "few.csv")
    after = peak_mb("predict", finished_run, large, "-o", tmp_path / "many.csv")
    assert after - before < MAX_OVER_BASELINE_MB
    few, many = pl.read_csv(tmp_path / "few.csv"), pl.read_csv(tmp_path / "many.csv")
    assert many.height == 2_000 * n_times
    assert many.tail(2_000)["y"].equals(few["y"])
