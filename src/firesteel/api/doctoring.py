"""What a call of `doctor` must hold before anything runs, and the report where it was asked for."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path

from firesteel.doctor import Diagnosis, choose_rules, is_known_rule, rule_ids, to_page, to_sarif
from firesteel.errors import DataError, RecipeError, nearest

#: What the ending of a report's file says of its form.
REPORT_ENDINGS = (".html", ".json", ".sarif", ".txt")


def check_script(script: str | Path, *, is_module: bool, is_static: bool) -> None:
    """Raises DataError where there is no such script."""
    path, word = Path(script), "firesteel doctor --static" if is_static else "firesteel doctor"
    if is_module:
        if find_module(str(script)) is None:
            near = path if path.is_file() else _near(Path(f"{str(script).replace('.', '/')}.py"))
            module = ".".join(near.with_suffix("").parts) if near is not None else ""
            raise DataError(
                "behind -m stands a module that Python finds from here",
                found=f"there is none called '{script}'",
                hint=f"{word} {near}" if near == path else f"{word} -m {module}" if near else f"{word} --help",
            )
        return
    if path.is_file() or (is_static and path.is_dir()):
        return
    if path.is_dir():
        raise DataError(
            "a script is a file", found=f"'{script}' is a folder", hint=f"firesteel doctor --static {script}"
        )
    near = _near(path)
    hint = f"{word} {near}" if near is not None else "firesteel doctor --help"
    raise DataError("a script must be there", found=f"there is no file '{script}'", hint=hint)


def _near(path: Path) -> Path | None:
    """The script beside it whose name is nearest; None where none is near."""
    beside = {one.stem: one for one in sorted(path.parent.glob("*.py"))} if path.parent.is_dir() else {}
    return next((beside[stem] for stem in nearest(path.stem, beside)), None)


def find_module(name: str) -> ModuleSpec | None:
    """A module as `python -m` finds it, from the working folder; the packages that hold it are not imported."""
    importlib.invalidate_caches()
    parts = name.split(".")
    if not all(parts):
        return None
    found = PathFinder.find_spec(parts[0], [str(Path.cwd()), *sys.path]) or _installed(parts[0])
    for part in parts[1:]:
        if found is None or found.submodule_search_locations is None:
            return None
        # By its last word: of "a.b" that is a folder, Python would ask the imported "a".
        found = PathFinder.find_spec(part, list(found.submodule_search_locations))
    return found


def _installed(name: str) -> ModuleSpec | None:
    try:
        return importlib.util.find_spec(name)
    except ValueError:  # a program's `__main__`
        return None


def check_rules(only: Sequence[str], ignore: Sequence[str] = (), *, is_static: bool = False) -> None:
    """Raises RecipeError for an id or a group that no rule has, and where no rule is left."""
    for word in [*only, *ignore]:
        if not is_known_rule(word):
            near = nearest(word, rule_ids())
            raise RecipeError(
                "a rule is named by its id (O01) or its group (O)",
                found=f"'{word}' is neither",
                hint=f"{near[0] if near else 'O01'}     all rules: firesteel explain",
            )
    if not choose_rules(only, ignore, is_static=is_static):
        words = [f"--{word} {','.join(ids)}" for word, ids in (("only", only), ("ignore", ignore)) if ids]
        raise RecipeError(
            "at least one rule must be left",
            found=f"{' '.join([*words, *['--static'] * is_static])} leaves none",
            hint=f"--static --only {','.join(choose_rules(is_static=True))}" if is_static else "--only O,L",
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
