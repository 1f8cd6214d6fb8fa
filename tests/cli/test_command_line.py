"""Words in, lines and exit codes out."""

from __future__ import annotations

import os
import subprocess
import sys

import polars as pl
import pytest

import firesteel
from firesteel import cli
from firesteel.cli.progress import training_bar
from firesteel.cli.text import table_lines


def test_without_words_the_help_is_shown(say) -> None:
    said = say()
    assert said.code == 0
    assert "firesteel fit digits" in said.out
    for word in cli.COMMANDS:
        assert word in said.out


def test_output_stays_within_80_columns(say, make_rows, tmp_path) -> None:
    rows = make_rows(n=200).with_columns(alive=pl.col("y").replace({"yes": "alive", "no": "dead"}))
    rows.write_csv(tmp_path / "rows.csv")
    run = tmp_path / "run"
    for words in (
        ("data", tmp_path / "rows.csv"),
        ("data", tmp_path / "rows.csv", "--target", "y"),
        ("fit", tmp_path / "rows.csv", "--target", "y", "--epochs", 1, "-o", run),
        ("show", run),
        ("predict", run, tmp_path / "rows.csv"),
        ("evaluate", run, tmp_path / "rows.csv"),
    ):
        said = say(*words)
        assert said.code == 0
        wide = [line for line in said.out.splitlines() if len(line) > 80 and str(tmp_path) not in line]
        assert wide == []


def test_there_is_no_progress_where_nobody_watches(say, make_rows, tmp_path) -> None:
    make_rows().write_csv(tmp_path / "rows.csv")
    said = say("fit", tmp_path / "rows.csv", "--target", "y", "--epochs", 1, "--no-baselines", "-o", tmp_path / "run")
    assert said.err == ""


def test_a_quiet_bar_observes_nothing() -> None:
    with training_bar(is_quiet=True) as observers:
        assert observers == (None, None)


def test_a_reader_who_has_seen_enough_is_no_error(finished_run, make_rows, tmp_path) -> None:
    make_rows(n=2_000).write_csv(tmp_path / "rows.csv")
    command = [sys.executable, "-m", "firesteel", "predict", str(finished_run), str(tmp_path / "rows.csv"), "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(10)
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


def test_a_terminal_of_few_letters_is_written_to(finished_run) -> None:
    command = [sys.executable, "-m", "firesteel", "show", str(finished_run)]
    done = subprocess.run(command, capture_output=True, env={**os.environ, "PYTHONIOENCODING": "ascii"}, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.isascii()


def test_an_interrupt_while_reading_ends_with_130(monkeypatch, say) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("firesteel.api.data", interrupt)
    said = say("data", "iris")
    assert (said.code, said.err) == (130, "interrupted\n")


def test_a_table_too_wide_says_how_many_columns_are_not_shown() -> None:
    lines = table_lines([["x" * 30] * 5, ["1"] * 5])
    assert lines[-1] == "(3 more columns)"
    assert len(lines[0]) <= 80


@pytest.mark.parametrize("word", ["-1", "c2", "2"])
def test_the_target_of_a_file_without_names_is_a_number_or_a_name(say, make_rows, tmp_path, word) -> None:
    make_rows("regression").drop("city").write_csv(tmp_path / "rows.csv", include_header=False)
    words = ("--target", word, "--epochs", 1, "--members", 1, "--no-baselines", "-o", tmp_path / "run")
    assert say("fit", tmp_path / "rows.csv", *words).code == 0
    assert firesteel.load(tmp_path / "run").report.target == "c2"
