"""An entry run by the ordinary fit, and its measures held against what it must reach."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from firesteel.data import Wish, has_named_set
from firesteel.errors import ModelError
from firesteel.evaluation import FIGURES, figure_png
from firesteel.gallery.entries import Entry, Expected, Value
from firesteel.gallery.measuring import measure
from firesteel.gallery.runs import Ran
from firesteel.gallery.touring import TOURS, Shown, saying_of
from firesteel.model import Model
from firesteel.training import INTERRUPTED

#: `firesteel.fit`, which stands above this room: `fit(output=..., force=..., **fields of a recipe)`.
Fit = Callable[..., Model]


@dataclass(frozen=True)
class Reached:
    """One expectation of an entry, and what was measured."""

    expected: Expected
    value: Value
    is_met: bool


@dataclass(frozen=True)
class Drawing:
    """A figure as PNG, and what it shows."""

    png: bytes
    caption: str


@dataclass(frozen=True)
class Outcome:
    """What an entry gave with one seed."""

    entry: Entry
    seed: int
    is_fast: bool
    reached: tuple[Reached, ...] = ()
    not_applicable: str = ""  # why it was not run
    numbers: Mapping[str, Value] = field(default_factory=dict)  # what its paragraph names
    runs: Mapping[str, Ran] = field(default_factory=dict)
    shown: Mapping[str, Shown] = field(default_factory=dict)  # steps of a tour
    seconds: float = 0.0

    @property
    def is_met(self) -> bool:
        """Whether nothing was missed; so it is where nothing could be run."""
        return all(one.is_met for one in self.reached)

    @property
    def paragraph(self) -> str:
        """The entry's paragraph with its numbers filled in; nothing where there are none, as it was not run."""
        return "" if self.not_applicable and self.entry.numbers else self.entry.text.format(**self.numbers).strip()

    def figures(self) -> dict[str, Drawing]:
        """The figures that the entry names, by a name for a file."""
        found = {}
        for name, shown in self.shown.items():
            if shown.picture:
                found[name.replace("_", "-")] = Drawing(shown.picture, saying_of(name))
        for words in self.entry.figures:
            run, colon, figure = words.rpartition(":")
            run, figure = run or next(iter(self.runs)), figure.strip()
            report = self.runs[run].model.report
            said = next(one.caption(report) for one in FIGURES if one.name == figure)
            label = self.entry.label_of(run)
            name = f"{run}-{figure}" if colon else figure
            caption = f"{label[:1].upper()}{label[1:]}. {said}" if colon else said
            found[name.replace("_", "-")] = Drawing(figure_png(figure, report), caption)
        return found

    def to_dict(self) -> dict[str, Any]:
        return {
            "id": self.entry.id,
            "seed": self.seed,
            "fast": self.is_fast,
            "not_applicable": self.not_applicable,
            "is_met": self.is_met,
            "reached": [
                {
                    "what": one.expected.what,
                    "value": None if isinstance(one.value, float) and not math.isfinite(one.value) else one.value,
                    "bar": one.expected.bar(is_fast=self.is_fast),
                    "is_met": one.is_met,
                }
                for one in self.reached
            ],
            "seconds": self.seconds,
        }


def run_entry(
    entry: Entry,
    fit: Fit,
    *,
    seed: int = 0,
    is_fast: bool = False,
    output: Path | None = None,
    force: bool = False,
    wish: Wish | None = None,
) -> Outcome:
    """Every run of an entry, and all that it must reach, measured.

    `output`: the run folder, or of several runs the folder of their folders, with the pictures of a tour. `wish` says
    where named sets lie and whether they may be fetched; an entry whose set is not there is not applicable. Raises
    FiresteelError as fit does.
    """
    wish = wish or Wish()
    if obstacle := entry.later or _obstacle(entry, wish):
        return Outcome(entry, seed, is_fast, not_applicable=obstacle)
    started = time.perf_counter()
    shown = {name: TOURS[name](wish) for name in entry.tour}
    if output is not None:
        _save_pictures(shown, output, force=force)
    recipes = entry.runs_of(seed=seed, is_fast=is_fast)
    runs = {}
    for name, fields in recipes.items():
        place = output / name if output is not None and len(recipes) > 1 else output
        began = time.perf_counter()
        model = fit(**_placed(fields, wish), figures=place is not None, output=place, force=force)
        if any(one.text.startswith(INTERRUPTED) for one in model.report.notices):
            raise KeyboardInterrupt  # fit keeps what it had; a check must not count it
        runs[name] = Ran(fields, model, time.perf_counter() - began, entry.ask, entry.may_be_best(name), wish)
    taken = time.perf_counter() - started
    expected = [one for one in entry.expect if not (is_fast and one.fast == "skip")]
    reached = []
    for one in expected:
        value = _measured(one.measure, runs, shown)
        reached.append(Reached(one, value, one.is_met(value, is_fast=is_fast)))
    numbers = {name: _measured(words, runs, shown) for name, words in entry.numbers.items()}
    return Outcome(entry, seed, is_fast, tuple(reached), numbers=numbers, runs=runs, shown=shown, seconds=taken)


def _save_pictures(shown: Mapping[str, Shown], folder: Path, *, force: bool) -> None:
    """The pictures of a tour as PNG files. Raises ModelError for a file that is there already, or cannot be written."""
    for name, one in shown.items():
        path = folder / f"{name.replace('_', '-')}.png"
        if one.picture and path.exists() and not force:
            raise ModelError(
                "a picture is never overwritten unasked",
                found=f"'{path}' is there already",
                hint="--force     or -o ANOTHER_FOLDER",
            )
        try:
            if one.picture:
                folder.mkdir(parents=True, exist_ok=True)
                path.write_bytes(one.picture)
        except OSError as error:
            raise ModelError(
                "pictures need a folder to be written to", found=f"'{path}': {error.strerror}", hint="-o ANOTHER_FOLDER"
            ) from None


def _measured(words: str, runs: Mapping[str, Ran], shown: Mapping[str, Shown]) -> Value:
    """A step of the tour by its name, or a measure of the runs."""
    return shown[words].value if words in shown else measure(runs, words)


def _placed(fields: Mapping[str, Any], wish: Wish) -> dict[str, Any]:
    """The fields with the places of named sets, which are the session's and not the entry's."""
    places = {"data_dir": None if wish.data_dir is None else str(wish.data_dir), "offline": wish.is_offline}
    return {**fields, **places}


def _obstacle(entry: Entry, wish: Wish) -> str:
    """Why the set that an entry needs is not there, where it may not be fetched; or nothing."""
    if not entry.needs or not wish.is_offline or has_named_set(entry.needs, wish=wish):
        return ""
    return f"no data: {entry.needs} is not on this machine and downloading is off, see --data-dir and FIRESTEEL_DATA"
