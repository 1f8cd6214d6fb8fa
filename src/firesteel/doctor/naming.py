"""What names in a source stand for: imported things of PyTorch, and variables by what was assigned to them."""

from __future__ import annotations

import ast
from functools import cached_property

from firesteel.doctor.source import Source

#: The last words of what makes an object of each kind.
_OPTIMIZERS = frozenset(
    {
        "Adadelta", "Adagrad", "Adam", "AdamW", "Adamax", "ASGD", "LBFGS", "NAdam", "RAdam", "RMSprop", "Rprop",
        "SGD", "SparseAdam", "Adafactor", "Muon"}
)  # fmt: skip
_TENSORS = frozenset(
    {
        "tensor", "zeros", "ones", "randn", "rand", "randint", "arange", "linspace", "full", "empty",
        "from_numpy", "as_tensor", "eye", "stack", "cat", "zeros_like", "ones_like", "randn_like", "rand_like",
        "full_like", "normal"}
)  # fmt: skip
#: Methods that give back what they were called on, or the same kind of thing.
_GIVE_BACK = frozenset({"to", "cuda", "cpu", "float", "double", "train", "eval", "half"})


#: Methods that tensors have, and numbers, sizes and modules have not.
_OF_TENSORS = frozenset({
    "argmax", "argmin", "backward", "detach", "item", "mean", "softmax", "squeeze", "sum", "unsqueeze", "view",
})  # fmt: skip


class Names:
    """The names of one source."""

    def __init__(self, source: Source) -> None:
        self._source = source

    @cached_property
    def imported(self) -> dict[str, str]:
        """Local name to full dotted name: `nn` to `torch.nn`, `S` to `torch.nn.Sigmoid`."""
        found: dict[str, str] = {}
        for node in ast.walk(self._source.tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    found[alias.asname or alias.name.split(".")[0]] = (
                        alias.name if alias.asname else alias.name.split(".")[0]
                    )
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                for alias in node.names:
                    found[alias.asname or alias.name] = f"{node.module}.{alias.name}"
        return found

    def full(self, node: ast.expr) -> str:
        """The dotted name of what an expression names, through imports: `torch.nn.functional.relu`; "" for others."""
        if isinstance(node, ast.Name):
            return self.imported.get(node.id, "")
        if isinstance(node, ast.Attribute):
            base = self.full(node.value)
            return f"{base}.{node.attr}" if base else ""
        return ""

    @cached_property
    def modules(self) -> set[str]:
        """Classes of this file that derive from nn.Module."""
        found: set[str] = set()
        for node in ast.walk(self._source.tree):
            if isinstance(node, ast.ClassDef):
                bases = [self.full(base) or getattr(base, "id", "") for base in node.bases]
                if any(base in ("torch.nn.Module", "torch.nn.modules.Module") or base in found for base in bases):
                    found.add(node.name)
        return found

    def kind_of_value(self, node: ast.expr) -> str:
        """What it gives: "optimizer", "scheduler", "module", "tensor", or "" where nobody can say."""
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Attribute) and node.func.attr in _GIVE_BACK:
                inner = self.kind(node.func.value)
                if inner:
                    return inner
            name = self.full(node.func)
            last = name.rpartition(".")[2]
            if name.startswith("torch.optim.lr_scheduler."):
                return "scheduler"
            if name.startswith("torch.optim.") and last in _OPTIMIZERS:
                return "optimizer"
            if name.startswith("torch.nn.") and not name.startswith("torch.nn.functional.") and last[:1].isupper():
                return "" if last == "Parameter" else "module"
            if isinstance(node.func, ast.Name) and node.func.id in self.modules:
                return "module"
            if name.startswith("torch.") and (last in _TENSORS or name.startswith("torch.nn.functional.")):
                return "tensor"
        if isinstance(node, ast.Attribute | ast.Name):
            return self.kind(node)
        if isinstance(node, ast.BinOp):
            sides = {self.kind_of_value(node.left), self.kind_of_value(node.right)}
            return "tensor" if "tensor" in sides else ""
        return ""

    def kind(self, node: ast.expr) -> str:
        """What a variable or attribute is, if all that was ever assigned to it in this file agrees."""
        if isinstance(node, ast.Call):
            return self.kind_of_value(node)
        if isinstance(node, ast.Name) and self._is_argument(node):
            return ""
        return self._kinds.get(ast.unparse(node), "") if isinstance(node, ast.Name | ast.Attribute) else ""

    def _is_argument(self, node: ast.Name) -> bool:
        """Of a function around it: what it holds is the caller's business."""
        around = [one for one in self._source.parents(node) if isinstance(one, ast.FunctionDef | ast.Lambda)]
        return any(part.arg == node.id for one in around for part in ast.walk(one.args) if isinstance(part, ast.arg))

    def is_local_of_forward(self, node: ast.expr) -> bool:
        """A name in a forward() that is an argument of it, or was given what a call or a sum gave: a tensor."""
        around = self._source.function_around(node.lineno)
        if around is None or around.name != "forward" or not isinstance(node, ast.Name):
            return False
        if node.id in [one.arg for one in around.args.args[1:]]:
            return True
        given = [
            one.value
            for one in ast.walk(around)
            if isinstance(one, ast.Assign) and any(isinstance(to, ast.Name) and to.id == node.id for to in one.targets)
        ]
        own = [one for one in given if isinstance(one, ast.BinOp) or self._is_applied(one)]
        return bool(given) and len(own) == len(given)

    def is_used_as_tensor(self, node: ast.expr) -> bool:
        """A name on which the function around it calls what only tensors have."""
        around = self._source.function_around(node.lineno) or self._source.tree
        return isinstance(node, ast.Name) and any(
            isinstance(one, ast.Attribute)
            and isinstance(one.value, ast.Name)
            and (one.value.id, one.attr in _OF_TENSORS) == (node.id, True)
            for one in ast.walk(around)
        )

    def _is_applied(self, node: ast.expr) -> bool:
        """A layer of its own or a function of torch, applied to something."""
        if not isinstance(node, ast.Call) or not node.args:
            return False
        is_own = isinstance(node.func, ast.Attribute) and getattr(node.func.value, "id", "") == "self"
        full = self.full(node.func)
        return is_own or (full.startswith("torch.") and not full.rpartition(".")[2][:1].isupper())

    @cached_property
    def _kinds(self) -> dict[str, str]:
        seen: dict[str, set[str]] = {}
        assigned: list[tuple[ast.expr, ast.expr]] = []
        for node in ast.walk(self._source.tree):
            if isinstance(node, ast.Assign):
                for target in node.targets:
                    if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                        assigned += list(zip(target.elts, node.value.elts, strict=False))
                    else:
                        assigned.append((target, node.value))
            elif isinstance(node, ast.AnnAssign) and node.value is not None:
                assigned.append((node.target, node.value))
            elif isinstance(node, ast.For):
                for part in ast.walk(node.target):
                    if isinstance(part, ast.Name):
                        seen.setdefault(part.id, set()).add("")
        kinds: dict[str, str] = {}
        for _ in range(2):  # a second time, for names that were made of names
            self.__dict__["_kinds"] = kinds
            for target, value in assigned:
                if isinstance(target, ast.Name | ast.Attribute):
                    seen.setdefault(ast.unparse(target), set()).add(self.kind_of_value(value))
            kinds = {name: next(iter(found)) for name, found in seen.items() if len(found) == 1}
            seen = {name: {kind for kind in found if kind} for name, found in seen.items()}
        return kinds
