"""IDX files are read with their labels and test set, or refused with what is wrong."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from firesteel.data.idx import idx_in_folder, is_idx, read_idx
from firesteel.data.pictures import Form, Wish
from firesteel.errors import DataError

PIXELS = np.random.default_rng(0).integers(0, 256, (6, 5, 4), dtype=np.uint8)
DIGITS = np.array([3, 1, 4, 1, 5, 9], np.uint8)
TRAIN, TRAIN_LABELS = "train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"
TEST, TEST_LABELS = "t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"


def as_idx(array: npt.NDArray[Any], *, kind: int = 0x08) -> bytes:
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, kind, array.ndim, *array.shape) + array.tobytes()


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


@pytest.fixture
def four(tmp_path: Path) -> Path:
    write(tmp_path / TRAIN, as_idx(PIXELS))
    write(tmp_path / TRAIN_LABELS, as_idx(DIGITS))
    write(tmp_path / TEST, as_idx(PIXELS[:2]))
    write(tmp_path / TEST_LABELS, as_idx(DIGITS[:2]))
    return tmp_path


def test_labels_and_the_test_set_are_found_beside_the_pictures(four: Path) -> None:
    reading = read_idx(four / TRAIN, wish=Wish())
    assert (reading.pixels[..., 0] == PIXELS).all()
    assert reading.labels == ("3", "1", "4", "1", "5", "9")
    assert reading.test is not None
    assert reading.test.labels == ("3", "1")


def test_the_test_set_alone_has_no_test_set(four: Path) -> None:
    reading = read_idx(four / TEST, wish=Wish())
    assert len(reading.pixels) == 2
    assert reading.test is None


def test_unpacked_files_and_dotted_names_work(tmp_path: Path) -> None:
    path = write(tmp_path / "train-images.idx3-ubyte", as_idx(PIXELS))
    write(tmp_path / "train-labels.idx1-ubyte", as_idx(DIGITS))
    assert read_idx(path, wish=Wish()).labels == ("3", "1", "4", "1", "5", "9")


def test_packed_labels_are_found_beside_unpacked_pictures(tmp_path: Path) -> None:
    path = write(tmp_path / TRAIN.removesuffix(".gz"), as_idx(PIXELS))
    write(tmp_path / TRAIN_LABELS, as_idx(DIGITS))
    assert read_idx(path, wish=Wish()).labels is not None


def test_labels_may_be_named_or_missing(four: Path) -> None:
    (four / TRAIN_LABELS).rename(four / "answers-ubyte.gz")
    assert read_idx(four / TRAIN, wish=Wish()).labels is None
    assert read_idx(four / TRAIN, wish=Wish(labels=four / "answers-ubyte.gz")).labels is not None


def test_pictures_of_several_channels_and_of_floats_are_read(tmp_path: Path) -> None:
    colour = write(tmp_path / "a.idx", as_idx(np.stack([PIXELS] * 3, 3)))
    floats = write(tmp_path / "b.idx", as_idx((PIXELS / 255).astype(">f4"), kind=0x0D))
    assert read_idx(colour, wish=Wish()).pixels.shape == (6, 5, 4, 3)
    assert (read_idx(floats, wish=Wish()).pixels[..., 0] == PIXELS).all()


def test_both_sets_are_fitted_to_the_wished_form(four: Path) -> None:
    reading = read_idx(four / TRAIN, wish=Wish(form=Form(8, 8, 3)))
    assert reading.test is not None
    assert reading.pixels.shape[1:] == reading.test.pixels.shape[1:] == (8, 8, 3)


def test_idx_files_are_known_by_name_or_magic_number(four: Path) -> None:
    table = write(four / "rows.csv", b"a,b\n1,2\n")
    assert is_idx(four / TRAIN)
    assert is_idx((four / TRAIN).rename(four / "mydata.gz"))
    assert not any(is_idx(path) for path in (table, four, four / "nothing"))


def test_a_folder_is_known_by_its_training_pictures(four: Path) -> None:
    assert idx_in_folder(four) == four / TRAIN
    for name in (TRAIN, TEST):
        (four / name).unlink()
    assert idx_in_folder(four) is None


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"<!DOCTYPE html>", "starts with 0x3c21444f"),
        (b"", "starts with nothing: it is empty"),
        (as_idx(PIXELS)[:-7], "says 6 x 5 x 4 numbers, that is 120 bytes after the head, and has 113"),
        (as_idx(PIXELS) + b"1", "120 bytes after the head, and has more"),
        (as_idx(PIXELS)[:9], "has 0"),
        (b"\0\0\x08\x03" + b"\xff" * 16, "says 4,294,967,295 x 4,294,967,295 x 4,294,967,295 numbers"),
        (as_idx(DIGITS), "has 1, like a file of labels"),
        (as_idx(PIXELS[:, :0]), r"shape is \(6, 0, 4\)"),
    ],
)
@pytest.mark.parametrize("name", [TRAIN, TRAIN.removesuffix(".gz")])
def test_files_that_are_no_pictures_are_refused(tmp_path: Path, name: str, content: bytes, found: str) -> None:
    with pytest.raises(DataError, match=found):
        read_idx(write(tmp_path / name, content), wish=Wish())


def test_a_cut_gz_file_is_refused(four: Path) -> None:
    path = four / TRAIN
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(DataError, match="is cut or damaged"):
        read_idx(path, wish=Wish())


def test_other_counts_of_pictures_and_labels_are_refused(four: Path) -> None:
    write(four / TRAIN_LABELS, as_idx(DIGITS[:4]))
    with pytest.raises(DataError, match=rf"'{TRAIN}' has 6 pictures and '{TRAIN_LABELS}' has 4 labels"):
        read_idx(four / TRAIN, wish=Wish())


def test_a_file_of_pictures_is_no_file_of_labels(four: Path) -> None:
    with pytest.raises(DataError, match="an IDX file of labels has 1 axis"):
        read_idx(four / TRAIN, wish=Wish(labels=four / TEST))
