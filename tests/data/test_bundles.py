"""Arrays in files are found by their names, or the names that are there are said."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
import pytest

from firesteel.data.bundles import read_bundle
from firesteel.data.pictures import Form, Wish
from firesteel.errors import DataError

PIXELS = np.random.default_rng(0).integers(0, 256, (6, 5, 4, 3), dtype=np.uint8)
Y = np.array([0, 1, 1, 0, 1, 0])
Arrays = dict[str, npt.NDArray[Any]]


def write_npz(path: Path, arrays: Arrays) -> Path:
    np.savez(path.with_suffix(".npz"), **arrays)
    return path.with_suffix(".npz")


def write_h5(path: Path, arrays: Arrays) -> Path:
    with h5py.File(path.with_suffix(".h5"), "w") as file:
        for key, array in arrays.items():
            file[key] = array
    return path.with_suffix(".h5")


both = pytest.mark.parametrize("write", [write_npz, write_h5])
Write = Callable[[Path, Arrays], Path]


@both
@pytest.mark.parametrize(
    ("x", "y"), [("x", "y"), ("X", "Y"), ("images", "labels"), ("x_train", "y_train"), ("train-images", "train-labels")]
)
def test_arrays_are_found_by_their_usual_names(tmp_path: Path, write: Write, x: str, y: str) -> None:
    reading = read_bundle(write(tmp_path / "set", {x: PIXELS, y: Y[:, None]}), wish=Wish())
    assert (reading.pixels == PIXELS).all()
    assert reading.labels == ("0", "1", "1", "0", "1", "0")
    assert reading.test is None


@both
def test_test_arrays_are_the_test_set(tmp_path: Path, write: Write) -> None:
    arrays = {"x_train": PIXELS, "y_train": Y, "x_test": PIXELS[:2, :4], "y_test": Y[:2]}
    reading = read_bundle(write(tmp_path / "set", arrays), wish=Wish())
    assert reading.test is not None
    assert reading.test.labels == ("0", "1")
    assert reading.test.pixels.shape == (2, 5, 4, 3)


@both
def test_the_file_of_test_pictures_beside_is_the_test_set(tmp_path: Path, write: Write) -> None:
    path = write(tmp_path / "train_cats", {"train_set_x": PIXELS, "train_set_y": Y})
    other = write(tmp_path / "test_cats", {"test_set_x": PIXELS[:2], "test_set_y": Y[:2]})
    test = read_bundle(path, wish=Wish()).test
    assert test is not None
    assert test.labels == ("0", "1")
    assert read_bundle(other, wish=Wish()).labels == ("0", "1")


@both
@pytest.mark.parametrize("names", [np.array([b"non-cat", b"cat"]), np.array([b"non-cat", b"cat"], dtype="S9")])
def test_class_names_stand_for_class_numbers(tmp_path: Path, write: Write, names: npt.NDArray[Any]) -> None:
    path = write(tmp_path / "set", {"x": PIXELS, "y": Y, "list_classes": names})
    assert read_bundle(path, wish=Wish()).labels == ("non-cat", "cat", "cat", "non-cat", "cat", "non-cat")


def test_labels_beyond_the_class_names_are_refused(tmp_path: Path) -> None:
    path = write_npz(tmp_path / "set", {"x": PIXELS, "y": Y + 1, "classes": np.array(["a", "b"])})
    with pytest.raises(DataError, match="they are from 1 to 2"):
        read_bundle(path, wish=Wish())


def test_texts_and_groups_of_hdf5_are_read(tmp_path: Path) -> None:
    path = tmp_path / "set.hdf5"
    with h5py.File(path, "w") as file:
        file["train/x"] = PIXELS
        file.create_dataset("train/y", data=[f"class {one}" for one in Y], dtype=h5py.string_dtype())
    assert read_bundle(path, wish=Wish()).labels == tuple(f"class {one}" for one in Y)


@pytest.mark.parametrize(
    ("pixels", "labels"),
    [("X.npy", "y.npy"), ("x_train.npy", "y_train.npy"), ("images.npy", "labels.npy"), ("a.npy", "a_labels.npy")],
)
def test_labels_of_a_npy_file_stand_beside_it(tmp_path: Path, pixels: str, labels: str) -> None:
    np.save(tmp_path / pixels, PIXELS)
    np.save(tmp_path / labels, Y)
    assert read_bundle(tmp_path / pixels, wish=Wish()).labels == ("0", "1", "1", "0", "1", "0")


def test_a_npy_file_of_test_pictures_is_found_with_its_labels(tmp_path: Path) -> None:
    for name, n in (("train", 6), ("test", 2)):
        np.save(tmp_path / f"X_{name}.npy", PIXELS[:n])
        np.save(tmp_path / f"y_{name}.npy", Y[:n])
    test = read_bundle(tmp_path / "X_train.npy", wish=Wish()).test
    assert test is not None
    assert test.labels == ("0", "1")


def test_labels_may_be_named(tmp_path: Path) -> None:
    np.save(tmp_path / "answers.npy", Y)
    path = write_npz(tmp_path / "set", {"x": PIXELS, "y": Y, "age": Y + 40})
    assert read_bundle(path, wish=Wish(target="age")).labels is not None
    alone = write_npz(tmp_path / "alone", {"x": PIXELS})
    assert read_bundle(alone, wish=Wish()).labels is None
    assert read_bundle(alone, wish=Wish(labels=tmp_path / "answers.npy")).labels == ("0", "1", "1", "0", "1", "0")


@both
def test_a_target_that_is_not_there_comes_with_the_nearest(tmp_path: Path, write: Write) -> None:
    path = write(tmp_path / "set", {"x": PIXELS, "labels": Y})
    with pytest.raises(DataError, match="has no 'lables', only '") as error:
        read_bundle(path, wish=Wish(target="lables"))
    assert error.value.hint == "--target labels"


@both
def test_a_file_without_pictures_says_what_it_has(tmp_path: Path, write: Write) -> None:
    with pytest.raises(DataError, match="has 'height', 'weight'"):
        read_bundle(write(tmp_path / "set", {"height": Y, "weight": Y}), wish=Wish())
    with pytest.raises(DataError, match="has no array"):
        read_bundle(write(tmp_path / "empty", {}), wish=Wish())


@both
def test_an_array_that_is_no_picture_is_named(tmp_path: Path, write: Write) -> None:
    with pytest.raises(DataError, match=r"'x' in 'set\.\w+': the shape is \(6, 60\)"):
        read_bundle(write(tmp_path / "set", {"x": PIXELS.reshape(6, -1), "y": Y}), wish=Wish())


def test_arrays_of_objects_are_refused(tmp_path: Path) -> None:
    objects = np.array([PIXELS[0], None], dtype=object)
    np.save(tmp_path / "x.npy", objects)
    for path in (tmp_path / "x.npy", write_npz(tmp_path / "set", {"x": objects})):
        with pytest.raises(DataError, match="holds Python objects"):
            read_bundle(path, wish=Wish())


@pytest.mark.parametrize("ending", [".npy", ".npz", ".h5"])
@pytest.mark.parametrize("content", ["cut", "text", "empty"])
def test_damaged_files_are_refused(tmp_path: Path, ending: str, content: str) -> None:
    np.save(tmp_path / "set.npy", PIXELS)
    write_npz(tmp_path / "set", {"x": PIXELS})
    write_h5(tmp_path / "set", {"x": PIXELS})
    path = tmp_path / f"set{ending}"
    path.write_bytes({"cut": path.read_bytes()[:200], "text": b"a,b\n1,2\n", "empty": b""}[content])
    with pytest.raises(DataError, match=f"file must be what its name says; 'set{ending}' cannot be read"):
        read_bundle(path, wish=Wish())


def test_a_npy_file_with_the_ending_of_npz_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", PIXELS)
    with pytest.raises(DataError, match=r"it is a \.npy file"):
        read_bundle((tmp_path / "x.npy").rename(tmp_path / "x.npz"), wish=Wish())


def test_without_h5py_the_line_that_installs_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_h5(tmp_path / "set", {"x": PIXELS})
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(DataError) as error:
        read_bundle(path, wish=Wish())
    assert error.value.hint == "pip install 'firesteel[hdf5]'"


def test_both_sets_are_fitted_to_the_wished_form(tmp_path: Path) -> None:
    path = write_npz(tmp_path / "set", {"x_train": PIXELS, "x_test": PIXELS[:2]})
    reading = read_bundle(path, wish=Wish(form=Form(8, 8, 1)))
    assert reading.test is not None
    assert reading.pixels.shape[1:] == reading.test.pixels.shape[1:] == (8, 8, 1)
