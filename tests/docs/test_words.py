"""The pages keep to the words of the glossary, and their links lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pages import PAGES, ROOT

ALL = [*PAGES, ROOT / "CHANGELOG.md", ROOT / "CONTRIBUTING.md"]
MAX_README_LINES, MAX_LINES_BEFORE_CODE, MAX_IMAGE_BYTES = 150, 12, 150_000

#: What is said otherwise here. Source: the table of names in the house style.
UNSAID = (
    *("hyperparameter", "label column", "feature column", "holdout", "hold-out", "dev set", "validation set"),
    *("training set", "learning_rate", "y_hat", "batch size", "data point", "data frame"),
)

each_page = pytest.mark.parametrize("path", ALL, ids=lambda path: path.stem)


def prose(path: Path) -> str:
    """A page without its code."""
    text = re.sub(r"^```.*?^```$", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"`[^`\n]*`", "", text)


def anchors(path: Path) -> set[str]:
    """The places that a link can name, as GitHub writes them."""
    headings = re.findall(r"^#+ (.+)$", prose(path), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def glossary() -> set[str]:
    rows = re.findall(r"^\| ([^|]+) \|", (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8"), re.MULTILINE)
    return {word.strip() for row in rows for word in row.split(",")}


def is_known(word: str, known: set[str]) -> bool:
    return bool({word, word.removesuffix("s"), word.removesuffix("es")} & known)


@each_page
def test_a_link_leads_somewhere(path: Path) -> None:
    page = prose(path)
    for link in re.findall(r"\]\(([^)]+)\)", page) + re.findall(r'src="([^"]+)"', page):
        if link.startswith("https://"):
            continue
        name, _, place = link.partition("#")
        target = path.parent / name if name else path
        assert target.exists(), link
        assert not place or place in anchors(target), link


@each_page
def test_a_page_keeps_to_the_words_of_the_glossary(path: Path) -> None:
    text = " ".join(re.sub(r"\]\([^)]+\)", "]", prose(path)).lower().split())
    assert not [word for word in UNSAID if re.search(rf"\b{word}\b", text)]


def test_the_tutorial_explains_its_words_in_the_glossary() -> None:
    bold = {word.lower() for word in re.findall(r"\*\*([^*]+)\*\*", prose(ROOT / "docs" / "tutorial.md"))} - {"bold"}
    assert len(bold) > 20
    assert not [word for word in bold if not is_known(word, glossary())]


def test_the_readme_shows_code_at_once_and_is_short() -> None:
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    assert len(lines) < MAX_README_LINES
    assert next(i for i, line in enumerate(lines) if line.startswith("```")) < MAX_LINES_BEFORE_CODE


def test_a_picture_is_small_and_shown() -> None:
    shown = "".join(path.read_text(encoding="utf-8") for path in ALL)
    for image in (ROOT / "docs" / "images").iterdir():
        assert image.stat().st_size < MAX_IMAGE_BYTES, image.name
        assert image.name in shown, image.name
