"""What a call of `doctor` must hold before anything runs, and the report where it was asked for."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Sequence
from pathlib import Path

from firesteel.doctor import Diagnosis, is_known_rule, rule_ids, to_page, to_sarif
from firesteel.errors import DataError, RecipeError, nearest

#: What the ending of a report's file says of its form.
REPORT_ENDINGS = (".html", ".json", ".sarif", ".txt")


def check_script(script: str | Path, *, is_module: bool, is_static: bool) -> None:
    """Raises DataError where there is no such script."""
    if is_module:
        if not _has_module(str(script)):
            raise DataError(
                "behind -m stands a module that Python finds from here",
                found=f"there is none called '{script}'",
                hint=f"firesteel doctor {str(script).replace('.', '/')}.py",
            )
        return
    path = Path(script)
    if path.is_file() or (is_static and path.is_dir()):
        return
    beside = [one.name for one in path.parent.glob("*.py")] if path.parent.is_dir() else []
    near = nearest(path.name, beside) or sorted(beside)[:3]
    hint = f"firesteel doctor {path.parent / near[0]}" if near else "firesteel doctor train.py"
    if path.is_dir():
        raise DataError(
            "a script is a file", found=f"'{script}' is a folder", hint=f"firesteel doctor --static {script}"
        )
    raise DataError("a script must be there", found=f"there is no file '{script}'", hint=hint)


def _has_module(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):  # its package is not there, or the name is no name
        return False


def check_rules(words: Sequence[str]) -> None:
    """Raises RecipeError for an id or a group that no rule has."""
    for word in words:
        if not is_known_rule(word):
            near = nearest(word, rule_ids())
            raise RecipeError(
                "a rule is named by its id (O01) or its group (O)",
                found=f"'{word}' is neither",
                hint=f"{near[0] if near else 'O01'}     all rules: firesteel explain",
            )


def check_report(output: str | Path | None) -> None:
    """Raises DataError where the report could not be written, before anything runs."""
    if output is None:
        return
    path = Path(output)
    if path.suffix not in REPORT_ENDINGS:
        raise DataError(
            f"a report's file ends with {', '.join(REPORT_ENDINGS)}", found=f"'{output}'", hint="-o report.html"
        )
    try:
        with path.open("a", encoding="utf-8"):
            pass
    except OSError as error:
        raise DataError(
            "a report needs a file that can be written",
            found=f"'{output}': {error.strerror}",
            hint="-o report.html",
        ) from None


def write_report(diagnosis: Diagnosis, output: str | Path, *, version: str) -> None:
    """The diagnosis in the form that the file's ending names."""
    path = Path(output)
    texts = {
        ".html": lambda: to_page(diagnosis),
        ".json": lambda: json.dumps(diagnosis.to_dict(), ensure_ascii=False, indent=1) + "\n",
        ".sarif": lambda: json.dumps(to_sarif(diagnosis, version=version), ensure_ascii=False, indent=1) + "\n",
        ".txt": lambda: f"{diagnosis}\n",
    }
    path.write_text(texts[path.suffix](), encoding="utf-8")
