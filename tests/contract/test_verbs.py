"""A verb is one function of the api, one word of the command line, one folder of tests."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import firesteel
from firesteel import api, cli
from firesteel.cli import fitting
from firesteel.recipe import Recipe

TESTS = Path(__file__).parents[1]
WORDS = [verb.__name__ for verb in api.VERBS]

#: `tests/data` mirrors the room of that name.
FOLDERS = {"data": "data_verb"}

HEAVY = ("torch", "sklearn", "polars", "matplotlib", "pydantic", "numpy", "pandas")


def test_each_verb_is_one_word_of_the_command_line() -> None:
    assert list(cli.COMMANDS) == WORDS


@pytest.mark.parametrize("word", WORDS)
def test_each_verb_has_a_folder_of_tests(word: str) -> None:
    assert list((TESTS / FOLDERS.get(word, word)).glob("test_*.py"))


@pytest.mark.parametrize("word", WORDS)
def test_each_verb_has_a_page_of_the_docs(word: str) -> None:
    page = TESTS.parent / "docs" / "verbs" / f"{word}.md"
    assert f"firesteel {word}" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize("word", WORDS)
def test_the_command_of_a_verb_is_where_it_is_said_to_be(word: str) -> None:
    place, line = cli.COMMANDS[word]
    module, name = place.split(":")
    assert callable(getattr(__import__(module, fromlist=[name]), name))
    assert line.endswith(".")


def test_options_of_fit_are_the_fields_of_the_recipe_and_the_session_words() -> None:
    options = [name for name in inspect.signature(fitting.fit).parameters if name != "source"]
    assert options == [name for name in Recipe.model_fields if name != "data"] + list(fitting.SESSION)


def test_session_words_are_not_fields_of_the_recipe() -> None:
    assert not set(fitting.SESSION) & set(Recipe.model_fields)


def test_every_field_of_the_recipe_says_what_it_is_for() -> None:
    assert all(field.description for field in Recipe.model_fields.values())


@pytest.mark.parametrize("word", WORDS)
def test_the_help_of_a_verb_names_each_of_its_options(word: str, say) -> None:
    said = say(word, "--help")
    assert said.code == 0
    if word == "fit":
        for name in Recipe.model_fields.keys() - {"data"} | fitting.SESSION.keys():
            assert f"--{name.replace('_', '-')}" in said.out


def test_the_public_names_are_those_that_are_loaded_on_first_use() -> None:
    homes = [name for names in firesteel._HOMES.values() for name in names]
    assert sorted(homes) == sorted(firesteel.__all__)
    assert all(getattr(firesteel, name) is not None for name in firesteel.__all__)


def test_an_unknown_name_is_no_attribute() -> None:
    with pytest.raises(AttributeError, match="no attribute 'fitt'"):
        _ = firesteel.fitt


def test_every_verb_that_is_not_named_as_a_room_can_be_called_from_the_package() -> None:
    rooms = {"data", "gallery", "doctor"}  # `firesteel.data` is the room
    assert set(WORDS) - rooms <= set(firesteel.__all__)


@pytest.mark.parametrize("words", [["--help"], ["--version"], []])
def test_help_loads_nothing_heavy(words: list[str]) -> None:
    probe = (
        f"import sys; from firesteel.cli import main; code = main({words}); "
        f"sys.stderr.write(repr([name for name in {HEAVY} if name in sys.modules])); sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "[]")


def test_python_dash_m_is_the_command_line() -> None:
    done = subprocess.run([sys.executable, "-m", "firesteel", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == f"firesteel {firesteel.__version__}"
