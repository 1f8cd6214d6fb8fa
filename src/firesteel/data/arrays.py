"""Pictures from arrays: their layout and their range of numbers understood, their labels as words."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from firesteel.data.frames import arrays_to_table, frame_to_table, is_pandas, pandas_to_frame
from firesteel.data.pictures import Form, Pixels, Reading, Wish, numbered
from firesteel.data.rasters import fit_image
from firesteel.data.values import as_words
from firesteel.errors import DataError

Numbers = npt.NDArray[Any]

#: Grey, RGB, RGBA.
_CHANNELS = (1, 3, 4)
_N_DIMS = (3, 4)
_BRIGHTEST = 255
#: Pictures whose numbers are changed at once.
_ROWS_AT_ONCE = 2_048


#: Labels that fit into 64 bits.
_WHOLE = re.compile(r"-?\d{1,18}")


def is_picture_array(source: Any) -> bool:
    """Whether it is an array or a tensor of 3 or 4 axes, a list of equal pictures, or a tuple of such and labels."""
    if isinstance(source, tuple) and _is_with_labels(source):
        source = source[0]
    if isinstance(source, list | tuple):
        return (
            bool(source)
            and _n_dims(source[0]) in (2, 3)
            and all(np.shape(one) == np.shape(source[0]) for one in source)
        )
    return (hasattr(source, "__array__") or hasattr(source, "detach")) and _n_dims(source) in _N_DIMS


def read_arrays(source: Any, y: Any = None, *, wish: Wish) -> Reading:
    """Pictures `(n, h, w)`, `(n, c, h, w)` or `(n, h, w, c)`, c 1, 3 or 4; y `(n,)` are labels.

    uint8, bool, whole numbers 0 to 255, floats 0 to 1 or 0 to 255; alpha is put on white. One picture `(h, w, 3)` is
    understood, too. Raises DataError for other shapes, numbers outside these ranges, and labels of another length.
    """
    if isinstance(source, tuple) and _is_with_labels(source):
        source, y = source[0], source[1] if y is None else y
    said: list[str] = []
    pixels = to_pixels(_as_array(source), form=wish.form, said=said, has_labels=y is not None)
    labels = None if y is None else words_of_labels(y, n=len(pixels))
    is_whole = labels is not None and all(word is None or _WHOLE.fullmatch(word) for word in labels)
    is_number = getattr(getattr(y, "dtype", None), "kind", "") in "iuf"  # NumPy's; others keep words
    return Reading(pixels, numbered(len(pixels)), labels, tuple(said), has_whole_labels=is_whole and is_number)


def to_pixels(array: Numbers, *, form: Form | None, said: list[str], has_labels: bool = True) -> Pixels:
    """Pixels `(n, h, w, 1 or 3)` of an array of pictures, fitted to a form; what was assumed is told to `said`."""
    if array.dtype.kind not in "biuf":
        raise DataError(
            "pictures must be numbers",
            found=f"their dtype is {array.dtype}",
            hint="X.astype(np.uint8), values 0 to 255",
        )
    pictures = _laid_out(array, form=form, said=said, has_labels=has_labels)
    pixels = _without_alpha(_scaled(pictures, said))
    if form is not None and pixels.shape[1:] != form.shape:
        said.append(f"pictures of {pixels.shape[1]} x {pixels.shape[2]} were fitted to {form.height} x {form.width}")
        pixels = fit_array(pixels, form)
    return pixels


def fit_array(pixels: Pixels, form: Form) -> Pixels:
    """Pixels `(n, h, w, c)` in a form, as picture files are fitted: aspect kept, padded with the border's median."""
    if pixels.shape[1:] == form.shape:
        return pixels
    from PIL import Image

    mode = "L" if form.channels == 1 else "RGB"
    fitted = np.empty((len(pixels), *form.shape), np.uint8)
    for i, one in enumerate(pixels):
        image = Image.fromarray(one[..., 0] if one.shape[2] == 1 else np.ascontiguousarray(one))
        fitted[i] = fit_image(image if image.mode == mode else image.convert(mode), form)
    return fitted


def words_of_labels(y: Any, *, n: int) -> tuple[str | None, ...]:
    """Labels `(n,)` of any type as words, whole floats as whole numbers; None where one is missing.

    Raises DataError for another shape or length.
    """
    if isinstance(y, pl.Series) or is_pandas(y):  # these may have missing labels
        frame = y.to_frame() if isinstance(y, pl.Series) else pandas_to_frame(y)
        table = frame_to_table(frame, name="labels")
    else:
        table = arrays_to_table(_as_array(y))
    if table.frame.width != 1:
        raise DataError(
            "every picture needs one label",
            found=f"the labels have {table.frame.width:,} columns",
            hint="y.argmax(1)     for one column a class",
        )
    labels = table.frame.to_series()
    if len(labels) != n:
        raise DataError(
            "every picture needs one label",
            found=f"there are {n:,} pictures and {len(labels):,} labels",
            hint="print(X.shape, y.shape)     and look where they were lost",
        )
    return tuple(as_words(labels).to_list())


