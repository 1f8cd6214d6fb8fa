"""Labels of pictures that stand in a table: which column names the files, which one has the labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path

from firesteel.data.decoding import PictureFile
from firesteel.data.picture_files import spoken_name
from firesteel.data.pictures import listed
from firesteel.data.sources import read_table
from firesteel.data.table import Table
from firesteel.data.values import as_words
from firesteel.errors import DataError, nearest

_SEVERAL = -1  # a name that fits several files
_MAX_COLUMNS = 50  # columns that are tried as names of files; a wider table is one of numbers
_N_OFFERED = 6


@dataclass(frozen=True)
class Labels:
    """A label for each file, None where the table has none, and what reading noticed."""

    words: tuple[str | None, ...]
    notices: tuple[str, ...]


def match_labels(path: Path, files: Sequence[PictureFile], *, target: str | None, is_asked: bool) -> Labels | None:
    """The labels that a table gives to files, by the names in one of its columns.

    A name may be a path (below the folder of pictures, beside the table, or of another place that all share), a file's
    name alone, or that without its ending. None where the table names no file, unless it `is_asked` for.
    Raises DataError.
    """
    table = read_table(path)
    keys = _keys(files, folder=path.absolute().parent)
    columns = {
        name: _places_named(as_words(table.frame[name]).to_list(), keys) for name in table.frame.columns[:_MAX_COLUMNS]
    }
    hits = {name: len({*places} - {None}) for name, places in columns.items()}
    named_by = max(hits, key=lambda name: hits[name])
    if not hits[named_by]:
        if not is_asked:
            return None
        raise DataError(
            "a table of labels must name the files of the pictures",
            found=f"no value of '{path.name}' is one of {listed([file.name for file in files])}",
            hint="a CSV with a column of file names and a column of labels",
        )
    label_column = _label_column(table, named_by, target, path=path)
    match = _Match([None] * len(files))
    named = as_words(table.frame[named_by]), columns[named_by], as_words(table.frame[label_column])
    for name, place, label in zip(*named, strict=True):
        match.add(name, place, label)
    return Labels(tuple(match.labels), (*table.notices, *match.notices(path, files)))


@dataclass
class _Match:
    """Labels as they are found, row by row."""

    labels: list[str | None]
    missing: list[str] = field(default_factory=list)
    doubtful: list[str] = field(default_factory=list)  # names of several files
    torn: set[int] = field(default_factory=set)  # files with two different labels

    def add(self, name: str | None, place: int | None, label: str | None) -> None:
        if name is None or label is None:
            return
        if place is None:
            self.missing.append(spoken_name(name))
        elif place == _SEVERAL:
            self.doubtful.append(spoken_name(name))
        elif self.labels[place] not in (None, label) or place in self.torn:
            self.torn.add(place)
            self.labels[place] = None
        else:
            self.labels[place] = label

    def notices(self, path: Path, files: Sequence[PictureFile]) -> list[str]:
        said = []
        if self.missing:
            n = len(self.missing)
            what = "a file that is not there" if n == 1 else f"{n:,} files that are not there"
            said.append(f"'{path.name}' names {what}: {listed(self.missing)}")
        if self.doubtful:
            n = len(self.doubtful)
            said.append(f"{n:,} {'name' if n == 1 else 'names'} in '{path.name}' could be several files and "
                        f"{'is' if n == 1 else 'are'} passed over: {listed(self.doubtful)}")  # fmt: skip
        if self.torn:
            names = [files[place].name for place in sorted(self.torn)]
            has = "picture has" if len(names) == 1 else "pictures have"
            said.append(f"{len(names):,} {has} two different labels in '{path.name}': {listed(names)}")
        bare = [file.name for file, label in zip(files, self.labels, strict=True) if label is None]
        if bare:
            verb = "has no label and is" if len(bare) == 1 else "have no label and are"
            said.append(f"{len(bare):,} of {len(files):,} pictures {verb} left out: {listed(bare)}")
        return said


def _places_named(names: Sequence[str | None], keys: dict[str, int]) -> list[int | None]:
    """The file that each value of a column names.

    Where none does, the folder that all values share is taken off, as it is where the files lay for somebody else.
    """
    paths = [(name or "").replace("\\", "/").removeprefix("./") for name in names]
    places = [keys.get(path) for path in paths]
    if any(place is not None for place in places):
        return places
    first, last = (edge([path for path in paths if path], default="").split("/")[:-1] for edge in (min, max))
    shared = [part for part, _ in takewhile(lambda both: both[0] == both[1], zip(first, last, strict=False))]
    return [keys.get(path.removeprefix("".join(f"{part}/" for part in shared))) for path in paths]


def _keys(files: Sequence[PictureFile], *, folder: Path) -> dict[str, int]:
    """What a file may be called, each with the file's place; the surest names win."""
    beside = spoken_name(f"{folder.as_posix()}/")
    keys: dict[str, int] = {}
    for level in (
        [file.name for file in files],
        [spoken_name(Path(file.path).as_posix()).removeprefix(beside) for file in files],
        [file.name.rpartition("/")[2] for file in files],
        [file.name.rpartition(".")[0] for file in files],
        [file.name.rpartition("/")[2].rpartition(".")[0] for file in files],
    ):
        fresh: dict[str, int] = {}
        for place, name in enumerate(level):
            fresh[name] = _SEVERAL if name in fresh else place
        keys = fresh | keys
    keys.pop("", None)
    return keys


def _label_column(table: Table, named_by: str, target: str | None, *, path: Path) -> str:
    others = [name for name in table.frame.columns if name != named_by]
    offered = ", ".join(others[:_N_OFFERED])
    if target is not None:
        if target in others:
            return target
        near = nearest(target, others)
        raise DataError(
            "the target must be a column of the table of labels",
            found=f"'{path.name}' has no column '{target}' beside '{named_by}'",
            hint=f"did you mean {' or '.join(near)}?" if near else f"one of its columns: {offered or 'none'}",
        )
    if len(others) == 1:
        return others[0]
    if not others:
        raise DataError(
            "a table of labels needs two columns",
            found=f"'{path.name}' has only '{named_by}', which names the files",
            hint="add a column with a label for each file",
        )
    raise DataError(
        "it must be clear which column has the labels",
        found=f"'{path.name}' has {len(others)} beside '{named_by}': {offered}",
        hint=f"--target {others[0]}",
    )
