"""Sets that are made up on the spot: `synthetic:colours`, `synthetic:line,rows=200,noise=0.5,seed=3`.

Every set takes `rows`, `seed`, `noise` and `skip`: rows are a stream that depends on the seed alone, so that
`rows=1000,skip=5000` are fresh rows for what was trained on `rows=5000`. Sets of numbers also take `low`, `high`, and
`even=1`, which spaces the rows evenly from low to high instead of drawing them; these are no stream: none is skipped.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl

from firesteel.data.frames import TARGET
from firesteel.data.table import Table
from firesteel.errors import DataError, nearest

PREFIX = "synthetic:"

Floats: TypeAlias = npt.NDArray[np.float64]
Columns: TypeAlias = Mapping[str, Floats]
Settings: TypeAlias = Mapping[str, float]

#: More rows at once than any lesson needs; a set of so many takes some seconds.
MAX_ROWS = 5_000_000
_SEED_MAX = 2**32

#: What every set takes: the value where nothing is said.
COMMON: Settings = {"rows": 2_000, "seed": 0, "noise": 0.0, "skip": 0}


@dataclass(frozen=True)
class Synthetic:
    """A made-up set: its columns, how the target follows from them, and where its noise goes.

    `target` gives numbers or words `(n_rows,)`. Noise is added to it, or to what is seen of the columns once the target
    was made, or to what the target is made of, while the columns show what they were before.
    """

    about: str
    names: tuple[str, ...]
    target: Callable[[Columns, Settings], npt.NDArray[Any]]
    settings: Settings = field(default_factory=dict)  # own ones, and other values of the common ones
    draw: Callable[[np.random.Generator, int, Settings], Floats] | None = None  # (n, n_columns); None: low to high
    noise_on: Literal["target", "columns", "cause"] = "target"
    rule: Callable[[Columns], npt.NDArray[Any]] | None = None  # the program that a person would write

    @property
    def known(self) -> dict[str, float]:
        """All settings with their values where nothing is said."""
        spaced = {} if self.draw else {"low": 0.0, "high": 10.0, "even": 0}
        return {**COMMON, **spaced, **self.settings}


def _line(columns: Columns, settings: Settings) -> Floats:
    return settings["slope"] * columns["x"] + settings["bias"]


def _plane(columns: Columns, settings: Settings) -> Floats:
    return settings["bias"] + sum((settings[name] * values for name, values in columns.items()), start=np.zeros(1))


def _cubic(columns: Columns, _: Settings) -> Floats:
    return 5.2 * columns["x"] ** 3 + 31


def _unknown_formula(columns: Columns, _: Settings) -> Floats:
    a, b, c, d = columns.values()
    return 5.3 * a**3 + 1 / b + 32 * c**5 + 3 / c**2 + 24 * c + (d + b) ** 2 + 345


def _parabola(columns: Columns, _: Settings) -> Floats:
    return np.square(columns["x"])


def _colours(columns: Columns, _: Settings) -> npt.NDArray[Any]:
    """The first rule that holds decides."""
    return _colours_rule(columns)


def _colours_rule(columns: Columns) -> npt.NDArray[Any]:
    a, b, c, d, e = columns.values()
    rules = [a > 5, b + c > 10, 2 * b < 7, e > a, c < 3, d - c > 1]
    return np.select(rules, ["red", "blue", "red", "black", "green", "green"], "black")


def _ones(columns: Columns, _: Settings) -> Floats:
    return np.asarray(np.sum(list(columns.values()), axis=0), dtype=np.float64)


N_BITS = 10


def _bits(rng: np.random.Generator, n: int, _: Settings) -> Floats:
    """Each string of bits once, in a drawn order, then over again."""
    order = np.concatenate([rng.permutation(2**N_BITS) for _ in range(math.ceil(n / 2**N_BITS))])[:n]
    bits: Floats = (order[:, None] >> np.arange(N_BITS - 1, -1, -1) & 1).astype(np.float64)
    return bits


#: Four pixels, row by row, and what they show; a one is written on the left or on the right.
MIRRORED = [1, 0, 3, 2]
STROKES = (("7", (1, 1, 0, 1)), ("L", (1, 0, 1, 1)), ("1", (1, 0, 1, 0)), ("1", (0, 1, 0, 1)))


def _pixels(rng: np.random.Generator, n: int, settings: Settings) -> Floats:
    """Each stroke once in every four rows, in a drawn order; mirrored ones are another way of writing."""
    order = np.concatenate([rng.permutation(len(STROKES)) for _ in range(math.ceil(n / len(STROKES)))])[:n]
    pixels: Floats = np.array([pattern for _, pattern in STROKES], dtype=np.float64)[order]
    return pixels[:, MIRRORED] if settings["mirrored"] else pixels


def _strokes(columns: Columns, settings: Settings) -> npt.NDArray[Any]:
    pixels = np.stack(list(columns.values()), axis=1)
    pixels = pixels[:, MIRRORED] if settings["mirrored"] else pixels
    words = {pattern: word for word, pattern in STROKES}
    return np.array([words[tl, tr, bl, br] for tl, tr, bl, br in pixels.astype(np.int64).tolist()])


def _strokes_rule(columns: Columns) -> npt.NDArray[Any]:
    """A pixel is on from a half on; what looks exactly like a 7 or an L is one, and all else is a 1."""
    tl, tr, bl, br = (levels >= 0.5 for levels in columns.values())
    return np.select([tl & tr & ~bl & br, tl & ~tr & bl & br], ["7", "L"], "1")


#: About y = 3x, with errors of measurement: the six points of a well-known lesson.
SIX_POINTS = (3.07, 5.93, 9.04, 11.97, 15.12, 17.89)


def _six(columns: Columns, _: Settings) -> Floats:
    return np.asarray(np.array(SIX_POINTS)[columns["x"].astype(np.int64) - 1])


def _one_to_six(_: np.random.Generator, n: int, __: Settings) -> Floats:
    return np.asarray(np.arange(n) % len(SIX_POINTS) + 1.0, dtype=np.float64)[:, None]


_FOUR = ("a", "b", "c", "d")
SYNTHETIC: Mapping[str, Synthetic] = {
    "line": Synthetic("slope * x + bias", ("x",), _line, {"slope": 1.29, "bias": 24.0}),
    "six-points": Synthetic(
        "6 points near 3x", ("x",), _six, {"rows": len(SIX_POINTS)}, draw=_one_to_six
    ),
    "plane": Synthetic(
        "12.34 + 1.11a + 2.22b + 3.33c + 4.44d", _FOUR, _plane,
        {"bias": 12.34, "a": 1.11, "b": 2.22, "c": 3.33, "d": 4.44},
    ),
    "cubic": Synthetic("5.2x^3 + 31", ("x",), _cubic),
    "unknown-formula": Synthetic(
        "5.3a^3 + 1/b + 32c^5 + 3/c^2 + 24c + (d + b)^2 + 345", _FOUR, _unknown_formula, {"low": 0.05, "rows": 20_000}
    ),
    "parabola": Synthetic("x^2", ("x",), _parabola, {"low": -5.0, "high": 5.0}),
    "shaky-parabola": Synthetic(
        "x^2, with noise on x", ("x",), _parabola, {"low": -5.0, "high": 5.0, "noise": 1.0}, noise_on="cause"
    ),
    "colours": Synthetic(
        "4 colours from 5 numbers by 6 rules", (*_FOUR, "e"), _colours, {"rows": 20_000},
        noise_on="columns", rule=_colours_rule,
    ),
    "count-ones": Synthetic(
        f"{N_BITS} bits, and how many of them are 1", tuple(f"bit{i}" for i in range(N_BITS)), _ones,
        {"rows": 2**N_BITS}, draw=_bits,
    ),
    "strokes": Synthetic(
        "7, L and 1 in 2 x 2 pixels", ("top_left", "top_right", "bottom_left", "bottom_right"), _strokes,
        {"rows": 4, "mirrored": 0}, draw=_pixels, noise_on="columns", rule=_strokes_rule,
    ),
}  # fmt: skip


def is_synthetic(source: object) -> bool:
    return isinstance(source, str) and source.startswith(PREFIX)


def synthetic_table(source: str) -> Table:
    """The rows of `synthetic:NAME,setting=value,...`, `target` last. Raises DataError for a word that there is not."""
    name, settings = _parse(source)
    one = SYNTHETIC[name]
    n_all = int(settings["skip"] + settings["rows"])
    seed = int(settings["seed"])
    clean = _numbers(one, np.random.Generator(np.random.PCG64(seed)), n_all, settings)
    # noise has a stream of its own: the same rows with and without it
    errors = np.random.Generator(np.random.PCG64([seed, 1])).standard_normal(clean.shape) * settings["noise"]
    shaken = clean + errors
    with np.errstate(divide="ignore"):
        target = one.target(_named(one, shaken if one.noise_on == "cause" else clean), settings)
    if target.dtype.kind == "f" and not np.isfinite(target).all():
        raise DataError(
            "a made-up target is made of numbers", found=f"'{source}' divides by 0", hint="low=0.05, or another seed"
        )
    if one.noise_on == "target":
        target = target + errors[:, 0]
    columns = _named(one, shaken if one.noise_on == "columns" else clean)
    frame = pl.DataFrame({**columns, TARGET: target})[int(settings["skip"]) :]
    whole = [word for word in frame.columns if frame[word].dtype == pl.Float64 and _is_whole(frame[word])]
    frame = frame.with_columns(pl.col(whole).cast(pl.Int64))
    return Table(frame, source, fair=one.names)


def rule_of(source: str) -> Callable[[pl.DataFrame], npt.NDArray[Any]] | None:
    """What a person's own program for a set answers `(n_rows,)`; None where there is none."""
    name, _ = _parse(source)
    one = SYNTHETIC[name]
    rule = one.rule
    if rule is None:
        return None
    return lambda frame: rule(_named(one, frame.select(one.names).to_numpy().astype(np.float64)))


