"""What is wrong with pictures is an error of three parts or a notice of the run; no traceback, and nothing is lost."""

from __future__ import annotations

import os
import shutil
import struct
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image

import firesteel

QUICK = ("--net", "linear", "--epochs", 2, "--members", 1, "--no-baselines")
Fit = Callable[..., tuple[int, str]]


@pytest.fixture
def sides(make_pictures_folder, tmp_path) -> Path:
    return make_pictures_folder(tmp_path / "sides", 40)


@pytest.fixture
def fit(say, tmp_path) -> Fit:
    """Fits by the command line; the exit code, and what was said (of an error its one message)."""

    def run(source: Path, *words: object) -> tuple[int, str]:
        said = say("fit", source, *words, *QUICK, "-o", tmp_path / "run")
        assert (said.code == 0) == (tmp_path / "run").is_dir()
        assert not list(tmp_path.glob("*.unfinished"))
        if said.code:
            must, found = said.err.split("\n")[0].split("; ", 1)
            assert must
            assert found
            assert said.err.split("\n")[1].startswith("  Try: ")
            assert said.err.count("\n") == 2
            assert said.out == ""
        return said.code, " ".join((said.err or said.out).split())

    return run


def idx(place: Path, array: np.ndarray, *, magic: bytes = b"\0\0\x08", n_cut: int = 0) -> None:
    head = magic + bytes([array.ndim]) + b"".join(struct.pack(">I", n) for n in array.shape)
    data = head + array.astype(np.uint8).tobytes()
    place.write_bytes(data[: len(data) - n_cut])


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def test_an_empty_folder(fit, tmp_path) -> None:
    (tmp_path / "empty").mkdir()
    code, said = fit(tmp_path / "empty")
    assert code == 2
    assert "there is none in" in said
    assert "(it is empty)" in said


def test_one_class_only(fit, sides) -> None:
    shutil.rmtree(sides / "right")
    code, said = fit(sides)
    assert code == 2
    assert "at least 2 different labels; all 20 are 'left'. Try: one sub-folder per class" in said


def test_a_class_with_one_picture(fit, sides) -> None:
    (sides / "solo").mkdir()
    Image.new("L", (8, 8), 99).save(sides / "solo" / "a.png")
    code, said = fit(sides)
    assert code == 0
    assert "classes with one or two rows: 'solo'" in said


def test_text_files_among_pictures(fit, sides) -> None:
    (sides / "left" / "notes.txt").write_text("hello")
    (sides / "left" / "text.png").write_text("hello")
    code, said = fit(sides)
    assert code == 0
    assert "1 file is of other kinds and ignored (.txt)" in said
    assert "1 of 41 files is broken and left out: 'left/text.png' (no picture)" in said


def test_files_that_are_cut_short_or_empty(fit, sides, tmp_path) -> None:
    for name in ("000.png", "big.jpg"):
        path = sides / "left" / name
        if name == "big.jpg":
            Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64), dtype=np.uint8)).save(path)
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    (sides / "right" / "zero.png").write_bytes(b"")
    code, said = fit(sides)
    assert code == 0
    assert "3 of 42 files are broken and left out: 'left/000.png' (damaged or cut short)" in said
    assert "'right/zero.png' (empty)" in said
    assert sum(firesteel.load(tmp_path / "run").report.n_rows.values()) == 39


def test_a_broken_file_is_an_error_with_strict(fit, sides) -> None:
    (sides / "right" / "zero.png").write_bytes(b"")
    code, said = fit(sides, "--strict")
    assert code == 2
    assert "every picture must be readable (--strict); 1 of 41 is not: 'right/zero.png' (empty)" in said
    assert "leave out --strict" in said


def test_only_broken_files(fit, tmp_path) -> None:
    for name in ("a/1.png", "b/2.png"):
        (tmp_path / "broken" / name).parent.mkdir(parents=True)
        (tmp_path / "broken" / name).write_bytes(b"")
    code, said = fit(tmp_path / "broken")
    assert code == 2
    assert "some picture must be readable; 2 of 2 are not" in said


def test_a_header_that_promises_2_500_000_000_pixels(fit, sides) -> None:
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0))
    bomb = b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"0")) + chunk(b"IEND", b"")
    (sides / "left" / "bomb.png").write_bytes(bomb)
    code, said = fit(sides)
    assert code == 0
    assert "1 of 41 files is broken and left out: 'left/bomb.png' (more than 89,478,485 pixels are refused)" in said


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has names that are no UTF-8")
def test_names_that_are_no_utf_8(fit, sides, say, tmp_path) -> None:
    odd = os.fsencode(sides) + b"/left/caf\xe9.png"
    Image.fromarray(np.random.default_rng(1).integers(0, 256, (8, 8), dtype=np.uint8)).save(os.fsdecode(odd))
    assert fit(sides)[0] == 0
    said = say("predict", tmp_path / "run", sides / "left", "-o", tmp_path / "answers.csv", "--show")
    assert said.code == 0
    assert "caf\\xe9.png" in (tmp_path / "answers.csv").read_text(encoding="utf-8")


