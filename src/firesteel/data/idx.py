"""IDX files, the format of MNIST: a magic number, the lengths of the axes, then the numbers."""

from __future__ import annotations

import gzip
import math
import re
import zlib
from io import BufferedReader
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from firesteel.data.arrays import to_pixels, words_of_labels
from firesteel.data.pictures import Form, Reading, Wish, numbered
from firesteel.errors import DataError

#: The third byte of a file: how its numbers are written, big-endian.
_TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_MAGIC_BYTES = 4
_MAX_DIMS = 4
_NAME = re.compile(r"(-ubyte|\.idx\d?)(\.gz)?$", re.IGNORECASE)
_PIECE_BYTES = 2**24
_GZIP = b"\x1f\x8b"
#: What a damaged gzip file raises.
_DAMAGED = (OSError, EOFError, zlib.error)
_TRAIN = "train"
#: What the name of the test set has where that of the training set has "train".
_TEST_WORDS = ("t10k", "test")


def is_idx(path: Path) -> bool:
    """Whether a file is IDX, by its name (train-images-idx3-ubyte, images.idx, .gz too) or its magic number."""
    if not path.is_file():
        return False
    return _NAME.search(path.name) is not None or _dims_of(path) > 0


def idx_in_folder(path: Path) -> Path | None:
    """The file of training pictures in a folder of IDX files; None where the folder has none."""
    found = [file for file in sorted(path.iterdir()) if _NAME.search(file.name) and _dims_of(file) > 1]
    found.sort(key=lambda file: _TRAIN not in file.name)
    return found[0] if found else None


def read_idx(path: Path, *, wish: Wish) -> Reading:
    """Pictures of an IDX file, labels from the file beside it or from `wish.labels`, the test set beside it too.

    Labels stand in the file that is named like that of the pictures, with `labels` for `images` and `idx1` for `idx3`;
    test pictures in the one with `t10k` or `test` for `train`. Raises DataError for files that are not what they say.
    """
    reading = _read_pair(path, wish.labels or _labels_beside(path), form=wish.form)
    test = _test_beside(path)
    if test is None:
        return reading
    form = Form(*reading.pixels.shape[1:])
    return Reading(
        reading.pixels,
        reading.names,
        reading.labels,
        reading.notices,
        test=_read_pair(test, _labels_beside(test), form=form),
    )


def _read_pair(images: Path, labels: Path | None, *, form: Form | None) -> Reading:
    array = _read_numbers(images)
    if array.ndim < 2:
        raise DataError(
            "an IDX file of pictures has 3 or 4 axes",
            found=f"'{images.name}' has 1, like a file of labels",
            hint=f"the file of the pictures: {images.name.replace('labels', 'images').replace('idx1', 'idx3')}",
        )
    said: list[str] = []
    pixels = to_pixels(array, form=form, said=said)
    words = None if labels is None else _read_labels(labels, n=len(pixels), images=images)
    return Reading(pixels, numbered(len(pixels)), words, tuple(said))


def _read_labels(path: Path, *, n: int, images: Path) -> tuple[str | None, ...]:
    labels = _read_numbers(path)
    if labels.ndim != 1:
        raise DataError(
            "an IDX file of labels has 1 axis",
            found=f"'{path.name}' has {labels.ndim}",
            hint="the file whose name has 'labels-idx1'",
        )
    if len(labels) != n:
        raise DataError(
            "every picture needs one label",
            found=f"'{images.name}' has {n:,} pictures and '{path.name}' has {len(labels):,} labels",
            hint="two files of one set; load a cut one again",
        )
    return words_of_labels(labels, n=n)


def _labels_beside(images: Path) -> Path | None:
    name = images.name.replace("images", "labels").replace("idx3", "idx1")
    return None if name == images.name else _packed_or_not(images.with_name(name))


def _test_beside(images: Path) -> Path | None:
    if _TRAIN not in images.name:
        return None
    names = [images.name.replace(_TRAIN, word) for word in _TEST_WORDS]
    found = [_packed_or_not(images.with_name(name)) for name in names]
    return next((file for file in found if file is not None), None)


def _packed_or_not(path: Path) -> Path | None:
    """The file of this name, or that with or without .gz; None where there is neither."""
    plain = path.with_name(path.name.removesuffix(".gz"))
    return next((file for file in (path, plain, plain.with_name(f"{plain.name}.gz")) if file.is_file()), None)


def _dims_of(path: Path) -> int:
    """How many axes the magic number of a file says; 0 where it has none."""
    try:
        with _opened(path) as file:
            magic = file.read(_MAGIC_BYTES)
    except _DAMAGED:
        return 0
    return _dims(magic)


def _dims(magic: bytes) -> int:
    is_magic = len(magic) == _MAGIC_BYTES and magic[:2] == b"\0\0" and magic[2] in _TYPES
    return magic[3] if is_magic and 1 <= magic[3] <= _MAX_DIMS else 0


def _opened(path: Path) -> gzip.GzipFile | BufferedReader:
    with path.open("rb") as file:
        is_packed = file.read(len(_GZIP)) == _GZIP
    return gzip.open(path) if is_packed else path.open("rb")


def _read_numbers(path: Path) -> npt.NDArray[Any]:
    """The array of a file. Raises DataError for a wrong magic number and a wrong length."""
    if not path.is_file():
        raise DataError("an IDX file must be there", found=f"no file '{path}'", hint="look for a slip in its name")
    try:
        with _opened(path) as file:
            magic = file.read(_MAGIC_BYTES)
            n_dims = _dims(magic)
            if not n_dims:
                raise DataError(
                    "an IDX file starts with a magic number like 0x00000803",
                    found=f"'{path.name}' starts with {f'0x{magic.hex()}' if magic else 'nothing: it is empty'}",
                    hint="load the file again: often it is an error page, or packed twice",
                )
            lengths = file.read(4 * n_dims)
            shape = tuple(int(n) for n in np.frombuffer(lengths[: len(lengths) // 4 * 4], ">u4"))
            dtype = np.dtype(_TYPES[magic[2]])
            n_wanted = math.prod(shape) * dtype.itemsize
            body = _read_up_to(file, n_wanted + 1)
    except PermissionError as error:
        raise DataError("the file must be readable", found=f"'{path}': {error.strerror}", hint="chmod +r") from None
    except _DAMAGED as error:
        raise DataError(
            "a .gz file must be whole", found=f"'{path.name}' is cut or damaged ({error})", hint="load it again"
        ) from None
    if len(body) != n_wanted or len(shape) != n_dims:
        spoken = " x ".join(f"{n:,}" for n in shape)
        found = f"{len(body):,}" if len(body) <= n_wanted else "more"
        raise DataError(
            "an IDX file must be as long as its head says",
            found=f"'{path.name}' says {spoken} numbers, that is {n_wanted:,} bytes after the head, and has {found}",
            hint="load the file again: it was cut, or is no IDX file",
        )
    return np.frombuffer(body, dtype).reshape(shape)


def _read_up_to(file: gzip.GzipFile | BufferedReader, n: int) -> bytearray:
    """Up to n bytes, in pieces, as a damaged head may ask for more than any memory holds."""
    body = bytearray()
    while len(body) < n and (piece := file.read(min(n - len(body), _PIECE_BYTES))):
        body += piece
    return body