def made_up_target(source: str, frame: pl.DataFrame, *, column: str) -> Floats:
    """The part of one column in a set of numbers `(n_rows,)`: its target with the other columns in their middle.

    Raises: DataError for a set whose columns have no low and high, or another column.
    """
    name, settings = _parse(source)
    one = SYNTHETIC[name]
    if "low" not in settings or column not in one.names:
        raise DataError(
            "the part of a column is that of a number between low and high",
            found=f"'{column}' of '{source}'",
            hint=f"one of {', '.join(name for name in one.names)}, of a set like unknown-formula",
        )
    middle = (settings["low"] + settings["high"]) / 2
    numbers = np.full((frame.height, len(one.names)), middle)
    numbers[:, one.names.index(column)] = frame[column].to_numpy()
    return one.target(_named(one, numbers), settings).astype(np.float64)


def _named(one: Synthetic, numbers: Floats) -> Columns:
    return {word: numbers[:, i] for i, word in enumerate(one.names)}


def _numbers(one: Synthetic, rng: np.random.Generator, n: int, settings: Settings) -> Floats:
    """The columns `(n, n_columns)` before any noise."""
    if one.draw is not None:
        return one.draw(rng, n, settings)
    low, high = settings["low"], settings["high"]
    if settings["even"]:
        return np.repeat(np.linspace(low, high, n)[:, None], len(one.names), axis=1)
    drawn: Floats = rng.uniform(low, high, (n, len(one.names)))
    return drawn


