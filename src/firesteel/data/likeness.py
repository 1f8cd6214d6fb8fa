"""Which pictures are equal, or nearly so.

Two pictures are nearly equal when they differ little for their contrast: the distance of two pictures is the root mean
square of the differences of their pixels, divided by the smaller of their standard deviations. Nearest neighbours that
are different pictures were measured beside copies of a picture, at up to FINE pixels a side:

    two different digits of 60,000 of MNIST     0.134 and more (two straight strokes), 0.22 and more for those but "1"
    two different photos of 259 of 64 x 64      0.73 and more
    a photo with +-2 grey levels of noise       0.05 and less
    a photo brighter by 2 grey levels           0.08 and less for 99 of 100
    a photo as JPEG of quality 75               0.10 in the median, 0.25 for 99 of 100
    a photo shrunk to 3/4 and back              0.10 in the median, 0.21 for 99 of 100

Strokes of digits lie as near to each other as copies of photos do, so that one limit cannot serve both: below NEAR a
pair is taken in any case, up to LOOSE only where it is far nearer than neighbours are in this set.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

#: Distances, as above. A pair beyond NEAR must also be at RATIO of the distance, in the coarse, of the neighbour number
#: RANK among SAMPLE pictures of the set: so 3 pairs of "1" of 60,000 digits are taken for one; at 0.25 it is hundreds.
NEAR, LOOSE = 0.12, 0.35
RATIO, RANK, SAMPLE = 0.1, 8, 512
#: Pixels a side for the search and for the last word.
COARSE, FINE = 8, 32
#: Less contrast than this many grey levels counts as this much, or noise on a blank sheet would be contrast.
_LEAST_CONTRAST = 8.0
#: The perceptual hash: signs of the principal components of the coarse picture, in BANDS keys of BITS (signs of grey
#: differences, the usual hash, are noise on blank paper). Pairs up to WINDOW places from each other in the order of one
#: key are compared: so the work is bounded, whatever the pictures are.
_BANDS, _BITS, _WINDOW = 4, 14, 6
#: Of the pairs of one step through one order so many (or a quarter of the pictures), the nearest, get a close look.
_CLOSE_LOOKS = 5_000
#: Up to here every pair is compared.
_ALL_PAIRS = 1_500
_CHUNK_NUMBERS = 2_000_000

Floats = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]


def find_units(parts: Sequence[npt.NDArray[np.uint8]]) -> list[Rows]:
    """A number for each picture `(n, h, w, c)` of each part; equal and nearly equal ones have the same in all parts.

    Numbers are given in the order of first appearance. Every part has pictures of one form.
    """
    assert len({part.shape[1:] for part in parts}) == 1, "pictures of one form"
    first, different = _find_equal(parts)
    unit_of = _join_near(_Different(parts, different))
    units = _in_order(unit_of[first])
    return np.split(units, np.cumsum([len(part) for part in parts])[:-1])


def _find_equal(parts: Sequence[npt.NDArray[np.uint8]]) -> tuple[Rows, Rows]:
    """For each picture the number of its equals, and for each number the first row that has it."""
    numbers: dict[bytes, int] = {}
    rows: list[int] = []
    every = (picture for part in parts for picture in part)
    equal = np.fromiter(
        (numbers.setdefault(hashlib.blake2b(one.tobytes(), digest_size=16).digest(), len(numbers)) for one in every),
        np.int64,
    )
    seen = -1
    for row, number in enumerate(equal.tolist()):
        if number > seen:
            rows.append(row)
            seen = number
    return equal, np.array(rows, np.int64)


class _Different:
    """The pictures of which no two are equal: shrunken to a coarse grey, and finer on demand."""

    def __init__(self, parts: Sequence[npt.NDArray[np.uint8]], rows: Rows) -> None:
        self._parts, self._rows = parts, rows
        self._starts = np.cumsum([0, *(len(part) for part in parts)])
        self.n = len(rows)
        self.coarse = np.empty((self.n, COARSE * COARSE), np.float32)
        self.contrast = np.empty(self.n, np.float32)
        for chunk in self._chunks():
            pixels = self._pixels(chunk)
            flat = pixels.reshape(len(pixels), -1)
            mean = flat.mean(1)
            square = np.einsum("ij,ij->i", flat, flat) / flat.shape[1]
            self.contrast[chunk] = np.sqrt(np.maximum(square - mean**2, 0))
            self.coarse[chunk] = _shrink(pixels.mean(3, keepdims=True), COARSE, COARSE).reshape(len(pixels), -1)
        self.contrast = np.maximum(self.contrast, _LEAST_CONTRAST)

    def far_apart(self, a: Rows, b: Rows) -> Floats:
        """The distance of each pair, all channels, at up to FINE pixels a side."""
        _, height, width, _ = self._parts[0].shape
        d = min(height, FINE) * min(width, FINE) * self._parts[0].shape[3]
        gaps = np.empty(len(a), np.float32)
        step = max(1, _CHUNK_NUMBERS // int(np.prod(self._parts[0].shape[1:])))
        for start in range(0, len(a), step):
            part = slice(start, start + step)
            gap = self._fine(a[part]) - self._fine(b[part])
            gaps[part] = np.sqrt(np.einsum("ij,ij->i", gap, gap) / d)
        gaps /= np.minimum(self.contrast[a], self.contrast[b])
        return gaps

    def _fine(self, rows: Rows) -> Floats:
        pixels = self._pixels(rows)
        return _shrink(pixels, min(FINE, pixels.shape[1]), min(FINE, pixels.shape[2])).reshape(len(rows), -1)

    def _chunks(self) -> Iterator[Rows]:
        step = max(1, _CHUNK_NUMBERS // int(np.prod(self._parts[0].shape[1:])))
        for start in range(0, self.n, step):
            yield np.arange(start, min(start + step, self.n))

    def _pixels(self, chunk: Rows) -> Floats:
        rows = self._rows[chunk]
        pixels = np.empty((len(rows), *self._parts[0].shape[1:]), np.float32)
        for part, start, end in zip(self._parts, self._starts[:-1], self._starts[1:], strict=True):
            here = (rows >= start) & (rows < end)
            pixels[here] = part[rows[here] - start]
        return pixels


def _shrink(pixels: Floats, height: int, width: int) -> Floats:
    """Pictures (n, h, w, c) as (n, height, width, c), each pixel the mean of what it covers."""
    n, h, w, c = pixels.shape
    if (h, w) == (height, width):
        return pixels
    tall = np.matmul(_means(h, height), pixels.reshape(n, h, w * c)).reshape(n, height, w, c)
    wide: Floats = np.matmul(_means(w, width), tall)
    return wide


def _means(n_in: int, n_out: int) -> Floats:
    """A matrix (n_out, n_in): each output the mean of an equal share of the inputs."""
    edges, i = np.linspace(0, n_in, n_out + 1), np.arange(n_in)
    share = np.minimum(edges[1:, None], i + 1) - np.maximum(edges[:-1, None], i)
    means: Floats = (np.clip(share, 0, None) * (n_out / n_in)).astype(np.float32)
    return means


def _join_near(pictures: _Different) -> Rows:
    """For each picture one of its group."""
    group = list(range(pictures.n))
    limits = _limits(pictures)
    for a, b, gaps in _candidates(pictures):
        may_be = gaps <= np.maximum(NEAR, np.minimum(limits[a], limits[b]))
        a, b, gaps = _nearest(a[may_be], b[may_be], gaps[may_be], n=max(_CLOSE_LOOKS, pictures.n // 4))
        fine = pictures.far_apart(a, b)
        same = (fine <= NEAR) | ((fine <= LOOSE) & (gaps <= np.minimum(limits[a], limits[b])))
        for i, j in zip(a[same].tolist(), b[same].tolist(), strict=True):
            group[_root(group, i)] = _root(group, j)
    return np.array([_root(group, i) for i in range(pictures.n)], np.int64)


def _nearest(a: Rows, b: Rows, gaps: Floats, *, n: int) -> tuple[Rows, Rows, Floats]:
    if len(gaps) <= n:
        return a, b, gaps
    kept = np.argpartition(gaps, n)[:n]
    return a[kept], b[kept], gaps[kept]


def _root(group: list[int], i: int) -> int:
    while group[i] != i:
        group[i] = group[group[i]]
        i = group[i]
    return i


def _limits(pictures: _Different) -> Floats:
    """How near, in the coarse, each picture's copy must be: a share of the distance of its neighbour number RANK."""
    step = max(1, pictures.n // SAMPLE)
    sample = np.arange(0, pictures.n, step)[:SAMPLE]
    limits = np.empty(pictures.n, np.float32)
    rank = min(RANK, len(sample) - 1)
    rows = max(1, _CHUNK_NUMBERS // len(sample))
    for start in range(0, pictures.n, rows):
        chunk = np.arange(start, min(start + rows, pictures.n))
        limits[chunk] = np.partition(_all_gaps(pictures, chunk, sample), rank, axis=1)[:, rank]
    return limits * np.float32(RATIO)


def _all_gaps(pictures: _Different, a: Rows, b: Rows) -> Floats:
    """Coarse distances of all pairs of a and b."""
    x, y = pictures.coarse[a], pictures.coarse[b]
    square = np.einsum("ij,ij->i", x, x)[:, None] + np.einsum("ij,ij->i", y, y) - 2 * (x @ y.T)
    rms = np.sqrt(np.maximum(square, 0) / x.shape[1])
    gaps: Floats = rms / np.minimum(pictures.contrast[a][:, None], pictures.contrast[b])
    return gaps


def _candidates(pictures: _Different) -> Iterator[tuple[Rows, Rows, Floats]]:
    """Pairs that may be near, with their coarse distance: all of a small set, those of like hash of a large one."""
    if pictures.n <= _ALL_PAIRS:
        every = np.arange(pictures.n)
        gaps = _all_gaps(pictures, every, every)
        a, b = np.nonzero(np.triu(gaps <= LOOSE, 1))
        yield a, b, gaps[a, b]
        return
    for key in _hash_keys(pictures):
        order = np.argsort(key, kind="stable")
        coarse, contrast = pictures.coarse[order], pictures.contrast[order]
        for step in range(1, _WINDOW + 1):
            gap = coarse[step:] - coarse[:-step]
            gaps = np.sqrt(np.einsum("ij,ij->i", gap, gap) / gap.shape[1])
            gaps /= np.minimum(contrast[step:], contrast[:-step])
            is_near = gaps <= LOOSE
            yield order[:-step][is_near], order[step:][is_near], gaps[is_near]


def _hash_keys(pictures: _Different) -> Iterator[Rows]:
    """A key for each picture in each band. Components are dealt out to the bands in turn, the widest first."""
    view = (pictures.coarse - pictures.coarse.mean(1, keepdims=True)) / pictures.contrast[:, None]
    view -= view.mean(0)
    _, axes = np.linalg.eigh(view.T @ view)
    wide = view @ axes[:, ::-1][:, : _BANDS * _BITS]
    bits = wide > np.median(wide, axis=0)
    for band in range(_BANDS):
        yield bits[:, band::_BANDS] @ (1 << np.arange(_BITS)[::-1])


def _in_order(groups: Rows) -> Rows:
    """The same groups, numbered in the order of first appearance."""
    _, first, inverse = np.unique(groups, return_index=True, return_inverse=True)
    number = np.empty(len(first), np.int64)
    number[np.argsort(first)] = np.arange(len(first))
    return number[inverse.reshape(-1)]


def equal_units(parts: Sequence[npt.NDArray[np.uint8]]) -> list[npt.NDArray[np.int64]]:
    """As `find_units`, where only pictures that are the same in every pixel have the same number."""
    first: dict[bytes, int] = {}
    return [
        np.array([first.setdefault(hashlib.sha256(one.tobytes()).digest(), len(first)) for one in part], dtype=np.int64)
        for part in parts
    ]
