"""Fixtures for tests that run the real program."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.endpoint import Endpoint, local_discord
from tests.support.program import Program


@pytest.fixture
async def endpoint() -> AsyncIterator[Endpoint]:
    async with local_discord() as endpoint:
        yield endpoint


@pytest.fixture
def program(endpoint: Endpoint, tmp_path: Path) -> Program:
    return Program(tmp_path, endpoint.api, endpoint.gateway)
