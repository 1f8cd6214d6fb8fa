"""What a net answers everywhere, where that can be drawn: along one column, or on the plane of two.

Both go beyond the training data, so that it is seen what a net says where it knows nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, PlainSerializer, PlainValidator, TypeAdapter

from firesteel.evaluation.metrics import Floats
from firesteel.evaluation.pngs import Bytes, as_grey, to_png

MAX_POINTS = 300  # rows of each part that are drawn, at random: more would only be a blot
MAX_CLASSES = 8  # more colours are not told apart
MAX_MEMBERS = 10  # lines of members
BEYOND = 0.3  # of the range of the training data, that a curve goes further on either side
N_EVEN, N_DENSE = 201, 101  # places of a curve: evenly spaced, and where the training rows are dense
N_GRID = 80  # places along each side of the plane; between them logarithms of probabilities are nearly straight
SKEW = 0.05  # a positive column whose median lies lower in its range than this is shown on a logarithmic axis
EDGE = 0.06  # of the plane's range, beyond its outermost rows
TAIL, MAX_TAIL = 0.01, 0.75  # rows further off than this share of the middle 98 % are left outside of the plane
FLOOR = -30.0  # logarithm of how likely a class is against the likeliest one; below it all look the same
DIGITS = 12  # of a number in the record
LARGEST = 709.0  # the largest number has this logarithm

#: Answers to raw rows (n, 1) or (n, 2): proba (k, n, n_classes) or pred (k, n) of the k members.
Ask: TypeAlias = Callable[[Floats], Floats]

_Number = Annotated[float, Field(allow_inf_nan=False)]
_Points = Annotated[tuple[_Number, ...], Field(max_length=MAX_POINTS + 2)]
_Codes = Annotated[tuple[Annotated[int, Field(ge=0, lt=MAX_CLASSES)], ...], Field(max_length=MAX_POINTS + 2)]
_Line = Annotated[tuple[_Number, ...], Field(min_length=2, max_length=N_EVEN + N_DENSE)]
_Span = tuple[_Number, _Number]


def _as_levels(value: Any) -> Bytes:
    """Rasters of one class each, (n_classes, N_GRID, N_GRID)."""
    if not isinstance(value, list | tuple | np.ndarray) or not 0 < len(value) <= MAX_CLASSES:
        raise ValueError(f"a plane has a raster for each of 1 to {MAX_CLASSES} classes")
    levels = [as_grey(one, max_side=N_GRID) for one in value]
    if any(one.shape != (N_GRID, N_GRID) for one in levels):
        raise ValueError(f"the rasters of a plane are {N_GRID} x {N_GRID}")
    return np.stack(levels)


def _to_pngs(levels: Bytes) -> list[str]:
    return [to_png(one) for one in levels]


_Levels = Annotated[Bytes, PlainValidator(_as_levels), PlainSerializer(_to_pngs)]


@dataclass(frozen=True)
class Points:
    """Some rows as points of a figure; of classes with the true one and the one picked."""

    x: _Points = ()
    y: _Points = ()  # (n,), or () along one column of classes
    true: _Codes = ()
    picked: _Codes = ()

    def __post_init__(self) -> None:
        lengths = {len(self.x), *(len(one) for one in (self.y, self.true, self.picked) if one)}
        if len(lengths) > 1 or len(self.true) != len(self.picked):
            raise ValueError("points of a figure are of the same rows")


@dataclass(frozen=True)
class Curve:
    """What a net says along its one numeric column, beyond where the training data ends."""

    column: str
    x: _Line  # rising
    answers: Annotated[tuple[_Line, ...], Field(min_length=1, max_length=MAX_CLASSES)]  # pred, or of each class
    ends: _Span  # of the training data
    is_log: bool  # whether x is to be drawn so
    members: Annotated[tuple[_Line, ...], Field(max_length=MAX_MEMBERS)] = ()  # preds of several members
    train: Points = Points()
    test: Points = Points()

    def __post_init__(self) -> None:
        if {len(line) for line in (*self.answers, *self.members)} != {len(self.x)}:
            raise ValueError("a curve has an answer at each of its places")
        if any(right < left for left, right in zip(self.x, self.x[1:], strict=False)) or self.x[0] == self.x[-1]:
            raise ValueError("the places of a curve rise")
        if self.is_log and self.x[0] <= 0:
            raise ValueError("a logarithmic curve is positive")

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, record: Mapping[str, Any], *, n_classes: int) -> Curve:
        """The curve of a dict of `to_dict`. Raises ValueError for what is none, or of other classes."""
        curve = TypeAdapter(Curve).validate_python(dict(record))
        if len(curve.answers) != max(n_classes, 1) or (n_classes and curve.members):
            raise ValueError(f"the curve is not one of {n_classes} classes")
        for points in (curve.train, curve.test):
            _check_points(points, n_classes=n_classes, has_y=not n_classes)
        return curve


@dataclass(frozen=True, eq=False)
class Plane:
    """What a net says on the plane of its two numeric columns."""

    columns: tuple[str, str]  # along x, along y
    x: _Span
    y: _Span
    is_log: tuple[bool, bool]  # whether x and y are spaced so
    levels: _Levels  # (n_classes, N_GRID, N_GRID), rows rise with y; see `log_ratio`
    train: Points = Points()
    test: Points = Points()

    def __post_init__(self) -> None:
        if not (self.x[0] < self.x[1] and self.y[0] < self.y[1]):
            raise ValueError("the sides of a plane rise")
        if any(is_log and side[0] <= 0 for is_log, side in zip(self.is_log, (self.x, self.y), strict=True)):
            raise ValueError("a logarithmic side of a plane is positive")

    @property
    def places(self) -> tuple[Floats, Floats]:
        """Where the rasters' columns and rows lie, (N_GRID,) each."""
        x, y = (_spaced(*side, N_GRID, is_log=log) for side, log in zip((self.x, self.y), self.is_log, strict=True))
        return x, y

    @property
    def log_ratio(self) -> Floats:
        """Logarithm of how likely each class is against the likeliest one there, (n_classes, N_GRID, N_GRID).

        Kept as the root in 255 steps, so that it is exact where two classes are about equally likely.
        """
        return np.asarray(FLOOR * (1 - self.levels / 255.0) ** 2)

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe: rasters are the base64 text of PNGs."""
        record: dict[str, Any] = TypeAdapter(Plane).dump_python(self, mode="json")
        return record

    @classmethod
    def from_dict(cls, record: Mapping[str, Any], *, n_classes: int) -> Plane:
        """The plane of a dict of `to_dict`. Raises ValueError for what is none, or of other classes."""
        plane = TypeAdapter(Plane).validate_python(dict(record))
        if len(plane.levels) != n_classes:
            raise ValueError(f"the plane is not one of {n_classes} classes")
        for points in (plane.train, plane.test):
            _check_points(points, n_classes=n_classes, has_y=True)
        return plane


@dataclass(frozen=True, eq=False)
class Part:
    """Raw rows (n, 1) or (n, 2), NaN = missing, with their targets: numbers, or class codes."""

    x: Floats
    y: NDArray[Any]


def trace_curve(column: str, train: Part, *, test: Part, ask: Ask, n_classes: int, seed: int) -> Curve | None:
    """The answers along one column; None where they, or the column, are no finite numbers, or of too many classes.

    Cost: one call of `ask` with about 300 rows, two for the points.
    """
    known = train.x[np.isfinite(train.x[:, 0]), 0]
    if len(known) == 0 or n_classes > MAX_CLASSES:
        return None
    is_log = _is_skewed(known)
    ends = float(known.min()), float(known.max())
    span = _widened(*ends, by=BEYOND, is_log=is_log)
    if span is None:
        return None
    dense = np.quantile(known, np.linspace(0, 1, N_DENSE), method="nearest")
    grid = np.sort(np.concatenate([_spaced(*span, N_EVEN, is_log=is_log), dense]))
    members = ask(grid[:, None])  # (k, n) or (k, n, n_classes)
    answer = members.mean(axis=0)
    if not np.isfinite(members).all():
        return None
    several = members[:MAX_MEMBERS] if n_classes == 0 and len(members) > 1 else ()
    return Curve(
        column,
        _numbers(grid),
        tuple(_numbers(line) for line in answer.T) if n_classes else (_numbers(answer),),
        (_number(ends[0]), _number(ends[1])),
        is_log,
        members=tuple(_numbers(line) for line in several),
        train=_points(train, ask, n_classes=n_classes, seed=seed, has_ends=True),
        test=_points(test, ask, n_classes=n_classes, seed=seed),
    )


def trace_plane(
    columns: tuple[str, str], train: Part, *, test: Part, ask: Ask, n_classes: int, seed: int
) -> Plane | None:
    """The answers on the plane of two columns; None as of `trace_curve`.

    Cost: one call of `ask` with 6,400 rows, two for the points.
    """
    both = [np.concatenate([train.x[:, i], test.x[:, i]]) for i in (0, 1)]
    values = [one[np.isfinite(one)] for one in both]
    if n_classes > MAX_CLASSES or min(map(len, values)) == 0:
        return None
    logs = [_is_skewed(one) for one in values]
    sides = [_side(one, is_log=is_log) for one, is_log in zip(values, logs, strict=True)]
    if sides[0] is None or sides[1] is None:
        return None
    x, y = (_spaced(*side, N_GRID, is_log=log) for side, log in zip((sides[0], sides[1]), logs, strict=True))
    proba = ask(np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)).mean(axis=0)  # rows rise with y
    if not np.isfinite(proba).all():
        return None
    ratio = np.maximum(proba / proba.max(axis=1, keepdims=True), np.exp(FLOOR))
    levels = (255 * (1 - np.sqrt(np.log(ratio) / FLOOR))).clip(0, 255).round().astype(np.uint8)
    return Plane(
        columns,
        sides[0],
        sides[1],
        (logs[0], logs[1]),
        np.ascontiguousarray(levels.T.reshape(n_classes, N_GRID, N_GRID)),
        train=_points(train, ask, n_classes=n_classes, seed=seed),
        test=_points(test, ask, n_classes=n_classes, seed=seed),
    )


def _is_skewed(values: Floats) -> bool:
    """Whether a few large numbers would push all others into a corner of the figure."""
    low, median, high = float(values.min()), float(np.median(values)), float(values.max())
    return low > 0 and median - low < SKEW * (high - low)


def _side(values: Floats, *, is_log: bool) -> tuple[float, float] | None:
    """From where to where a side of the plane goes: rows that lie far off are left outside."""
    low, high = (float(end) for end in np.quantile(values, [TAIL, 1 - TAIL]))
    far = _widened(low, high, by=MAX_TAIL, is_log=is_log) if low < high else None
    first, last = float(values.min()), float(values.max())
    if far is not None:
        first, last = max(first, far[0]), min(last, far[1])
    return _widened(first, last, by=EDGE, is_log=is_log)


def _widened(low: float, high: float, *, by: float, is_log: bool) -> tuple[float, float] | None:
    """The range with a share of it on either side; None where that is beyond all numbers."""
    start, end = (math.log(low), math.log(high)) if is_log else (low, high)
    more = by * ((end - start) or abs(start) or 1.0)
    start, end = start - more, end + more
    if is_log:
        start, end = math.exp(start), math.exp(min(end, LARGEST))
    return (start, end) if math.isfinite(end - start) and start < end else None


def _spaced(start: float, end: float, n: int, *, is_log: bool) -> Floats:
    return np.geomspace(start, end, n) if is_log else np.linspace(start, end, n)


def _points(part: Part, ask: Ask, *, n_classes: int, seed: int, has_ends: bool = False) -> Points:
    """A fixed draw of the rows without a gap; with `has_ends` the outermost rows are among them."""
    rows = np.flatnonzero(np.isfinite(part.x).all(axis=1))
    if len(rows) > MAX_POINTS:
        rng = np.random.Generator(np.random.PCG64(seed))
        ends = [rows[part.x[rows, 0].argmin()], rows[part.x[rows, 0].argmax()]] if has_ends else []
        rows = np.union1d(rng.choice(rows, size=MAX_POINTS, replace=False), np.array(ends, dtype=np.int64))
    x = part.x[rows]
    if not n_classes:
        return Points(_numbers(x[:, 0]), _numbers(part.y[rows]))
    picked = ask(x).mean(axis=0).argmax(axis=1) if len(rows) else np.empty(0, dtype=np.int64)
    y = _numbers(x[:, 1]) if x.shape[1] > 1 else ()
    return Points(_numbers(x[:, 0]), y, tuple(part.y[rows].tolist()), tuple(picked.tolist()))


def _check_points(points: Points, *, n_classes: int, has_y: bool) -> None:
    """Raises ValueError for points of other classes, or without their places."""
    if any(code >= n_classes for code in (*points.true, *points.picked)):
        raise ValueError(f"points of a figure are not of {n_classes} classes")
    if len(points.y) != (len(points.x) if has_y else 0) or len(points.true) != (len(points.x) if n_classes else 0):
        raise ValueError("points of a figure have no place or no class")


def _numbers(values: Floats) -> tuple[float, ...]:
    return tuple(_number(value) for value in values.tolist())


def _number(value: float) -> float:
    """Of as many digits as a record keeps."""
    return float(f"{value:.{DIGITS}g}")
