"""Servers of both ports, and the key of a device."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fieldwise import identity
from tests.sites import Site, opened


@pytest.fixture
async def site(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Site]:
    """A server in this process; a parameter is the age of its connections in seconds."""
    async with opened(tmp_path, getattr(request, "param", 1800)) as serving:
        yield serving


@pytest.fixture
def key() -> identity.PrivateKey:
    return identity.generate_key()
