"""Sums weighted by numbers that a net computed: matrix products, einsum, and products that are then summed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from firesteel.doctor.facts import Facts, Made
from firesteel.doctor.lineage import children_of

_PRODUCTS = ("matmul", "bmm", "mm")


@dataclass(frozen=True, eq=False)
class Contraction:
    """A sum over some dimensions of the weights."""

    made: Made
    weights: Made
    dims: tuple[int, ...]  # of the weights, from 0


def contractions(facts: Facts, through: frozenset[int]) -> Iterator[Contraction]:
    """Both sides of each product that learns."""
    made_of = children_of(facts)
    for made in facts.ops:
        if id(made) not in through:
            continue
        if made.op in _PRODUCTS and len(made.parents) == 2:
            left, right = made.parents
            yield Contraction(made, left, (len(left.shape) - 1,))
            yield Contraction(made, right, (max(len(right.shape) - 2, 0),))
        elif made.op == "einsum" and made.args and isinstance(made.args[0], str):
            yield from _of_einsum(made)
        elif made.op == "mul" and len(made.parents) == 2:
            for child in made_of.get(id(made), ()):
                dims = _summed(child) if child.op == "sum" else ()
                if dims:
                    yield Contraction(child, made.parents[0], _of_side(made, made.parents[0], dims))
                    yield Contraction(child, made.parents[1], _of_side(made, made.parents[1], dims))


def _of_einsum(made: Made) -> Iterator[Contraction]:
    inputs, arrow, output = made.args[0].replace(" ", "").partition("->")
    names = inputs.split(",")
    if not arrow or "." in inputs or len(names) != len(made.parents) or len(names) != 2:
        return
    for name, operand in zip(names, made.parents, strict=True):
        dims = tuple(i for i, letter in enumerate(name) if letter not in output)
        if dims and len(name) == len(operand.shape):
            yield Contraction(made, operand, dims)


def _summed(made: Made) -> tuple[int, ...]:
    given = made.argument(0, "input")
    dims = made.argument(1, "dim", made.kwargs.get("axis"))
    if not isinstance(given, Made) or not given.shape or dims is None:
        return ()
    every = dims if isinstance(dims, tuple) else (dims,)
    return tuple(dim % len(given.shape) for dim in every if isinstance(dim, int))


def _of_side(product: Made, side: Made, dims: tuple[int, ...]) -> tuple[int, ...]:
    """Dimensions of a product, counted in one side of it, which may have fewer."""
    n_missing = len(product.shape) - len(side.shape)
    return tuple(dim - n_missing for dim in dims if dim >= n_missing)
