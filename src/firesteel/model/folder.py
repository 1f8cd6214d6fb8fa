"""A run folder on disk: model.json, weights.safetensors, and texts and figures beside them.

Data only: nothing is unpickled, no name in a file leads to another file, so a stranger's folder can be read.
A folder is written beside its place and then renamed: at that place there is the old run or the new one, never a part.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import secrets
import shutil
import stat
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from firesteel.errors import ModelError

#: What a reader must know to read the folder; it grows when an older firesteel could not read a newer folder.
FORMAT = 1

MODEL = "model.json"
WEIGHTS = "weights.safetensors"

#: Larger than the description of any table: 10,000 columns with 100 levels each are 20 MB.
MAX_JSON_BYTES = 64 * 2**20

#: What stands in front in model.json; "record" is the checksum of all that follows, so that an edit is seen.
HEAD = ("format", "firesteel", "weights", "record")

#: So far into model.json stands the mark that it is firesteel's: it comes second.
MARK, MARK_WITHIN_BYTES = b'"firesteel"', 256

#: What a stopped save left beside the run is deleted by a later one after an hour; until then it may be another's
#: save that goes on.
LEFTOVER_AGE_S = 3600

_DISK_FULL = (errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC))  # Windows has no quota of that name
_NOT_ALLOWED = (errno.EACCES, errno.EPERM, errno.EROFS)


def check_place(path: str | Path, *, force: bool) -> None:
    """Nothing, where a run can be written to: asked before training, so that no work is lost.

    Raises: ModelError where something stands that must not be replaced, or writing is not allowed.
    """
    place = Path(os.path.realpath(path))
    here = Path.cwd()
    if place in (here, *here.parents):
        raise ModelError(
            "a run needs a folder of its own, which is replaced as a whole",
            found=f"'{path}' is the folder that you are in, or above it",
            hint="-o runs/NAME",
        )
    with _explained(place):
        if place.exists():
            _check_replaceable(place, force=force)
        parent = next(folder for folder in place.parents if folder.exists())
    if not parent.is_dir():
        raise ModelError("a run needs a folder to write to", found=f"'{parent}' is a file", hint="-o ANOTHER_FOLDER")
    if not os.access(parent, os.W_OK | os.X_OK):
        raise ModelError(
            "a run needs a folder to write to",
            found=f"nothing can be written in '{parent}'",
            hint=f"-o ANOTHER_FOLDER     or ls -ld '{parent}' to see who may write there",
        )


def write_folder(
    path: str | Path,
    record: Mapping[str, Any],
    *,
    tensors: Mapping[str, Tensor],
    files: Mapping[str, str | bytes],
    force: bool = False,
) -> None:
    """A run folder at `path`: all of it, or what was there before.

    `record` becomes model.json, with the format and the checksum of the weights in front; `files` stand beside it,
    by name. An empty folder, or with `force` an earlier run, is replaced.

    Raises: ModelError where something else stands, writing is not allowed, or the disk is full.
    """
    place = Path(os.path.realpath(path))
    weights = safetensors.torch.save(
        {name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format) for name, tensor in tensors.items()}
    )
    contents = {**files, WEIGHTS: weights, MODEL: _describe(record, weights)}
    for name in contents:
        if Path(name).name != name or name in ("", "..") or "\\" in name:
            raise ValueError(f"a file of a run folder has a plain name, not {name!r}")
    with _explained(place):
        check_place(place, force=force)
        place.parent.mkdir(parents=True, exist_ok=True)
        part = _beside(place, "part")
        try:
            part.mkdir()
            for name, content in contents.items():
                _write_file(part / name, content)
            _sync_folder(part)
            _swap(part, place)
        finally:
            shutil.rmtree(part, ignore_errors=True)  # not there any more where all went well


def read_folder(path: str | Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The record of model.json, and the tensors by name.

    Raises: ModelError for a folder that is missing, damaged, of another format, or not a run.
    """
    place = Path(path)
    with _explained(place, verb="read"):
        _check_run(place)
        record = _read_record(place / MODEL)
        weights = _read_weights(place / WEIGHTS, record)
    try:
        return record, safetensors.torch.load(weights)
    except (safetensors.SafetensorError, ValueError, KeyError) as error:
        raise _damaged(f"{WEIGHTS} holds no tensors: {error}") from None


def _describe(record: Mapping[str, Any], weights: bytes) -> str:
    head = {
        "format": FORMAT,
        "firesteel": version("firesteel"),
        "weights": {"sha256": hashlib.sha256(weights).hexdigest(), "n_bytes": len(weights)},
    }
    rest = {name: value for name, value in record.items() if name not in HEAD}  # a record that was read has them too
    plain = json.loads(json.dumps(rest))  # as a reader will see it: lists for tuples, words for keys
    return json.dumps({**head, "record": _checksum(plain), **plain}, indent=1)


