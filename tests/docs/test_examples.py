"""The examples run, and are short enough to be read at once."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.py"))
MAX_LINES = 60

each_example = pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)


@pytest.fixture
def printed(path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(path), run_name="__main__")
    assert not list(tmp_path.iterdir()), "an example leaves nothing behind"
    return capsys.readouterr().out


@each_example
def test_an_example_is_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) < MAX_LINES


@pytest.mark.parametrize("path", [path for path in EXAMPLES if path.stem == "own_module"], ids=["own_module"])
def test_an_own_module_stands_among_the_baselines(printed: str) -> None:
    assert "network" in printed
    assert "random forest" in printed
    assert "proba_benign" in printed


@pytest.mark.parametrize("path", [path for path in EXAMPLES if path.stem == "carry_on_in_pytorch"], ids=["carry_on"])
def test_carrying_on_with_more_rows_makes_the_net_better(printed: str) -> None:
    before, after = (float(line.split()[-1]) for line in printed.splitlines())
    assert 0.8 < before < after


@pytest.mark.parametrize("path", [path for path in EXAMPLES if path.stem == "compare_learning_rates"], ids=["lr"])
def test_learning_rates_are_compared_on_val_rows(printed: str) -> None:
    assert "best of 3 on val rows" in printed


@pytest.mark.parametrize("path", [path for path in EXAMPLES if path.stem == "pictures"], ids=["pictures"])
def test_pictures_of_another_size_and_the_reverse_are_answered(printed: str) -> None:
    pairs = [line.removesuffix(".png").split(".png: ") for line in printed.splitlines() if ".png: " in line]
    assert len(pairs) == 8
    assert sum(true == pred for true, pred in pairs) >= 5
    assert "read as the negative" in printed


def test_every_example_is_run() -> None:
    assert {path.stem for path in EXAMPLES} == {
        *("own_module", "carry_on_in_pytorch", "compare_learning_rates", "pictures")
    }
