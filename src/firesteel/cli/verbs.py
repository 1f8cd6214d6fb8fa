"""`firesteel predict`, `evaluate`, `show` and `data`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from firesteel.cli.text import data_lines, evaluate_lines, predict_lines, print_lines, show_lines

Output = Annotated[Path | None, Parameter(name=["--output", "-o"], help="the CSV file to write")]
Run = Annotated[Path, Parameter(name="RUN", help="the run folder that fit wrote")]
Json = Annotated[bool, Parameter(name="--json", help="print JSON", negative="")]


def predict(
    run: Run,
    source: Annotated[str, Parameter(name="DATA", help="a file with the rows to answer, a picture, or a folder")],
    /,
    *more: Annotated[str, Parameter(name="MORE", help="more pictures")],
    output: Output = None,
    id_columns: Annotated[
        list[str] | None, Parameter(name="--id", help="a column to put in front of the answers", negative="")
    ] = None,
    force: Annotated[bool, Parameter(help="replace an earlier file", negative="")] = False,
    is_shown: Annotated[
        bool, Parameter(name="--show", help="write a sheet of the pictures with their answers", negative="")
    ] = False,
    as_json: Json = False,
) -> int:
    """Answer new rows or pictures with a trained model: predictions, and the probability of each class.

    Rows keep their order. Tables are read in parts: with -o one larger than memory works.
    """
    from firesteel import api

    ids = [part for word in id_columns or () for part in word.split(",")]
    sheet = (output or Path("answers.csv")).with_suffix(".png") if is_shown else None
    given = [source, *more] if more else source
    answers = api.predict(run, given, output=output, id_columns=ids, force=force, sheet=sheet)
    if as_json:
        rows = None if answers.frame is None else answers.frame.to_dicts()
        _print_json({"n_rows": answers.n_rows, "notices": list(answers.notices), "rows": rows})
    else:
        print_lines(predict_lines(answers, None if output is None else str(output)))
        if sheet is not None:
            print_lines([f"the pictures with their answers: {sheet}"])
    return 0


def evaluate(
    run: Run,
    source: Annotated[str, Parameter(name="DATA", help="a file with rows whose target is known")],
    /,
    *,
    as_json: Json = False,
) -> int:
    """Score a trained model on other rows whose answers are known."""
    from firesteel import api

    evaluation = api.evaluate(run, source)
    if as_json:
        _print_json({"run": str(run), **evaluation.to_dict()})
    else:
        print_lines(evaluate_lines(evaluation))
    return 0


def show(run: Run, /, *, as_json: Json = False) -> int:
    """Show what a model is, how it was made, its choices and its scores."""
    from firesteel import api

    model = api.show(run)
    if as_json:
        _print_json({"run": str(run), "schema": model.schema.to_dict(), **model.report.to_dict()})
    else:
        print_lines(show_lines(model, str(run)))
    return 0


def data(
    source: Annotated[str, Parameter(name="DATA", help="a file, a folder of pictures, or a set")],
    /,
    *,
    target: Annotated[str | None, Parameter(help="the column to predict: also names its task and leaks")] = None,
    as_json: Json = False,
) -> int:
    """Look over a table before training: kinds of columns, missing values, equal rows, leaks."""
    from firesteel import api

    look = api.data(source, target)
    if as_json:
        _print_json(look.to_dict())
    else:
        print_lines(data_lines(look))
    return 0


def _print_json(record: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(record, ensure_ascii=False, default=str) + "\n")
