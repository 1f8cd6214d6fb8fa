"""Pictures kept in a report: which were mistaken, which were right, and what the network looks at.

All are small PNGs in the record, see `pngs.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, PlainSerializer, PlainValidator, TypeAdapter

from firesteel.evaluation.metrics import Floats, Ints
from firesteel.evaluation.pngs import Bytes, as_grey, as_picture, to_png

Rows: TypeAlias = NDArray[np.int64]

MAX_SIDE = 64  # of a picture in a report: larger ones are kept shrunk, so that the page stays small
MAX_TILE = 32  # of a filter or a feature map
MAX_TILES = 64
MAX_WORST = 24
MAX_EXAMPLES = 12
N_TYPICAL, N_CLOSE = 3, 3  # right answers: of different classes, and those that were nearly wrong
N_SALIENT = 3  # of the worst mistakes, those with a saliency map
MAX_NAME = 120  # characters; of a longer one its end is kept, where the file's name stands
DECIMALS = 6  # of a probability in the record


def _as_picture(value: Any, max_side: int = MAX_SIDE) -> Bytes:
    return as_picture(value, max_side=max_side)


def _as_grey(value: Any, max_side: int = MAX_SIDE) -> Bytes:
    return as_grey(value, max_side=max_side)


def _stacked(value: Any, of_one: Callable[[Any, int], Bytes]) -> Bytes:
    """Tiles of one shape as one array."""
    if not isinstance(value, list | tuple | np.ndarray) or not 0 < len(value) <= MAX_TILES:
        raise ValueError(f"filters and maps of a report are lists of 1 to {MAX_TILES}")
    tiles = [of_one(tile, MAX_TILE) for tile in value]
    if len({tile.shape for tile in tiles}) > 1:
        raise ValueError("filters and maps of a report have one shape")
    return np.stack(tiles)


def _to_pngs(tiles: Bytes) -> list[str]:
    return [to_png(tile) for tile in tiles]


def _as_tiles(value: Any) -> Bytes:
    return _stacked(value, _as_picture)


def _as_maps(value: Any) -> Bytes:
    return _stacked(value, _as_grey)


_Picture = Annotated[Bytes, PlainValidator(_as_picture), PlainSerializer(to_png)]
_Grey = Annotated[Bytes, PlainValidator(_as_grey), PlainSerializer(to_png)]
_Tiles = Annotated[Bytes, PlainValidator(_as_tiles), PlainSerializer(_to_pngs)]
_Maps = Annotated[Bytes, PlainValidator(_as_maps), PlainSerializer(_to_pngs)]
_Proba = Annotated[tuple[Annotated[float, Field(ge=0, le=1)], ...], Field(min_length=1)]


@dataclass(frozen=True, eq=False)
class Seen:
    """One picture as the model saw it, and what it answered."""

    pixels: _Picture  # (h, w, c), at most MAX_SIDE high and wide
    name: Annotated[str, Field(max_length=MAX_NAME)]
    true: Annotated[int, Field(ge=0)] | None  # class code; None: not known
    proba: _Proba  # of every class
    saliency: _Grey | None = None  # (h, w): how much the answer hangs on each pixel

    @property
    def pred(self) -> int:
        """The class picked."""
        return int(np.argmax(self.proba))

    @property
    def is_wrong(self) -> bool:
        return self.true is not None and self.true != self.pred


@dataclass(frozen=True, eq=False)
class Sights:
    """The pictures of a report, each at most MAX_SIDE high and wide."""

    worst: Annotated[tuple[Seen, ...], Field(max_length=MAX_WORST)] = ()  # wrong answers, the surest first
    right: Annotated[tuple[Seen, ...], Field(max_length=N_TYPICAL + N_CLOSE)] = ()  # typical ones, then close calls
    examples: Annotated[tuple[Seen, ...], Field(max_length=MAX_EXAMPLES)] = ()  # one for each frequent mistake
    filters: _Tiles | None = None  # (n, kh, kw, c) of the first layer; grey 128 is a weight of 0
    maps: _Maps | None = None  # (m, h, w): what the first layer makes of `maps_of`
    maps_of: Seen | None = None

    @property
    def salient(self) -> tuple[Seen, ...]:
        """Those with a saliency map, right answers first."""
        return tuple(seen for seen in (*self.right, *self.worst) if seen.saliency is not None)

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe: pictures are the base64 text of PNGs."""
        record: dict[str, Any] = TypeAdapter(Sights).dump_python(self, mode="json")
        return record

    @classmethod
    def from_dict(cls, record: Mapping[str, Any], *, n_classes: int) -> Sights:
        """The sights of a dict of `to_dict`. Raises ValueError for what is none, too large, or of other classes."""
        sights = TypeAdapter(Sights).validate_python(dict(record))
        shown = [*sights.worst, *sights.right, *sights.examples, *([sights.maps_of] if sights.maps_of else [])]
        for seen in shown:
            if len(seen.proba) != n_classes or (seen.true or 0) >= n_classes:
                raise ValueError(f"'{seen.name}' is not a picture of {n_classes} classes")
            if seen.saliency is not None and seen.saliency.shape != seen.pixels.shape[:2]:
                raise ValueError(f"the saliency of '{seen.name}' has another size than the picture")
        return sights


