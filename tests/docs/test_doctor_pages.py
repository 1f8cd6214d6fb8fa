"""The pages of the doctor's rules are what the rules say."""

from __future__ import annotations

import docs


def test_every_rule_has_its_page_and_no_page_is_left_over() -> None:
    written = {path.name: path.read_text(encoding="utf-8") for path in docs.DOCTOR.glob("*.md")}
    assert written == docs.doctor_pages(), "run scripts/docs.py"
