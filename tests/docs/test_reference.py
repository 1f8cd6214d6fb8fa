"""What the pages say of verbs, options, JSON keys and files is all that there is."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from pages import ROOT

import docs
from firesteel.api import VERBS
from firesteel.cli import COMMANDS, main
from firesteel.errors import FiresteelError

WORDS = [verb.__name__ for verb in VERBS]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reference") / "iris"
    assert main(["fit", "iris", "-o", str(folder), "--epochs", "2", "--no-baselines", "--figures", "--quiet"]) == 0
    return folder


def page_of(word: str) -> str:
    return (ROOT / "docs" / "verbs" / f"{word}.md").read_text(encoding="utf-8")


def code_words(page: str) -> set[str]:
    """Everything that stands between backticks."""
    return set(re.findall(r"`([^`\n]+)`", page))


def test_the_reference_is_what_the_code_says() -> None:
    assert docs.REFERENCE.read_text(encoding="utf-8") == docs.reference(), "run scripts/docs.py"


def test_every_verb_has_its_command_and_its_page() -> None:
    assert set(WORDS) == set(COMMANDS) == {path.stem for path in (ROOT / "docs" / "verbs").glob("*.md")}
    for word in WORDS:
        assert page_of(word).startswith(f"# firesteel {word}\n")


@pytest.mark.parametrize("word", WORDS)
def test_every_option_of_a_verb_is_explained(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", "200")
        main([word, "--help"])
    options = set(re.findall(r"--(?!no-|help)[a-z][a-z-]+", capsys.readouterr().out))
    page = page_of(word) + (docs.REFERENCE.read_text(encoding="utf-8") if word == "fit" else "")
    assert options
    assert not [option for option in options if option not in page]


def test_every_key_of_json_is_explained(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answers, script = run.with_name("answers.csv"), run.with_name("script.py")
    script.write_text("import torch\n", encoding="utf-8")
    calls = {
        "show": [str(run)],
        "predict": [str(run), "iris", "-o", str(answers)],
        "evaluate": [str(run), "iris"],
        "data": ["iris", "--target", "target"],
        "gallery": ["check", "fit-c"],
        "doctor": [str(script)],
        "explain": ["L01"],
    }
    assert set(calls) | {"fit"} == set(WORDS)
    for word, arguments in calls.items():
        capsys.readouterr()
        main([word, *arguments, "--json"])
        answer = json.loads(capsys.readouterr().out)
        keys = set(answer[0] if isinstance(answer, list) else answer)
        known = code_words(page_of(word)) | (code_words(page_of("fit")) if word == "show" else set())
        assert keys <= known, word
    fit_keys = {"run", *json.loads((run / "scores.json").read_text(encoding="utf-8"))}
    assert fit_keys <= code_words(page_of("fit"))


def test_every_file_of_a_run_is_explained(run: Path) -> None:
    explained = code_words(page_of("fit"))
    for path in run.iterdir():
        assert path.name in explained or (path.suffix == ".png" and path.stem in explained), path.name


def test_every_key_and_file_of_a_picture_run_is_explained(tmp_path: Path) -> None:
    import firesteel

    rng = np.random.default_rng(0)
    pixels, labels = rng.integers(0, 256, (40, 8, 8), dtype=np.uint8), np.arange(40) % 2
    options = {"channels": (4,), "epochs": 1, "members": 1, "flip": 0, "figures": True, "baselines": False}
    firesteel.fit(pixels, labels, output=tmp_path / "run", **options)
    explained = code_words(page_of("fit"))
    assert set(json.loads((tmp_path / "run" / "scores.json").read_text(encoding="utf-8"))) <= explained
    drawn = {path.stem for path in (tmp_path / "run").glob("*.png")}
    assert {"predictions", "saliency", "filters", "feature_maps"} <= drawn <= explained


def test_the_limits_of_pictures_are_those_of_the_code() -> None:
    from firesteel.data.decoding import MAX_SIDE
    from firesteel.data.picture_cache import MAX_CACHE_BYTES
    from firesteel.evaluation.picture_drawings import MAX_SHEET
    from firesteel.model.views import N_PILOT_MIN

    assert f"Above {MAX_SIDE} pixels" in page_of("fit")
    assert f"Under {N_PILOT_MIN} val pictures" in page_of("fit")
    assert f"first {MAX_SHEET} with" in page_of("predict")
    assert f"{MAX_CACHE_BYTES / 2**30:.0f} GiB" in (ROOT / "docs" / "howto.md").read_text(encoding="utf-8")


def test_every_kind_of_column_is_explained() -> None:
    from typing import get_args

    from firesteel.recipe import Kind

    for kind in get_args(Kind):
        assert f"| {kind} |" in page_of("data")


def test_every_exception_is_in_the_tree() -> None:
    page = docs.REFERENCE.read_text(encoding="utf-8")
    tree = page[page.index("## Exceptions") : page.index("## Built-in sets")]
    for kind in (FiresteelError, *FiresteelError.__subclasses__()):
        assert kind.__name__ in tree
