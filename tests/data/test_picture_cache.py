"""Pictures are decoded once; what is kept is found by content, mended when damaged, and bounded."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from firesteel.data import decoding, picture_cache, rasters
from firesteel.data.decoding import Decoded
from firesteel.data.picture_cache import cache_folder, decode_cached
from firesteel.data.picture_files import find_pictures
from firesteel.data.pictures import Form, Pixels


class Decodings:
    """How many files were decoded."""

    n = 0


@pytest.fixture(autouse=True)
def decodings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Decodings:
    """An own cache, and a count of the files that are decoded."""
    monkeypatch.setenv("FIRESTEEL_CACHE", str(tmp_path / "cache"))
    counted, real = Decodings(), rasters.read_raster

    def read_raster(path: str, *, form: Form) -> Pixels:
        counted.n += 1
        return real(path, form=form)

    monkeypatch.setattr(decoding, "read_raster", read_raster)
    return counted


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three pictures, the second of them broken."""
    place = tmp_path / "pictures"
    place.mkdir()
    for level in range(3):
        Image.new("L", (3, 2), 100 + level).save(place / f"{level}.bmp")
    (place / "1.bmp").write_bytes(b"BM")
    return place


def decode(folder: Path, form: Form | None = None) -> Decoded:
    return decode_cached(find_pictures(folder).files, form=form)[0]


def levels(decoded: Decoded) -> list[int]:
    return [int(level) for level in decoded.pixels[:, 0, 0, 0]]


def entries() -> list[Path]:
    return [path for path in (cache_folder() / "pictures").iterdir() if path.is_dir()]


def test_a_second_reading_decodes_nothing_and_is_the_same(folder: Path, decodings: Decodings) -> None:
    first, second = decode(folder), decode(folder)
    assert decodings.n == 2
    assert levels(first) == levels(second) == [100, 102]
    assert first.broken == second.broken == ((1, "no picture"),)
    assert second.pixels.flags.writeable


def test_a_copied_folder_is_found_by_its_content(folder: Path, tmp_path: Path, decodings: Decodings) -> None:
    decode(folder)
    copied = decode(shutil.copytree(folder, tmp_path / "copy"))
    assert decodings.n == 2
    assert levels(copied) == [100, 102]
    assert len(entries()) == 1


def test_changed_pixels_of_the_same_size_and_time_are_noticed(folder: Path) -> None:
    decode(folder)
    status = (folder / "0.bmp").stat()
    Image.new("L", (3, 2), 9).save(folder / "0.bmp")
    os.utime(folder / "0.bmp", ns=(status.st_atime_ns, status.st_mtime_ns))
    assert (folder / "0.bmp").stat().st_size == status.st_size
    assert levels(decode(folder)) == [9, 102]


def test_two_folders_of_like_names_sizes_and_times_are_not_mixed_up(folder: Path, tmp_path: Path) -> None:
    other = shutil.copytree(folder, tmp_path / "other")
    Image.new("L", (3, 2), 9).save(other / "0.bmp")
    for path in (*folder.iterdir(), *other.iterdir()):
        os.utime(path, ns=(0, 0))
    assert levels(decode(folder)) == [100, 102]
    assert levels(decode(other)) == [9, 102]


def test_another_form_is_another_entry(folder: Path) -> None:
    decode(folder)
    assert decode(folder, form=Form(5, 5, 3)).pixels.shape == (2, 5, 5, 3)
    assert decode(folder).pixels.shape == (2, 2, 3, 1)


@pytest.mark.parametrize("damage", ["cut", "flipped", "no record", "strange record", "other shape"])
def test_a_damaged_entry_is_made_anew(folder: Path, decodings: Decodings, damage: str) -> None:
    decode(folder)
    (entry,) = entries()
    pixels, record = entry / "pixels.npy", entry / "record.json"
    kept = json.loads(record.read_text())
    if damage == "cut":
        pixels.write_bytes(pixels.read_bytes()[:-1])
    elif damage == "flipped":
        pixels.write_bytes(pixels.read_bytes()[:-1] + b"\x01")
    elif damage == "no record":
        record.unlink()
    else:
        record.write_text("[]" if damage == "strange record" else json.dumps(kept | {"shape": [2, 3, 2, 1]}))
    assert levels(decode(folder)) == [100, 102]
    assert decodings.n == 4
    assert json.loads(record.read_text()) == kept


def test_a_damaged_note_deletes_nothing(folder: Path, tmp_path: Path) -> None:
    decode(folder)
    (note,) = (cache_folder() / "pictures").glob("*.note")
    for words in ("", "..", str(tmp_path)):
        note.write_text(words)
        assert levels(decode(folder)) == [100, 102]
    assert len(entries()) == 1


def test_pixels_beyond_their_share_of_memory_are_a_map_of_the_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(picture_cache, "memory_bytes", lambda: 12)
    first, second = decode(folder), decode(folder)
    for decoded in (first, second):
        assert isinstance(decoded.pixels, np.memmap)
        assert levels(decoded) == [100, 102]
    first.pixels[:] = 0
    assert levels(decode(folder)) == [100, 102]


def test_grey_pictures_stored_as_colours_are_packed_in_a_map(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picture_cache, "memory_bytes", lambda: 12)
    place = tmp_path / "pictures"
    place.mkdir()
    for level in range(20):
        Image.new("RGB", (3, 2), (level, level, level)).save(place / f"{level:02}.png")
    (place / "07.png").write_bytes(b"")
    decoded = decode(place)
    assert decoded.pixels.shape == (19, 2, 3, 1)
    assert levels(decoded) == [level for level in range(20) if level != 7]


def test_a_cache_that_cannot_be_written_is_said(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("FIRESTEEL_CACHE", str(tmp_path / "file"))
    decoded, notices = decode_cached(find_pictures(folder).files)
    assert levels(decoded) == [100, 102]
    assert "cannot be written" in notices[0]


def test_a_full_disk_is_said_before_it_is_full(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10, 10, 0))
    decoded, notices = decode_cached(find_pictures(folder).files)
    assert levels(decoded) == [100, 102]
    assert "do not fit on its disk" in notices[0]


def test_what_was_not_used_for_longest_is_deleted(
    folder: Path, decodings: Decodings, monkeypatch: pytest.MonkeyPatch
) -> None:
    decode(folder, Form(4, 4, 1))
    decode(folder, Form(5, 5, 1))
    for entry in entries():
        os.utime(entry, (0, 0))
    decode(folder, Form(4, 4, 1))  # used again
    n_bytes = sum(path.stat().st_size for entry in entries() for path in entry.iterdir())
    monkeypatch.setattr(picture_cache, "MAX_CACHE_BYTES", n_bytes + 100)
    decode(folder, Form(6, 6, 1))
    n_decoded = decodings.n
    decode(folder, Form(4, 4, 1))
    assert decodings.n == n_decoded
    assert len(entries()) == len(list((cache_folder() / "pictures").glob("*.note"))) == 2


def test_remains_of_a_process_that_died_are_deleted(folder: Path) -> None:
    remains = cache_folder() / "pictures" / ".unfinished-x"
    remains.mkdir(parents=True)
    os.utime(remains, (0, 0))
    decode(folder)
    assert not remains.exists()


def test_progress_counts_reading_and_decoding_as_one_way(folder: Path) -> None:
    told: list[tuple[int, int]] = []
    decode_cached(find_pictures(folder).files, observer=lambda *done: told.append(done))
    assert told == sorted(told)
    assert told[-1] == (3, 3)
