"""Units of rows dealt to parts, so that each class has the same shares in each part."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Rows: TypeAlias = npt.NDArray[np.int64]


def deal_units(
    units: Rows,
    strata: Rows,
    *,
    shares: npt.NDArray[np.float64],
    seed: int | tuple[int, int],
    is_first_trained: bool,
) -> Rows:
    """The part of each row: each unit goes where its stratum, and all rows, lack most; large units go first.

    `is_first_trained`: the first unit of a stratum goes to part 0, so that training knows every class.
    """
    if not len(units):
        return units
    sizes, own = np.bincount(units), strata[np.unique(units, return_index=True)[1]]
    order = np.random.Generator(np.random.PCG64(seed)).permutation(len(sizes))
    order = order[np.lexsort((own[order], -sizes[order]))]  # stable, so random within size and stratum
    large, singles = np.split(order, [int((sizes > 1).sum())])
    deal = _Deal(sizes, own, shares, is_first_trained=is_first_trained)
    deal.one_by_one(large)
    deal.one_by_one(deal.at_once(singles))
    return deal.parts[units]


class _Deal:
    """Units dealt to parts, and how many rows each part has beyond its share, in each stratum and in all."""

    def __init__(self, sizes: Rows, own: Rows, shares: npt.NDArray[np.float64], *, is_first_trained: bool) -> None:
        self.parts = np.empty(len(sizes), dtype=np.int64)
        self._sizes, self._own, self._shares = sizes, own, shares
        self._over = np.zeros((int(own.max()) + 1, len(shares)))
        self._is_new = np.full(len(self._over), is_first_trained)

    def one_by_one(self, units: Rows) -> None:
        shares, over, is_new = self._shares.tolist(), self._over.tolist(), self._is_new.tolist()
        over_all, part_numbers = self._over.sum(axis=0).tolist(), range(len(shares))
        parts = []
        for size, stratum in zip(self._sizes[units].tolist(), self._own[units].tolist(), strict=True):
            mine = over[stratum]
            lack = [mine[p] + over_all[p] - 2 * shares[p] * size for p in part_numbers]
            part = 0 if is_new[stratum] else lack.index(min(lack))
            is_new[stratum] = False
            for p in part_numbers:
                mine[p] -= shares[p] * size
                over_all[p] -= shares[p] * size
            mine[part] += size
            over_all[part] += size
            parts.append(part)
        self.parts[units] = parts
        self._over[:], self._is_new[:] = over, is_new

    def at_once(self, units: Rows) -> Rows:
        """Deals units of one row, sorted by stratum, as far as shares are whole rows; the others come back."""
        left = [units[:0]]
        starts = np.searchsorted(self._own[units], np.arange(len(self._over) + 1))
        for stratum in np.flatnonzero(np.diff(starts)).tolist():
            mine = units[starts[stratum] : starts[stratum + 1]]
            lack = (self._shares * len(mine) - self._over[stratum]).clip(0)
            counts = np.floor(lack * (len(mine) / lack.sum())).astype(np.int64)
            n_dealt = int(counts.sum())
            self.parts[mine[:n_dealt]] = np.repeat(np.arange(len(counts)), counts)
            self._over[stratum] += counts - self._shares * n_dealt
            self._is_new[stratum] &= counts[0] == 0
            left.append(mine[n_dealt:])
        return np.concatenate(left)


def fill_empty(parts: Rows, units: Rows, *, n_parts: int) -> None:
    """Gives each empty part the smallest unit of the part with the most units, in place, where that has two."""
    for empty in set(range(n_parts)) - set(parts.tolist()):
        unit, first, sizes = np.unique(units, return_index=True, return_counts=True)
        held = np.bincount(parts[first], minlength=n_parts)
        if held.max() < 2:
            return
        is_movable = parts[first] == held.argmax()
        moved = unit[is_movable][sizes[is_movable].argmin()]
        parts[units == moved] = empty
