"""Which column is the target, and what kind of answer it wants."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from firesteel.data.kinds import look_at
from firesteel.data.schema import Target
from firesteel.data.table import Table
from firesteel.data.values import are_numbers, as_numbers, as_words, is_whole_number
from firesteel.errors import DataError, RecipeError, nearest
from firesteel.recipe import Task

#: More classes than this are no classes but keys or numbers.
MAX_CLASSES = 1_000
#: Squares of larger numbers, summed over the rows, come near the end of float64 (1.8e308).
LARGEST_TARGET = 1e100
#: Columns with 2 to so many values are offered as targets.
_OFFERED_VALUES, _MAX_OFFERED = 20, 8
#: Whole numbers in steps of one: up to 5 are classes, up to 10 are classes unless their counts rise to one peak
#: (quality 3 to 8, most in the middle, is an amount), up to 100 only if all are about equally frequent.
_FEW, _SOME, _MANY = 5, 10, 100
#: The rarest of equally frequent classes has at least this share of an equal share.
_EVEN_SHARE = 1 / 3
#: Rows a class that whole numbers must have on average to be classes: when they count from 0 or 1, otherwise, and many.
_ROWS_COUNTED, _ROWS_CODED, _ROWS_MANY = 3, 10, 20


def find_target(table: Table, target: str | int | None) -> str:
    """The name of the target column, from its name or its number. Raises RecipeError that offers what is there."""
    names = table.frame.columns
    if target is None:
        raise RecipeError(
            "fit needs to know the column to predict", found="no target was given", hint=offer_targets(table)
        )
    if isinstance(target, str) and target in names:
        return target
    number = _whole(target)
    if number is not None and -len(names) <= number < len(names):
        return names[number]
    if number is not None:
        raise RecipeError(
            "the target's number must be one of a column",
            found=f"{number} was given, and '{table.name}' has {len(names)} columns",
            hint=f"0 to {len(names) - 1}, or -1 for the last",
        )
    raise RecipeError(
        "the target must be a column of the table",
        found=f"'{target}' is none of '{table.name}'",
        hint=name_offer(str(target), table),
    )


def name_offer(word: str, table: Table) -> str:
    """A hint with the nearest column names, or the first ones."""
    names = table.frame.columns
    near = nearest(word, names)
    return f"did you mean {' or '.join(near)}?" if near else f"its columns: {', '.join(names[:10])}"


def name_task(column: pl.Series, *, task: Task | None, position: int) -> Target:
    """The target with its task and classes; `column` is the whole column, missing values too.

    Raises DataError where nothing can be learned from it, RecipeError where `task` does not fit it.
    """
    known = column.drop_nulls()
    n_missing = column.len() - known.len()
    words = as_words(known)
    n_unique = words.n_unique()
    if n_unique < 2:
        raise _too_few_values(column, words)
    if column.dtype.is_temporal():
        raise _no_answer(column, "dates")
    if task is None:
        task, reason = _task_of(column, known, n_unique=n_unique, position=position)
    else:
        _check_task(task, column, known, n_unique=n_unique)
        reason = "as you said"
    if task == "regression":
        _check_size(column, as_numbers(known))
        return Target(column.name, task, reason, n_missing=n_missing + as_numbers(known).null_count())
    return Target(column.name, task, reason, classes=_sorted_classes(words), n_missing=n_missing)


def _whole(target: str | int) -> int | None:
    try:
        return int(target)
    except ValueError:
        return None


def offer_targets(table: Table) -> str:
    """What to type next where the target is open: the columns that could be one."""
    plausible = [c.name for c in table.frame if 2 <= c.drop_nulls().n_unique() <= _OFFERED_VALUES][:_MAX_OFFERED]
    last = table.frame.columns[-1]
    if not plausible:
        return f"--target {last}     the last column, or another one to predict"
    chosen = last if last in plausible else plausible[0]
    few = f"columns with 2 to {_OFFERED_VALUES} values: {', '.join(plausible)}"
    return f"--target {chosen}     {few}; the last column: {last}"


def _too_few_values(column: pl.Series, words: pl.Series) -> DataError:
    n_known = words.len()
    must, hint = "the target needs at least 2 different values", "name another column as target"
    if not n_known:
        return DataError(must, found=f"'{column.name}' has none", hint=hint)
    if n_known == 1:
        return DataError(must, found=f"only one row has a '{column.name}' ('{words[0]}')", hint="give it more rows")
    return DataError(must, found=f"'{column.name}' has 1 in all {n_known:,} rows ('{words[0]}')", hint=hint)


def _no_answer(column: pl.Series, what: str) -> DataError:
    return DataError(
        "the target must be numbers or a limited number of classes",
        found=f"'{column.name}' holds {what}",
        hint="name another column as target, or make classes of this one in the table",
    )


def _task_of(column: pl.Series, known: pl.Series, *, n_unique: int, position: int) -> tuple[Task, str]:
    if n_unique == 2:
        return "binary", f"'{column.name}' has 2 values"
    if column.dtype == pl.String and not are_numbers(known):
        sight = look_at(column, position=position)
        if sight.kind == "numeric":
            return "regression", f"'{column.name}' holds {sight.reason}"
        if sight.kind in ("text", "id") and n_unique > _OFFERED_VALUES:
            raise _no_answer(column, f"free text or keys, {n_unique:,} different in {known.len():,} rows")
        _check_n_classes(column, n_unique)
        return "multiclass", f"'{column.name}' has {n_unique} different words"
    numbers = as_numbers(known)
    if not column.dtype.is_integer() and not is_whole_number(numbers).all():
        return "regression", f"'{column.name}' holds numbers with decimals"
    values, counts = np.unique(numbers.to_numpy(), return_counts=True)
    if why := _why_classes(values, counts):
        return (
            "multiclass",
            f"'{column.name}' has {n_unique} whole numbers, {why}: classes (--task regression overrules)",
        )
    span = f"'{column.name}' has {n_unique:,} whole numbers, {int(values[0]):,} to {int(values[-1]):,}"
    if n_unique > _MANY:
        return "regression", f"{span}: an amount"
    return "regression", f"{span}, of which some are rare: an amount (--task multiclass overrules)"


def _why_classes(values: npt.NDArray[np.float64], counts: npt.NDArray[np.int64]) -> str:
    """Why these whole numbers are names of classes, or '' when they are an amount."""
    n_values, mean = len(values), counts.mean()
    is_counted = bool((np.diff(values) == 1).all()) and values[0] in (0, 1)
    is_even = counts.min() >= _EVEN_SHARE * mean
    if n_values <= _FEW and mean >= (_ROWS_COUNTED if is_counted else _ROWS_CODED):
        return "so few"
    if n_values <= _SOME and mean >= _ROWS_CODED and is_even:
        return "all about equally frequent"
    if n_values <= _SOME and mean >= _ROWS_CODED and not _has_one_peak(counts):
        return "without a peak in their counts"
    if n_values <= _MANY and is_counted and is_even and mean >= _ROWS_MANY:
        return "counted from the first and all about equally frequent"
    return ""


def _has_one_peak(counts: npt.NDArray[np.int64]) -> bool:
    """Whether the counts rise, then fall, as those of an amount do."""
    top = int(counts.argmax())
    return bool((np.diff(counts[: top + 1]) >= 0).all() and (np.diff(counts[top:]) <= 0).all())


def _check_task(task: Task, column: pl.Series, known: pl.Series, *, n_unique: int) -> None:
    def refuse(must: str, found: str, other: Task) -> RecipeError:
        return RecipeError(must, found=f"'{column.name}' {found}", hint=f"--task {other}, or another target")

    if task == "regression":
        n_words = as_numbers(known).null_count()
        if n_words == known.len() or (column.dtype == pl.String and n_words > known.len() / 2):
            raise refuse("a regression needs numbers in the target", f"holds words, like '{known[0]}'", "multiclass")
        if as_numbers(known).drop_nulls().n_unique() < 2:
            raise refuse("a regression needs at least 2 different numbers", "has fewer", "multiclass")
    elif task == "binary" and n_unique != 2:
        other = name_task(column, task=None, position=0).task
        raise refuse("a binary target has exactly 2 values", f"has {n_unique:,}", other)
    elif task == "multiclass" and n_unique == 2:
        raise refuse("a multiclass target has 3 values or more", "has 2", "binary")
    elif task == "multiclass":
        _check_n_classes(column, n_unique)
        if n_unique == known.len():
            raise refuse("classes repeat", f"has a different value in each of {n_unique:,} rows", "regression")


def _check_size(column: pl.Series, numbers: pl.Series) -> None:
    largest = numbers.abs().max()
    if isinstance(largest, float) and largest > LARGEST_TARGET:
        raise DataError(
            f"the numbers to predict must be smaller than {LARGEST_TARGET:g}, as errors are squared",
            found=f"'{column.name}' has {largest:g}",
            hint="divide the target by a constant, or take its logarithm",
        )


def _check_n_classes(column: pl.Series, n_unique: int) -> None:
    if n_unique > MAX_CLASSES:
        raise _no_answer(column, f"{n_unique:,} different values, and more than {MAX_CLASSES:,} are no classes")


def _sorted_classes(words: pl.Series) -> tuple[str, ...]:
    """By number where all classes are numbers, else by alphabet."""
    classes = words.unique().sort()
    numbers = as_numbers(classes)
    has_truth = classes.is_in(["true", "false"]).any()
    return tuple(classes if numbers.null_count() or has_truth else classes.gather(numbers.arg_sort()))
