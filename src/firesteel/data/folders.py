"""Folders and lists of picture files, with their labels from the folders' names or from a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from firesteel.data.decoding import PICTURE_ENDINGS, PictureFile, spoken_broken
from firesteel.data.picture_cache import decode_cached
from firesteel.data.picture_files import Found, find_pictures, listed_pictures, spoken_name
from firesteel.data.picture_labels import match_labels
from firesteel.data.pictures import Form, Reading, Wish, listed
from firesteel.data.sources import READERS
from firesteel.errors import DataError

_TRAIN, _VAL, _TEST = {"train", "training"}, {"val", "valid", "validation"}, {"test", "testing"}
_PARTS = _TRAIN | _VAL | _TEST


@dataclass(frozen=True)
class _Set:
    """Files that are read together; `labels` None where they have none."""

    files: tuple[PictureFile, ...]
    labels: tuple[str | None, ...] | None = None
    notices: tuple[str, ...] = ()
    test: _Set | None = None


def read_folder(path: Path, *, wish: Wish) -> Reading:
    """The pictures of a folder: one sub-folder a class, or a table of labels beside them, or no labels.

    Sub-folders `train` and `test` with class folders in them are a training and a test set; `val` is joined to `train`.
    A table that is asked for in `wish.labels` is used whatever the folders are called. Raises DataError.
    """
    try:
        found = find_pictures(path)
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from None
    if not found.files:
        raise _no_pictures(path, found)
    if wish.is_for_answers:
        return _decode(_Set(found.files, notices=found.notices), wish)
    files = _labelled(found, wish) or _with_hint(_by_folders(found), found)
    files = replace(files, notices=(*found.notices, *files.notices))
    reading = _decode(files, wish)
    if files.test is None:
        return reading
    form = Form(*reading.pixels.shape[1:])
    return replace(reading, test=_decode(files.test, replace(wish, form=form)))


def read_files(paths: list[Path], *, wish: Wish) -> Reading:
    """The pictures that are named, and those in named folders, in this order; labels only from `wish.labels`.

    Raises DataError.
    """
    for path in paths:
        try:
            path.stat()
        except (OSError, ValueError) as error:
            raise _unreadable(path, error) from None
    try:
        found = listed_pictures(paths)
    except OSError as error:
        raise _unreadable(Path(error.filename or paths[0]), error) from None
    if not found.files:
        raise _no_pictures(paths[0] if paths else Path(), found)
    files = _labelled(found, wish) or _Set(found.files)
    return _decode(replace(files, notices=(*found.notices, *files.notices)), wish)


def _decode(files: _Set, wish: Wish) -> Reading:
    decoded, remarks = decode_cached(files.files, form=wish.form, observer=wish.observer)
    if decoded.broken and (wish.is_strict or not len(decoded.pixels)):
        named = spoken_broken(decoded.broken, files.files)
        raise DataError(
            "every picture must be readable (--strict)" if wish.is_strict else "some picture must be readable",
            found=f"{len(decoded.broken):,} of {len(files.files):,} {'is' if len(decoded.broken) == 1 else 'are'} not: "
            f"{named}",
            hint="mend or delete these files" + (", or leave out --strict" if wish.is_strict else ""),
        )
    broken = {place for place, _ in decoded.broken}
    kept = [place for place in range(len(files.files)) if place not in broken]
    labels = files.labels
    return Reading(
        decoded.pixels,
        tuple(files.files[place].name for place in kept),
        None if labels is None else tuple(labels[place] for place in kept),
        (*files.notices, *decoded.notices(files.files), *remarks),
    )


# ---- whose names are the labels


def _labelled(found: Found, wish: Wish) -> _Set | None:
    """Files with labels from a table: the one asked for, or the only one beside pictures without class folders."""
    if wish.labels is not None:
        return _from_table(wish.labels, found, wish, is_asked=True)
    groups = _groups(found.files)
    n_folders = len([name for name in groups if name and name.lower() not in _PARTS])
    is_sorted = n_folders > 1 and 2 * len(groups.get("", ())) <= len(found.files)
    if is_sorted or len(found.tables) != 1 or any(_has_classes(files) for files in groups.values()):
        return None
    return _from_table(found.tables[0], found, wish, is_asked=False)


def _with_hint(files: _Set, found: Found) -> _Set:
    """Says of tables beside the pictures that they could have held the labels."""
    if not found.tables:
        return files
    names = listed([table.name for table in found.tables])
    said = "the pictures have no labels" if files.labels is None else "labels are the names of the folders"
    return replace(files, notices=(*files.notices, f"{said}; --labels takes them from a table ({names} lies there)"))


def _from_table(path: Path, found: Found, wish: Wish, *, is_asked: bool) -> _Set | None:
    match = match_labels(path, found.files, target=wish.target, is_asked=is_asked)
    if match is None:
        return None
    pairs = [(file, label) for file, label in zip(found.files, match.words, strict=True) if label is not None]
    if not pairs:
        raise DataError(
            "pictures need labels", found=f"'{path.name}' has none for any of the files it names", hint="another column"
        )
    return _Set(tuple(file for file, _ in pairs), tuple(label for _, label in pairs), match.notices)


def _by_folders(found: Found) -> _Set:
    groups = _groups(found.files)
    names = set(groups) - {""}
    parts = {name for name in names if name.lower() in _PARTS}
    is_split = any(name.lower() in _TRAIN and _has_classes(groups[name]) for name in parts)
    if is_split and (len(parts) > 1 or parts == names):
        return _split(groups)
    if not names or (parts == names and len(parts) > 1):
        return _Set(found.files)
    n_loose = len(groups.get("", ()))
    if n_loose and (len(names) == 1 or 2 * n_loose > len(found.files)):
        return _Set(found.files)  # more beside the folders than in them: they are no classes
    if len(names) == 1 and _has_classes(groups[next(iter(names))]):
        (only,) = names
        return replace(_classes(groups[only], depth=1), notices=(f"the classes are the folders in '{only}'",))
    files = tuple(file for file in found.files if "/" in file.name)
    notices = []
    if n_loose:
        notices.append(_left_out(groups[""], "beside the class folders"))
    if found.empty:
        n = len(found.empty)
        notices.append(f"{n:,} {'folder holds' if n == 1 else 'folders hold'} no pictures: {listed(found.empty)}")
    return replace(_classes(files, depth=0), notices=tuple(notices))


def _split(groups: dict[str, list[PictureFile]]) -> _Set:
    """Training and test set of folders that say so."""
    notices: list[str] = []
    chosen: dict[str, list[PictureFile]] = {"train": [], "test": []}
    for name, files in groups.items():
        low = name.lower()
        sorted_files = [file for file in files if file.name.count("/") > 1]
        if low not in _PARTS or not sorted_files:
            notices.append(_left_out(files, "outside class folders"))
            continue
        if len(sorted_files) < len(files):
            loose = [file for file in files if file.name.count("/") == 1]
            notices.append(_left_out(loose, "outside class folders"))
        if low in _VAL:
            notices.append(f"'{name}' is joined to the training pictures; firesteel draws its own validation set")
        chosen["test" if low in _TEST else "train"] += sorted_files
    test = _classes(chosen["test"], depth=1) if chosen["test"] else None
    return replace(_classes(chosen["train"], depth=1), notices=tuple(notices), test=test)


def _classes(files: Sequence[PictureFile], *, depth: int) -> _Set:
    """Files labelled by the folder at this depth of their names."""
    return _Set(tuple(files), tuple(file.name.split("/")[depth] for file in files))


def _groups(files: Sequence[PictureFile]) -> dict[str, list[PictureFile]]:
    """Files by the folder that their name starts with, '' for those in none."""
    groups: dict[str, list[PictureFile]] = {}
    for file in files:
        first, slash, _ = file.name.partition("/")
        groups.setdefault(first if slash else "", []).append(file)
    return groups


def _has_classes(files: Sequence[PictureFile]) -> bool:
    """Whether most of a folder's pictures lie in two or more folders of their own."""
    inner = [file.name.split("/")[1] for file in files if file.name.count("/") > 1]
    return 2 * len(inner) > len(files) and len(set(inner)) > 1


# ---- words


def _left_out(files: Sequence[PictureFile], where: str) -> str:
    n, names = len(files), listed([file.name for file in files])
    return f"{n:,} {'picture' if n == 1 else 'pictures'} {where} {'is' if n == 1 else 'are'} left out: {names}"


def _no_pictures(path: Path, found: Found) -> DataError:
    endings = " ".join(sorted(PICTURE_ENDINGS))
    why = "; ".join(found.notices) or "it is empty" + (", and so are its folders" if found.empty else "")
    tables = sorted(spoken_name(one.name) for one in path.iterdir() if one.suffix.lower() in READERS)
    return DataError(
        "a folder of pictures must hold pictures",
        found=f"there is none in '{spoken_name(str(path))}' ({why})",
        hint=f"one of its tables: {', '.join(tables[:5])}" if tables else f"a folder with files that end in {endings}",
    )


def _unreadable(path: Path, error: Exception) -> DataError:
    name = spoken_name(str(path))
    why = getattr(error, "strerror", None) or str(error)
    return DataError(
        "the pictures must be readable", found=f"'{name}': {why}", hint="look at the path and its permissions"
    )
