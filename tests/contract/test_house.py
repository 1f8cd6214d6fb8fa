"""What every module of firesteel keeps to, whoever writes it."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "firesteel"
MODULES = sorted(SOURCE.rglob("*.py"))
ROOMS = {path.parent.name for path in SOURCE.glob("*/__init__.py")}
HEAVY = ("torch", "sklearn", "polars", "matplotlib")

each_module = pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(SOURCE).as_posix())


def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imported_names(tree: ast.Module) -> Iterator[str]:
    """Every dotted module name that a file imports, wherever the import stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def public_names(room: str) -> list[str]:
    """What a room's `__init__` lists in `__all__`."""
    for node in parse(SOURCE / room / "__init__.py").body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return [str(name) for name in ast.literal_eval(node.value)]
    return []


def is_module(dotted: str) -> bool:
    path = SOURCE.parent.joinpath(*dotted.split("."))
    return path.is_dir() or path.with_suffix(".py").is_file()


@pytest.mark.parametrize("module", ["firesteel", "firesteel.errors", "firesteel.recipe", "firesteel.cli"])
def test_importing_the_front_door_loads_nothing_heavy(module: str) -> None:
    if not is_module(module):
        pytest.skip(f"{module} is not there yet")
    probe = f"import sys, {module}; print([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@each_module
def test_no_except_catches_everything(path: Path) -> None:
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.ExceptHandler):
            assert node.type is not None, f"line {node.lineno}: a bare except"
            caught = {name.id for name in ast.walk(node.type) if isinstance(name, ast.Name)}
            assert not caught & {"Exception", "BaseException"}, f"line {node.lineno}: name what is expected"


@each_module
def test_a_room_is_entered_by_its_init(path: Path) -> None:
    own_room = path.relative_to(SOURCE).parts[0]
    for name in imported_names(parse(path)):
        parts = name.split(".")
        if parts[0] == "firesteel" and len(parts) > 2 and parts[1] in ROOMS - {own_room}:
            assert not is_module(name), f"imports {name}; take it from firesteel.{parts[1]}"


@pytest.mark.parametrize("room", sorted(ROOMS))
def test_public_functions_take_keywords_after_the_first_two(room: str) -> None:
    for name in public_names(room):
        for path in (SOURCE / room).glob("*.py"):
            for node in parse(path).body:
                if isinstance(node, ast.FunctionDef) and node.name == name:
                    taken = [argument.arg for argument in (*node.args.posonlyargs, *node.args.args)]
                    most = 3 if name == "evaluate" else 2  # a run, X and y: as `model.score(X, y)` of scikit-learn
                    assert len(taken) <= most, f"{path.name}: {name}({', '.join(taken)}): put a * after {taken[1]}"


@each_module
def test_nothing_is_pickled(path: Path) -> None:
    unsafe = {"pickle", "cloudpickle", "joblib", "dill", "shelve", "marshal"}
    assert not unsafe & {name.split(".")[0] for name in imported_names(parse(path))}
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            assert ast.unparse(node.func) not in ("torch.save", "torch.load"), f"line {node.lineno}"
            if ast.unparse(node.func) in ("np.save", "np.load"):
                words = {word.arg: ast.unparse(word.value) for word in node.keywords}
                assert words.get("allow_pickle") == "False", f"line {node.lineno}"


@pytest.mark.parametrize("room", sorted(ROOMS))
def test_a_room_lists_its_public_names(room: str) -> None:
    assert ast.get_docstring(parse(SOURCE / room / "__init__.py")), "a room says what it is for"
    names = public_names(room)
    assert names, "a room says what is public"
    assert not [name for name in names if name.startswith("_")]
