"""A run that is killed goes on to the same bits; Ctrl-C keeps the best weights."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import firesteel
from firesteel import ModelError, TrainingError

WAIT_S = 90

NET = ("--d-hidden", "16", "--no-periodic", "--batch-size", "16", "--members", "2")
WORDS = ("--target", "y", *NET, "--no-baselines")
#: Enough work for several seconds of training on a quick machine, and so for a checkpoint or two.
LONG = ("--epochs", "150", "--patience", "150")
#: Longer than any test waits: these runs are always stopped.
ENDLESS = ("--epochs", "100000", "--patience", "100000")

posix = pytest.mark.skipif(os.name == "nt", reason="Windows has neither SIGKILL nor SIGINT for another process")


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(6_000, 10))
    y = np.sin(x[:, 0]) + x[:, 1] * x[:, 2] + 0.3 * rng.normal(size=6_000)
    path = tmp_path_factory.mktemp("stopping") / "large.csv"
    pl.DataFrame(x, schema=[f"x{i}" for i in range(10)]).with_columns(y=y).write_csv(path)
    return path


def start(table: Path, run: Path, *length: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "firesteel", "fit", str(table), *WORDS, *length, "-o", str(run)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_until(is_so: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    end = time.monotonic() + WAIT_S
    while not is_so():
        assert process.poll() is None, f"it ended before: {process.communicate()}"
        assert time.monotonic() < end, "it does not come"
        time.sleep(0.02)


def beside(run: Path) -> Path:
    return run.with_name(f"{run.name}.unfinished")


@posix
@pytest.mark.slow
def test_a_killed_run_goes_on_to_the_same_bits(say, table, tmp_path) -> None:
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    process = start(table, killed, *LONG)
    checkpoint = beside(killed) / "checkpoint.safetensors"
    wait_until(checkpoint.exists, process)
    process.kill()
    process.communicate()
    assert not killed.exists()

    with pytest.raises(ModelError, match=r"unfinished run is not thrown away.*\n.*--resume"):
        firesteel.fit(table, "y", output=killed)
    with pytest.raises(TrainingError, match="other data"):
        firesteel.fit(pl.read_csv(table).head(5_999), "y", resume=killed)
    assert checkpoint.exists()

    assert say("fit", "--resume", killed).code == 0
    assert not beside(killed).exists()
    assert say("fit", table, *WORDS, *LONG, "-o", whole).code == 0
    assert (killed / "weights.safetensors").read_bytes() == (whole / "weights.safetensors").read_bytes()
    assert (killed / "history.csv").read_bytes() == (whole / "history.csv").read_bytes()


@posix
@pytest.mark.slow
def test_one_interrupt_keeps_the_best_weights_and_says_so(table, tmp_path) -> None:
    run = tmp_path / "run"
    process = start(table, run, *ENDLESS)
    wait_until((beside(run) / "checkpoint.safetensors").exists, process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=WAIT_S)
    assert (process.returncode, err) == (0, "")
    assert "stopped" in out or "interrupt" in out.lower()
    model = firesteel.load(run)
    assert model.report.history is not None
    assert len(model.report.history.val_loss) > 0
    assert not beside(run).exists()


@posix
@pytest.mark.slow
def test_a_second_interrupt_stops_and_leaves_what_resume_needs(table, tmp_path) -> None:
    run = tmp_path / "run"
    process = start(table, run, *ENDLESS)
    wait_until((beside(run) / "checkpoint.safetensors").exists, process)
    process.send_signal(signal.SIGINT)
    time.sleep(0.05)  # two signals at once are one
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=WAIT_S)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert err == f"firesteel fit --resume {run}     goes on from there\ninterrupted\n"
    assert [path.name for path in tmp_path.iterdir()] == ["run.unfinished"]


def test_a_finished_run_cannot_be_resumed(say, finished_run) -> None:
    said = say("fit", "--resume", finished_run)
    assert said.code == 2
    assert "is finished" in said.err


def test_a_run_that_was_never_begun_cannot_be_resumed(tmp_path) -> None:
    with pytest.raises(ModelError, match="only an unfinished run can be resumed"):
        firesteel.fit(resume=tmp_path / "run")


def test_a_run_killed_before_its_first_checkpoint_starts_again_from_its_recipe(say, make_rows, tmp_path) -> None:
    make_rows().write_csv(tmp_path / "rows.csv")
    words = ("--target", "y", "--epochs", 2, "--members", 1, "--no-baselines")
    assert say("fit", tmp_path / "rows.csv", *words, "-o", tmp_path / "whole").code == 0
    beside(tmp_path / "run").mkdir()
    recipe = f'data = "{tmp_path}/rows.csv"\ntarget = "y"\nepochs = 2\nmembers = 1\nbaselines = false\n'
    (beside(tmp_path / "run") / "recipe.toml").write_text(recipe)
    assert say("fit", "--resume", tmp_path / "run").code == 0
    weights = [(tmp_path / name / "weights.safetensors").read_bytes() for name in ("run", "whole")]
    assert weights[0] == weights[1]


def test_a_damaged_checkpoint_is_refused(say, make_rows, tmp_path) -> None:
    make_rows().write_csv(tmp_path / "rows.csv")
    beside(tmp_path / "run").mkdir()
    recipe = f'data = "{tmp_path}/rows.csv"\ntarget = "y"\nepochs = 2\nmembers = 1\nbaselines = false\n'
    (beside(tmp_path / "run") / "recipe.toml").write_text(recipe)
    (beside(tmp_path / "run") / "checkpoint.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0{}      ")
    said = say("fit", "--resume", tmp_path / "run")
    assert said.code == 2
    assert "a run goes on only from its own checkpoint" in said.err
