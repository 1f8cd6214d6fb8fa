"""The picture files of a folder and of all folders in it."""

from __future__ import annotations

import errno
import os
import stat
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from firesteel.data.decoding import PICTURE_ENDINGS, PictureFile
from firesteel.data.pictures import listed

TABLE_ENDINGS = frozenset({".csv", ".tsv"})
_NO_STAMP = (0, 0, 0)  # of a file that is named in its folder but cannot be looked at; opening it will say why


@dataclass(frozen=True)
class Found:
    """What lies in a folder. Hidden files and folders are not counted."""

    files: tuple[PictureFile, ...]  # sorted by name, which is relative to the folder, with / between its parts
    tables: tuple[Path, ...] = ()  # CSV files in the folder itself
    empty: tuple[str, ...] = ()  # its own folders without a picture in them
    notices: tuple[str, ...] = ()


def find_pictures(folder: Path) -> Found:
    """All picture files in a folder and below it.

    Every folder is read once, by its own name before any link to it, so loops of links end. Raises OSError where the
    folder itself cannot be read.
    """
    files: list[PictureFile] = []
    others: Counter[str] = Counter()
    tables: list[Path] = []
    children: list[str] = []
    walk = _Walk(str(folder.absolute()))
    for entries, prefix in walk.folders():
        for entry in entries:
            name, ending = prefix + spoken_name(entry.name), _ending(entry.name)
            if entry.name.startswith("."):
                continue
            if _is_folder(entry):
                walk.add(entry, f"{name}/")
                if not prefix:
                    children.append(name)
            elif ending in PICTURE_ENDINGS and (stamp := _stamp(entry)):
                files.append(PictureFile(name, entry.path, stamp))
            elif not prefix and ending in TABLE_ENDINGS:
                tables.append(Path(entry.path))
            else:
                others[ending] += 1
    holding = {file.name.partition("/")[0] for file in files}
    return Found(
        tuple(sorted(files, key=lambda file: file.name)),
        tuple(sorted(tables)),
        tuple(sorted(set(children) - holding)),
        tuple(_notices(others, walk.closed, walk.n_repeated)),
    )


def listed_pictures(paths: Iterable[Path]) -> Found:
    """The files that are named, whatever their endings are, and the pictures in those that are folders.

    Raises OSError, or ValueError for a name that no file can have.
    """
    files: list[PictureFile] = []
    notices: list[str] = []
    for path in paths:
        if path.is_dir():
            found = find_pictures(path)
            prefix = spoken_name(str(path))
            files += [PictureFile(f"{prefix}/{file.name}", file.path, file.stamp) for file in found.files]
            notices += found.notices
        else:
            status = path.stat()
            if not stat.S_ISREG(status.st_mode):
                raise OSError(errno.EINVAL, "it is no file", str(path))
            files.append(PictureFile(spoken_name(str(path)), str(path.absolute()), _stamp_of(status)))
    return Found(tuple(files), notices=tuple(notices))


def spoken_name(name: str) -> str:
    r"""A file's name as it can be printed: bytes that are no UTF-8 and control characters are written as `\xff`."""
    if name.isprintable():
        return name
    return "".join(char if char.isprintable() else _escaped(ord(char)) for char in name)


def _escaped(code: int) -> str:
    byte = code - 0xDC00 if 0xDC80 <= code <= 0xDCFF else code  # how Python keeps a byte that it cannot decode
    return f"\\x{byte:02x}" if byte <= 0xFF else f"\\u{byte:04x}"


class _Walk:
    """Folders still to be read, those behind links last."""

    def __init__(self, root: str) -> None:
        self._waiting = [(root, "")]
        self._links: list[tuple[str, str]] = []
        # a link to a folder that this one lies in is a loop: what else is there was not meant
        self._seen = {_identity(parent) for parent in Path(root).resolve().parents}
        self.closed: list[str] = []  # could not be opened
        self.n_repeated = 0

    def add(self, entry: os.DirEntry[str], prefix: str) -> None:
        (self._links if entry.is_symlink() else self._waiting).append((entry.path, prefix))

    def folders(self) -> Iterator[tuple[list[os.DirEntry[str]], str]]:
        while self._waiting or self._links:
            path, prefix = self._waiting.pop() if self._waiting else self._links.pop(0)
            try:
                identity = _identity(Path(path))
                if identity in self._seen:
                    self.n_repeated += 1
                    continue
                self._seen.add(identity)
                with os.scandir(path) as entries:
                    inside = sorted(entries, key=lambda entry: entry.name)
            except OSError:
                if not prefix:
                    raise
                self.closed.append(prefix[:-1])
                continue
            yield inside, prefix


def _identity(folder: Path) -> tuple[int, int]:
    status = folder.stat()
    return status.st_dev, status.st_ino


def _ending(name: str) -> str:
    _, dot, ending = name.rpartition(".")
    return dot + ending.lower() if dot else ""


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _stamp(entry: os.DirEntry[str]) -> tuple[int, ...] | None:
    """None for what is no file, such as a pipe, which would be waited for."""
    try:
        status = entry.stat()
    except OSError:
        return _NO_STAMP
    return _stamp_of(status) if stat.S_ISREG(status.st_mode) else None


def _stamp_of(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _notices(others: Mapping[str, int], closed: list[str], n_repeated: int) -> Iterator[str]:
    if others:
        n = sum(others.values())
        endings = ", ".join(sorted(ending or "without an ending" for ending in others)[:5])
        yield f"{n:,} {'file is' if n == 1 else 'files are'} of other kinds and ignored ({endings})"
    if closed:
        yield f"{len(closed):,} {'folder' if len(closed) == 1 else 'folders'} cannot be opened: {listed(closed)}"
    if n_repeated:
        yield f"{n_repeated:,} {'link leads' if n_repeated == 1 else 'links lead'} to folders that are read already"
