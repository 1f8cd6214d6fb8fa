"""Named sets are found where they lie, fetched where they do not, and never taken damaged."""

from __future__ import annotations

import gzip
import hashlib
import os
import struct
from pathlib import Path

import numpy as np
import pytest

from firesteel.data import named_sets
from firesteel.data.downloads import RemoteFile
from firesteel.data.named_sets import NAMED_SETS, NamedSet, read_named_set
from firesteel.data.pictures import Form, Wish
from firesteel.errors import DataError

PIXELS = np.random.default_rng(0).integers(0, 256, (4, 5, 5), dtype=np.uint8)
CONTENTS = {
    "train-images-idx3-ubyte.gz": struct.pack(">IIII", 0x803, 4, 5, 5) + PIXELS.tobytes(),
    "train-labels-idx1-ubyte.gz": struct.pack(">II", 0x801, 4) + bytes([0, 1, 1, 0]),
    "t10k-images-idx3-ubyte.gz": struct.pack(">IIII", 0x803, 1, 5, 5) + PIXELS[:1].tobytes(),
    "t10k-labels-idx1-ubyte.gz": struct.pack(">II", 0x801, 1) + bytes([1]),
}
FILES = {name: gzip.compress(content, mtime=0) for name, content in CONTENTS.items()}
FIRST = "train-images-idx3-ubyte.gz"


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small set `tiny` in a folder of the user's, no other folder, an empty cache and no mirror that answers."""
    remote = tuple(RemoteFile(name, len(one), hashlib.sha256(one).hexdigest()) for name, one in FILES.items())
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in CONTENTS.items()}
    tiny = NamedSet("4 pictures", ("http://127.0.0.1:9/",), remote, digests, ("boot", "bag"))
    monkeypatch.setattr(named_sets, "NAMED_SETS", {**NAMED_SETS, "tiny": tiny})
    monkeypatch.delenv("FIRESTEEL_DATA", raising=False)
    monkeypatch.setenv("FIRESTEEL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "*")
    write(tmp_path / "own")
    return tmp_path / "own"


def write(folder: Path) -> None:
    folder.mkdir(parents=True)
    for name, content in FILES.items():
        (folder / name).write_bytes(content)


def kept(own: Path) -> Path:
    return own.parent / "cache" / "sets" / "tiny"


@pytest.mark.parametrize("is_in_its_own_folder", [True, False])
def test_a_set_is_found_in_a_folder_of_the_user(own: Path, is_in_its_own_folder: bool) -> None:
    if is_in_its_own_folder:
        own = own.rename(own.with_name("tiny")).parent
    reading = read_named_set("tiny", wish=Wish(data_dir=own, is_offline=True))
    assert (reading.pixels[..., 0] == PIXELS).all()
    assert reading.labels == ("boot", "bag", "bag", "boot")
    assert reading.test is not None
    assert reading.test.labels == ("bag",)


def test_a_set_is_found_by_the_environment_or_in_the_cache(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRESTEEL_DATA", str(own))
    assert len(read_named_set("tiny", wish=Wish(is_offline=True)).pixels) == 4
    monkeypatch.delenv("FIRESTEEL_DATA")
    write(kept(own))
    assert len(read_named_set("tiny", wish=Wish(is_offline=True)).pixels) == 4


def test_files_packed_otherwise_are_the_same_set(own: Path) -> None:
    (own / FIRST).write_bytes(gzip.compress(CONTENTS[FIRST], compresslevel=1, mtime=7))
    assert len(read_named_set("tiny", wish=Wish(data_dir=own, is_offline=True)).pixels) == 4


@pytest.mark.parametrize("content", [FILES[FIRST][:-9], gzip.compress(b"other"), b""], ids=["cut", "other", "empty"])
def test_a_damaged_file_of_the_user_is_named_and_stays(own: Path, content: bytes) -> None:
    (own / FIRST).write_bytes(content)
    with pytest.raises(DataError, match=f"'{own / FIRST}' is damaged"):
        read_named_set("tiny", wish=Wish(data_dir=own))
    assert (own / FIRST).read_bytes() == content


def test_files_of_another_set_with_the_same_names_are_passed_by(own: Path) -> None:
    with pytest.raises(DataError, match=r"mnist must lie on this machine .* are in none of"):
        read_named_set("mnist", wish=Wish(data_dir=own, is_offline=True))


def test_a_damaged_file_of_the_cache_is_deleted_named_and_fetched_again(
    own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fetch(file: RemoteFile, *, folder: Path, mirrors: tuple[str, ...], said: list[str]) -> Path:
        (folder / file.name).write_bytes(FILES[file.name])
        return folder / file.name

    write(kept(own))
    (kept(own) / FIRST).write_bytes(b"cut")
    monkeypatch.setattr(named_sets, "fetch", fetch)
    reading = read_named_set("tiny", wish=Wish())
    assert reading.notices == (f"'{kept(own) / FIRST}' was damaged: it was deleted and fetched again",)
    assert len(reading.pixels) == 4


def test_offline_the_places_are_named_where_a_set_may_lie(own: Path) -> None:
    (own / FIRST).unlink()
    with pytest.raises(DataError, match="must lie on this machine with --offline") as error:
        read_named_set("tiny", wish=Wish(data_dir=own, is_offline=True))
    assert all(f"'{place}'" in error.value.found for place in (own / "tiny", own, kept(own)))


def test_without_a_connection_there_is_an_error_and_no_traceback(own: Path) -> None:
    with pytest.raises(DataError, match="no connection"):
        read_named_set("tiny", wish=Wish())


def test_a_name_that_is_no_set_comes_with_the_nearest(own: Path) -> None:
    with pytest.raises(DataError, match="there is no 'fashon-mnist'") as error:
        read_named_set("fashon-mnist", wish=Wish())
    assert error.value.hint == "fashion-mnist"
    with pytest.raises(DataError) as error:
        read_named_set("pictures/of/nothing", wish=Wish())
    assert "'mnist', 'fashion-mnist', 'cats'" in error.value.hint


def test_a_set_is_fitted_to_the_wished_form(own: Path) -> None:
    reading = read_named_set("tiny", wish=Wish(data_dir=own, form=Form(8, 8, 3)))
    assert reading.test is not None
    assert reading.pixels.shape[1:] == reading.test.pixels.shape[1:] == (8, 8, 3)


@pytest.mark.parametrize("name", NAMED_SETS)
def test_every_set_has_mirrors_and_sums(name: str) -> None:
    one = NAMED_SETS[name]
    assert len(one.mirrors) >= 2
    assert all(mirror.startswith("http") and mirror.endswith("/") for mirror in one.mirrors)
    assert all(
        len(bytes.fromhex(digest)) == 32 for digest in (*(file.sha256 for file in one.files), *one.contents.values())
    )


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "n_train", "n_test", "shape"), [("mnist", 60_000, 10_000, (28, 28, 1)), ("cats", 209, 50, (64, 64, 3))]
)
def test_the_real_sets_are_read_where_they_lie(name: str, n_train: int, n_test: int, shape: tuple[int, ...]) -> None:
    folder = Path(os.environ.get("FIRESTEEL_DATA", "")) / name
    if not os.environ.get("FIRESTEEL_DATA") or not folder.is_dir():
        pytest.skip(f"FIRESTEEL_DATA does not name a folder with '{name}'")
    reading = read_named_set(name, wish=Wish(is_offline=True))
    assert reading.test is not None
    assert reading.pixels.shape == (n_train, *shape)
    assert reading.test.pixels.shape == (n_test, *shape)
    assert reading.labels is not None
    assert set(reading.labels) == ({"cat", "non-cat"} if name == "cats" else set("0123456789"))
