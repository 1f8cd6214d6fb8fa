#!/usr/bin/env python3
"""Writes docs/reference.md and docs/doctor/ from the code, the pictures, and into each page what its commands print.

After a change of what is printed: `.venv/bin/python scripts/docs.py`, then read `git diff`. With the names of pages
(README.md docs/howto.md), only these. `scripts/docs.py learn [ID ...]` runs the gallery and writes its pages; without
ids, those that are older than their entry.
"""

from __future__ import annotations

import inspect
import os
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, get_args

ROOT = Path(__file__).parents[1]
REFERENCE = ROOT / "docs" / "reference.md"
LEARN = ROOT / "docs" / "learn"
DOCTOR = ROOT / "docs" / "doctor"
PICTURES = ("models", "learning-curve")
HEAD = "# Reference\n\nWritten from the code by `scripts/docs.py`; a test holds them together.\n"


def reference() -> str:
    """The whole page."""
    data = [_sets(), _endings()]
    results = [_metrics(), _baselines(), _figures()]
    return "\n".join(
        [HEAD, _options(), _python(), _exceptions(), *data, *results, _layers(), _views(), *_registries(), _measures()]
    )


def doctor_pages() -> dict[str, str]:
    """What `docs/doctor/` holds, by file: a page a rule, and the list of all."""
    from firesteel.doctor import index_page, rule_ids, to_rule_page

    return {"index.md": index_page(), **{f"{rule}.md": to_rule_page(rule) for rule in rule_ids()}}


