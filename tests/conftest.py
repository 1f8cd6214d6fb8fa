"""What several folders of tests need."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
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


#: What a set of pictures shows: classes by the half that is bright.
SIDES = ("left", "right")


@pytest.fixture(scope="session", autouse=True)
def own_cache_of_pictures(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Decoded pictures and downloads of the tests stay among the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FIRESTEEL_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def make_pictures() -> Callable[..., tuple[np.ndarray, np.ndarray]]:
    """Pictures `(n, h, w)` or `(n, h, w, 3)` that are bright on one side within a dark border, and which side."""

    def make(n: int = 60, *, form: tuple[int, int, int] = (8, 8, 1), seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng(seed)
        height, width, channels = form
        x = rng.integers(0, 40, (n, height, width, channels), dtype=np.uint8)
        x[::2, 1:-1, 1 : width // 2] += np.uint8(180)
        x[1::2, 1:-1, width // 2 : -1] += np.uint8(180)
        return x[..., 0] if channels == 1 else x, np.array(SIDES)[np.arange(n) % 2]

    return make


@pytest.fixture(scope="session")
def make_pictures_folder(make_pictures: Callable[..., tuple[np.ndarray, np.ndarray]]) -> Callable[..., Path]:
    """Writes such pictures as PNG files into one sub-folder per side, or side by side without labels."""
    from PIL import Image

    def make(place: Path, n: int = 60, *, is_sorted: bool = True, **settings: Any) -> Path:
        for i, (one, side) in enumerate(zip(*make_pictures(n, **settings), strict=True)):
            folder = place / side if is_sorted else place
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray(one).save(folder / f"{i:03}.png")
        return place

    return make


@pytest.fixture(scope="session")
def picture_run(
    tmp_path_factory: pytest.TempPathFactory, make_pictures: Callable[..., tuple[np.ndarray, np.ndarray]]
) -> Path:
    """A run folder of a conv net over 8 x 8 grey pictures that tells the sides apart, to read, never to write."""
    import firesteel

    place = tmp_path_factory.mktemp("pictures") / "run"
    firesteel.fit(*make_pictures(120), output=place, epochs=12, members=1, baselines=False, precision="float32")
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
