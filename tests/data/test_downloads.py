"""Downloads go on where they broke off, from the next mirror if need be, and nothing damaged is kept."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import numpy as np
import pytest

from firesteel.data.downloads import RemoteFile, fetch
from firesteel.errors import DataError

CONTENT = np.random.default_rng(0).bytes(200_000)
FILE = RemoteFile("set.bin", len(CONTENT), hashlib.sha256(CONTENT).hexdigest())


@dataclass
class Mirror:
    """A server on this machine: what it sends, and what it was asked."""

    content: bytes = CONTENT
    cut_at: list[int] = field(default_factory=list)  # of each answer in turn, how many bytes until it breaks off
    has_ranges: bool = True
    address: str = ""
    asked: list[str | None] = field(default_factory=list)  # the Range of each request

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        wanted = handler.headers.get("Range")
        self.asked.append(wanted)
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted and self.has_ranges else 0
        if handler.path != f"/{FILE.name}":
            handler.send_error(404)
            return
        if start >= len(self.content) and start:
            handler.send_error(416)
            return
        body = self.content[start:]
        handler.send_response(206 if start else 200)
        if start:
            handler.send_header("Content-Range", f"bytes {start}-{len(self.content) - 1}/{len(self.content)}")
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body[: self.cut_at.pop(0)] if self.cut_at else body)


@pytest.fixture
def mirror(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirror]:
    monkeypatch.setenv("NO_PROXY", "*")
    one = Mirror()

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            one.answer(self)

        def log_message(self, *words: object) -> None:
            """Nothing on the terminal."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        one.address = f"http://127.0.0.1:{server.server_port}/"
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield one
        server.shutdown()
        thread.join()


def get(folder: Path, *mirrors: str) -> tuple[bytes, list[str]]:
    said: list[str] = []
    return fetch(FILE, folder=folder, mirrors=mirrors, said=said).read_bytes(), said


def test_a_file_is_fetched_into_a_new_folder(tmp_path: Path, mirror: Mirror) -> None:
    assert get(tmp_path / "a" / "b", mirror.address) == (CONTENT, [])
    assert [path.name for path in (tmp_path / "a" / "b").iterdir()] == [FILE.name]


def test_what_broke_off_is_carried_on(tmp_path: Path, mirror: Mirror) -> None:
    mirror.cut_at = [120_000]
    assert get(tmp_path, mirror.address) == (CONTENT, [])
    assert mirror.asked[0] is None
    assert mirror.asked[1] is not None
    assert 0 < int(mirror.asked[1].strip("bytes=-")) <= 120_000


def test_what_broke_off_is_carried_on_in_a_later_run(tmp_path: Path, mirror: Mirror) -> None:
    mirror.cut_at = [70_000, 0]
    with pytest.raises(DataError, match="cannot be had"):
        get(tmp_path, mirror.address)
    assert get(tmp_path, mirror.address) == (CONTENT, [])
    assert mirror.asked[-1] == mirror.asked[-2] != "bytes=0-"


def test_a_mirror_without_ranges_starts_again(tmp_path: Path, mirror: Mirror) -> None:
    mirror.has_ranges = False
    (tmp_path / f"{FILE.name}.part").write_bytes(CONTENT[:50_000])
    assert get(tmp_path, mirror.address) == (CONTENT, [])


def test_a_part_that_is_the_whole_file_is_taken(tmp_path: Path, mirror: Mirror) -> None:
    (tmp_path / f"{FILE.name}.part").write_bytes(CONTENT)
    assert get(tmp_path, mirror.address) == (CONTENT, [])


def test_a_part_of_something_else_is_deleted_named_and_fetched_again(tmp_path: Path, mirror: Mirror) -> None:
    (tmp_path / f"{FILE.name}.part").write_bytes(b"x" * 50_000)
    content, said = get(tmp_path, mirror.address)
    assert content == CONTENT
    assert said == [f"'{FILE.name}' came damaged from {mirror.address[7:-1]}: it was deleted and fetched again"]


def test_the_next_mirror_is_tried(tmp_path: Path, mirror: Mirror) -> None:
    nobody = "http://127.0.0.1:9/"
    assert get(tmp_path, nobody, f"{mirror.address}gone/", mirror.address)[0] == CONTENT


@pytest.mark.parametrize("content", [CONTENT[:-1] + b"?", b"", CONTENT * 3], ids=["other bytes", "nothing", "too much"])
def test_a_damaged_file_is_never_kept(tmp_path: Path, mirror: Mirror, content: bytes) -> None:
    mirror.content = content
    with pytest.raises(DataError, match=r"'set\.bin' cannot be had \(127\.0\.0\.1:\d+: damaged\)"):
        get(tmp_path, mirror.address)
    assert not list(tmp_path.iterdir())
    assert len(mirror.asked) == 2


def test_without_a_mirror_that_answers_each_is_named_with_its_trouble(tmp_path: Path, mirror: Mirror) -> None:
    with pytest.raises(DataError, match=r"127\.0\.0\.1:9: no connection, 127\.0\.0\.1:\d+: 404") as error:
        get(tmp_path, "http://127.0.0.1:9/", f"{mirror.address}gone/")
    assert "--data-dir" in error.value.hint


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DataError, match="cannot take it") as error:
        get(tmp_path / "file" / "folder", "http://127.0.0.1:9/")
    assert "FIRESTEEL_CACHE" in error.value.hint