def _is_with_labels(source: tuple[Any, ...]) -> bool:
    """Whether it is (X, y): axes of pictures, and beside them one axis of labels."""
    return len(source) == 2 and _n_dims(source[0]) in _N_DIMS and _n_dims(source[1]) == 1


def _n_dims(source: Any) -> int:
    """Axes of an array or of nested lists; 0 for what is none, or ragged."""
    if hasattr(source, "shape"):
        return len(source.shape)
    try:
        return np.ndim(source) if isinstance(source, list | tuple) else 0
    except ValueError:
        return 0


def _as_array(source: Any) -> Numbers:
    if hasattr(source, "detach"):  # a torch tensor; torch need not be imported to know it
        source = source.detach().cpu()
        source = (source.float() if str(source.dtype) == "torch.bfloat16" else source).numpy()
    return np.asarray([_as_array(one) for one in source] if isinstance(source, list | tuple) else source)


def _laid_out(array: Numbers, *, form: Form | None, said: list[str], has_labels: bool) -> Numbers:
    """The array as (n, h, w, c)."""
    shape = array.shape
    if 0 in shape[1:] or len(shape) not in _N_DIMS:
        raise _strange_shape(shape)
    if len(shape) == 3:
        if not has_labels and shape[2] in _CHANNELS[1:] and min(shape[:2]) > max(_CHANNELS):
            said.append(f"an array {shape} without labels is taken for one picture of {shape[0]} x {shape[1]}")
            return array[None]
        return array[..., None]
    first, last = shape[1] in _CHANNELS, shape[3] in _CHANNELS
    if not first and not last:
        raise _strange_shape(shape)
    if first and last:
        last = form is None or shape[2:] != (form.height, form.width)
        said.append(f"in the array {shape} channels could be axis 1 or 3: axis {3 if last else 1} is taken")
    return array if last else np.moveaxis(array, 1, 3)


def _strange_shape(shape: tuple[int, ...]) -> DataError:
    return DataError(
        "arrays of pictures must be (n, h, w), (n, c, h, w) or (n, h, w, c) with 1, 3 or 4 channels c",
        found=f"the shape is {shape}",
        hint="X.reshape(len(X), 28, 28)     for rows of 784 grey pixels",
    )


def _scaled(pictures: Numbers, said: list[str]) -> Pixels:
    """The array as grey levels 0 to 255."""
    if not pictures.size or (pictures.dtype == np.uint8 and int(pictures.max()) > 1):
        return pictures.astype(np.uint8, copy=False)
    low, high = _range(pictures)
    factor = 1
    if pictures.dtype.kind == "b" or high <= 1:
        factor = _BRIGHTEST
        if pictures.dtype.kind != "b":
            said.append(f"pixels from {low:g} to {high:g} are taken for 0 (black) to 1 (white)")
    pixels = np.empty(pictures.shape, np.uint8)
    for start in range(0, len(pictures), _ROWS_AT_ONCE):
        part = pictures[start : start + _ROWS_AT_ONCE]
        pixels[start : start + _ROWS_AT_ONCE] = np.rint(part * np.float32(factor))
    return pixels


def _range(pictures: Numbers) -> tuple[float, float]:
    """The smallest and largest number. Raises DataError where they are no grey levels."""
    low, high = float(pictures.min()), float(pictures.max())
    if not (np.isfinite(low) and np.isfinite(high)):
        n_nan, n_infinite = int(np.isnan(pictures).sum()), int(np.isinf(pictures).sum())
        raise DataError(
            "pixels must be numbers", found=f"{n_nan:,} are NaN and {n_infinite:,} infinite", hint="np.nan_to_num(X)"
        )
    if low < 0 or high > _BRIGHTEST:
        n_outside = int(((pictures < 0) | (pictures > _BRIGHTEST)).sum())
        hint = "(X + 1) / 2" if low >= -1 and high <= 1 else "(X - X.min()) / (X.max() - X.min())"
        raise DataError(
            "pixels must be from 0 to 1 or from 0 to 255",
            found=f"they are from {low:g} to {high:g}, {n_outside:,} of {pictures.size:,} are outside",
            hint=hint,
        )
    return low, high


def _without_alpha(pixels: Pixels) -> Pixels:
    """RGBA on white as RGB; others as they are."""
    if pixels.shape[3] < max(_CHANNELS):
        return pixels
    flat = np.empty((*pixels.shape[:3], 3), np.uint8)
    for start in range(0, len(pixels), _ROWS_AT_ONCE):
        part = pixels[start : start + _ROWS_AT_ONCE].astype(np.float32)
        alpha = part[..., 3:] / _BRIGHTEST
        flat[start : start + _ROWS_AT_ONCE] = np.rint(part[..., :3] * alpha + _BRIGHTEST * (1 - alpha))
    return flat