def _checksum(rest: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def _read_record(path: Path) -> dict[str, Any]:
    content = _read_file(path, max_bytes=MAX_JSON_BYTES)
    try:
        record = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise _damaged(f"{MODEL} is not JSON: {error}") from None
    if not isinstance(record, dict) or not isinstance(record.get("format"), int):
        raise _damaged(f"{MODEL} does not say its format")
    if record["format"] != FORMAT:
        raise ModelError(
            f"a run must have the format {FORMAT}, which this firesteel {version('firesteel')} reads",
            found=f"'{path.parent}' has {record['format']}, written by firesteel {record.get('firesteel')}",
            hint="pip install --upgrade firesteel" if record["format"] > FORMAT else "fit the model again",
        )
    rest = {name: value for name, value in record.items() if name not in HEAD}
    if record.get("record") != _checksum(rest):
        raise _damaged(f"{MODEL} was edited: it does not have the checksum that it gives")
    return record


def _read_weights(path: Path, record: dict[str, Any]) -> bytes:
    match record.get("weights"):
        case {"sha256": str(sha256), "n_bytes": int(n_bytes)}:
            content = _read_file(path, max_bytes=n_bytes)
        case _:
            raise _damaged(f"{MODEL} has no checksum of the weights")
    if len(content) < n_bytes:
        raise _damaged(f"{WEIGHTS} ends after {len(content):,} of {n_bytes:,} bytes")
    if hashlib.sha256(content).hexdigest() != sha256:
        raise _damaged(f"{WEIGHTS} does not have the checksum that {MODEL} gives")
    return content


def _read_file(path: Path, *, max_bytes: int) -> bytes:
    size = path.lstat().st_size
    if size > max_bytes:
        raise _damaged(f"{path.name} has {size:,} bytes, and at most {max_bytes:,} belong there")
    return path.read_bytes()


def _check_run(place: Path) -> None:
    """Raises ModelError unless the place is a folder with both files, and nothing in it leads elsewhere."""
    if not place.exists():
        place = place.absolute()
        kept = [path for path in _leftovers(place) if path.suffix == ".old"] if place.parent.is_dir() else []
        hint = (
            f"mv '{kept[-1]}' '{place}'     the run that a stopped save moved aside"
            if kept
            else "firesteel fit FILE -o RUN"
        )
        raise ModelError("a run must be there", found=f"there is no '{place}'", hint=hint)
    if not place.is_dir():
        raise ModelError("a run is a folder", found=f"'{place}' is a file", hint=f"firesteel show {place.parent}")
    with os.scandir(place) as entries:
        kinds = {entry.name: stat.S_IFMT(entry.stat(follow_symlinks=False).st_mode) for entry in entries}
    for name in (MODEL, WEIGHTS):
        if name not in kinds:
            raise ModelError(
                f"a run folder holds {MODEL} and {WEIGHTS}",
                found=f"'{place}' has no {name}",
                hint="firesteel fit FILE -o RUN     makes one",
            )
    for name, kind in sorted(kinds.items()):
        if kind not in (stat.S_IFREG, stat.S_IFDIR) or (name in (MODEL, WEIGHTS) and kind != stat.S_IFREG):
            raise _damaged(f"'{name}' in it is not a plain file (a link could lead anywhere)")


def _check_replaceable(place: Path, *, force: bool) -> None:
    if not place.is_dir():
        raise ModelError("a run is a folder", found=f"'{place}' is a file", hint="-o ANOTHER_FOLDER")
    if not any(place.iterdir()):
        return
    if not _is_ours(place):
        raise ModelError(
            "only a run may be replaced",
            found=f"'{place}' is a folder with other things in it",
            hint="-o ANOTHER_FOLDER",
        )
    if not force:
        raise ModelError(
            "a run is never overwritten unasked",
            found=f"'{place}' holds one already",
            hint="--force     or -o ANOTHER_FOLDER",
        )


def _is_ours(place: Path) -> bool:
    if not (place / MODEL).is_file():
        return False
    with (place / MODEL).open("rb") as file:
        return MARK in file.read(MARK_WITHIN_BYTES)


def _beside(place: Path, ending: str) -> Path:
    """A new name on the same file system, hidden, from which the run's own name can be told."""
    return place.with_name(f".{place.name}.{secrets.token_hex(4)}.{ending}")


def _leftovers(place: Path) -> list[Path]:
    """What stopped saves of this run left beside it."""
    ours = re.compile(rf"\.{re.escape(place.name)}\.[0-9a-f]{{8}}\.(part|old)")
    return sorted(path for path in place.parent.iterdir() if ours.fullmatch(path.name))


def _write_file(path: Path, content: str | bytes) -> None:
    with path.open("xb") as file:
        file.write(content if isinstance(content, bytes) else content.encode("utf-8", errors="backslashreplace"))
        file.flush()
        os.fsync(file.fileno())  # a rename must not reach the disk before what it renames


def _sync_folder(path: Path) -> None:
    if os.name == "nt":  # Windows cannot open a folder, and writes its entries through
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _swap(part: Path, place: Path) -> None:
    """Part becomes the folder at `place`; what was there is moved aside, and deleted when that went well."""
    old = _beside(place, "old")
    had_one = place.exists()
    if had_one:
        place.rename(old)
    try:
        part.rename(place)
    finally:
        if had_one and not place.exists():
            old.rename(place)
    _sync_folder(place.parent)
    shutil.rmtree(old, ignore_errors=True)
    for path in _leftovers(place):
        with suppress(FileNotFoundError):  # another save cleared it
            if time.time() - path.stat().st_mtime > LEFTOVER_AGE_S:
                shutil.rmtree(path, ignore_errors=True)


def _damaged(found: str) -> ModelError:
    return ModelError(
        "a run folder must be as fit wrote it", found=found, hint="take it from a copy, or fit the model again"
    )


@contextmanager
def _explained(place: Path, *, verb: str = "write") -> Iterator[None]:
    """What the system refuses, said as ModelError."""
    try:
        yield
    except OSError as error:
        if error.errno in _DISK_FULL:
            hint = "free some space, or -o A_FOLDER_ON_ANOTHER_DISK; what was there before is unharmed"
        elif error.errno in _NOT_ALLOWED:
            hint = f"ls -ld '{place}' '{place.parent}'     says who may {verb} there"
        else:
            hint = "-o ANOTHER_FOLDER" if verb == "write" else "take the folder from a copy, or fit the model again"
        raise ModelError(
            f"a run must be possible to {verb}", found=f"'{place}': {error.strerror or error}", hint=hint
        ) from None
