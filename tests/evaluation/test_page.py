"""The page of a report."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from firesteel.evaluation.baselines import Baseline
from firesteel.evaluation.lines import headline, width_note
from firesteel.evaluation.page import render_page
from firesteel.evaluation.report import Notice, Report
from firesteel.evaluation.terms import Term
from firesteel.recipe import Choice, Task

MakeReport = Callable[..., Report]
COLUMNS = [
    {
        "name": "height",
        "kind": "numeric",
        "reason": "98 different values",
        "is_used": True,
        "n_missing": 3,
        "n_unique": 98,
    },
    {"name": "id", "kind": "id", "reason": "every row its own", "is_used": False, "n_missing": 0, "n_unique": 120},
]
VOID = {"meta", "br", "img", "link", "input"}


class Balanced(HTMLParser):
    """Fails on tags that are not closed in order; keeps the text and the headings."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.ids += [value or "" for name, value in attrs if name == "id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.ids += [value or "" for name, value in attrs if name == "id"]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def read(page: str) -> tuple[str, list[str]]:
    parser = Balanced()
    parser.feed(page)
    assert parser.open == []
    return " ".join(" ".join(parser.text).split()), parser.ids


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_a_page_has_every_part_and_is_well_formed(task: Task, make_report: MakeReport) -> None:
    report = make_report(task)
    text, ids = read(render_page(report.to_dict(), title="weights", columns=COLUMNS, recipe='target = "weight"'))
    first = headline(report)
    assert first[0].upper() + first[1:] + "." in text
    for part in ("Scores", "All models", "Figures", "Notices", "Choices", "Columns", "Reproduce", 'target = "weight"'):
        assert part in text
    assert "not applicable because no column differs" in text
    assert "98 different values" in text
    assert len(ids) == len(set(ids))


def test_a_page_loads_nothing_from_anywhere(make_report: MakeReport) -> None:
    page = render_page(make_report("binary").to_dict(), title="t")
    links = set(re.findall(r"""(?:src|href|url|@import)\s*[=(]\s*["']?([^"')\s>]+)""", page))
    assert all(link.startswith(("#", "data:image/png;base64,")) for link in links)
    assert "<script" not in page
    assert {found for found in re.findall(r"https?://[^\"'\s<]+", page) if "www.w3.org" not in found} == set()


def test_words_of_the_user_cannot_become_html(make_report: MakeReport) -> None:
    evil = "</style><script>alert('x')</script>&"
    report = replace(
        make_report("binary"),
        target=evil,
        split=evil,
        classes=(evil, "b"),
        notices=(Notice(evil, evil, evil),),
        choices=(Choice(evil, evil, evil),),
    )
    columns = [{**COLUMNS[0], "name": evil, "reason": evil, "kind": evil}]
    page = render_page(report.to_dict(), title=evil, columns=columns, recipe=evil)
    assert "<script" not in page
    assert "</style><script>alert('x')</script>&" in read(page)[0]


def test_a_bare_report_makes_a_page_without_empty_sections(make_report: MakeReport) -> None:
    full = make_report("regression")
    text, _ = read(render_page(Report("regression", "y", full.test).to_dict(), title="t"))
    assert "Scores" in text
    assert not any(part in text for part in ("Notices", "Choices", "Columns", "Reproduce", "All models"))


def test_a_page_shows_a_share_of_very_many_columns(make_report: MakeReport) -> None:
    columns = [{**COLUMNS[0], "name": f"c{i}"} for i in range(700)]
    text, _ = read(render_page(make_report("binary").to_dict(), title="t", columns=columns))
    assert "The first 500 of 700." in text
    assert "c499" in text
    assert "c500" not in text


def test_pictures_have_a_section_and_a_table_has_none(make_report: MakeReport) -> None:
    report = make_report("multiclass")
    page = render_page(report.to_dict(), title="t")
    assert "<h2>Pictures</h2>" in page
    assert "data:image/png;base64," in page
    assert "<h2>Pictures</h2>" not in render_page(replace(report, sights=None).to_dict(), title="t")


def test_few_test_rows_are_pointed_out(make_report: MakeReport) -> None:
    report = make_report("binary", skill=0.3)
    assert f"{width_note(report)}." in read(render_page(report.to_dict(), title="t"))[0]


def test_formulas_stand_on_the_page_and_columns_named_like_tags_stay_words(make_report: MakeReport) -> None:
    report = make_report("regression")
    assert "Formulas" not in render_page(report.to_dict(), title="t")
    line = Baseline(
        "linear_regression", "linear regression", report.test, 0.1, terms=(Term("1", 2.0), Term("<b>", 3.0))
    )
    page = render_page(replace(report, baselines=(line,)).to_dict(), title="t")
    assert "weight = 2 + 3 &lt;b&gt;" in page
    assert read(page)[0].count("Formulas") == 1
