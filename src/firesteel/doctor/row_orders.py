"""What the order of rows is, as far as the tree shows it: which draws and which choices they went through."""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace

import numpy as np

from firesteel.doctor.facts import Facts

Token = tuple[str, ...]
#: The kind of a token that says that rows were sorted; and so much of a key says which table rows come from.
SORTED = "sorted"
_ROOT = 4
#: The kinds of tokens of rows that were dropped, and of a slice as long as what was left of others.
DROPPED, CUT = "dropped", "cut"
#: Methods that drop rows by what is in them, and methods that give one answer a row.
DROPPING = frozenset({"drop_duplicates", "dropna", "query"})
MASKS = frozenset({
    "all", "any", "between", "duplicated", "eq", "ge", "gt", "isfinite", "isin", "isna", "isnan", "isnull", "le", "lt",
    "ne", "notna", "notnull",
})  # fmt: skip


@dataclass(frozen=True)
class Order:
    """What chose the rows: orders of chance, and other choices; `key` tells one index from another."""

    drawn: frozenset[Token] = frozenset()
    others: frozenset[Token] = frozenset()
    key: Token = ()
    is_index: bool = False  # whole numbers drawn by chance, or put in an order by chance


@dataclass(frozen=True)
class Many:
    """Several values, as a tuple holds them."""

    parts: tuple[Value, ...]


#: None: not known. "column": the name of one, or of several.
Value = Order | Many | str | None
Names = dict[str, Value]


def differing(x: Order, y: Order) -> frozenset[Token]:
    """The orders of chance that only one of both went through; none where that cannot be said."""
    if x.others != y.others:
        return frozenset()
    found = x.drawn ^ y.drawn
    is_sorted = any(token[0] == SORTED or token[:2] == ("by", SORTED) for token in found)
    # Two tables may be sorted to bring their rows together; one table is sorted away from what was taken of it.
    return frozenset() if is_sorted and x.key[:_ROOT] != y.key[:_ROOT] else found


def dropped(rows: Order, call: ast.Call, place: Token) -> Order | None:
    """Rows without those that a method drops; None where it changes what it is called on."""
    words = {one.arg: ast.unparse(one.value) for one in call.keywords}
    if words.get("inplace", "False") != "False":
        return None
    if words.get("axis") in ("1", "'columns'"):
        return rows
    return replace(rows, others=rows.others | {(DROPPED, *place)})


def cut_to_length(rows: Order, other: Value) -> Token | None:
    """The name of a slice of a table's rows that is as long as others of this table, of which some were dropped."""
    if not isinstance(other, Order) or other.key[:_ROOT] != rows.key[:_ROOT] or not rows.key:
        return None
    fewer = other.others - rows.others
    is_by_content = all(one[0] == DROPPED or one[:2] == ("by", "new") for one in fewer)
    if not fewer or not rows.others <= other.others or rows.drawn != other.drawn or not is_by_content:
        return None
    return CUT, *(part for one in sorted(fewer) for part in one)


def is_needless(facts: Facts, cut: ast.AST) -> bool:
    """As far as the script's variables tell, no row was dropped, or only last ones."""
    names = {one.id for one in ast.walk(cut) if isinstance(one, ast.Name)}
    known = [one for name, one in facts.variables.items() if name in names]
    lengths = [one if type(one) is int else len(one) for one in known if type(one) is int or hasattr(one, "__len__")]
    if len(lengths) > 1 and len(set(lengths)) == 1:
        return True
    masks = [np.asarray(one) for one in facts.variables.values() if str(getattr(one, "dtype", "")) == "bool"]
    prefixes = [one for one in masks if one.ndim == 1 and one[: one.sum()].all()]
    return any({one.size, int(one.sum())} <= set(lengths) for one in prefixes)
