"""The rules, one a file, in the order of their ids. A new file in this folder is a new rule."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache

from firesteel.doctor.rules.rule import Case, NotApplicable, Rule

__all__ = ["GROUPS", "Case", "NotApplicable", "Rule", "all_rules"]

#: The groups of rules by their letter.
GROUPS = {
    "L": "loss and activation",
    "O": "optimisation calls",
    "G": "graph",
    "D": "dynamics",
    "V": "evaluation",
    "S": "shapes and data",
    "A": "static",
}


@cache
def all_rules() -> Mapping[str, Rule]:
    """Every rule by its id: groups in the order of `GROUPS`, ids ascending."""
    found: dict[str, Rule] = {}
    for module in pkgutil.iter_modules(__path__):
        if module.name != "rule" and not module.name.startswith("_"):
            for kind in vars(importlib.import_module(f"{__name__}.{module.name}")).values():
                if isinstance(kind, type) and issubclass(kind, Rule) and "id" in vars(kind):
                    found[kind.id] = kind()
    order = list(GROUPS)
    return {name: found[name] for name in sorted(found, key=lambda name: (order.index(name[0]), name))}
