"""The verdict as a user meets it: printed, in a notebook, as a record."""

from __future__ import annotations

from firesteel.doctor.findings import Verdict
from firesteel.doctor.html import to_html
from firesteel.doctor.text import to_text


class Diagnosis(Verdict):
    """All findings, worst first, and the outcome of each rule; `print` it, or let a notebook show it."""

    def __str__(self) -> str:
        return to_text(self)

    def _repr_html_(self) -> str:
        return to_html(self)
