"""The user's source: where a line stands, and small diffs of it. The tree says where; it never says that."""

from __future__ import annotations

import ast
import re
import tokenize
from collections.abc import Iterator
from functools import cached_property
from typing import TypeVar

from firesteel.doctor.sites import Site
from firesteel.doctor.texts import encoding_flaw, lines_of

_Node = TypeVar("_Node", bound=ast.AST)
#: So many lines of a statement are shown as they are moved.
MOST_MOVED = 8
_SILENCED = re.compile(r"#\s*doctor:\s*ok\b([^#]*)")


class Source:
    """One file (or notebook cell) of the user's."""

    def __init__(self, path: str, text: str | None = None) -> None:
        self.path = path
        self.lines = text.splitlines() if text is not None else lines_of(path)

    @cached_property
    def problem(self) -> str:
        """Why not all of it could be read; "" where it could."""
        flaw = encoding_flaw(self.path)
        if flaw:
            where = flaw.rpartition(" on ")[2]
            return f"it is not UTF-8 on {where}: save it as UTF-8, or put # coding: latin-1 on its first line"
        try:
            with tokenize.open(self.path) as file:
                ast.parse(file.read())
        except SyntaxError as error:
            if error.lineno is None:  # its encoding
                return "it is no Python text"
            return f"a syntax error on line {error.lineno}: only what stands before it was looked at"
        except (UnicodeDecodeError, ValueError):  # a null byte is a ValueError
            return "it is no Python text"
        return ""

    @cached_property
    def tree(self) -> ast.Module:
        """The syntax tree; where the text has a syntax error, of the statements before it."""
        n_lines = len(self.lines)
        while n_lines:
            try:
                return ast.parse("\n".join(self.lines[:n_lines]))
            except SyntaxError as error:
                n_lines = min(n_lines, error.lineno or n_lines) - 1
        return ast.Module(body=[], type_ignores=[])

    @cached_property
    def _parents(self) -> dict[ast.AST, ast.AST]:
        return {child: node for node in ast.walk(self.tree) for child in ast.iter_child_nodes(node)}

    def line(self, number: int) -> str:
        return self.lines[number - 1] if 0 < number <= len(self.lines) else ""

    def is_silenced(self, rule: str, number: int) -> bool:
        """`# doctor: ok O01` (or `# doctor: ok` for all rules) stands on a line of the statement that is there."""
        statement = self.statement_at(number)
        is_whole = statement is not None and not hasattr(statement, "body")
        end = statement.end_lineno if statement is not None and is_whole else None
        for text in (self.line(one) for one in range(number, max(number, end or number) + 1)):
            found = _SILENCED.search(text)
            words = re.findall(r"[A-Z]\d\d", found.group(1)) if found is not None else []
            if found is not None and (not words or rule in words):
                return True
        return False

    # ---- nodes

    def nodes(self, kind: type[_Node]) -> Iterator[_Node]:
        """All nodes of a kind, in the order of the text."""
        found = [node for node in ast.walk(self.tree) if isinstance(node, kind)]
        yield from sorted(found, key=lambda node: (getattr(node, "lineno", 0), getattr(node, "col_offset", 0)))

    def node_at(self, site: Site) -> ast.AST | None:
        """The expression that a site ran, found by its exact span."""
        wanted = (site.line, site.column, site.end_line, site.end_column)
        best = None
        for node in ast.walk(self.tree):
            if isinstance(node, ast.expr | ast.stmt) and _span_of(node) == wanted:
                best = node
        return best

    def statement_at(self, number: int) -> ast.stmt | None:
        """The innermost statement that covers a line."""
        best: ast.stmt | None = None
        for node in ast.walk(self.tree):
            if not isinstance(node, ast.stmt) or not node.lineno <= number <= (node.end_lineno or node.lineno):
                continue
            if best is None or node.lineno >= best.lineno:
                best = node
        return best

    def parents(self, node: ast.AST) -> Iterator[ast.AST]:
        """From the one that holds it outwards."""
        one = self._parents.get(node)
        while one is not None:
            yield one
            one = self._parents.get(one)

    def loops_around(self, number: int) -> list[ast.For | ast.While]:
        """The loops around a line within its function, the innermost first."""
        statement = self.statement_at(number)
        found: list[ast.For | ast.While] = []
        for node in [statement, *self.parents(statement)] if statement is not None else []:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
                break
            if isinstance(node, ast.For | ast.While):
                found.append(node)
        return found

    def function_around(self, number: int) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
        statement = self.statement_at(number)
        for node in [statement, *self.parents(statement)] if statement is not None else []:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                return node
        return None

    def text_of(self, node: ast.AST) -> str:
        return ast.get_source_segment("\n".join(self.lines), node) or ast.unparse(node)

    # ---- small diffs

    def _indent(self, number: int) -> str:
        line = self.line(number)
        return line[: len(line) - len(line.lstrip())]

    def change_line(self, number: int, old: str, new: str) -> str:
        """A diff in which one line has `new` for `old`."""
        line = self.line(number)
        return f"{number:>4} - {line}\n{number:>4} + {line.replace(old, new, 1)}"

    def replace_node(self, node: ast.expr, new: str) -> str:
        """A diff in which an expression of one line is written otherwise."""
        if node.end_lineno != node.lineno:
            return f"{node.lineno:>4} - {self.line(node.lineno)}\n     write {new} here"
        raw = self.line(node.lineno).encode()
        changed = raw[: node.col_offset] + new.encode() + raw[node.end_col_offset :]
        return f"{node.lineno:>4} - {raw.decode()}\n{node.lineno:>4} + {changed.decode()}"

    def without(self, site: Site) -> str:
        """A diff in which a layer or an operation is left out: of a list, or replaced by what it is given."""
        node = self.node_at(site)
        if not isinstance(node, ast.Call) or node.end_lineno != node.lineno:
            return self.remove_line(site.line)
        text, line = self.text_of(node), self.line(site.line)
        if f", {text}" in line:
            return self.change_line(site.line, f", {text}", "")
        parent = self._parents.get(node)
        given = node.args[0] if node.args else node.func.value if isinstance(node.func, ast.Attribute) else None
        if line.strip().rstrip(",") == text or given is None or (isinstance(parent, ast.Assign) and not node.args):
            return self.remove_line(site.line)
        if isinstance(node.func, ast.Attribute) and not isinstance(
            given, ast.Name | ast.Call | ast.BinOp | ast.Attribute
        ):
            given = node.func.value  # x.softmax(1)
        return self.replace_node(node, self.text_of(given))

    def insert_before(self, number: int, *texts: str) -> str:
        """A diff with new lines above a statement, indented as it is."""
        indent = self._indent(number)
        return "\n".join([*(f"     + {indent}{text}" for text in texts), f"{number:>4}   {self.line(number)}"])

    def put_under(self, number: int, text: str) -> str:
        """A diff with a new line such as `with ...:` above the statement that covers a line, which moves under it."""
        statement = self.statement_at(number)
        first = statement.lineno if statement is not None else number
        last = (statement.end_lineno or first) if statement is not None else number
        if last - first >= MOST_MOVED:
            last = first
        lines = range(first, last + 1)
        moved = [f"{one:>4} - {self.line(one)}" for one in lines]
        moved.append(f"     + {self._indent(first)}{text}")
        return "\n".join([*moved, *(f"{one:>4} +     {self.line(one)}" for one in lines)])

    def insert_after(self, number: int, *texts: str) -> str:
        """A diff with new lines below the statement that covers a line, indented as it is."""
        statement = self.statement_at(number)
        last = (statement.end_lineno or number) if statement is not None and not hasattr(statement, "body") else number
        indent = self._indent(statement.lineno if statement is not None else number)
        return "\n".join([f"{last:>4}   {self.line(last)}", *(f"     + {indent}{text}" for text in texts)])

    def remove_line(self, number: int) -> str:
        return f"{number:>4} - {self.line(number)}"


def _span_of(node: ast.expr | ast.stmt) -> tuple[int, int, int, int]:
    return node.lineno, node.col_offset, node.end_lineno or node.lineno, node.end_col_offset or 0


def called(call: ast.Call) -> str:
    """The last word of what is called: `reshape` of `np.reshape(...)` and of `x.reshape(...)`."""
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


class Sources:
    """The user's files by path, each read once."""

    def __init__(self) -> None:
        self._read: dict[str, Source] = {}

    def __getitem__(self, path: str) -> Source:
        if path not in self._read:
            self._read[path] = Source(path)
        return self._read[path]

    def of(self, site: Site) -> Source:
        return self[site.path]