def _is_whole(column: pl.Series) -> bool:
    return bool(((column == column.round()) & (column.abs() < 2**53)).all())


def _parse(source: str) -> tuple[str, dict[str, float]]:
    """The name of a set and its settings. Raises DataError that names the nearest known word."""
    name, *words = source.removeprefix(PREFIX).split(",")
    if name not in SYNTHETIC:
        near = nearest(name, SYNTHETIC)
        raise DataError(
            "a made-up set is one that firesteel knows",
            found=f"there is no '{name}'",
            hint=f"{PREFIX}{near[0]}" if near else f"{PREFIX}NAME with one of {', '.join(SYNTHETIC)}",
        )
    one = SYNTHETIC[name]
    settings = dict(one.known)
    for word in words:
        key, sign, value = word.partition("=")
        if key not in settings or not sign:
            near = nearest(key, settings)
            raise DataError(
                f"{PREFIX}{name} takes {', '.join(f'{known}=' for known in settings)}",
                found=f"'{word}' was given",
                hint=f"{near[0]}={value or '1'}" if near else f"{PREFIX}{name},rows=500,seed=1",
            )
        settings[key] = _number(value, key=key)
    _check(settings, source)
    return name, settings


def _number(value: str, *, key: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise DataError(f"{key} is a number", found=f"'{value}' was given", hint=f"{key}=1")
    return number


def _check(settings: Settings, source: str) -> None:
    """Raises DataError for numbers that make no set."""
    whole = {"rows": (1, MAX_ROWS), "skip": (0, MAX_ROWS), "seed": (0, _SEED_MAX - 1)}
    for key, (least, most) in whole.items():
        number = settings[key]
        if number != round(number) or not least <= number <= most:
            raise DataError(
                f"{key} is a whole number from {least} to {most:,}",
                found=f"'{source}' says {number:g}",
                hint=f"{key}={max(least, 100)}",
            )
    if settings["noise"] < 0:
        raise DataError(
            "noise is a standard deviation, 0 or more", found=f"{settings['noise']:g} was given", hint="noise=0.1"
        )
    if settings.get("even", 0) not in (0, 1) or (settings.get("even") and settings["skip"]):
        raise DataError(
            "even is 0 or 1, and rows that are spaced evenly are one set of which none is skipped",
            found=f"'{source}' says even={settings['even']:g} and skip={settings['skip']:g}",
            hint="even=1, without skip",
        )
    if "low" in settings and not settings["low"] < settings["high"]:
        raise DataError(
            "low lies below high",
            found=f"{settings['low']:g} and {settings['high']:g} were given",
            hint="low=0,high=10",
        )