def _table(title: str, heading: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    cells = [tuple(cell.replace("|", "\\|") for cell in row) for row in rows]
    lines = [heading, ("---",) * len(heading), *cells]
    return f"## {title}\n\n" + "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def _options() -> str:
    from firesteel.cli.fitting import SESSION
    from firesteel.recipe import PER_MEMBER, Recipe

    words, chosen = _option_words(), _chosen_names()
    rows = []
    for name, field in Recipe.model_fields.items():
        values = [f"`{value}`" for value in _words(field.annotation)] + ["a list"] * (name in PER_MEMBER)
        default = "chosen" if name in chosen else _default(field.default)
        rows.append((words[name], str(field.description), ", ".join(values), default))
    note = (
        "\nEvery option is a field of the recipe: the same word in `recipe.toml` and as a keyword of `firesteel.fit`, "
        "with `_` for `-`.\n*chosen*: firesteel picks a value and says why. *a list*: each value is measured.\n\n"
        "These say where and how to answer, and are not part of the recipe:\n\n"
    )
    session = "\n".join(f"- {words[name]}: {text}" for name, (_, text) in SESSION.items())
    return _table("Options of fit", ("option", "what it is", "values", "default"), rows) + note + session + "\n"


def _option_words() -> dict[str, str]:
    """What is typed for each option, by its name; the data are the one word without dashes."""
    from firesteel.cli.fitting import fit

    found = {}
    for name, parameter in inspect.signature(fit).parameters.items():
        typed = get_args(parameter.annotation)[1].name
        found["data" if name == "source" else name] = ", ".join(f"`{word}`" for word in typed)
    return found


def _chosen_names() -> set[str]:
    """The fields that firesteel fills in with a reason, from runs that ask for next to nothing."""
    import numpy as np

    import firesteel

    pictures = np.random.default_rng(0).integers(0, 256, (40, 8, 8), dtype=np.uint8)
    runs = (
        firesteel.fit("iris", baselines=False),
        firesteel.fit(pictures, np.arange(40) % 2, baselines=False),
        firesteel.fit(pictures, np.arange(40) % 2, net="mlp", baselines=False),
    )
    return {choice.name for run in runs for choice in run.report.choices}


def _words(annotation: Any) -> list[str]:
    """The words that a field may be, where it takes words."""
    found = [value for part in (annotation, *get_args(annotation)) for value in get_args(part)]
    return list(dict.fromkeys(value for value in found if isinstance(value, str)))


def _default(default: Any) -> str:
    from pydantic_core import PydanticUndefined

    if default in (None, PydanticUndefined, ()):
        return ""
    return {True: "yes", False: "no"}[default] if isinstance(default, bool) else f"`{default}`"


def _python() -> str:
    import firesteel

    rows = [(f"`firesteel.{name}`", _first_line(getattr(firesteel, name))) for name in firesteel.__all__]
    return _table("Python", ("name", "what it gives"), rows)


def _exceptions() -> str:
    import firesteel.errors

    tree = [line for line in (firesteel.errors.__doc__ or "").splitlines() if "Error  " in line]
    return "## Exceptions\n\n```\n" + inspect.cleandoc("\n".join(["", *tree])) + "\n```\n"


def _sets() -> str:
    from firesteel.data import BUILT_IN, NAMED_SETS, SYNTHETIC

    built_in = ((f"`{name}`", what) for name, (_, _, what) in BUILT_IN.items())
    named = (
        (f"`{name}`", one.about, f"{sum(file.n_bytes for file in one.files) / 1e6:.0f} MB")
        for name, one in NAMED_SETS.items()
    )
    made_up = (
        (f"`synthetic:{name}`", one.about, ", ".join(f"`{word}={value:g}`" for word, value in one.known.items()))
        for name, one in SYNTHETIC.items()
    )
    tables = _table("Built-in sets", ("name", "what is in it"), built_in) + "\n"
    tables += _table("Made-up sets", ("name", "target", "settings, and what they are where nothing is said"), made_up)
    pictures = _table("Named sets of pictures", ("name", "what is in it", "fetched once"), named)
    return f"{tables}\n{pictures}"


def _endings() -> str:
    from firesteel.data import BUNDLES, PICTURE_ENDINGS

    rows = (("pictures", PICTURE_ENDINGS), ("arrays of pictures", BUNDLES))
    words = ((what, ", ".join(f"`{ending}`" for ending in sorted(endings))) for what, endings in rows)
    note = (
        "\nIDX files are known by their first bytes or their names, `.gz` too; text grids are `.grid`, or `.txt` "
        "where all of it is drawings.\n"
    )
    return _table("Endings of pictures", ("what", "endings"), words) + note


def _metrics() -> str:
    from firesteel.evaluation import MAIN_METRIC, METRICS

    rows = [
        (
            f"`{metric.name}`",
            metric.label,
            ", ".join(f"**{task}**" if MAIN_METRIC[task] == metric.name else task for task in metric.tasks),
            "more" if metric.is_higher_better else "less",
            metric.needs,
        )
        for metric in METRICS
    ]
    note = "\nModels are ranked by the metric whose task is **bold**.\n"
    return _table("Metrics", ("name", "label", "tasks", "better is", "needs"), rows) + note


def _baselines() -> str:
    from firesteel.evaluation import CONTENDERS

    rows = [(f"`{one.name}`", one.label, ", ".join(one.tasks)) for one in CONTENDERS]
    return _table("Baselines", ("name", "label", "tasks"), rows)


def _figures() -> str:
    from firesteel.evaluation import FIGURES

    rows = [
        (f"`{one.name}.png`", one.title, ", ".join(one.tasks), "pictures" if one.is_of_pictures else "")
        for one in FIGURES
    ]
    return _table("Figures", ("file", "title", "tasks", "only of"), rows)


def _layers() -> str:
    from firesteel.nets import Layer

    kinds = {name: kind for name, kind in Layer.registry.items() if not inspect.isabstract(kind)}
    return _table("Layers", ("name", "what it does"), _described(kinds))


def _views() -> str:
    from firesteel.model.views import ERASED, FLIPPED, MOVED
    from firesteel.recipe import Recipe

    nets = {name: {**moved, **FLIPPED, **ERASED} for name, moved in MOVED.items()}
    names = list(dict.fromkeys(name for tried in nets.values() for name in tried))
    rows = [
        (f"`--{name}`", str(Recipe.model_fields[name].description), *(f"{tried[name]:g}" for tried in nets.values()))
        for name in names
    ]
    heading = ("option", "in training, each time anew, pictures are", *(f"tried for `{net}`" for net in nets))
    return _table("Augmentations", heading, rows) + "\nEach is kept only where a pilot says that it helps.\n"


def _measures() -> str:
    from firesteel.gallery import MEASURES

    rows = [(f"`{name}`", _first_line(one)) for name, one in MEASURES.items()]
    return _table("Measures of the gallery", ("word", "what it gives"), rows)


def _registries() -> list[str]:
    from firesteel.nets import ACTIVATIONS, LOSSES
    from firesteel.training import OPTIMIZERS, SCHEDULES

    activations = {name: type(layer) for name, layer in ACTIVATIONS.items()}
    registries = {"Activations": activations, "Losses": LOSSES, "Optimizers": OPTIMIZERS, "Schedules": SCHEDULES}
    return [_table(title, ("name", "what it does"), _described(known)) for title, known in registries.items()]


def _described(known: Mapping[str, Any]) -> list[tuple[str, ...]]:
    return [(f"`{name}`", _first_line(thing)) for name, thing in known.items()]


def _first_line(thing: Any) -> str:
    return (inspect.getdoc(thing) or "").splitlines()[0]


def main() -> None:
    """Write what is out of date, and say what was."""
    sys.path[:0] = [str(ROOT / "tests" / "docs")]
    from pages import PAGES, renewed

    if sys.argv[1:2] == ["learn"]:
        learn(sys.argv[2:])
        return
    chosen = [Path(word).resolve() for word in sys.argv[1:]]
    with tempfile.TemporaryDirectory() as cache:
        os.environ["FIRESTEEL_CACHE"] = cache
        if not chosen:
            _write(REFERENCE, reference())
            for name, page in doctor_pages().items():
                _write(DOCTOR / name, page)
            _draw()
        for path in chosen or PAGES:
            with tempfile.TemporaryDirectory() as folder:
                _write(path, renewed(path.read_text(encoding="utf-8"), Path(folder)))


def learn(names: list[str]) -> None:
    """Run entries of the gallery and write their pages, with figures, and the list of all."""
    from firesteel import api
    from firesteel.gallery import fingerprint_in, learn_page, path_page, read_entries, read_path

    entries = read_entries()
    order = list(entries)
    if not names:
        pages = {name: LEARN / f"{name}.md" for name in order}
        said = {
            name: fingerprint_in(page.read_text(encoding="utf-8")) for name, page in pages.items() if page.is_file()
        }
        names = [name for name in order if said.get(name) != entries[name].fingerprint]
    (LEARN / "images").mkdir(parents=True, exist_ok=True)
    _write(LEARN / "index.md", path_page(read_path(), entries))
    for outcome in api.gallery(*names) if names else ():
        name, place = outcome.entry.id, order.index(outcome.entry.id)
        if outcome.not_applicable and not outcome.entry.later:
            print(f"not written: {name}, {outcome.not_applicable}")
            continue
        figures = outcome.figures()
        for figure, drawing in figures.items():
            (LEARN / "images" / f"{name}-{figure}.png").write_bytes(drawing.png)
        before = entries[order[place - 1]] if place else None
        after = entries[order[place + 1]] if place + 1 < len(order) else None
        _write(LEARN / f"{name}.md", learn_page(outcome, figures=figures, before=before, after=after))
        if not outcome.is_met:
            print(f"missed: {name}")
    shown = "".join(page.read_text(encoding="utf-8") for page in LEARN.glob("*.md"))
    for image in (LEARN / "images").iterdir():
        if image.name not in shown:
            image.unlink()


def _draw() -> None:
    """The pictures of the pages: figures of the run that the README shows."""
    import firesteel
    from firesteel.evaluation import write_png

    report = firesteel.fit("digits").report
    with tempfile.TemporaryDirectory() as folder:
        figures = {path.stem: path for path in write_png(report, Path(folder))}
        for name in PICTURES:
            picture = ROOT / "docs" / "images" / f"digits-{name}.png"
            picture.write_bytes(figures[name.replace("-", "_")].read_bytes())


def _write(path: Path, text: str) -> None:
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8", newline="\n")
        print(f"written anew: {path.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
