"""Picture files become one array: a form that suits them is chosen from their headers, then all are decoded into it."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from firesteel.data.pictures import Form, Pixels
from firesteel.data.rasters import BrokenPictureError, Header, fitted_size, read_header, read_raster, ready_to_decode

PICTURE_ENDINGS = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".gif"})
#: Larger pictures are scaled down until their longest side has this many pixels, the input of most picture nets.
MAX_SIDE = 224
#: From here on Pillow spends most of its time outside Python's lock and threads pay: two of them on 2 cores took 146 us
#: for a PNG of 32 x 32 where one took 69 us, and 246 us for one of 128 x 128 where one took 505 us. Processes would
#: quicken the small ones too, but starting them costs what they save, and scripts without a `__main__` guard break.
_THREADS_FROM_PIXELS, _THREADS_FROM_BYTES = 96 * 96, 2**16
_FILES_AT_ONCE, _FILES_OF_A_THREAD = 256, 16
_ROWS_AT_ONCE = 1024
_N_NAMED = 3

T = TypeVar("T")
#: Told how many of how many files are done.
Observer = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class PictureFile:
    """A file that is read as a picture."""

    name: str  # for people: relative to the folder that was asked for, always valid Unicode
    path: str  # absolute
    stamp: tuple[int, ...]  # bytes, time of the last write, time of the last change of any kind (nanoseconds)

    @property
    def n_bytes(self) -> int:
        return self.stamp[0]


@dataclass(frozen=True)
class Decoded:
    """The pixels of all files that could be decoded, and what happened to them."""

    pixels: Pixels  # (n_files - n_broken, h, w, c)
    broken: tuple[tuple[int, str], ...] = ()  # (place among the files, why), in order
    n_fitted: int = 0  # of another size, or of another aspect if they were too large
    n_shrunk: int = 0  # larger than MAX_SIDE
    is_grey_in_colour: bool = False  # stored as colours, all of them grey

    def notices(self, files: Sequence[PictureFile]) -> tuple[str, ...]:
        """What a user should know, as sentences."""
        n, (_, height, width, _) = len(self.pixels), self.pixels.shape
        size, plural, said = f"{height} x {width}", f"{n:,} picture{'s' if n != 1 else ''}", []
        if self.broken:
            verb = "is" if len(self.broken) == 1 else "are"
            named = spoken_broken(self.broken, files)
            said.append(f"{len(self.broken):,} of {len(files):,} files {verb} broken and left out: {named}")
        if self.n_shrunk:
            verb = f"{'is' if self.n_shrunk == 1 else 'are'} larger than {MAX_SIDE} pixels"
            said.append(f"{self.n_shrunk:,} of {plural} {verb}; the form is {size} (height x width)")
        if self.n_fitted:
            verb = "has another size and was" if self.n_fitted == 1 else "have another size and were"
            said.append(f"{self.n_fitted:,} of {plural} {verb} fitted to {size}")
        if self.is_grey_in_colour:
            said.append("all pictures are grey although they are stored as colours; they are read as grey")
        return tuple(said)


def spoken_broken(broken: Sequence[tuple[int, str]], files: Sequence[PictureFile]) -> str:
    """The first broken files by name, each with the reason."""
    named = ", ".join(f"'{files[place].name}' ({why})" for place, why in broken[:_N_NAMED])
    return named + (f" and {len(broken) - _N_NAMED:,} more" if len(broken) > _N_NAMED else "")


def read_headers(files: Sequence[PictureFile], *, observer: Observer | None = None) -> list[Header]:
    """What each file is, and the hash of its content. Every file is read whole, none is decoded."""

    def look(place: int) -> Header:
        return read_header(files[place].path, n_bytes=files[place].n_bytes)

    is_heavy = _mean(file.n_bytes for file in files) >= _THREADS_FROM_BYTES
    with ready_to_decode():
        return _each(look, len(files), is_heavy=is_heavy, observer=observer)


def choose_form(headers: Iterable[Header]) -> Form:
    """The commonest size of the pictures (scaled down to MAX_SIDE), grey if all are.

    Of several commonest ones it is that whose sides differ least, in ratio, from the median sides.
    """
    readable = [header for header in headers if header.why is None]
    counts = Counter(_capped(header) for header in readable)
    if not counts:
        return Form(1, 1, 1)
    most = max(counts.values())
    middle = np.log(np.median(list(counts.elements()), axis=0))
    commonest = sorted(size for size, count in counts.items() if count == most)
    height, width = min(commonest, key=lambda size: float(np.abs(np.log(size) - middle).sum()))
    return Form(height, width, 1 if all(header.is_grey for header in readable) else 3)


def decode_files(
    files: Sequence[PictureFile],
    headers: Sequence[Header],
    *,
    form: Form | None,
    make_room: Callable[[tuple[int, ...]], Pixels] = lambda shape: np.empty(shape, np.uint8),
    observer: Observer | None = None,
) -> Decoded:
    """All files in one array, in their order, without those that are broken.

    `form` None: chosen from the headers. `make_room(shape)` gives the array that is filled; the pixels are its front.
    """
    wished = form or choose_form(headers)
    fine = [place for place, header in enumerate(headers) if header.why is None]
    pixels = make_room((len(fine), *wished.shape))
    has_colour = form is not None or wished.channels == 1

    def decode(row: int) -> str | None:
        nonlocal has_colour
        try:
            raster = read_raster(files[fine[row]].path, form=wished)
        except BrokenPictureError as error:
            return str(error)
        pixels[row] = raster
        has_colour = has_colour or bool((raster != raster[..., :1]).any())
        return None

    is_heavy = _mean(headers[place].height * headers[place].width for place in fine) >= _THREADS_FROM_PIXELS
    with ready_to_decode():
        failures = _each(decode, len(fine), is_heavy=is_heavy, observer=observer)
    kept = [row for row, why in enumerate(failures) if why is None]
    broken = {place: header.why for place, header in enumerate(headers) if header.why is not None}
    broken |= {place: why for place, why in zip(fine, failures, strict=True) if why is not None}
    n_fitted, n_shrunk = _count_sizes([headers[fine[row]] for row in kept], wished, is_chosen=form is None)
    is_grey_in_colour = not has_colour and bool(kept)
    pixels = _pack(pixels, kept, n_channels=1 if is_grey_in_colour else wished.channels)
    return Decoded(pixels, tuple(sorted(broken.items())), n_fitted, n_shrunk, is_grey_in_colour)


def _each(
    work: Callable[[int], T], n: int, *, is_heavy: bool, observer: Observer | None
) -> list[T]:  # in threads where the work is heavy
    step = _FILES_OF_A_THREAD if is_heavy else _FILES_AT_ONCE

    def some(start: int) -> list[T]:
        return [work(place) for place in range(start, min(start + step, n))]

    results: list[T] = []
    with ThreadPoolExecutor(_n_cores()) as pool:
        parts = pool.map(some, range(0, n, step)) if is_heavy else map(some, range(0, n, step))
        for part in parts:
            results += part
            if observer is not None:
                observer(len(results), n)
    return results


def _n_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _mean(numbers: Iterable[int]) -> float:
    values = list(numbers)
    return sum(values) / max(1, len(values))


def _capped(header: Header) -> tuple[int, int]:
    if max(header.height, header.width) <= MAX_SIDE:
        return header.height, header.width
    return fitted_size(header.height, header.width, Form(MAX_SIDE, MAX_SIDE, 1))


def _count_sizes(headers: Iterable[Header], form: Form, *, is_chosen: bool) -> tuple[int, int]:
    """How many pictures were fitted, and how many shrunk because no form as large as they are is chosen."""
    counts = Counter((header.height, header.width, *_capped(header)) for header in headers)
    if not is_chosen:
        return sum(n for (*size, _, _), n in counts.items() if tuple(size) != (form.height, form.width)), 0
    n_fitted = sum(n for (_, _, *size), n in counts.items() if tuple(size) != (form.height, form.width))
    return n_fitted, sum(n for size, n in counts.items() if size[:2] != size[2:])


def _pack(pixels: Pixels, kept: Sequence[int], *, n_channels: int) -> Pixels:
    """The kept rows and channels moved to the front of the same memory, as files may be larger than what is free."""
    n, height, width, n_stored = pixels.shape
    if len(kept) == n and n_channels == n_stored:
        return pixels
    packed = pixels.reshape(-1)[: len(kept) * height * width * n_channels]
    packed = packed.reshape(len(kept), height, width, n_channels)
    for start in range(0, len(kept), _ROWS_AT_ONCE):
        rows = kept[start : start + _ROWS_AT_ONCE]
        packed[start : start + len(rows)] = pixels[rows][..., :n_channels]
    return packed
