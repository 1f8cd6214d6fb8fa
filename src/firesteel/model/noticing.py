"""What all rooms noticed of a run, as notices of its report."""

from __future__ import annotations

from firesteel.data import Pictures, Schema, Split, Table
from firesteel.evaluation import Notice
from firesteel.model.material import Material
from firesteel.training import Run


def gather_notices(
    table: Table, schema: Schema, *, split: Split, test: Table | None, material: Material, run: Run
) -> list[Notice]:
    """All that the rooms noticed, in the order of the work."""
    leaks = [_leak_notice(text, schema) for text in schema.notices if text.startswith("leak")]
    others = tuple(text for text in schema.notices if not text.startswith("leak"))
    spoken = {"read": table.notices, "schema": others, "split": split.notices}
    if test is not None:
        spoken["test"] = test.notices
    if split.n_equal:
        noun, verb = ("picture", "nearly equal") if isinstance(table, Pictures) else ("row", "repeat")
        said = f"1 {noun} {verb}s" if split.n_equal == 1 else f"{split.n_equal:,} {noun}s {verb}"
        spoken["equal_rows"] = (f"{said} another one; equal {noun}s stay on one side of the split",)
    spoken |= {"features": material.features.notices, "training": run.notices}
    return leaks + [Notice(code, text) for code, texts in spoken.items() for text in texts]


def _leak_notice(text: str, schema: Schema) -> Notice:
    """A leak as a notice that names its column to programs, too."""
    column = next((column.name for column in schema.leaks if f"'{column.name}'" in text), "")
    return Notice("leak", text, column)
