"""Pictures as texts of a record: PNG in base64, decoded only after their header is looked at.

So a record from a stranger cannot make a small text a large picture.
"""

from __future__ import annotations

import base64
import io
import struct
import warnings
import zlib
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Bytes: TypeAlias = NDArray[np.uint8]

_SIGNATURE, _HEADER = b"\x89PNG\r\n\x1a\n", struct.Struct(">4sIIBB")  # "IHDR", width, height, bit depth, colour
_CHANNELS = {0: 1, 2: 3}  # PNG's colour types: grey, RGB


def to_png(pixels: Bytes) -> str:
    """The base64 text of (h, w), (h, w, 1) or (h, w, 3)."""
    from PIL import Image

    target = io.BytesIO()
    Image.fromarray(pixels[..., 0] if pixels.shape[2:] == (1,) else pixels).save(target, format="PNG", optimize=True)
    return base64.b64encode(target.getvalue()).decode("ascii")


def from_png(text: str, *, max_side: int) -> Bytes:
    """(h, w, c) of such a text. Raises ValueError for what is none, or larger."""
    from PIL import Image

    if len(text) > 2 * 3 * max_side**2 + 1000:
        raise ValueError("a picture of the report is too long")
    content = base64.b64decode(text, validate=True)
    start = len(_SIGNATURE) + 4
    if not content.startswith(_SIGNATURE) or len(content) < start + _HEADER.size:
        raise ValueError("a picture of the report is no PNG")
    kind, width, height, depth, colour = _HEADER.unpack_from(content, start)
    if kind != b"IHDR" or depth != 8 or colour not in _CHANNELS or not (0 < max(width, height) <= max_side):
        raise ValueError(f"a picture of the report is {width} x {height} of colour type {colour}")
    bombs = (Image.DecompressionBombError, Image.DecompressionBombWarning)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            opened = Image.open(io.BytesIO(content), formats=["PNG"])
            if opened.size != (width, height):  # a second header
                raise ValueError(f"a picture of the report is {opened.size}")
            pixels = np.array(opened, dtype=np.uint8)
    except (*bombs, OSError, SyntaxError, EOFError, struct.error, zlib.error) as error:
        raise ValueError(f"a picture of the report is damaged: {error}") from None
    return pixels.reshape(height, width, _CHANNELS[colour])


def as_picture(value: Any, *, max_side: int) -> Bytes:
    """An array (h, w, c), or the text of one, of a size that a report has."""
    pixels = from_png(value, max_side=max_side) if isinstance(value, str) else value
    if not isinstance(pixels, np.ndarray) or pixels.dtype != np.uint8:
        raise ValueError("a picture of the report must be a text or bytes")
    if pixels.ndim != 3 or pixels.shape[2] not in (1, 3) or min(pixels.shape[:2]) == 0:
        raise ValueError(f"a picture of the report is {pixels.shape}")
    if max(pixels.shape[:2]) > max_side:
        raise ValueError(f"a picture of the report is larger than {max_side} pixels")
    return pixels


def as_grey(value: Any, *, max_side: int) -> Bytes:
    """An array (h, w), or the text of one."""
    pixels = as_picture(value[..., None] if isinstance(value, np.ndarray) else value, max_side=max_side)
    if pixels.shape[2] != 1:
        raise ValueError("a map of the report must be grey")
    return pixels[..., 0]
