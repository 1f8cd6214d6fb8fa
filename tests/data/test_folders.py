"""Folders and lists of files become pictures with the labels that their folders or a table give them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from firesteel.data.folders import read_files, read_folder
from firesteel.data.pictures import Form, Reading, Wish
from firesteel.errors import DataError

Fill = Callable[..., Path]


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRESTEEL_CACHE", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture
def fill(tmp_path: Path) -> Fill:
    """Small grey pictures under these names in one folder, each of its own level."""

    def make(*names: str, side: int = 4) -> Path:
        for level, name in enumerate(names):
            path = tmp_path / "pets" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("L", (side, side), level).save(path)
        return tmp_path / "pets"

    return make


def read(path: Path, **wish: Any) -> Reading:
    return read_folder(path, wish=Wish(**wish))


def levels(reading: Reading) -> list[int]:
    return [int(level) for level in reading.pixels[:, 0, 0, 0]]


def table(folder: Path, text: str, name: str = "labels.csv") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_sub_folders_are_classes(fill: Fill) -> None:
    reading = read(fill("dog/a.png", "cat/b.png", "cat/deep/c.png"))
    assert reading.names == ("cat/b.png", "cat/deep/c.png", "dog/a.png")
    assert reading.labels == ("cat", "cat", "dog")
    assert levels(reading) == [1, 2, 0]
    assert reading.notices == ()


def test_one_class_comes_through(fill: Fill) -> None:
    assert read(fill("cat/a.png", "cat/b.png")).labels == ("cat", "cat")


def test_a_folder_without_folders_or_tables_has_no_labels(fill: Fill) -> None:
    assert read(fill("b.png", "a.png")).labels is None


def test_more_pictures_beside_folders_than_in_them_have_no_labels(fill: Fill) -> None:
    reading = read(fill("a.png", "b.png", "c.png", "d.png", "x/e.png", "y/f.png"))
    assert reading.labels is None
    assert len(reading.names) == 6


def test_a_stray_picture_beside_class_folders_is_left_out_and_named(fill: Fill) -> None:
    reading = read(fill("cat/a.png", "dog/b.png", "sheet.png"))
    assert reading.labels == ("cat", "dog")
    assert reading.notices == ("1 picture beside the class folders is left out: 'sheet.png'",)


def test_class_folders_inside_a_single_folder_are_found(fill: Fill) -> None:
    reading = read(fill("all/cat/a.png", "all/dog/b.png"))
    assert reading.labels == ("cat", "dog")
    assert reading.notices == ("the classes are the folders in 'all'",)


def test_train_and_test_folders_are_two_sets_and_val_joins_train(fill: Fill) -> None:
    folder = fill("train/cat/a.png", "train/dog/b.png", "val/cat/c.png", "val/dog/d.png", "test/cat/e.png")
    reading = read(folder)
    assert reading.labels == ("cat", "dog", "cat", "dog")
    assert reading.test is not None
    assert reading.test.labels == ("cat",)
    assert levels(reading.test) == [4]
    assert "'val' is joined to the training pictures" in reading.notices[0]


def test_the_test_set_gets_the_form_of_the_training_set(fill: Fill) -> None:
    fill("test/cat/e.png", "test/dog/e.png", side=9)
    reading = read(fill("train/cat/a.png", "train/dog/b.png", side=5))
    assert reading.test is not None
    assert reading.test.pixels.shape[1:] == (5, 5, 1)
    assert reading.test.notices == ("2 of 2 pictures have another size and were fitted to 5 x 5",)


def test_a_test_folder_without_classes_is_left_out_and_said(fill: Fill) -> None:
    reading = read(fill("train/cat/a.png", "train/dog/b.png", "test/1.png"))
    assert reading.test is None
    assert reading.notices == ("1 picture outside class folders is left out: 'test/1.png'",)


@pytest.mark.parametrize(
    "names", [("1.png", "2.png"), ("in/1.png", "in\\2.png"), ("/far/in/1.png", "/far/in/2.png"), ("1", "2")]
)
def test_a_table_of_labels_names_files_in_many_ways(fill: Fill, names: tuple[str, str]) -> None:
    folder = fill("in/1.png", "in/2.png", "in/3.png")
    table(folder, f"label,file\ncat,{names[0]}\ndog,{names[1]}\n")
    reading = read(folder)
    assert reading.labels == ("cat", "dog")
    assert reading.names == ("in/1.png", "in/2.png")


def test_names_without_a_file_and_files_without_a_label_are_said(fill: Fill) -> None:
    folder = fill("1.png", "2.png", "3.png", "4.png")
    table(folder, "file,kind\n1.png,a\n2.png,b\n3.png,\n8.png,a\n9.png,a\n")
    reading = read(folder)
    assert reading.labels == ("a", "b")
    assert reading.notices == (
        "'labels.csv' names 2 files that are not there: '8.png', '9.png'",
        "2 of 4 pictures have no label and are left out: '3.png', '4.png'",
    )


def test_a_table_that_is_asked_for_beats_the_folders(fill: Fill, tmp_path: Path) -> None:
    folder = fill("cat/1.png", "dog/2.png")
    labels = table(tmp_path, "name,size,kind\n1.png,3,big\n2.png,4,small\n")
    assert read(folder, labels=labels, target="kind").labels == ("big", "small")


def test_a_table_beside_class_folders_is_offered(fill: Fill) -> None:
    folder = fill("cat/1.png", "dog/2.png")
    table(folder, "file,kind\n1.png,big\n")
    assert "--labels takes them from a table ('labels.csv' lies there)" in read(folder).notices[0]


def test_a_file_with_two_labels_is_left_out_and_named(fill: Fill) -> None:
    folder = fill("1.png", "2.png")
    table(folder, "file,kind\n1.png,big\n1.png,small\n2.png,big\n2.png,big\n")
    reading = read(folder)
    assert reading.labels == ("big",)
    assert reading.notices[0] == "1 picture has two different labels in 'labels.csv': '1.png'"


def test_a_name_of_several_files_is_passed_over(fill: Fill, tmp_path: Path) -> None:
    folder = fill("a/1.png", "b/1.png", "b/2.png")
    reading = read(folder, labels=table(tmp_path, "file,kind\n1.png,big\n2.png,big\n"))
    assert reading.names == ("b/2.png",)
    assert "1 name in 'labels.csv' could be several files and is passed over: '1.png'" in reading.notices


@pytest.mark.parametrize(
    ("text", "target", "found"),
    [
        ("file,kind\nx.png,a\ny.png,b\n", None, "no value of 'labels.csv' is one of '1.png'"),
        ("file,kind,size\n1.png,a,3\n", None, "'labels.csv' has 2 beside 'file': kind, size"),
        ("file,kind\n1.png,a\n", "kinds", "has no column 'kinds' beside 'file'"),
        ("file,kind\n1.png,\n", None, "'labels.csv' has none for any of the files it names"),
    ],
)
def test_a_table_that_cannot_label_is_an_error(
    fill: Fill, tmp_path: Path, text: str, target: str | None, found: str
) -> None:
    labels = table(tmp_path, text)
    with pytest.raises(DataError) as told:
        read(fill("1.png"), labels=labels, target=target)
    assert found in str(told.value)


def test_other_files_are_counted_and_hidden_ones_are_not(fill: Fill) -> None:
    folder = fill("cat/a.png", "dog/b.png", ".hidden/c.png", "cat/.d.png")
    (folder / "readme.md").touch()
    (folder / "cat" / "notes.TXT").touch()
    reading = read(folder)
    assert len(reading.names) == 2
    assert reading.notices == ("2 files are of other kinds and ignored (.md, .txt)",)


@pytest.mark.parametrize("name", ["", "notes.txt", ".hidden.png"])
def test_a_folder_without_pictures_is_an_error(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "none"
    folder.mkdir()
    (folder / name).touch()
    with pytest.raises(DataError, match="a folder of pictures must hold pictures; there is none in") as told:
        read(folder)
    assert ("(.txt)" if name == "notes.txt" else "it is empty") in str(told.value)


def test_a_broken_file_is_left_out_with_its_label(fill: Fill) -> None:
    folder = fill("cat/a.png", "cat/b.png", "dog/c.png")
    (folder / "cat/a.png").write_bytes(b"")
    reading = read(folder)
    assert reading.labels == ("cat", "dog")
    assert reading.notices == ("1 of 3 files is broken and left out: 'cat/a.png' (empty)",)


def test_a_broken_file_is_an_error_where_strict_is_wished(fill: Fill) -> None:
    folder = fill("cat/a.png", "dog/c.png")
    (folder / "cat/a.png").write_text("words")
    with pytest.raises(DataError, match="every picture must be readable") as told:
        read(folder, is_strict=True)
    assert "1 of 2 is not: 'cat/a.png' (no picture)" in str(told.value)


def test_nothing_but_broken_files_is_an_error(fill: Fill) -> None:
    folder = fill("a.png")
    (folder / "a.png").write_text("words")
    with pytest.raises(DataError, match="some picture must be readable"):
        read(folder)


def test_loops_of_links_end(fill: Fill) -> None:
    folder = fill("cat/a.png", "dog/b.png")
    (folder / "cat/again").symlink_to(folder, target_is_directory=True)
    (folder / "cat/self.png").symlink_to("self.png")
    reading = read(folder)
    assert reading.names == ("cat/a.png", "dog/b.png")
    assert "1 link leads to folders that are read already" in reading.notices
    assert "'cat/self.png' (too many levels of symbolic links)" in reading.notices[1]


def test_a_link_to_a_folder_around_is_a_loop(fill: Fill) -> None:
    folder = fill("inside/cat/a.png", "inside/dog/b.png", "beside/c.png") / "inside"
    (folder / "up").symlink_to("..", target_is_directory=True)
    assert read(folder).names == ("cat/a.png", "dog/b.png")


@pytest.mark.skipif(os.name == "nt", reason="names are Unicode there")
def test_names_that_are_no_utf8_can_be_printed(fill: Fill) -> None:
    folder = fill("cat/a.png", "dog/b.png")
    (folder / "cat").rename(os.fsdecode(os.fsencode(folder) + b"/caf\xe9"))
    reading = read(folder)
    assert reading.names == ("caf\\xe9/a.png", "dog/b.png")
    assert reading.labels == ("caf\\xe9", "dog")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
def test_a_pipe_is_not_waited_for(fill: Fill) -> None:
    folder = fill("cat/a.png", "dog/b.png")
    os.mkfifo(folder / "cat" / "pipe.png")
    assert len(read(folder).names) == 2


def test_files_and_folders_are_read_in_the_given_order(fill: Fill) -> None:
    folder = fill("x/a.png", "b.png", "x/c.png")
    reading = read_files([folder / "b.png", folder / "x"], wish=Wish())
    assert reading.names == (str(folder / "b.png"), str(folder / "x/a.png"), str(folder / "x/c.png"))
    assert reading.labels is None
    assert levels(reading) == [1, 0, 2]


def test_a_file_is_read_whatever_it_is_called(fill: Fill) -> None:
    folder = fill("a.png")
    (folder / "a.png").rename(folder / "a.upload")
    assert len(read_files([folder / "a.upload"], wish=Wish()).pixels) == 1


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="No such file"):
        read_files([tmp_path / "a.png"], wish=Wish())


def test_pictures_get_the_form_that_is_wished(fill: Fill) -> None:
    reading = read(fill("a.png", "b.png"), form=Form(8, 6, 3))
    assert reading.pixels.shape == (2, 8, 6, 3)
    assert np.unique(reading.pixels[1]).tolist() == [1]
