"""An entry as data: what is run, what it must reach, and the paragraph that explains it."""

from __future__ import annotations

import hashlib
import math
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from firesteel.errors import RecipeError, nearest

#: The one run of an entry that names none.
ONLY = "run"
#: Stands in a recipe for the seed that the entry is run with.
SEED = "{seed}"

#: What a measure can give.
Value = float | str | list[float]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Expected(_Frozen):
    """What a measure must be. With `fast`, another bar where a run is cut short; "skip": it says nothing then."""

    what: str
    measure: str
    at_least: float | None = None
    at_most: float | None = None
    near: float | None = None
    within: float | None = None
    equals: Value | None = None
    fast: float | Literal["skip"] | None = None

    def bar(self, *, is_fast: bool) -> str:
        """>= 0.95, as it is printed beside what was reached."""
        if self.equals is not None:
            return f"= {self.equals if isinstance(self.equals, str) else spoken(self.equals)}"
        if self.near is not None:
            return f"{self.near:.10g} ± {self.within or 0:g}"
        sign, bound = (">=", self.at_least) if self.at_least is not None else ("<=", self.at_most)
        return f"{sign} {self._cut(bound, is_fast=is_fast):g}"

    def is_met(self, value: Value, *, is_fast: bool) -> bool:
        """Whether a measured value reaches the bar; what is not a number never does."""
        if self.equals is not None:
            return value == self.equals
        if not isinstance(value, int | float) or math.isnan(value):
            return False
        if self.near is not None:
            return abs(value - self.near) <= (self.within or 0)
        if self.at_least is not None:
            return value >= self._cut(self.at_least, is_fast=is_fast)
        return value <= self._cut(self.at_most, is_fast=is_fast)

    def _cut(self, bound: float | None, *, is_fast: bool) -> float:
        assert bound is not None, "an entry states one bar; the contract of entries holds it to that"
        return self.fast if is_fast and isinstance(self.fast, float) else bound


class RunOf(_Frozen):
    """One run of an entry: what it changes in the entry's recipe."""

    label: str = ""
    starts: Annotated[int, Field(ge=1)] = 1  # so many seeds train at once, each from a start of its own
    is_candidate: bool = True  # whether `best:` may be this run
    recipe: dict[str, Any] = Field(default_factory=dict)


class Entry(_Frozen):
    """A worked example."""

    id: str
    title: str
    asks: str  # the question that it answers
    text: str  # a paragraph, with {numbers} that its runs measure
    also: tuple[str, ...] = ()  # other names: rungs and variants that are this very recipe
    needs: str = ""  # a named set of pictures
    later: str = ""  # why it cannot be run yet
    tour: tuple[str, ...] = ()  # steps of touring.py, for lessons that train nothing
    recipe: dict[str, Any] = Field(default_factory=dict)
    runs: dict[str, RunOf] = Field(default_factory=dict)  # by name; the first one is what `firesteel show` would show
    fast: dict[str, Any] = Field(default_factory=dict)  # changes in the recipe for a quick check
    expect: tuple[Expected, ...] = ()
    numbers: dict[str, str] = Field(default_factory=dict)  # measures that the paragraph names
    figures: tuple[str, ...] = ()  # "learning_curve", or "RUN: learning_curve"
    ask: dict[str, float] = Field(default_factory=dict)  # a row that a saved model is asked in a process of its own

    def runs_of(self, *, seed: int, is_fast: bool) -> dict[str, dict[str, Any]]:
        """The fields of each run's recipe, by the run's name."""
        if self.later or not self.recipe:
            return {}
        cut = self.fast if is_fast else {}
        return {
            name: _with_seed({**self.recipe, **run.recipe, **cut}, seed=seed, starts=run.starts)
            for name, run in (self.runs or {ONLY: RunOf()}).items()
        }

    def label_of(self, run: str) -> str:
        return self.runs[run].label if run in self.runs and self.runs[run].label else run

    def may_be_best(self, run: str) -> bool:
        return run not in self.runs or self.runs[run].is_candidate

    @property
    def fingerprint(self) -> str:
        """Changes with anything in the entry; a page that was made from it holds the same."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:16]


class Group(_Frozen):
    """A stretch of the path."""

    title: str
    about: str
    entries: tuple[str, ...]


@cache
def read_path() -> tuple[Group, ...]:
    """All entries in the order in which a newcomer meets them."""
    return tuple(Group(**record) for record in _read("path.toml")["groups"])


@cache
def read_entries() -> Mapping[str, Entry]:
    """Every entry by its id, in the order of the path."""
    return {name: Entry(id=name, **_read(f"{name}.toml")) for group in read_path() for name in group.entries}


def find_entry(name: str) -> Entry:
    """The entry of this id, or that has it for another name. Raises RecipeError that names the nearest."""
    entries = read_entries()
    names = {**{also: one for one in entries.values() for also in one.also}, **entries}
    if name not in names:
        near = nearest(name, names)
        raise RecipeError(
            "an entry is one of the gallery",
            found=f"there is no '{name}'",
            hint=f"did you mean {' or '.join(near)}?" if near else "firesteel gallery     lists all of them",
        )
    return names[name]


def spoken(value: Value) -> str:
    """A value in few digits."""
    if isinstance(value, list):
        return ", ".join(f"{one:.6g}" for one in value)
    return value if isinstance(value, str) else f"{value:.6g}"


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads(resources.files("firesteel.gallery").joinpath("entries", name).read_text(encoding="utf-8"))


def _with_seed(fields: Mapping[str, Any], *, seed: int, starts: int) -> dict[str, Any]:
    seeds = {"seed": seed} if starts == 1 else {"seed": tuple(range(seed * starts, (seed + 1) * starts))}
    told = {name: word.replace(SEED, str(seed)) if isinstance(word, str) else word for name, word in fields.items()}
    return {**told, **seeds}
