"""One flat buffer for all members: how the arrays of K members of one net lie in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from firesteel.nets.layer import Param


@dataclass(frozen=True)
class Layout:
    """Where each param of K members lies: one block `(k, *shape)` per param, one after the other.

    A block holds all members of one param (and not all params of one member), because batched matrix products write
    only into whole contiguous blocks: otherwise each becomes K single products (`docs/decisions.md`, "flat buffers").
    """

    params: tuple[Param, ...]
    k: int

    @cached_property
    def sizes(self) -> tuple[int, ...]:
        """Numbers of one member, per param."""
        return tuple(int(np.prod(param.shape)) for param in self.params)

    @property
    def n_numbers(self) -> int:
        """Numbers in the whole buffer."""
        return self.k * sum(self.sizes)

    def blocks(self, buffer: Tensor) -> dict[str, Tensor]:
        """Each param's view `(k, *shape)` into the buffer, by path."""
        parts = buffer.split([self.k * size for size in self.sizes])
        return {param.name: part.view(self.k, *param.shape) for param, part in zip(self.params, parts, strict=True)}

    def views(self, buffer: Tensor) -> dict[str, Tensor]:
        """As `blocks`, without the leading dimension when k = 1: what layers are bound to."""
        return {path: block[0] if self.k == 1 else block for path, block in self.blocks(buffer).items()}

    def start(self, seeds: Sequence[int]) -> np.ndarray:
        """Start values of the whole buffer: member i draws from NumPy's PCG64 with `seeds[i]`, param by param."""
        members = []
        for seed in seeds:
            generator = np.random.Generator(np.random.PCG64(seed))
            members.append([param.init(generator, param.shape).reshape(-1) for param in self.params])
        blocks = [np.concatenate(block) for block in zip(*members, strict=True)]
        return np.concatenate(blocks) if blocks else np.zeros(0)

    def per_number(self, values: Tensor) -> Tensor:
        """A value per member `(k,)` repeated for each of its numbers: `(n_numbers,)`."""
        parts = [values.repeat_interleave(size) for size in self.sizes]
        return torch.cat(parts) if parts else values.new_zeros(0)

    def pick(self, buffer: Tensor, members: Sequence[int]) -> Tensor:
        """A new flat buffer with these members only, in this order."""
        index = torch.as_tensor(members, device=buffer.device)
        parts = [block.index_select(0, index).reshape(-1) for block in self.blocks(buffer).values()]
        return torch.cat(parts) if parts else buffer.new_zeros(0)

    def gather(self, values: Mapping[str, Tensor], *, dtype: torch.dtype, device: torch.device) -> Tensor:
        """A flat buffer from blocks `(k, *shape)` by path, as `blocks` gives them."""
        parts = [values[param.name].to(device, dtype).reshape(-1) for param in self.params]
        return torch.cat(parts) if parts else torch.zeros(0, dtype=dtype, device=device)
