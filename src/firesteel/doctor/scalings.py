"""Where a script scales its columns: found by the tree."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from firesteel.doctor.refits import refits
from firesteel.doctor.source import Source, called

Place = tuple[Source, ast.AST]

_STATISTICS = ("mean", "std", "max", "min", "amax", "amin", "var", "median", "nanmean", "nanstd", "var_mean",
               "std_mean", "aminmax", "ptp", "average")  # fmt: skip
_FUNCTIONS = ("scale", "minmax_scale", "robust_scale", "maxabs_scale", "zscore")
_SCALERS = ("Scaler", "Standard", "Normaliz", "Transformer", "MinMax")
#: What is fitted and scales no columns of numbers.
_NO_SCALERS = ("LabelEncoder", "OneHotEncoder", "OrdinalEncoder", "LabelBinarizer", "PCA", "CountVectorizer",
               "SimpleImputer", "Imputer", "TfidfVectorizer", "SelectKBest", "TSNE", "TargetEncoder")  # fmt: skip


def where_scaled(sources: Iterable[Source], *, is_second: bool = False) -> Place | None:
    """The call that fits a scaler, else the statistic that columns are shifted or divided by.

    Args:
        is_second: the fit on held-out rows is asked for, else the one on all.
    """
    for source in sources:
        again = [one.call for one in refits(source)] if is_second else []
        found = again or _fits(source) or _by_hand(source, is_second=is_second)
        if found:
            return source, found[-1 if is_second else 0]
    return None


def along_rows(sources: Iterable[Source]) -> Place | None:
    """The statistic of each row, over the columns, that it is scaled by."""
    for source in sources:
        for call in _by_hand(source, is_second=True):
            axes = [word.value for word in call.keywords if word.arg in ("dim", "axis")] + call.args
            if any(isinstance(one, ast.Constant | ast.UnaryOp) and ast.unparse(one) in ("1", "-1") for one in axes):
                return source, call
    return None


def _fits(source: Source) -> list[ast.Call]:
    """Calls that fit something: rather a scaler than what may be one, and no net."""
    calls = [one for one in source.nodes(ast.Call) if isinstance(one.func, ast.Attribute)]
    fits = [one for one in calls if called(one) == "fit_transform"]
    fits += [one for one in calls if called(one) == "fit" and len(one.args) == 1 and not one.keywords]
    fits += [one for one in source.nodes(ast.Call) if called(one) in _FUNCTIONS and len(one.args) == 1]
    kinds = {one: _made_as(source, one) for one in fits}
    scaling = [one for one in fits if any(word in kinds[one] for word in _SCALERS) or called(one) in _FUNCTIONS]
    others = [one for one in fits if called(one) == "fit_transform" and not kinds[one].startswith(_NO_SCALERS)]
    return sorted(scaling or others or [], key=lambda one: (one.lineno, one.col_offset))


def _made_as(source: Source, call: ast.Call) -> str:
    """The text of what made the object that is fitted."""
    base = call.func.value if isinstance(call.func, ast.Attribute) else call.func
    if isinstance(base, ast.Name | ast.Attribute):
        name = ast.unparse(base)
        for node in source.nodes(ast.Assign):
            if any(ast.unparse(one) == name for one in node.targets):
                return ast.unparse(node.value).rpartition("preprocessing.")[2]
    return ast.unparse(base).rpartition("preprocessing.")[2]


def _by_hand(source: Source, *, is_second: bool) -> list[ast.Call]:
    """Means, spreads and bounds that something is shifted or divided by, those of columns before those of all."""
    statistics = [one for one in source.nodes(ast.Call) if called(one) in _STATISTICS and not _is_of_loop(source, one)]
    shifts = list(_shifting(source))
    direct = {id(part) for _, side in shifts for part in ast.walk(side)}
    names = {name for _, side in shifts for part in ast.walk(side) if (name := _name(part))}
    found = [one for one in statistics if id(one) in direct or _targets(source, one) & names]
    of_columns = [one for one in found if one.keywords or one.args or is_second]
    return of_columns or found


def _is_of_loop(source: Source, call: ast.Call) -> bool:
    """It is taken again and again, of a loss, say: not where the loop goes over columns or parts."""
    loops = source.loops_around(call.lineno)
    return any(
        isinstance(part, ast.Call) and called(part) in ("backward", "step") for loop in loops for part in ast.walk(loop)
    )


def _shifting(source: Source) -> Iterator[tuple[ast.AST, ast.expr]]:
    """What is taken from something, or what it is divided by."""
    for node in source.nodes(ast.BinOp):
        if isinstance(node.op, ast.Sub | ast.Div) and not isinstance(node.right, ast.Constant):
            yield node, node.right
    for change in source.nodes(ast.AugAssign):
        if isinstance(change.op, ast.Sub | ast.Div) and not isinstance(change.value, ast.Constant):
            yield change, change.value
    for call in source.nodes(ast.Call):
        if called(call) in ("sub", "sub_", "div", "div_", "subtract", "divide") and call.args:
            yield call, call.args[-1]


def _name(node: ast.AST) -> str:
    return ast.unparse(node) if isinstance(node, ast.Name | ast.Attribute) else ""


def _targets(source: Source, call: ast.Call) -> set[str]:
    """The names that the statement of a call gives values to."""
    statement = source.statement_at(call.lineno)
    targets = statement.targets if isinstance(statement, ast.Assign) else []
    return {name for target in targets for part in ast.walk(target) if (name := _name(part))}
