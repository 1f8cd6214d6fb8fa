"""What stands in a page happens: every block is run, and prints what the page shows."""

from __future__ import annotations

from pathlib import Path

import pytest
from pages import PAGES, RUN, Block, PageError, blocks_of, cut_like, run_page, without_verdict, words

WITH_CODE = [page for page in PAGES if any(block.is_run for block in blocks_of(page.read_text(encoding="utf-8")))]


#: Another processor rounds otherwise, so that a measured reason may be worded otherwise there: a word in twenty.
FREE_SHARE = 0.05


def differences(block: Block, shown: Block, printed: str) -> str:
    """What the page shows and was not printed, and the other way round; numbers, order and line ends are free."""
    try:
        said, found = (words(without_verdict(text)) for text in (shown.text, cut_like(shown.text, printed)))
    except PageError as error:
        return f"line {block.line}: {error}"
    if ((said - found) + (found - said)).total() <= FREE_SHARE * said.total():
        return ""
    return f"line {block.line}: only on the page: {said - found}; only printed: {found - said}"


@pytest.mark.parametrize("path", WITH_CODE, ids=lambda path: path.stem)
def test_a_page_prints_what_it_shows(path: Path, tmp_path: Path) -> None:
    page = path.read_text(encoding="utf-8")
    wrong = [differences(block, shown, out) for block, shown, out in run_page(page, tmp_path) if shown is not None]
    assert not [line for line in wrong if line], "python scripts/docs.py writes the pages anew"


@pytest.mark.parametrize("path", WITH_CODE, ids=lambda path: path.stem)
def test_an_output_stands_behind_what_prints_it(path: Path) -> None:
    blocks = blocks_of(path.read_text(encoding="utf-8"))
    for before, block in zip([None, *blocks], blocks, strict=False):
        if block.language == "text":
            assert before is not None, f"line {block.line}"
            assert before.language in RUN, f"line {block.line}"


def test_a_mark_is_about_the_next_block_only() -> None:
    mark, block = "<!-- not run: why -->\n", "```python\n1\n```\n"
    assert [one.is_run for one in blocks_of(mark + block + block + mark + block)] == [False, True, False]


def test_a_word_that_is_not_printed_is_found() -> None:
    shown = "accuracy 0.981 on 269 test rows\n"
    assert words(shown) == words(cut_like(shown, "accuracy 0.985 on 269\ntest rows"))
    assert words(shown) != words(cut_like(shown, "accuracy 0.981 on 269 train rows"))


def test_either_side_of_a_verdict_is_the_same_page() -> None:
    tail = "interval of the gap -0.067 to 0.067)\n\naccuracy 0.822 0.744\n"
    ahead = f"accuracy 0.822 on 90 test rows; best baseline: SVM, 0.822, level (within noise: 95 %\n{tail}"
    behind = f"SVM beats the network: accuracy 0.833 against 0.822 on 90 test rows (within noise: 95 % {tail}"
    assert words(without_verdict(ahead)) == words(without_verdict(behind)) == words("accuracy 1 2")


def test_dots_stand_for_lines_left_out() -> None:
    printed = "one 1\ntwo 2\nthree 3\nfour 4\n"
    assert cut_like("one 7\n...\n", printed) == "one 1\n...\n"
    assert cut_like("...\ntwo 7\nx\n...\n", printed) == "...\ntwo 2\nthree 3\n...\n"
    with pytest.raises(PageError, match="nothing like 'five'"):
        cut_like("...\nfive\n...\n", printed)


def test_a_command_that_ends_otherwise_is_found(tmp_path: Path) -> None:
    with pytest.raises(PageError, match="exit code 2"):
        list(run_page("```sh\nfiresteel show nowhere\n```\n", tmp_path))
    printed = [out for _, _, out in run_page("```sh\nfiresteel show nowhere   # exit 2\n```\n", tmp_path)]
    assert "there is no" in printed[0]


def test_only_firesteel_is_run_in_a_shell_block(tmp_path: Path) -> None:
    with pytest.raises(PageError, match="only `firesteel"):
        list(run_page("```sh\nrm nothing\n```\n", tmp_path))
    assert not list(run_page("<!-- not run: it would delete -->\n```sh\nrm nothing\n```\n", tmp_path))
