"""Files that hold arrays of pictures, and mostly their labels, under names: .npy, .npz, HDF5."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from firesteel.data.arrays import to_pixels, words_of_labels
from firesteel.data.pictures import Form, Reading, Wish, listed, numbered
from firesteel.errors import DataError, nearest

_HDF5 = frozenset({".h5", ".hdf5"})
_NPY = ".npy"
#: Endings of these files.
BUNDLES = frozenset({_NPY, ".npz"}) | _HDF5

#: What arrays are called, without case, - and / written as _; the first that is there is taken.
_PIXELS = ("x_train", "train_x", "train_images", "train_set_x", "x", "images", "data", "pixels", "arr_0")
_LABELS = (
    "y_train", "train_y", "train_labels", "train_set_y", "y", "labels", "label", "targets", "target", "arr_1",
)  # fmt: skip
_TEST_PIXELS = ("x_test", "test_x", "test_images", "test_set_x")
_TEST_LABELS = ("y_test", "test_y", "test_labels", "test_set_y")
_CLASSES = ("list_classes", "classes", "class_names", "label_names")
#: How the file of labels is named beside that of pixels: X_train.npy and y_train.npy, images.npy and labels.npy.
_LABEL_WORDS = (
    ("images", "labels"),
    ("image", "label"),
    ("pixels", "labels"),
    ("X", "y"),
    ("x", "y"),
    ("data", "labels"),
)
_TRAIN, _TEST = "train", "test"
#: Larger .npy files are read from the disk as needed.
_MAPPED_BYTES = 2**30

Numbers = npt.NDArray[Any]
_Load = Callable[[str], Numbers]


@dataclass(frozen=True)
class _Bundle:
    """An open file: its keys as they are compared and as they are written, and what loads one."""

    path: Path
    keys: Mapping[str, str]
    load: _Load

    def find(self, names: Sequence[str]) -> str | None:
        return next((name for name in names if name in self.keys), None)

    def get(self, name: str | None) -> Numbers | None:
        return None if name is None else self.load(self.keys[name])


def read_bundle(path: Path, *, wish: Wish) -> Reading:
    """Pictures of a .npy, .npz or HDF5 file, with labels and test set where it, or a file beside it, has them.

    `wish.target` names the array of labels, `wish.labels` a .npy file of them. Nothing is unpickled. Raises DataError
    for damaged files, arrays of Python objects, and files without an array of pictures, with the names that are there.
    """
    with _opened(path) as bundle:
        reading = _read_main(bundle, wish=wish)
        form = Form(*reading.pixels.shape[1:])
        test = _read_test(bundle, form=form) if bundle.find(_PIXELS) else None
    beside = path.with_name(path.name.replace(_TRAIN, _TEST))
    if test is None and beside != path and beside.is_file():
        with _opened(beside) as bundle:
            test = _read_test(bundle, form=form) or _read_main(bundle, wish=Wish(form=form))
    return replace(reading, test=test)


def _read_main(bundle: _Bundle, *, wish: Wish) -> Reading:
    """The training pictures; those of a file that has only test pictures."""
    pixels, labels = bundle.find(_PIXELS), bundle.find(_LABELS)
    if pixels is None:
        pixels, labels = bundle.find(_TEST_PIXELS), bundle.find(_TEST_LABELS)
    if pixels is None and len(bundle.keys) == 1:
        pixels = next(iter(bundle.keys))
    if pixels is None:
        raise _no_key(bundle, "pictures", _PIXELS)
    if wish.target is not None:
        labels = _plain(wish.target)
        if labels not in bundle.keys:
            near = nearest(wish.target, bundle.keys.values())
            raise DataError(
                "--target names the array of labels",
                found=f"'{bundle.path.name}' has no '{wish.target}', only {listed(list(bundle.keys.values()), 8)}",
                hint=f"--target {near[0] if near else next(iter(bundle.keys.values()))}",
            )
    return _read_pair(bundle, pixels, labels, form=wish.form, file=wish.labels or _labels_beside(bundle.path))


def _read_test(bundle: _Bundle, *, form: Form) -> Reading | None:
    pixels = bundle.find(_TEST_PIXELS)
    return None if pixels is None else _read_pair(bundle, pixels, bundle.find(_TEST_LABELS), form=form, file=None)


def _read_pair(bundle: _Bundle, pixels: str, labels: str | None, *, form: Form | None, file: Path | None) -> Reading:
    said: list[str] = []
    array = bundle.load(bundle.keys[pixels])
    try:
        pictures = to_pixels(array, form=form, said=said)
    except DataError as error:
        raise DataError(
            error.must, found=f"'{bundle.keys[pixels]}' in '{bundle.path.name}': {error.found}", hint=error.hint
        ) from None
    y = bundle.get(labels)
    if y is None and file is not None:
        y = _load_npy(file)
    if y is None:
        return Reading(pictures, numbered(len(pictures)), None, tuple(said))
    classes = bundle.get(bundle.find(_CLASSES))
    if classes is not None and classes.ndim == 1 and y.dtype.kind in "iu":
        y = _class_names(y, classes, bundle)
    return Reading(pictures, numbered(len(pictures)), words_of_labels(_decoded(y), n=len(pictures)), tuple(said))


def _class_names(y: Numbers, classes: Numbers, bundle: _Bundle) -> Numbers:
    """Class names for class numbers."""
    if y.size and not (y.min() >= 0 and y.max() < len(classes)):
        raise DataError(
            f"labels must be numbers of the {len(classes)} classes",
            found=f"in '{bundle.path.name}' they are from {y.min()} to {y.max()}",
            hint="make the file again with labels from 0 on",
        )
    return _decoded(classes)[y]


def _decoded(array: Numbers) -> Numbers:
    """Texts as texts, which HDF5 keeps as bytes; labels in a column, or a row as Octave writes them, as one axis."""
    if array.ndim == 2 and 1 in array.shape:
        array = array.reshape(-1)
    if array.dtype.kind == "S":
        return np.char.decode(array, "utf-8", "replace")
    if array.dtype.kind == "O":
        return np.array([one.decode("utf-8", "replace") if isinstance(one, bytes) else str(one) for one in array])
    return array


@contextmanager
def _opened(path: Path) -> Iterator[_Bundle]:
    """The file; what goes wrong with it in the block becomes a DataError."""
    kind = path.suffix.lower()
    try:
        if kind in _HDF5:
            with _hdf5(path) as bundle:
                yield bundle
        elif kind == _NPY:
            yield _Bundle(path, {"x": path.name}, lambda _: _load_npy(path))
        else:
            with path.open("rb") as file, _archive(file) as archive:
                yield _Bundle(path, {_plain(key): key for key in archive.files}, archive.__getitem__)
    except (OSError, ValueError, EOFError, KeyError, MemoryError, zipfile.BadZipFile, zlib.error) as error:
        raise _unreadable(path, error) from None


def _archive(file: BinaryIO) -> np.lib.npyio.NpzFile:
    archive = np.load(file, allow_pickle=False)
    if isinstance(archive, np.ndarray):
        raise ValueError("it is a .npy file")
    loaded: np.lib.npyio.NpzFile = archive
    return loaded


def _load_npy(path: Path) -> Numbers:
    try:
        is_large = path.stat().st_size > _MAPPED_BYTES
        array: Numbers = np.load(path, allow_pickle=False, mmap_mode="r" if is_large else None)
    except (OSError, ValueError, EOFError, MemoryError) as error:
        raise _unreadable(path, error) from None
    return array


@contextmanager
def _hdf5(path: Path) -> Iterator[_Bundle]:
    try:
        import h5py
    except ImportError:
        raise DataError(
            "HDF5 files are read with h5py",
            found=f"it is not installed, and '{path.name}' is HDF5",
            hint="pip install 'firesteel[hdf5]'",
        ) from None
    with h5py.File(path, "r") as file:
        names: list[str] = []
        file.visititems(lambda name, one: names.append(name) if isinstance(one, h5py.Dataset) else None)
        yield _Bundle(path, {_plain(name): name for name in names}, lambda name: np.asarray(file[name][()]))


def _unreadable(path: Path, error: Exception) -> DataError:
    if isinstance(error, FileNotFoundError | PermissionError):
        return DataError("the file must be readable", found=f"'{path}': {error.strerror}", hint="look at its name")
    if "Object arrays" in str(error):
        return DataError(
            "arrays must hold numbers or texts",
            found=f"'{path.name}' holds Python objects, and reading those can run any code",
            hint="np.save(path, np.stack(list_of_pictures))     one array of numbers",
        )
    words = str(error).strip().splitlines() or [type(error).__name__]
    if "allow_pickle" in words[0]:  # NumPy takes every file of another kind for a pickle
        words = ["it starts like none; pickles are not read, as they can run any code"]
    return DataError(
        f"a {path.suffix.lower()} file must be what its name says",
        found=f"'{path.name}' cannot be read as that ({words[0]})",
        hint="load or write the file again: it may be cut",
    )


def _no_key(bundle: _Bundle, what: str, names: Sequence[str]) -> DataError:
    there = listed(list(bundle.keys.values()), 8) if bundle.keys else "no array"
    return DataError(
        f"an array of {what} must have a name that is known: {', '.join(names[:-1])}",
        found=f"'{bundle.path.name}' has {there}",
        hint="np.savez('pictures.npz', x=pixels, y=labels)",
    )


def _plain(key: str) -> str:
    return key.lower().replace("-", "_").replace("/", "_").replace(" ", "_")


def _labels_beside(path: Path) -> Path | None:
    """The .npy file of labels beside a .npy file of pixels."""
    if path.suffix.lower() != _NPY:
        return None
    names = [path.stem.replace(word, label) for word, label in _LABEL_WORDS if word in path.stem]
    names += [f"{path.stem}_{label}" for label in ("labels", "y")]
    found = (path.with_name(f"{name}{path.suffix}") for name in names)
    return next((file for file in found if file != path and file.is_file()), None)
