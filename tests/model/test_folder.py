"""The run folder: all or nothing on the way out, suspicious on the way in."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from firesteel.errors import ModelError
from firesteel.model.folder import check_place, read_folder, write_folder

TENSORS = {"net.0.weight": torch.arange(6.0).reshape(2, 3), "n": torch.tensor(7), "mean": torch.zeros(3).double()}


def write(place: Path, *, score: float = 0.5, force: bool = False) -> None:
    write_folder(place, {"score": score}, tensors=TENSORS, files={"recipe.toml": "lr = 0.1\n"}, force=force)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    place = tmp_path / "run"
    write(place)
    return place


def test_what_was_written_is_read_bit_for_bit(run: Path) -> None:
    record, tensors = read_folder(run)
    assert record["score"] == 0.5
    assert tensors.keys() == TENSORS.keys()
    for name, tensor in TENSORS.items():
        assert tensors[name].dtype == tensor.dtype
        assert torch.equal(tensors[name], tensor)
    assert (run / "recipe.toml").read_bytes() == b"lr = 0.1\n"


def test_members_that_share_one_buffer_can_be_written(tmp_path: Path) -> None:
    flat = torch.arange(8.0)
    write_folder(tmp_path / "run", {}, tensors={"a": flat[:4], "b": flat[2:], "t": flat.view(2, 4).T}, files={})
    _, tensors = read_folder(tmp_path / "run")
    assert torch.equal(tensors["b"], flat[2:])
    assert torch.equal(tensors["t"], flat.view(2, 4).T)


def test_a_record_that_was_read_can_be_written_again(run: Path, tmp_path: Path) -> None:
    record, tensors = read_folder(run)
    write_folder(tmp_path / "copy", record, tensors={"other": tensors["n"]}, files={})
    assert read_folder(tmp_path / "copy")[1].keys() == {"other"}


def test_the_same_run_gives_the_same_bytes(run: Path, tmp_path: Path) -> None:
    write(tmp_path / "again")
    for path in run.iterdir():
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes()


def test_nothing_but_the_run_is_left_beside_it(run: Path) -> None:
    write(run, force=True)
    assert [path.name for path in run.parent.iterdir()] == ["run"]


def test_a_run_is_not_overwritten_unasked(run: Path) -> None:
    with pytest.raises(ModelError, match=r"holds one already.*\n.*--force"):
        write(run, score=0.9)
    assert read_folder(run)[0]["score"] == 0.5


def test_force_replaces_a_run(run: Path) -> None:
    write(run, score=0.9, force=True)
    assert read_folder(run)[0]["score"] == 0.9


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    write(tmp_path / "run")
    assert read_folder(tmp_path / "run")[0]["score"] == 0.5


@pytest.mark.parametrize("name", ["thesis.txt", "model.json"])
def test_force_never_deletes_a_folder_that_is_not_a_run(tmp_path: Path, name: str) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / name).write_text('{"format": "layers-model"}')
    with pytest.raises(ModelError, match="other things in it"):
        write(tmp_path / "mine", force=True)
    assert (tmp_path / "mine" / name).exists()


def test_a_file_is_not_replaced_by_a_run(tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_text("a,b\n")
    with pytest.raises(ModelError, match=r"'.*data.csv' is a file"):
        write(tmp_path / "data.csv", force=True)
    with pytest.raises(ModelError, match=r"'.*data.csv' is a file"):
        write(tmp_path / "data.csv" / "run")
    assert (tmp_path / "data.csv").read_text() == "a,b\n"


def test_a_link_to_a_run_stays_a_link(run: Path, tmp_path: Path) -> None:
    link = tmp_path / "latest"
    link.symlink_to(run, target_is_directory=True)
    write(link, score=0.9, force=True)
    assert link.is_symlink()
    assert read_folder(run)[0]["score"] == 0.9


@pytest.mark.parametrize("name", ["../x", "a/b", "..", "", "a\\b"])
def test_a_file_name_cannot_leave_the_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="plain name"):
        write_folder(tmp_path / "run", {}, tensors={}, files={name: "x"})
    assert not list(tmp_path.iterdir())


LIMITED = """
import resource, sys, torch
from firesteel.errors import ModelError
from firesteel.model.folder import write_folder
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    write_folder(sys.argv[1], {}, tensors={"w": torch.zeros(10_000)}, files={}, force=True)
except ModelError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on file sizes to stand for a full disk")
def test_the_old_run_survives_a_full_disk(run: Path) -> None:
    done = subprocess.run([sys.executable, "-c", LIMITED, run], capture_output=True, text=True, check=True)
    assert "File too large" in done.stdout
    assert "free some space" in done.stdout
    assert read_folder(run)[0]["score"] == 0.5
    assert [path.name for path in run.parent.iterdir()] == ["run"]


