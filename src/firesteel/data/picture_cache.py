"""Decoded pictures kept on disk, so that a second run reads one array instead of thousands of files.

An entry is found by content: the SHA-256 of every file, in order, and the wished form. As hashing means reading all
files, a note beside the entries says which content stood behind which (path, bytes, time of writing, time of change) of
all files. So a file that was changed with all of these kept is not noticed; on systems that record every change
(not Windows) that takes a hand in the clock.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import tempfile
import time
import zlib
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from firesteel.data.decoding import (
    MAX_SIDE,
    Decoded,
    Observer,
    PictureFile,
    choose_form,
    decode_files,
    read_headers,
)
from firesteel.data.pictures import Form, Pixels
from firesteel.data.rasters import NO_MEMORY, Header

#: Entries that were not used for longest are deleted until all together take no more than this.
MAX_CACHE_BYTES = 5 * 2**30
#: Pixels beyond this share of the memory stay in the file and are mapped.
MEMORY_SHARE = 0.25
_VERSION = 1  # to be raised when the same files would give other pixels
_UNKNOWN_MEMORY = 4 * 2**30  # what is assumed where the system does not say
_STALE_S = 24 * 3600.0  # an unfinished entry of this age was left by a process that died
_FACTS = [field.name for field in fields(Decoded) if field.name != "pixels"]
_PIXELS, _RECORD, _NOTE, _UNFINISHED = "pixels.npy", "record.json", ".note", ".unfinished-"


def cache_folder() -> Path:
    """Where firesteel keeps what it can make or fetch again: FIRESTEEL_CACHE, or the user's own cache folder."""
    named = os.environ.get("FIRESTEEL_CACHE")
    if named:
        return Path(named)
    import pooch

    return Path(pooch.os_cache("firesteel"))


def decode_cached(
    files: Sequence[PictureFile], *, form: Form | None = None, observer: Observer | None = None
) -> tuple[Decoded, tuple[str, ...]]:
    """All files decoded, from the cache where it has them; and notices about the cache itself.

    Pixels that take more than MEMORY_SHARE of the memory are a map of the cached file, in which writing changes only
    this process's copy. A damaged entry is deleted and made anew; a cache that cannot be written is said and not used.
    """
    shelf = cache_folder() / "pictures"
    note = shelf / f"{_stamp_key(files, form)}{_NOTE}"
    with contextlib.suppress(OSError, ValueError):
        known = _load(_noted(note), n_files=len(files))
        if known is not None:
            return known, ()
    headers = read_headers(files, observer=_first_half(observer))
    entry = shelf / _content_key(headers, form)
    known = _load(entry, n_files=len(files))
    second = _second_half(observer)
    try:
        if known is None:
            _check_room(shelf, n_bytes=_n_bytes(headers, form))
            known = _decode_to(entry, files, headers, form=form, observer=second)
        if any(why == NO_MEMORY for _, why in known.broken):
            shutil.rmtree(entry, ignore_errors=True)  # another time it may be read
        else:
            _write_atomically(note, entry.name)
            _trim(shelf, keep=entry)
    except OSError as error:
        why = f"the cache '{shelf}' cannot be written ({error.strerror or error}), so the next run decodes again"
        return known or decode_files(files, headers, form=form, observer=second), (why,)
    if observer is not None:
        observer(len(files), len(files))
    return known, ()


