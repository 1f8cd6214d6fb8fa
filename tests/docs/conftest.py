"""The tests of the docs share `pages`, and the generator `scripts/docs.py` that they hold the reference against."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "scripts")]


@pytest.fixture(autouse=True, scope="session")
def cache_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Decoded pictures of the pages are not kept among the user's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FIRESTEEL_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield
