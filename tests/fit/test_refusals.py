"""What cannot be used is refused in two lines that say what to do, with exit code 2, and nothing is written."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import firesteel
from firesteel import DataError

GOOD = "a,b,city,y\n" + "".join(
    f"{i * 37 % 101 / 10},{i % 7},{'ulm' if i % 3 else 'bonn'},{i * 13 % 2}\n" for i in range(60)
)
LINES = GOOD.splitlines(keepends=True)

FILES: dict[str, str | bytes] = {
    "good.csv": GOOD,
    "empty.csv": "",
    "blank.csv": "\n \n\n",
    "header.csv": "a,b,y\n",
    "one.csv": "a,b,y\n1,2,yes\n",
    "two.csv": "a,b,y\n1,2,yes\n3,4,no\n",
    "churn.csv": "a,b,churned\n" + "".join(f"{i / 2},{i % 7},no\n" for i in range(50)),
    "untold.csv": "a,b,y\n" + "".join(f"{i / 2},{i % 7},\n" for i in range(50)),
    "constant.csv": "a,b,y\n" + "".join(f"1,k,{i % 2}\n" for i in range(60)),
    "binary.csv": bytes(range(256)) * 20,
    "picture.csv": b"\x89PNG\r\n\x1a\n" + bytes(range(256)),
    "ragged.csv": "".join([*LINES[:40], "1,2,ulm,0,7\n", *LINES[40:]]),
    "short.csv": "".join([*LINES[:40], "1,2\n", *LINES[40:]]),
    "quote.csv": "".join([*LINES[:40], '1,2,"ulm,0\n', *LINES[40:]]),
    "wide.csv": "".join(",".join(f"{mark}{i}" for i in range(10_000)) + "\n" for mark in ("c", "1", "2")),
    "twice.csv": GOOD.replace("a,b,city,y", "a,b,a,y"),
    "review.csv": "a,review\n" + "".join(f"{i % 9},the {i}th day was as fine as {i * 7} others\n" for i in range(100)),
    "dates.csv": "a,when\n" + "".join(f"{i % 4},2024-01-{1 + i % 28:02d}\n" for i in range(60)),
    "fake.parquet": "a,b\n1,2\n",
    "bad.toml": "lr = = 3\n",
    "unknown.toml": "learning_rate = 0.1\n",
}

#: The user without rights, on every Linux.
NOBODY = 65534

QUICK = "--epochs 1 --members 1 --no-baselines"

#: A command, and what its two lines must say.
CASES = {
    "no such file": ("fit goood.csv --target y", "there is no file 'goood.csv'", "did you mean good.csv?"),
    "no such folder": ("fit no/such.csv", "there is no folder 'no'", "a path, or a set: digits"),
    "no such set": ("fit digts", "there is no file 'digts'", "or digits or"),
    "no data": ("fit", "no file and no set was named", "firesteel fit digits"),
    "a folder": ("fit folder --target y", "there is none in 'folder' (it is empty)", "files that end in .bmp"),
    "empty file": ("fit empty.csv --target y", "'empty.csv' is empty", "another file"),
    "blank file": ("fit blank.csv --target y", "'blank.csv' is empty", "another file"),
    "header only": ("fit header.csv --target y", "'header.csv' has none, or only a header", "another file"),
    "one row": ("fit one.csv --target y", "only one row has a 'y' ('yes')", "give it more rows"),
    "two rows": ("fit two.csv --target y", "test would be empty; 'two.csv' has 2 different rows", "give it more rows"),
    "no target": ("fit good.csv", "no target was given", "--target y"),
    "target not there": ("fit good.csv --target cty", "'cty' is none of 'good.csv'", "did you mean city?"),
    "target's number": ("fit good.csv --target 4", "4 was given, and 'good.csv' has 4 columns", "0 to 3, or -1"),
    "one value": ("fit churn.csv --target churned", "'churned' has 1 in all 50 rows ('no')", "another column"),
    "no value": ("fit untold.csv --target y", "'y' has none", "another column as target"),
    "all constant": ("fit constant.csv --target y", "'b' is constant ('k' in all rows)", "differ from row to row"),
    "all dropped": ("fit good.csv --target y --drop a,b,city", "left out as you said", "keep one of them, like a"),
    "binary data": ("fit binary.csv --target y", "'binary.csv' is binary data", "export the table as CSV"),
    "a picture": ("fit picture.csv --target y", "'picture.csv' is a picture", "export the table as CSV"),
    "too many values": ("fit ragged.csv --target y", "line 41 of 'ragged.csv' has 5", "mend line 41"),
    "too few values": ("fit short.csv --target y", "line 41 of 'short.csv' has 2", "mend line 41"),
    "an open quote": ("fit quote.csv --target y", "begins in line 41 of 'quote.csv' does not end", 'a single "'),
    "10,000 columns": ("fit wide.csv --target c1", "up to 5,000 columns; it has 10,000", "keep the columns that"),
    "a name twice": ("fit twice.csv --target y", "'a' names columns 1, 3", "rename them in the file"),
    "free text": ("fit review.csv --target review", "holds free text or keys, 100 different", "make classes of this"),
    "a date as target": ("fit dates.csv --target when", "'when' holds dates", "another column as target"),
    "no parquet": ("fit fake.parquet --target y", "'fake.parquet' cannot be read as that", "give the file the ending"),
    "an unknown option": ("fit good.csv --target y --optimiser sgd", "--optimiser", "firesteel fit --help"),
    "an unknown verb": ("ft good.csv", 'Did you mean "fit"?', "firesteel --help"),
    "a word too many": ("fit good.csv more.csv", "'more.csv' is left over", "firesteel fit --help"),
    "an option without a value": ("fit good.csv --target", "--target requires an argument", "firesteel fit --help"),
    "a word for a number": ("fit good.csv --target y --epochs many", "'many' was given", "--epochs"),
    "a number too small": ("fit good.csv --target y --epochs 0", "equal to 1; '0' was given", "--epochs"),
    "a value not in the list": ("fit good.csv --target y --activation rellu", "'rellu' was given", "mean relu?"),
    "a baseline": ("fit good.csv --target y --baselines svn", "'svn' was given", "did you mean svm?"),
    "a baseline of another task": ("fit good.csv --target y --baselines mean", "'mean' is not", "majority,"),
    "an empty value": ("fit good.csv --target y --d-hidden 8,,8", "'' was given", "--d-hidden"),
    "a kind": ("fit good.csv --target y --kind a=numbers", "'numbers' was given", "did you mean"),
    "a kind without a column": ("fit good.csv --target y --kind a", "'a' was given", "--kind zip_code=categorical"),
    "a kind that is not": ("fit good.csv --target y --kind city=numeric", "'city' has none", "--kind city=categorical"),
    "dropping what is not there": ("fit good.csv --target y --drop cty", "'cty' is none of", "did you mean city?"),
    "dropping the target": ("fit good.csv --target y --drop y", "'y' is the target", "leave --drop y away"),
    "no such group": ("fit good.csv --target y --group q", "'q' is none of 'good.csv'", "its columns: a, b, city, y"),
    "no times": ("fit good.csv --target y --time city", "'city' has 0 that are dates or numbers", "without --time"),
    "words as numbers": ("fit good.csv --target city --task regression", "holds words, like", "--task multiclass"),
    "two classes as many": ("fit good.csv --target y --task multiclass", "'y' has 2", "--task binary"),
    "numbers as two classes": ("fit good.csv --target a --task binary", "'a' has", "--task regression"),
    "a loss of another task": ("fit good.csv --target y --loss mse", "loss 'mse' was asked for", "--loss"),
    "a device not there": ("fit good.csv --target y --device tpu", "'tpu' is not among cpu", "--device cpu"),
    "momentum without use": ("fit good.csv --target y --momentum 0.9", "optimizer 'adamw'", "--optimizer sgd"),
    "no test file": ("fit good.csv --target y --test god.csv", "there is no file 'god.csv'", "did you mean good.csv"),
    "another table as test": ("fit good.csv --target y --test churn.csv", "lacks 'city', 'y'", "the same columns"),
    "no recipe": ("fit good.csv --recipe no.toml", "there is no 'no.toml'", "recipe.toml"),
    "no TOML": ("fit good.csv --recipe bad.toml", "'bad.toml' is not: Invalid value (at line 1", "mend bad.toml"),
    "a field not known": ("fit good.csv --recipe unknown.toml", "'learning_rate' is not one", "did you mean lr?"),
    "a file as run": ("fit good.csv --target y -o good.csv", "is a file", "-o ANOTHER_FOLDER"),
    "a run in a file": ("fit good.csv --target y -o good.csv/run", "good.csv' is a file", "-o ANOTHER_FOLDER"),
    "a run over other things": ("fit good.csv --target y -o full --force", "with other things in it", "-o ANOTHER"),
    "a run over where you are": ("fit good.csv --target y -o . --force", "is the folder that you are in", "-o"),
    "nothing to resume": ("fit --resume run", "there is no '", "firesteel fit FILE --target"),
    "a net that diverges": (f"fit good.csv --target a --lr 1e30 {QUICK} --optimizer sgd", "diverged", "--lr 0.001"),
    "data: no such file": ("data goood.csv", "there is no file 'goood.csv'", "did you mean good.csv?"),
    "data: target": ("data good.csv --target cty", "'cty' is none of 'good.csv'", "did you mean city?"),
    "predict: no run": ("predict run good.csv", "there is no '", "firesteel fit FILE -o RUN"),
    "predict: a file as run": ("predict good.csv good.csv", "'good.csv' is a file", "firesteel show"),
    "predict: no data": ("predict run", "DATA requires an argument", "firesteel predict --help"),
    "evaluate: no run": ("evaluate folder good.csv", "'folder' has no model.json", "firesteel fit FILE -o RUN"),
    "show: no run": ("show run", "there is no '", "firesteel fit FILE -o RUN"),
}  # fmt: skip


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with one file of each kind."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("years of work")
    for name, content in FILES.items():
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(("words", "found", "hint"), CASES.values(), ids=CASES.keys())
def test_is_refused_in_two_lines(say, here, words: str, found: str, hint: str) -> None:
    before = sorted(here.rglob("*"))
    said = say(*words.split())
    first, *rest = said.err.splitlines()
    assert (said.code, said.out, len(rest)) == (2, "", 1), said.err
    assert found in first
    assert rest[0].startswith("  Try: ")
    assert hint in rest[0]
    assert sorted(here.rglob("*")) == before


@pytest.mark.parametrize(
    ("x", "y", "found"),
    [
        (np.array([[1.0, np.inf]] * 30), [0, 1] * 15, r"x\[0, 1\] is inf"),
        (np.ones((30, 2)), np.r_[np.full(29, 1.0), -np.inf], r"y\[29\] is -inf"),
        (np.ones((30, 2)), [0, 1] * 14, "x has 30 and y has 28"),
        (np.array([[1, "a"]] * 30, dtype=object), [0, 1] * 15, "its dtype is object"),
        (np.ones((30, 2, 2)), [0, 1] * 15, "has 1 different rows"),
        (np.ones((30, 2, 2, 2, 2)), [0, 1] * 15, r"its shape is \(30, 2, 2, 2, 2\)"),
        (np.ones((30, 2)), np.ones((30, 2)), r"its shape is \(30, 2\)"),
        (np.ones((0, 2)), np.ones(0), "has none"),
        ([[1, 2], [3]], [0, 1], "its rows have different lengths"),
    ],
)
def test_arrays_that_are_no_table_are_refused(x, y, found, quick) -> None:
    with pytest.raises(DataError, match=found):
        firesteel.fit(x, y, **quick)


def test_missing_values_in_arrays_are_no_error(quick) -> None:
    x = np.random.default_rng(0).normal(size=(80, 2))
    x[::5, 0] = np.nan
    assert firesteel.fit(x, np.arange(80) % 2, **quick).report.n_rows["test"] == 12


def test_a_class_with_one_row_is_said_and_trained(quick) -> None:
    x = np.random.default_rng(0).normal(size=(80, 2))
    model = firesteel.fit(x, ["rare"] + ["a", "b"] * 39 + ["a"], **quick)
    assert model.classes == ("a", "b", "rare")
    assert any("classes with one or two rows: 'rare'" in notice.text for notice in model.report.notices)


def test_a_category_of_50_000_values_is_handled(quick) -> None:
    rng = np.random.default_rng(0)
    n = 60_000
    frame = pl.DataFrame({"a": rng.normal(size=n), "shop": [f"s{i}" for i in range(50_000)] + ["s1", "s2"] * 5_000})
    frame = frame.with_columns(y=pl.int_range(n) % 2)
    model = firesteel.fit(frame, "y", **quick | {"epochs": 1, "kind": {"shop": "categorical"}})
    assert model.features.n_levels[0] <= 1_002
    assert model.report.n_params < 200_000


def test_whole_numbers_beyond_float32_are_said_and_told_apart(quick) -> None:
    start = 2**53
    frame = pl.DataFrame({"n": [start + 1000 * (i * 37 % 101) for i in range(101)], "y": [i % 2 for i in range(101)]})
    model = firesteel.fit(frame, "y", **quick)
    assert any("float32 tells them apart only up to 16,777,216" in notice.text for notice in model.report.notices)
    assert len(np.unique(model.encode(frame).x_num)) == 101


def full_disk(size: int) -> Callable[[], None]:
    """What a child process runs first: no file of it may grow beyond this."""
    import resource
    import signal

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    return limit


@pytest.mark.skipif(os.name == "nt", reason="Windows has no limit on file sizes")
def test_an_earlier_run_survives_a_full_disk(here, finished_run) -> None:
    """A limit on the size of a file stands for the full disk: the system refuses the write in the same way."""
    firesteel.save(firesteel.load(finished_run), here / "run")
    before = {path.name: path.read_bytes() for path in (here / "run").iterdir()}
    words = ["fit", "good.csv", "--target", "y", *QUICK.split(), "-o", "run", "--force"]
    done = subprocess.run(
        [sys.executable, "-m", "firesteel", *words],
        capture_output=True,
        text=True,
        preexec_fn=full_disk(5_000),
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.splitlines()[1].startswith("  Try: free some space")
    assert {path.name: path.read_bytes() for path in (here / "run").iterdir()} == before
    assert sorted(path.name for path in here.iterdir()) == sorted([*FILES, "folder", "full", "run"])


@pytest.fixture
def as_nobody() -> Iterator[Path]:
    """A folder that anybody may enter, in a process that has laid down the rights of root if it had them."""
    if not hasattr(os, "setresuid"):
        pytest.skip("this system has no rights to lay down")
    with tempfile.TemporaryDirectory() as name:
        Path(name, "good.csv").write_text(GOOD)
        Path(name).chmod(0o755)
        is_root = os.getuid() == 0
        if is_root:
            os.setresuid(NOBODY, NOBODY, 0)
        yield Path(name)
        if is_root:
            os.setresuid(-1, 0, -1)
            os.setresuid(0, 0, 0)
        Path(name).chmod(0o755)


def test_a_folder_that_must_not_be_written_is_refused(say, as_nobody) -> None:
    if os.geteuid() != NOBODY:
        as_nobody.chmod(0o555)
    said = say("fit", as_nobody / "good.csv", "--target", "y", *QUICK.split(), "-o", as_nobody / "run")
    assert said.code == 2
    assert f"nothing can be written in '{as_nobody}'" in said.err
    assert [path.name for path in as_nobody.iterdir()] == ["good.csv"]


def test_a_file_that_must_not_be_read_is_refused(say, as_nobody) -> None:
    if os.geteuid() == NOBODY:
        os.setresuid(-1, 0, -1)
    (as_nobody / "good.csv").chmod(0)
    if os.getuid() == NOBODY:
        os.setresuid(-1, NOBODY, -1)
    said = say("data", as_nobody / "good.csv")
    assert said.code == 2
    assert "Permission denied" in said.err
