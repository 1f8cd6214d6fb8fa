"""One picture file: what its header says, and its pixels in a wished form."""

from __future__ import annotations

import hashlib
import io
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import numpy.typing as npt

from firesteel.data.pictures import Form, Pixels

if TYPE_CHECKING:
    from PIL.Image import Image

#: Formats that are tried whatever a file's ending is; others (PostScript, PDF) would start foreign programs.
_FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF")
#: Files up to here are read at once; longer ones are hashed in pieces.
_READ_BYTES = 16 * 2**20
#: What Pillow raises of damaged bytes: OSError, SyntaxError and ValueError were seen when bytes of files of all formats
#: were flipped (27,000 files); the others are what parsers raise when they trust a number in a file.
_BROKEN = (
    OSError, EOFError, SyntaxError, ValueError, TypeError, LookupError, ArithmeticError, AttributeError, RuntimeError,
    struct.error, zlib.error, MemoryError,
)  # fmt: skip
#: Said where a file may be read another time.
NO_MEMORY = "too large for the memory"
_ORIENTATION = 0x0112  # the EXIF tag
_SIDEWAYS = 5  # from this orientation on height and width change places
#: Names of PIL.Image.Transpose that turn a picture of this EXIF orientation upright.
_TURNS = {
    2: "FLIP_LEFT_RIGHT", 3: "ROTATE_180", 4: "FLIP_TOP_BOTTOM", 5: "TRANSPOSE",
    6: "ROTATE_270", 7: "TRANSVERSE", 8: "ROTATE_90",
}  # fmt: skip
_GREY_MODES = ("1", "L", "LA", "La", "I", "F")  # and every "I;16"
_DEEP_MAX = 2**16 - 1
#: How much larger than asked a quick first step of shrinking stays, so that the second one still averages.
_REDUCING_GAP, _DRAFT_GAP = 2.0, 2


class BrokenPictureError(Exception):
    """A file whose pixels cannot be had; the message says why in a few words."""


@dataclass(frozen=True, slots=True)
class Header:
    """What a file is before it is decoded; `why` says why it cannot be."""

    digest: bytes  # SHA-256 of the whole file
    height: int = 0
    width: int = 0
    is_grey: bool = False
    why: str | None = None


@contextmanager
def ready_to_decode() -> Iterator[None]:
    """Makes Pillow load its formats, refuse decompression bombs, and keep its other remarks to itself.

    Warning filters belong to the process, so this stands around all threads that decode.
    """
    from PIL import Image

    Image.init()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL\.")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


def read_header(path: str, *, n_bytes: int) -> Header:
    """The header of a file of `n_bytes`, and the hash of its content (so all of it is read)."""
    try:
        with Path(path).open("rb") as file:
            source, digest = _hashed(file, n_bytes=n_bytes)
            try:
                with _opened(source) as image:
                    height, width = image.height, image.width
                    if _orientation(image) >= _SIDEWAYS:
                        height, width = width, height
                    return Header(digest, height, width, is_grey=_is_grey(image))
            except BrokenPictureError as error:
                return Header(digest, why=str(error))
    except OSError as error:
        return Header(b"unreadable", why=_system_words(error))


def _hashed(file: io.BufferedReader, *, n_bytes: int) -> tuple[BinaryIO, bytes]:
    if n_bytes <= _READ_BYTES:
        content = file.read()
        return io.BytesIO(content), hashlib.sha256(content).digest()
    digest = hashlib.file_digest(file, "sha256").digest()
    file.seek(0)
    return file, digest


def read_raster(path: str, *, form: Form) -> Pixels:
    """The pixels `(h, w, c)` of a file's first frame in a form, upright, any transparency on white.

    Raises BrokenPictureError.
    """
    try:
        with Path(path).open("rb") as file, _opened(file) as image:
            return _pixels(image, form)
    except OSError as error:
        raise BrokenPictureError(_system_words(error)) from None


def fit_image(image: Image, form: Form) -> Pixels:
    """A picture of mode L or RGB in a form's height and width `(h, w, c)`.

    It is scaled to fit with its aspect kept, and what stays free around it gets the median grey (for each channel) of
    its own border, so that no edge appears where the picture ends.
    """
    from PIL.Image import Resampling

    height, width = fitted_size(image.height, image.width, form)
    if image.size != (width, height):
        image = image.resize((width, height), Resampling.BILINEAR, reducing_gap=_REDUCING_GAP)
    pixels = np.asarray(image).reshape(height, width, form.channels)
    if (height, width) == (form.height, form.width):
        return pixels
    border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    padded = np.empty(form.shape, np.uint8)
    padded[:] = np.median(border, axis=0).round()
    top, left = (form.height - height) // 2, (form.width - width) // 2
    padded[top : top + height, left : left + width] = pixels
    return padded


