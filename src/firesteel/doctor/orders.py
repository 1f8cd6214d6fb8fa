"""In which orders the rows of the script's variables are: the preparation read from top to bottom.

Only what moves rows counts: a shuffle, a sample, an index drawn by chance, a sort. Whatever is not understood makes a
variable unknown, and nothing is said of an unknown one. Functions are followed where they are called.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import replace

from firesteel.doctor.row_orders import (
    DROPPING,
    MASKS,
    SORTED,
    Many,
    Names,
    Order,
    Token,
    Value,
    cut_to_length,
    dropped,
)
from firesteel.doctor.source import Source, called

_MOST_DEPTH = 4
#: The same rows in the same order come out as went in, as a method and as a function of them.
_METHODS = frozenset({
    "astype", "clone", "contiguous", "copy", "cpu", "detach", "double", "fillna", "flatten", "float", "head", "int",
    "long", "map", "numpy", "ravel", "replace", "requires_grad_", "reset_index", "reshape", "round", "squeeze", "to",
    "to_list", "to_numpy", "tolist", "type", "unsqueeze", "view",
})  # fmt: skip
_FUNCTIONS = frozenset({
    "FloatTensor", "LongTensor", "Tensor", "array", "asarray", "as_tensor", "clip", "fit_transform", "float32",
    "from_numpy", "get_dummies", "label_binarize", "list", "log", "log1p", "scale", "sqrt", "tensor", "to_categorical",
    "transform", "tuple",
})  # fmt: skip
#: Attributes that are a column, or the same rows in another form.
_NO_ROWS = frozenset({"T", "columns", "dtype", "dtypes", "index", "ndim", "shape", "size", "names"})
#: Whole numbers drawn by chance: an order where they are used as one.
_INDICES = frozenset({"choice", "integers", "permutation", "randint", "randperm", "sample"})
_NEW_STATES = frozenset({"set_state", "set_rng_state", "setstate"})


class Orders:
    """The orders of what each call of a file gave, by the call of the function in which it stands."""

    def __init__(self, source: Source) -> None:
        self.given: dict[ast.AST, dict[int, Value]] = {}
        self.places: dict[Token, ast.AST] = {}
        self.bundles: list[tuple[ast.Call, list[Value]]] = []  # what went into each TensorDataset
        self._functions = {one.name: one for one in source.nodes(ast.FunctionDef)}
        self._makers = {
            one.name: part
            for one in source.nodes(ast.ClassDef)
            for part in one.body
            if isinstance(part, ast.FunctionDef) and part.name == "__init__"
        }
        self._globals: Names = {}
        self._seeds: dict[str, tuple[str, int]] = {}
        self._lengths: dict[str, Value] = {}  # of names that are the length of something: that
        self._is_rewound = False
        self._call = self._n_calls = self._depth = 0
        self._returned: list[Value] = []
        self._run(source.tree.body, self._globals)

    # ---- statements

    def _run(self, body: list[ast.stmt], names: Names) -> None:
        for one in body:
            self._statement(one, names)

    def _statement(self, one: ast.stmt, names: Names) -> None:
        if isinstance(one, ast.Assign):
            value = self.of(one.value, names)
            for target in one.targets:
                self._bind(target, value, names)
            self._note_generator(one, names)
            if isinstance(one.value, ast.Call) and called(one.value) == "len" and one.value.args:
                self._lengths |= {ast.unparse(target): self.of(one.value.args[0], names) for target in one.targets}
        elif isinstance(one, ast.AnnAssign | ast.AugAssign) and one.value is not None:
            value = self.of(one.value, names)
            self._bind(one.target, value if isinstance(one, ast.AnnAssign) else self.of(one.target, names), names)
        elif isinstance(one, ast.Expr):
            self._in_place(one.value, names)
        elif isinstance(one, ast.For):
            self._bind(one.target, self.of(one.iter, names), names)
            self._run(one.body, names)
        elif isinstance(one, ast.While | ast.With | ast.Try):
            self._run(one.body, names)
        elif isinstance(one, ast.If):
            self._branch(one, names)
        elif isinstance(one, ast.Return):
            self._returned.append(self.of(one.value, names) if one.value is not None else None)

    def _branch(self, one: ast.If, names: Names) -> None:
        if "__main__" in ast.unparse(one.test):
            self._run(one.body, names)
            return
        left, right = dict(names), dict(names)
        self._run(one.body, left)
        self._run(one.orelse, right)
        for name in {*left, *right}:
            names[name] = left.get(name) if left.get(name) == right.get(name) else None

    def _bind(self, target: ast.expr, value: Value, names: Names) -> None:
        if isinstance(target, ast.Name | ast.Attribute):
            names[ast.unparse(target)] = value
        elif isinstance(target, ast.Tuple | ast.List):
            parts = value.parts if isinstance(value, Many) and len(value.parts) == len(target.elts) else ()
            for i, part in enumerate(target.elts):
                # Parts of one thing nobody looked into have its rows, in its order.
                self._bind(part, parts[i] if parts else value if isinstance(value, Order) else None, names)
        elif isinstance(target, ast.Subscript) and ast.unparse(target.value) in names:
            base, known = names[ast.unparse(target.value)], self.of(target, names)
            if base != known:
                names[ast.unparse(target.value)] = None

    def _in_place(self, node: ast.expr, names: Names) -> None:
        value = self.of(node, names)
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            return
        owner = ast.unparse(node.func.value)
        if node.func.attr == "shuffle" and node.args:
            before = self.of(node.args[0], names)
            if isinstance(before, Order):
                token = self._token(node)
                if token is None:
                    self._bind(node.args[0], None, names)
                else:
                    after = replace(before, drawn=before.drawn | {token}, key=(*before.key, *token), is_index=True)
                    self._bind(node.args[0], after, names)
        elif owner in names and owner not in ("np", "torch", "random") and value is None:
            names[owner] = None  # it may have been changed: append, sort, drop(inplace=True)

    # ---- chance

    def _note_generator(self, one: ast.Assign, names: Names) -> None:
        if isinstance(one.value, ast.Call) and called(one.value) in ("default_rng", "RandomState", "Random"):
            for target in one.targets:
                self._seeds[ast.unparse(target)] = (ast.unparse(one.value), 0)
                self._bind(target, None, names)

    def _token(self, node: ast.Call) -> Token | None:
        """The name of what a call draws: equal for two draws that give the same order; None if that is not known."""
        if self._is_rewound:
            return None
        fixed = [one for one in node.keywords if one.arg in ("random_state", "seed", "generator")]
        owner = ast.unparse(node.func.value) if isinstance(node.func, ast.Attribute) else ""
        if fixed and not (isinstance(fixed[0].value, ast.Constant) and fixed[0].value.value is None):
            token: Token = ("fixed", called(node), ast.unparse(fixed[0].value))
        elif owner in self._seeds:
            text, n = self._seeds[owner]
            self._seeds[owner] = (text, n + 1)
            token = ("seeded", text, str(n))
        elif "default_rng(" in owner or "RandomState(" in owner or "Random(" in owner:
            token = ("seeded", owner, "0")
        else:
            token = ("drawn", *self._here(node))
        self.places[token] = node
        return token

    def _here(self, node: ast.AST) -> Token:
        return str(getattr(node, "lineno", 0)), str(getattr(node, "col_offset", 0)), str(self._call)

    # ---- expressions

    def of(self, node: ast.expr, names: Names) -> Value:
        """The order of the rows of an expression."""
        if isinstance(node, ast.Name):
            return names.get(node.id, self._globals.get(node.id))
        if isinstance(node, ast.Constant):
            return "column" if isinstance(node.value, str) else None
        if isinstance(node, ast.Attribute):
            text = ast.unparse(node)
            inner = names[text] if text in names else self.of(node.value, names)
            return None if node.attr in _NO_ROWS else inner
        if isinstance(node, ast.Subscript | ast.Call):
            value = self._taken(node, names) if isinstance(node, ast.Subscript) else self._called(node, names)
            self.given.setdefault(node, {})[self._call] = value
            return value
        if isinstance(node, ast.Tuple | ast.List):
            parts = tuple(self.of(one, names) for one in node.elts)
            return "column" if parts and all(one == "column" for one in parts) else Many(parts)
        if isinstance(node, ast.ListComp):
            return self._listed(node, names)
        if isinstance(node, ast.BinOp | ast.Compare | ast.BoolOp | ast.UnaryOp):
            return _together([self.of(one, names) for one in ast.iter_child_nodes(node) if isinstance(one, ast.expr)])
        return None

    def _listed(self, node: ast.ListComp, names: Names) -> Value:
        inner = dict(names)
        for one in node.generators:
            self._bind(one.target, self.of(one.iter, inner), inner)
            if one.ifs:
                return None
        return self.of(node.elt, inner)

    def _taken(self, node: ast.Subscript, names: Names) -> Value:
        base = self.of(node.value, names)
        first = node.slice.elts[0] if isinstance(node.slice, ast.Tuple) and node.slice.elts else node.slice
        if isinstance(base, Many):
            place = first.value if isinstance(first, ast.Constant) else None
            return base.parts[place] if isinstance(place, int) and place < len(base.parts) else None
        if not isinstance(base, Order):
            return None
        if isinstance(first, ast.Slice):
            return self._cut(base, first, node, names) if first.step is None else self._chosen(base, node)
        index = self.of(first, names)
        is_listed = isinstance(first, ast.List) and all(isinstance(one, ast.Constant) for one in first.elts)
        if index == "column" or isinstance(first, ast.Constant) or is_listed:
            return base
        if not isinstance(index, Order):
            return self._chosen(base, node)
        token: Token = ("by", *index.key, *(part for one in sorted(index.drawn) for part in one))
        if index.is_index:
            self.places.setdefault(token, node)
            return replace(base, drawn=base.drawn | {token})
        return replace(base, others=base.others | {token})

    def _cut(self, base: Order, part: ast.Slice, node: ast.AST, names: Names) -> Value:
        """A slice; one as long as other rows, of which some were dropped, is another choice than theirs."""
        length = part.upper if part.lower is None else None
        if isinstance(length, ast.Call) and called(length) == "len" and length.args:
            other = self.of(length.args[0], names)
        else:
            other = self._lengths.get(ast.unparse(length)) if length is not None else None
        token = cut_to_length(base, other)
        if token is None or not isinstance(other, Order):
            return base
        self.places.setdefault(token, node)
        return replace(base, drawn=base.drawn | {token}, others=other.others)

    def _chosen(self, base: Order, node: ast.AST) -> Order:
        return replace(base, others=base.others | {("chosen", *self._here(node))})

    def _called(self, node: ast.Call, names: Names) -> Value:
        name = called(node)
        args = [self.of(one, names) for one in node.args]
        args += [self.of(one.value, names) for one in node.keywords]
        owner = self.of(node.func.value, names) if isinstance(node.func, ast.Attribute) else None
        if name in _NEW_STATES:
            self._is_rewound = True
        if name in ("seed", "manual_seed") and isinstance(node.func, ast.Attribute):
            self._seeds[ast.unparse(node.func.value)] = (ast.unparse(node), 0)
            return None
        if name in self._functions and isinstance(node.func, ast.Name):
            return self._followed(self._functions[name], node, names)
        if name in self._makers and isinstance(node.func, ast.Name):
            self._followed(self._makers[name], node, names)
            return None
        if isinstance(owner, Order) and name in ("sort_values", "argsort"):
            return self._sorted(name, owner, node, names)
        if isinstance(owner, Order) and not (name in _FUNCTIONS and node.args):  # a scaler gives what it is given
            return self._method(name, owner, node)
        if name == "TensorDataset":
            self.bundles.append((node, args[: len(node.args)]))
        special: Callable[[ast.Call, list[Value]], Value] | None = getattr(self, f"_call_{name}", None)
        if special is not None:
            return special(node, args)
        first = args[0] if args else None
        if name in _FUNCTIONS and node.args:
            return _together(list(first.parts)) if isinstance(first, Many) and name not in ("list", "tuple") else first
        if name in _INDICES and (name != "sample" or ast.unparse(node.func) in ("sample", "random.sample")):
            return self._drawn(node, first)  # a distribution's sample() is a table of its own
        return self._made(node, args) if self._is_of_module(node.func, names) else None

    def _is_of_module(self, function: ast.expr, names: Names) -> bool:
        """A function, or one of a module; no method of something that nobody knows."""
        while isinstance(function, ast.Attribute):
            function = function.value
            if ast.unparse(function) in names or ast.unparse(function) in self._globals:
                return False
        return isinstance(function, ast.Name)

    def _made(self, node: ast.Call, args: list[Value]) -> Value:
        """What nobody knows is new, unless it may be made of rows that are in an order already."""
        flat = [part for one in args for part in (one.parts if isinstance(one, Many) else (one,))]
        if any(isinstance(one, Order) and (one.drawn or one.others) for one in flat):
            return None
        return Order(key=("new", *self._here(node)))

    def _drawn(self, node: ast.Call, first: Value) -> Value:
        token = self._token(node)
        if token is None:
            return None
        if isinstance(first, Order) and called(node) != "choice":
            return replace(first, drawn=first.drawn | {token}, key=(*first.key, *token), is_index=True)
        return Order(key=token, is_index=True)

    def _method(self, name: str, owner: Order, node: ast.Call) -> Value:
        if name in _METHODS:
            return owner
        if name in MASKS:
            return owner if name not in ("any", "all") or node.args or node.keywords else None
        if name in DROPPING:
            return dropped(owner, node, self._here(node))
        words = {one.arg: ast.unparse(one.value) for one in node.keywords}
        if name == "drop" and ("columns" in words or words.get("axis") in ("1", "'columns'")):
            return owner
        if name == "pop":
            return owner
        if name == "sample" and (node.keywords or (node.args and not isinstance(node.args[0], ast.Tuple | ast.List))):
            token = self._token(node)
            return replace(owner, drawn=owner.drawn | {token}) if token is not None else None
        return None

    def _sorted(self, name: str, owner: Order, node: ast.Call, names: Names) -> Value:
        """The rows of a table by what is in them: whatever order they were in before, it is gone."""
        if name == "argsort":
            return self._call_argsort(node, [])
        words = {one.arg: ast.unparse(one.value) for one in node.keywords}
        by = (words.pop("by", ""), *(ast.unparse(one) for one in node.args), words.get("ascending", ""))
        token: Token = (SORTED, *by)
        self.places.setdefault(token, node)
        found = replace(owner, drawn=frozenset({token}))
        if words.get("inplace") == "True" and isinstance(node.func, ast.Attribute):
            self._bind(node.func.value, found, names)
        return found

    def _followed(self, function: ast.FunctionDef, node: ast.Call, names: Names) -> Value:
        plain = not any(isinstance(one, ast.Starred) for one in node.args) and function.args.vararg is None
        if self._depth >= _MOST_DEPTH or not plain:
            return None
        words = [one.arg for one in function.args.args]
        if function.name == "__init__":
            words = words[1:]
        inner: Names = dict(zip(words, [self.of(one, names) for one in node.args], strict=False))
        inner |= {one.arg: self.of(one.value, names) for one in node.keywords if one.arg is not None}
        before, self._returned = (self._call, self._returned), []
        self._n_calls += 1
        self._call = self._n_calls
        self._depth += 1
        self._run(function.body, {**dict.fromkeys(words), **inner})
        self._depth -= 1
        found = self._returned
        self._call, self._returned = before
        return found[0] if found and all(one == found[0] for one in found) else None

    # ---- functions that are known by name

    def _call_len(self, node: ast.Call, args: list[Value]) -> Value:
        return None

    def _call_sorted(self, node: ast.Call, args: list[Value]) -> Value:
        return None

    def _call_argsort(self, node: ast.Call, args: list[Value]) -> Value:
        return Order(key=(SORTED, *self._here(node)), is_index=True)

    def _call_range(self, node: ast.Call, args: list[Value]) -> Value:
        return Order(key=("range", *self._here(node)))

    def _call_arange(self, node: ast.Call, args: list[Value]) -> Value:
        return Order(key=("range", *self._here(node)))

    def _call_zip(self, node: ast.Call, args: list[Value]) -> Value:
        return Many(tuple(args)) if not any(isinstance(one, ast.Starred) for one in node.args) else None

    def _call_enumerate(self, node: ast.Call, args: list[Value]) -> Value:
        return Many((None, args[0])) if args else None

    def _call_shuffle(self, node: ast.Call, args: list[Value]) -> Value:
        """scikit-learn's, which gives back what it shuffled."""
        token = self._token(node) if isinstance(node.func, ast.Name) else None
        if token is None:
            return None
        given = [replace(one, drawn=one.drawn | {token}) if isinstance(one, Order) else None for one in args]
        return Many(tuple(given[: len(node.args)])) if len(node.args) > 1 else given[0] if given else None

    def _call_train_test_split(self, node: ast.Call, args: list[Value]) -> Value:
        is_ordered = any(one.arg == "shuffle" and ast.unparse(one.value) == "False" for one in node.keywords)
        token = ("in order",) if is_ordered else self._token(node)
        if token is None or (any(one.arg == "stratify" for one in node.keywords) and len(node.args) == 1):
            return None
        parts: list[Value] = []
        for one in args[: len(node.args)]:
            parts += [replace(one, drawn=one.drawn | {token}) if isinstance(one, Order) else None] * 2
        return Many(tuple(parts))


def _together(values: list[Value]) -> Value:
    """Of numbers made of several: the rows of those that are known, if these agree."""
    known = [one for one in values if isinstance(one, Order)]
    if not known or any(isinstance(one, Many) for one in values):
        return None
    same = all((one.drawn, one.others) == (known[0].drawn, known[0].others) for one in known)
    return known[0] if same else None
