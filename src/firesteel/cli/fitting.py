"""`firesteel fit`: every field of the recipe is an option, and the other way round."""

from __future__ import annotations

import contextlib
import inspect
import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, get_args

from cyclopts import Parameter

from firesteel.cli.progress import training_bar
from firesteel.cli.text import fit_lines, print_lines
from firesteel.errors import RecipeError
from firesteel.recipe import PER_MEMBER, Recipe

#: Where and how to answer: what is not part of what was asked for, and so not of the recipe.
SESSION = {
    "recipe": (Path, "a recipe file; options given beside it go before it"),
    "output": (Path, "the run folder to write (default: runs/NAME)"),
    "resume": (Path, "the run folder of a killed run, to go on with it"),
    "force": (bool, "replace an earlier run"),
    "json": (bool, "print the report as JSON"),
    "quiet": (bool, "no progress bar, and only the headline"),
}

#: Fields that take several words: columns, widths, a pair per column.
LISTS = ("drop", "keep", "d_hidden", "channels", *PER_MEMBER)
REPEATED = ("drop", "keep", "kind")
#: What may be yes, no, or a list.
SWITCHED = ("baselines",)

_SHORT = {"output": "-o"}


def _fit(source: str | None = None, **words: Any) -> int:
    """Train and check a model on a table.

    The target is named by --target; everything else is chosen, and each choice is printed with its reason.
    A setting given as a list (--lr 0.001,0.003,0.01) is measured: one net per value, the best on val rows is kept.
    """
    from firesteel import api

    given = {name: value for name, value in words.items() if value is not None and name not in SESSION}
    fields = {name: _value(name, value) for name, value in given.items()}
    if source is not None:
        fields["data"] = source
    recipe, resume = words.get("recipe"), words.get("resume")
    output = resume or words.get("output") or _default_output(fields, recipe)
    is_quiet, as_json = bool(words.get("quiet")), bool(words.get("json"))
    with training_bar(is_quiet=is_quiet or as_json) as (observer, on_reading), _told_to_resume(output):
        model = api.fit(
            recipe=recipe,
            output=output,
            force=bool(words.get("force")),
            resume=resume,
            observer=observer,
            on_reading=on_reading,
            **fields,
        )
    if as_json:
        sys.stdout.write(json.dumps({"run": str(output), **model.report.to_dict()}, ensure_ascii=False) + "\n")
    else:
        print_lines(fit_lines(model, str(output), is_brief=is_quiet))
    return 0


@contextlib.contextmanager
def _told_to_resume(run: Path) -> Iterator[None]:
    """Where training was stopped with something to go on from, says how to go on."""
    try:
        yield
    except KeyboardInterrupt:
        from firesteel.model import Unfinished

        if Unfinished(run).folder.exists():
            sys.stderr.write(f"firesteel fit --resume {run}     goes on from there\n")
        raise


def _value(name: str, given: Any) -> Any:
    """A word of the command line as the recipe takes it; what it means is checked there."""
    if name == "kind":
        return dict(_pair(word) for word in given)
    if name in REPEATED or (name in SWITCHED and not isinstance(given, bool)):
        return tuple(part for word in given for part in word.split(","))
    if name in LISTS and (name not in PER_MEMBER or "," in given):
        return tuple(given.split(","))
    return given


def _pair(word: str) -> tuple[str, str]:
    column, sign, kind = word.rpartition("=")
    if not sign:
        raise RecipeError("--kind takes COLUMN=KIND", found=f"'{word}' was given", hint="--kind zip_code=categorical")
    return column, kind


def _default_output(fields: dict[str, Any], recipe: Path | None) -> Path:
    """runs/NAME, after the data."""
    from firesteel.recipe import read_recipe

    source = fields.get("data") or (read_recipe(recipe).get("data") if recipe else None) or "run"
    name = Path(str(source)).name.removeprefix("synthetic:")
    return Path("runs") / (re.split(r"[.,]", name)[0] or "run")


def _parameters() -> list[inspect.Parameter]:
    """The command's parameters, made of the recipe's fields."""
    data = Recipe.model_fields["data"]
    found = [_parameter("source", str, data.description or "", kind=inspect.Parameter.POSITIONAL_ONLY)]
    for name, field in Recipe.model_fields.items():
        if name != "data":
            found.append(_parameter(name, _word_type(name, field.annotation), _described(name, field)))
    found += [_parameter(name, kind, text) for name, (kind, text) in SESSION.items()]
    return found


def _parameter(
    name: str, annotation: Any, text: str, *, kind: Any = inspect.Parameter.KEYWORD_ONLY
) -> inspect.Parameter:
    is_switch = bool in (annotation, *get_args(annotation)) and name not in SESSION
    negative = f"--no-{name.replace('_', '-')}" if is_switch else ""
    words = [f"--{name.replace('_', '-')}", *([_SHORT[name]] if name in _SHORT else [])]
    is_word = kind is inspect.Parameter.KEYWORD_ONLY
    option = Parameter(name=words if is_word else "DATA", help=text, negative=negative, show_default=False)
    return inspect.Parameter(name, kind, default=None, annotation=Annotated[annotation | None, option])


def _word_type(name: str, annotation: Any) -> Any:
    if name in SWITCHED:
        return bool | list[str]
    if bool in (annotation, *get_args(annotation)):
        return bool
    return list[str] if name in REPEATED else str


def _described(name: str, field: Any) -> str:
    text = field.description or ""
    words = _words(field.annotation)
    if words and name != "kind":
        text += f": {', '.join(dict.fromkeys(words))}"
    return f"{text}; a list measures each value" if name in PER_MEMBER else text


def _words(annotation: Any) -> list[str]:
    """The words that a field takes, however deep in its type they stand."""
    found = [[part] if isinstance(part, str) else _words(part) for part in get_args(annotation)]
    return [word for words in found for word in words]


def _with_options(command: Callable[..., int]) -> Callable[..., int]:
    """The command with the recipe's fields as its signature, which is what cyclopts reads."""
    parameters = _parameters()
    vars(command)["__signature__"] = inspect.Signature(parameters, return_annotation=int)
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return command


fit = _with_options(_fit)