AS_NOBODY = """
import os, sys, torch
from firesteel.errors import ModelError
from firesteel.model.folder import check_place, write_folder
if os.getuid() == 0:
    os.setuid(65534)
for attempt in (lambda: check_place(sys.argv[1], force=True),
                lambda: write_folder(sys.argv[1], {}, tensors={}, files={}, force=True)):
    try:
        attempt()
    except ModelError as error:
        print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other rights")
def test_a_place_without_write_permission_is_an_error_before_and_after(run: Path) -> None:
    run.parent.chmod(0o555)
    try:
        done = subprocess.run([sys.executable, "-c", AS_NOBODY, run], capture_output=True, text=True, check=True)
    finally:
        run.parent.chmod(0o755)
    assert done.stdout.count("Try:") == 2
    assert read_folder(run)[0]["score"] == 0.5


def test_a_free_place_passes_the_check_and_nothing_is_made(tmp_path: Path) -> None:
    check_place(tmp_path / "runs" / "new", force=False)
    assert not list(tmp_path.iterdir())


def test_a_run_that_a_stopped_save_moved_aside_is_named(run: Path) -> None:
    run.rename(run.with_name(".run.12345678.old"))
    with pytest.raises(ModelError, match=r"there is no.*\n.*mv '.*\.run\.12345678\.old'"):
        read_folder(run)


def test_a_save_clears_what_stopped_ones_left_an_hour_ago(run: Path) -> None:
    names = {".run.0123abcd.part": 7200, ".run.0123abcd.old": 7200, ".run.89abcdef.part": 0, ".run.mine.old": 7200}
    for name, age_s in names.items():
        (run.parent / name).mkdir()
        os.utime(run.parent / name, times=(time.time() - age_s,) * 2)
    write(run, force=True)
    assert {path.name for path in run.parent.iterdir()} == {"run", ".run.89abcdef.part", ".run.mine.old"}


def edit(run: Path, change: Callable[[dict[str, object]], object]) -> None:
    record = json.loads((run / "model.json").read_text())
    change(record)
    (run / "model.json").write_text(json.dumps(record))


def truncate_weights(run: Path) -> None:
    weights = (run / "weights.safetensors").read_bytes()
    (run / "weights.safetensors").write_bytes(weights[:-5])


def flip_a_bit(run: Path) -> None:
    weights = bytearray((run / "weights.safetensors").read_bytes())
    weights[-1] ^= 1
    (run / "weights.safetensors").write_bytes(weights)


def pickle_weights(run: Path) -> None:
    content = pickle.dumps(Touch(str(run / "executed")))
    (run / "weights.safetensors").write_bytes(content)
    edit(run, lambda r: r.update(weights={"sha256": hashlib.sha256(content).hexdigest(), "n_bytes": len(content)}))


class Touch:
    """A pickle of this makes a file when it is read."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return open, (self.path, "w")


def link_weights(run: Path) -> None:
    (run / "weights.safetensors").rename(run.parent / "elsewhere")
    (run / "weights.safetensors").symlink_to(run.parent / "elsewhere")


def grow_json(run: Path) -> None:
    with (run / "model.json").open("r+b") as file:
        file.truncate(65 * 2**20)  # a sparse file: takes no space


DAMAGES: list[tuple[Callable[[Path], object], str]] = [
    (lambda run: (run / "model.json").unlink(), "has no model.json"),
    (lambda run: (run / "weights.safetensors").unlink(), r"has no weights\.safetensors"),
    (lambda run: (run / "model.json").write_text('{"format": 1,'), "is not JSON"),
    (lambda run: (run / "model.json").write_bytes(b"\xff\xfe\x00"), "is not JSON"),
    (lambda run: (run / "model.json").write_text("[" * 200_000), "is not JSON"),
    (lambda run: (run / "model.json").write_text('{"format": ' + "9" * 5_000 + "}"), "is not JSON"),
    (lambda run: (run / "model.json").write_text("[1]"), "does not say its format"),
    (lambda run: edit(run, lambda record: record.pop("format")), "does not say its format"),
    (lambda run: edit(run, lambda record: record.update(format=99)), "has 99(.|\n)*pip install --upgrade"),
    (lambda run: edit(run, lambda record: record.update(format=0)), "has 0(.|\n)*fit the model again"),
    (lambda run: edit(run, lambda record: record.pop("weights")), "no checksum"),
    (lambda run: edit(run, lambda record: record.update(weights={"sha256": 1, "n_bytes": "x"})), "no checksum"),
    (lambda run: edit(run, lambda record: record.update(weights={"sha256": "", "n_bytes": -1})), "belong there"),
    (lambda run: edit(run, lambda record: record.update(score=0.99)), "was edited"),
    (truncate_weights, "ends after"),
    (flip_a_bit, "does not have the checksum"),
    (pickle_weights, "holds no tensors"),
    (link_weights, "not a plain file"),
    (lambda run: (run / "extra").symlink_to("/etc"), "'extra' in it is not a plain file"),
    (grow_json, "at most 67,108,864 belong there"),
]


@pytest.mark.parametrize(("damage", "found"), DAMAGES, ids=[found for _, found in DAMAGES])
def test_a_damaged_run_is_an_error_that_says_what_is_wrong(
    run: Path, damage: Callable[[Path], object], found: str
) -> None:
    damage(run)
    with pytest.raises(ModelError, match=found) as caught:
        read_folder(run)
    assert caught.value.hint
    assert not (run / "executed").exists()


def test_what_is_no_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="there is no"):
        read_folder(tmp_path / "nowhere")
    (tmp_path / "file").write_text("x")
    with pytest.raises(ModelError, match="is a file"):
        read_folder(tmp_path / "file")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_in_the_folder_does_not_hang(run: Path) -> None:
    (run / "model.json").unlink()
    os.mkfifo(run / "model.json")
    with pytest.raises(ModelError, match="not a plain file"):
        read_folder(run)