def make_seen(
    pixels: Bytes, name: str, *, proba: Sequence[float] | Floats, true: int | None = None, saliency: Bytes | None = None
) -> Seen:
    """A picture (h, w, c) with its answer, shrunk to what a report keeps."""
    kept = np.clip(np.asarray(proba, dtype=np.float64), 0.0, 1.0)
    rounded = np.round(kept, DECIMALS)
    if rounded.argmax() == kept.argmax():  # rounding must not turn two nearly equal classes round
        kept = rounded
    spoken = name.encode("utf-8", "replace").decode("utf-8")[-MAX_NAME:]
    heat = None if saliency is None else _shrunk(saliency, max_side=MAX_SIDE)
    return Seen(_shrunk(pixels, max_side=MAX_SIDE), spoken, true, tuple(kept.tolist()), heat)


def find_sights(
    pixels: Bytes,
    y: Ints,
    *,
    proba: Floats,
    names: Sequence[str],
    saliency: Callable[[Rows], Bytes] | None = None,
    filters: Bytes | None = None,
    maps: Callable[[int], Bytes] | None = None,
) -> Sights:
    """The pictures worth looking at among pixels (n, h, w, c) with class codes y (n,) and proba (n, n_classes).

    `saliency` is called once, with the rows whose map is drawn, and gives (len(rows), h, w). `maps` is called once,
    with the row whose feature maps are drawn, and gives (m, h, w). Ties go to the first rows.
    """
    assert len(pixels) == len(y) == len(proba) == len(names), "every picture has its answer"
    picked, sureness = proba.argmax(axis=1), proba.max(axis=1)
    wrong = np.flatnonzero(picked != y)
    wrong = wrong[np.argsort(-sureness[wrong], kind="stable")]
    right = _right_rows(y, picked, sureness=sureness)
    salient = np.concatenate([right, wrong[:N_SALIENT]])
    heat = dict(zip(salient.tolist(), saliency(salient), strict=True)) if saliency and len(salient) else {}

    def seen(rows: Iterable[int]) -> tuple[Seen, ...]:
        return tuple(
            make_seen(pixels[row], names[row], proba=proba[row], true=int(y[row]), saliency=heat.get(row))
            for row in rows
        )

    drawn = salient[:1].tolist() if maps else []
    return Sights(
        worst=seen(wrong[:MAX_WORST].tolist()),
        right=seen(right.tolist()),
        examples=seen(_example_rows(wrong, y, picked=picked, n_classes=proba.shape[1])),
        filters=None if filters is None else _small_tiles(filters),
        maps=_small_tiles(maps(drawn[0])) if maps and drawn else None,
        maps_of=seen(drawn)[0] if drawn else None,
    )


def _right_rows(y: Ints, picked: Ints, *, sureness: Floats) -> Rows:
    """The first right rows of different classes, then those with the least sure right answers."""
    right = np.flatnonzero(picked == y)
    _, first = np.unique(y[right], return_index=True)
    typical = right[np.sort(first)[:N_TYPICAL]]
    others = np.setdiff1d(right, typical)
    close = others[np.argsort(sureness[others], kind="stable")[:N_CLOSE]]
    return np.concatenate([typical, close]).astype(np.int64)


def _example_rows(wrong: Rows, y: Ints, *, picked: Ints, n_classes: int) -> list[int]:
    """Of each of the most frequent mistakes its surest row; `wrong` stands in that order."""
    cells = y[wrong].astype(np.int64) * n_classes + picked[wrong]
    _, first, counts = np.unique(cells, return_index=True, return_counts=True)
    frequent = np.argsort(-counts, kind="stable")[:MAX_EXAMPLES]
    return [int(row) for row in wrong[first[frequent]]]


def _small_tiles(tiles: Bytes) -> Bytes:
    return np.stack([_shrunk(tile, max_side=MAX_TILE) for tile in tiles[:MAX_TILES]])


def _shrunk(pixels: Bytes, *, max_side: int) -> Bytes:
    """The same picture, at most so many pixels high and wide; every new pixel is the mean of what it covers."""
    from PIL import Image

    height, width = pixels.shape[:2]
    scale = max_side / max(height, width)
    if scale >= 1:
        return np.array(pixels, dtype=np.uint8)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    flat = pixels[..., 0] if pixels.shape[2:] == (1,) else pixels
    small = np.array(Image.fromarray(np.ascontiguousarray(flat)).resize(size, Image.Resampling.BOX), dtype=np.uint8)
    return small.reshape(*small.shape[:2], *pixels.shape[2:])