def memory_bytes() -> int:
    """The memory of this machine, or of the container that this process runs in."""
    sizes = []
    with contextlib.suppress(AttributeError, OSError, ValueError):
        sizes.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    with contextlib.suppress(OSError, ValueError):
        sizes.append(int(Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii")))
    return min(sizes, default=_UNKNOWN_MEMORY)


def _first_half(observer: Observer | None) -> Observer | None:
    """Reading all files is one half of the way, decoding them the other."""
    return None if observer is None else lambda n_done, n_all: observer(n_done // 2, n_all)


def _second_half(observer: Observer | None) -> Observer | None:
    return None if observer is None else lambda n_done, n_all: observer((n_all + n_done) // 2, n_all)


def _stamp_key(files: Sequence[PictureFile], form: Form | None) -> str:
    lines = [_basis(form), *(f"{file.path}\0{file.stamp}" for file in files)]
    return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


def _content_key(headers: Sequence[Header], form: Form | None) -> str:
    digest = hashlib.sha256(_basis(form).encode())
    for header in headers:
        digest.update(header.digest)
    return digest.hexdigest()


def _noted(note: Path) -> Path:
    """The entry that a note names. Raises ValueError for anything else, as what is damaged is deleted."""
    name = note.read_text(encoding="ascii")
    if not re.fullmatch("[0-9a-f]{64}", name):
        raise ValueError("the note names no entry")
    return note.with_name(name)


def _basis(form: Form | None) -> str:
    """What pixels depend on beside the files."""
    import PIL

    return f"{_VERSION} {PIL.__version__} {MAX_SIDE} {form and form.shape}"


def _is_mapped(n_bytes: int) -> bool:
    return n_bytes > MEMORY_SHARE * memory_bytes()


def _load(entry: Path, *, n_files: int) -> Decoded | None:
    """A kept entry; None where there is none, or where it was damaged and is now deleted."""
    if not entry.is_dir():
        return None
    try:
        record: dict[str, Any] = json.loads((entry / _RECORD).read_text(encoding="utf-8"))
        pixels = _read_pixels(entry / _PIXELS, record)
        facts = {name: record[name] for name in _FACTS}
        facts["broken"] = broken = tuple((int(place), str(why)) for place, why in record["broken"])
        if len(pixels) + len(broken) != n_files:
            raise ValueError("the entry is of other files")
    except (OSError, EOFError, ValueError, LookupError, TypeError):
        shutil.rmtree(entry, ignore_errors=True)
        return None
    with contextlib.suppress(OSError):
        os.utime(entry)  # used now: _trim deletes it last
    return Decoded(pixels, **facts)


def _read_pixels(path: Path, record: dict[str, Any]) -> Pixels:
    shape = tuple(record["shape"])
    n_bytes = int(np.prod(shape))
    if not n_bytes:
        return np.empty(shape, np.uint8)
    pixels: Pixels = np.load(path, mmap_mode="c", allow_pickle=False)
    if pixels.dtype != np.uint8 or pixels.shape != shape:
        raise ValueError("the pixels are not those of the record")
    if not _is_mapped(n_bytes):
        pixels = np.array(pixels)
        if zlib.crc32(pixels.data) != record["crc32"]:  # too slow for what is so large that it is mapped
            raise ValueError("the pixels have changed")
    return pixels


def _n_bytes(headers: Sequence[Header], form: Form | None) -> int:
    return (form or choose_form(headers)).d * sum(header.why is None for header in headers)


def _check_room(shelf: Path, *, n_bytes: int) -> None:
    """Raises OSError where the disk is too full: writing into a map would end the process without a word."""
    shelf.mkdir(parents=True, exist_ok=True)
    if shutil.disk_usage(shelf).free < n_bytes + n_bytes // 8:
        raise OSError(f"{n_bytes / 2**20:,.0f} MiB do not fit on its disk")


def _decode_to(
    entry: Path,
    files: Sequence[PictureFile],
    headers: Sequence[Header],
    *,
    form: Form | None,
    observer: Observer | None,
) -> Decoded:
    """Decodes into a new entry. Raises OSError where it cannot be written."""
    with tempfile.TemporaryDirectory(prefix=_UNFINISHED, dir=entry.parent, ignore_cleanup_errors=True) as place:
        scratch = Path(place) / entry.name
        scratch.mkdir()
        path = scratch / _PIXELS

        def make_room(shape: tuple[int, ...]) -> Pixels:
            if not _is_mapped(int(np.prod(shape))):
                return np.empty(shape, np.uint8)
            return np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=shape)

        decoded = decode_files(files, headers, form=form, make_room=make_room, observer=observer)
        record = {"shape": decoded.pixels.shape} | {name: getattr(decoded, name) for name in _FACTS}
        is_mapped = path.exists()
        if is_mapped:
            decoded = replace(decoded, pixels=np.empty((0, 1, 1, 1), np.uint8))  # closes the map
            _cut(path, record["shape"])
        else:
            decoded = replace(decoded, pixels=np.array(decoded.pixels))  # what was cut off is free
            record["crc32"] = zlib.crc32(decoded.pixels.data)
            np.save(path, decoded.pixels, allow_pickle=False)
        (scratch / _RECORD).write_text(json.dumps(record), encoding="utf-8")
        _move(scratch, entry)
    kept = _load(entry, n_files=len(files)) if is_mapped else decoded
    if kept is None:
        raise OSError("what was written there is gone")
    return kept


def _cut(path: Path, shape: tuple[int, ...]) -> None:
    """The .npy file without what stands behind its first pixels; NumPy keeps room in the header for any length."""
    with path.open("r+b") as file:
        np.lib.format.read_magic(file)
        np.lib.format.read_array_header_1_0(file)
        start = file.tell()
        file.seek(0)
        np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})
        assert file.tell() == start, "headers of one kind are equally long"
        file.truncate(start + int(np.prod(shape)))


def _move(folder: Path, entry: Path) -> None:
    try:
        folder.rename(entry)
    except OSError:  # another process has made it in the meantime
        if not entry.is_dir():
            raise


def _write_atomically(path: Path, text: str) -> None:
    fresh = path.with_name(f"{_UNFINISHED}{os.getpid()}-{path.name}")
    fresh.write_text(text, encoding="ascii")
    fresh.replace(path)


def _trim(shelf: Path, *, keep: Path) -> None:
    """Deletes what was not used for longest beyond MAX_CACHE_BYTES, notes of entries that are gone, and remains."""
    entries: list[tuple[float, int, Path]] = []
    for path in shelf.iterdir():
        with contextlib.suppress(OSError):
            if path.name.startswith(_UNFINISHED):
                if time.time() - path.stat().st_mtime > _STALE_S:
                    shutil.rmtree(path) if path.is_dir() else path.unlink()
            elif path.is_dir():
                entries.append((path.stat().st_mtime, sum(one.stat().st_size for one in path.iterdir()), path))
    n_bytes = sum(size for _, size, _ in entries)
    for _, size, path in sorted(entries):
        if n_bytes > MAX_CACHE_BYTES and path != keep:
            shutil.rmtree(path, ignore_errors=True)
            n_bytes -= size
    for note in shelf.glob(f"*{_NOTE}"):
        with contextlib.suppress(OSError):
            if not note.with_name(note.read_text(encoding="ascii", errors="replace")).is_dir():
                note.unlink()
