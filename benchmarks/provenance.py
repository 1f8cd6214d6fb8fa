"""Where a measured row comes from: each benchmark keeps its rows with the command, versions and machine of the run."""

from __future__ import annotations

import csv
import importlib.metadata
import os
import platform
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "results"


def machine() -> str:
    """The processor's own name where the system tells it, and the number of cores."""
    names = Path("/proc/cpuinfo")
    lines = names.read_text(encoding="utf-8").splitlines() if names.exists() else []
    model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.processor())
    return f"{model or platform.machine()}, {os.cpu_count()} cores"


def keep(name: str, cells: dict[str, Any], *, packages: Sequence[str]) -> None:
    """Adds a row to results/<name>.csv: when, by which command, with which versions and where; then the cells."""
    versions = [f"{package} {importlib.metadata.version(package)}" for package in ("firesteel", *packages)]
    row = {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "command": "python " + " ".join(sys.argv),
        "versions": ", ".join([*versions, f"python {platform.python_version()}"]),
        "machine": machine(),
        **cells,
    }
    FOLDER.mkdir(exist_ok=True)
    path = FOLDER / f"{name}.csv"
    is_new = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(row), lineterminator="\n")
        if is_new:
            writer.writeheader()
        writer.writerow(row)
