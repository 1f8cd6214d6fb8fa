"""What several folders of tests need."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from hypothesis import settings

# The same examples in every run; no deadline, as a first call that loads a library may take a second.
settings.register_profile("firesteel", derandomize=True, deadline=None)
settings.load_profile("firesteel")


#: Enough of `fit` where its result is not the subject.
QUICK = {"epochs": 2, "members": 1, "baselines": False}


@dataclass(frozen=True)
class Said:
    """What a command answered."""

    code: int
    out: str
    err: str


@pytest.fixture(scope="session")
def quick() -> Mapping[str, Any]:
    return QUICK


@pytest.fixture(scope="session")
def make_rows() -> Callable[..., pl.DataFrame]:
    """A table whose target `y` can be learned: numbers, whole numbers with gaps, words."""

    def make(task: str = "binary", n: int = 120, seed: int = 0) -> pl.DataFrame:
        rng = np.random.default_rng(seed)
        size, age = rng.normal(size=n), rng.integers(18, 80, n)
        city = rng.choice(["ulm", "bonn", "kiel"], n)
        score = 2 * size + (city == "ulm") - age / 40 + 0.3 * rng.normal(size=n)
        words = {"binary": ["no", "yes"], "multiclass": ["low", "mid", "high"]}.get(task)
        y = (
            score
            if words is None
            else np.array(words)[np.digitize(score, np.quantile(score, [0.4, 0.7])[: len(words) - 1])]
        )
        frame = pl.DataFrame({"size": size, "age": age, "city": city, "y": y})
        return frame.with_columns(age=pl.when(pl.col("age") > 70).then(None).otherwise(pl.col("age")))

    return make


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory: pytest.TempPathFactory, make_rows: Callable[..., pl.DataFrame]) -> Path:
    """A run folder to read, never to write."""
    import firesteel

    place = tmp_path_factory.mktemp("finished") / "run"
    firesteel.fit(make_rows(), "y", output=place, **QUICK)
    return place


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """Runs one command of the command line in this process."""
    from firesteel.cli import main

    def run(*words: object) -> Said:
        capsys.readouterr()
        code = main([str(word) for word in words])
        return Said(code, *capsys.readouterr())

    return run


@pytest.fixture(scope="session")
def real_tables() -> Path:
    """The folder of real tables; tests that ask for it are skipped where there is none."""
    folder = os.environ.get("FIRESTEEL_DATA")
    if not folder:
        pytest.skip("FIRESTEEL_DATA does not name the folder of real tables")
    tables = Path(folder) / "tables"
    if not tables.is_dir():
        pytest.skip(f"FIRESTEEL_DATA is {folder}, where there is no folder 'tables'")
    return tables


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that read real tables carry the mark `data`; tests marked `gpu` are skipped where there is none."""
    no_gpu = pytest.mark.skip(reason="torch finds no CUDA device")
    for item in items:
        if "real_tables" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.data)
        if item.get_closest_marker("gpu") and not torch.cuda.is_available():
            item.add_marker(no_gpu)
