"""Files fetched from one of several mirrors, checked by SHA-256, carried on where they broke off."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from firesteel.errors import DataError

if TYPE_CHECKING:
    from requests import Response

#: Seconds to connect, and between two pieces.
_TIMEOUT_S = (10.0, 30.0)
_PIECE_BYTES = 2**16
#: How often one mirror is asked: again when it breaks off, or when what came was damaged.
_TRIES = 2
_PARTIAL, _RANGE_OUTSIDE = 206, 416


@dataclass(frozen=True)
class RemoteFile:
    """A file by its name, and what its bytes must be."""

    name: str
    n_bytes: int
    sha256: str


def fetch(file: RemoteFile, *, folder: Path, mirrors: Sequence[str], said: list[str]) -> Path:
    """The file in a folder, fetched from the first mirror (an address that ends in /) that gives it undamaged.

    Damaged files, in the folder or from a mirror, are deleted and told to `said`; a mirror that broke off, or sent a
    damaged file, is asked once more. What came before a break is kept and carried on, in a later run too. Raises
    DataError where no mirror gives the file.
    """
    import requests

    place, part = folder / file.name, folder / f"{file.name}.part"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _no_place(folder, error) from None
    troubles: list[str] = []
    for mirror in mirrors:
        for _ in range(_TRIES):
            try:
                return _retrieve(mirror + file.name, file, place, part)
            except ValueError:  # pooch: another hash than it must have; it deleted the file
                part.unlink(missing_ok=True)
                said.append(f"'{file.name}' came damaged from {_host(mirror)}: it was deleted and fetched again")
                troubles.append(f"{_host(mirror)}: damaged")
            except requests.HTTPError as error:
                troubles.append(f"{_host(mirror)}: {str(error).partition(' for url')[0]}")
                break
            except requests.ConnectionError:
                troubles.append(f"{_host(mirror)}: no connection")
                if not part.exists():
                    break
            except requests.RequestException as error:
                troubles.append(f"{_host(mirror)}: {type(error).__name__}")
            except OSError as error:  # the disk
                raise _no_place(folder, error) from None
    raise DataError(
        "a named set is fetched once from the internet",
        found=f"'{file.name}' cannot be had ({', '.join(dict.fromkeys(troubles))})",
        hint=f"--data-dir FOLDER     with '{file.name}' and its like in it; or the same again with a connection",
    )


def _no_place(folder: Path, error: OSError) -> DataError:
    return DataError(
        "what is fetched must find a place",
        found=f"'{folder}' cannot take it ({(error.strerror or str(error)).lower()})",
        hint="FIRESTEEL_CACHE=FOLDER     to keep it elsewhere",
    )


def _retrieve(url: str, file: RemoteFile, place: Path, part: Path) -> Path:
    import pooch

    with _quiet(pooch.get_logger()):
        pooch.retrieve(
            url, f"sha256:{file.sha256}", fname=place.name, path=place.parent, downloader=_Resumed(part, file.n_bytes)
        )
    return place


@contextmanager
def _quiet(logger: logging.Logger) -> Iterator[None]:
    """pooch says of each file where it lays it; here the notices say what matters."""
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)


@dataclass(frozen=True)
class _Resumed:
    """A downloader for pooch that carries on where a part lies already."""

    part: Path
    n_bytes: int

    def __call__(self, url: str, output_file: str, pooch: Any, check_only: bool = False) -> None:
        """Fetches a file to `output_file`. Raises requests' errors; the part stays for the next time."""
        import requests

        del pooch, check_only  # pooch's contract
        n_here = self.part.stat().st_size if self.part.exists() else 0
        headers = {"Accept-Encoding": "identity"}  # a .gz file stays packed
        if n_here:
            headers["Range"] = f"bytes={n_here}-"
        with requests.get(url, headers=headers, stream=True, timeout=_TIMEOUT_S) as answer:
            if answer.status_code != _RANGE_OUTSIDE:  # else all of it is here, or too much: the hash will tell
                answer.raise_for_status()
                self._append(answer, n_here if _carries_on(answer, n_here) else 0)
        self.part.replace(output_file)

    def _append(self, answer: Response, n_here: int) -> None:
        with self.part.open("ab" if n_here else "wb") as file, _bar(self.part.stem, self.n_bytes) as bar:
            for piece in answer.iter_content(_PIECE_BYTES):
                file.write(piece)
                n_here += len(piece)
                bar.show(n_here)
                if n_here > self.n_bytes:  # not our file: an endless one would fill the disk
                    break


def _carries_on(answer: Response, n_here: int) -> bool:
    """Whether a mirror sends what comes after `n_here` bytes, not all from the start."""
    start = re.match(r"bytes (\d+)-", answer.headers.get("Content-Range", ""))
    return answer.status_code == _PARTIAL and start is not None and int(start[1]) == n_here


class _Bar:
    """A line on the terminal that tells how far a file has come; nothing where there is no terminal."""

    def __init__(self, name: str, n_bytes: int) -> None:
        self._bar: Any = None
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

            console = Console(stderr=True)
            self._bar = Progress(TextColumn(name), BarColumn(), DownloadColumn(), console=console, transient=True)
            self._bar.add_task(name, total=n_bytes)
            self._bar.start()

    def show(self, n_done: int) -> None:
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], completed=n_done)

    def stop(self) -> None:
        if self._bar is not None:
            self._bar.stop()


@contextmanager
def _bar(name: str, n_bytes: int) -> Iterator[_Bar]:
    bar = _Bar(name, n_bytes)
    try:
        yield bar
    finally:
        bar.stop()


def _host(mirror: str) -> str:
    return urlsplit(mirror).netloc