@pytest.mark.skipif(os.name == "nt", reason="Windows asks for a right to make links")
def test_links_in_a_loop(fit, sides) -> None:
    (sides / "left" / "again").symlink_to(sides)
    (sides / "right" / "self.png").symlink_to(sides / "right" / "self.png")
    code, said = fit(sides)
    assert code == 0
    assert "1 link leads to folders that are read already" in said
    assert "'right/self.png' (too many levels of symbolic links)" in said


def test_a_table_of_labels_that_names_files_which_are_not_there(fit, make_pictures_folder, tmp_path) -> None:
    folder = make_pictures_folder(tmp_path / "flat", 40, is_sorted=False)
    labels = "file,label\n" + "".join(f"{i:03}.png,{'ab'[i % 2]}\n" for i in range(39))
    (tmp_path / "labels.csv").write_text(labels + "gone.png,a\n")
    code, said = fit(folder, "--labels", tmp_path / "labels.csv")
    assert code == 0
    assert "'labels.csv' names a file that is not there: 'gone.png'" in said
    assert "1 of 40 pictures has no label and is left out: '039.png'" in said


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("file,label\nx.png,a\ny.png,b\n", "must name the files of the pictures; no value of 'labels.csv' is one of"),
        ("file\n000.png\n001.png\n", "needs two columns"),
        ("file,a,b\n000.png,1,2\n001.png,2,3\n", "which column has the labels"),
        ("", "'"),
    ],
)
def test_a_table_that_holds_no_labels(fit, make_pictures_folder, tmp_path, text, expected) -> None:
    folder = make_pictures_folder(tmp_path / "flat", 10, is_sorted=False)
    (tmp_path / "labels.csv").write_text(text)
    code, said = fit(folder, "--labels", tmp_path / "labels.csv")
    assert code == 2
    assert expected in said


def test_pictures_without_labels(fit, make_pictures_folder, tmp_path) -> None:
    code, said = fit(make_pictures_folder(tmp_path / "flat", 10, is_sorted=False))
    assert code == 2
    assert "pictures to learn from need labels" in said
    assert "--labels FILE.csv" in said


@pytest.mark.parametrize(
    ("damage", "n_labels", "expected"),
    [
        ({"magic": b"\1\2\3"}, 20, "'train-images-idx3-ubyte' starts with 0x01020303"),
        ({"n_cut": 10}, 20, "that is 1,280 bytes after the head, and has 1,270"),
        ({}, 17, "has 20 pictures and 'train-labels-idx1-ubyte' has 17 labels"),
    ],
    ids=["magic", "length", "counts"],
)
def test_idx_files_that_are_not_what_they_say(fit, make_pictures, tmp_path, damage, n_labels, expected) -> None:
    x, _ = make_pictures(20)
    idx(tmp_path / "train-images-idx3-ubyte", x, **damage)
    idx(tmp_path / "train-labels-idx1-ubyte", np.arange(n_labels) % 2)
    code, said = fit(tmp_path / "train-images-idx3-ubyte")
    assert code == 2
    assert expected in said


def test_hdf5_without_the_keys(fit, tmp_path) -> None:
    with h5py.File(tmp_path / "set.h5", "w") as file:
        file["weights"], file["losses"] = np.zeros((3, 3)), np.zeros(5)
    code, said = fit(tmp_path / "set.h5")
    assert code == 2
    assert "'set.h5' has 'losses', 'weights'" in said


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda x: x * 3.0 - 7, "pixels must be from 0 to 1 or from 0 to 255; 'x' in 'set.npz': they are from -7 to"),
        (lambda x: np.where(x == x.max(), np.nan, x), "are NaN and 0 infinite. Try: np.nan_to_num(X)"),
        (lambda x: np.full(x.shape, np.inf), "infinite"),
    ],
    ids=["range", "NaN", "infinite"],
)
def test_pixels_that_are_no_grey_levels(fit, make_pictures, tmp_path, change, expected) -> None:
    x, y = make_pictures(20)
    np.savez(tmp_path / "set.npz", x=change(x.astype(float)), y=y)
    code, said = fit(tmp_path / "set.npz")
    assert code == 2
    assert expected in said