def fitted_size(height: int, width: int, form: Form) -> tuple[int, int]:
    """The largest height and width of the same aspect that a form holds, at least 1."""
    scale = min(form.height / height, form.width / width)
    return max(1, round(height * scale)), max(1, round(width * scale))


@contextmanager
def _opened(source: BinaryIO) -> Iterator[Image]:
    """The picture, not decoded yet; what goes wrong with it in the block becomes a BrokenPictureError."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(source, formats=_FORMATS) as image:
            yield image
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise BrokenPictureError(f"more than {Image.MAX_IMAGE_PIXELS or 0:,} pixels are refused") from None
    except UnidentifiedImageError:
        is_empty = not source.seek(0, io.SEEK_END)
        raise BrokenPictureError("empty" if is_empty else "no picture") from None
    except _BROKEN as error:
        raise BrokenPictureError(_spoken(error)) from None


def _system_words(error: OSError) -> str:
    return (error.strerror or str(error)).lower()


def _spoken(error: BaseException) -> str:
    if isinstance(error, _StrangePixelsError):
        return str(error)
    return NO_MEMORY if isinstance(error, MemoryError) else "damaged or cut short"


def _is_grey(image: Image) -> bool:
    return image.mode in _GREY_MODES or image.mode.startswith("I;16")


def _orientation(image: Image) -> int:
    """EXIF orientation, 1 (upright) where there is none; TIFF files are turned by Pillow itself."""
    if "exif" not in image.info:
        return 1
    try:
        number: Any = image.getexif().get(_ORIENTATION)
    except _BROKEN:
        return 1
    return number if number in _TURNS else 1


def _pixels(image: Image, form: Form) -> Pixels:
    mode = "L" if form.channels == 1 else "RGB"
    if image.mode == mode and image.size == (form.width, form.height) and not image.info:  # nearly all of most sets
        return np.asarray(image).reshape(form.shape)
    if image.format in ("JPEG", "MPO"):  # decoded at an eighth to a half where that is enough: many times quicker
        side = _DRAFT_GAP * max(form.height, form.width)
        image.draft(None, (side, side))
    image.load()
    turn = _TURNS.get(_orientation(image))
    flat = _flat(image, mode)
    if turn is not None:
        from PIL.Image import Transpose

        flat = flat.transpose(Transpose[turn])
    return fit_image(flat, form)


def _flat(image: Image, mode: str) -> Image:
    """The picture in mode L or RGB, any transparency on white."""
    import PIL.Image

    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        image = PIL.Image.fromarray(_to_bytes(np.asarray(image), is_deep=image.mode.startswith("I;16")))
    elif image.has_transparency_data:
        image = image.convert("RGBA")
        image = PIL.Image.alpha_composite(PIL.Image.new("RGBA", image.size, "white"), image)
    elif image.mode == "LAB":
        raise _StrangePixelsError("colours in Lab, which are not supported")
    return image if image.mode == mode else image.convert(mode)


class _StrangePixelsError(ValueError):
    """Pixels that are no grey levels and no colours we know; the message says what they are."""


def _to_bytes(grey: npt.NDArray[Any], *, is_deep: bool) -> Pixels:
    """Grey levels of more than 8 bits as 0 to 255.

    16 bits are scaled from 0..65535, always, so that pictures stay comparable. Files of 32 bits do not say their range:
    up to 1 (fractions), 255 or 65535 it is taken for that, else for the smallest to the largest value of the picture.
    """
    if is_deep:
        return (grey.astype(np.uint16) // ((_DEEP_MAX + 1) // 256)).astype(np.uint8)
    levels = grey.astype(np.float64)
    if not np.isfinite(levels).all():
        raise _StrangePixelsError("pixels that are NaN or infinite")
    low, high = float(levels.min()), float(levels.max())
    if low >= 0 and high <= _DEEP_MAX:
        is_fraction = grey.dtype.kind == "f" and high <= 1
        low, high = 0.0, 1.0 if is_fraction else 255.0 if high <= 255 else float(_DEEP_MAX)
    return ((levels - low) * (255 / ((high - low) or 1.0))).round().astype(np.uint8)
