"""What takes long and is done once for all stories."""

import pytest

from scheduler import places


@pytest.fixture(scope="session")
def cities() -> None:
    """The cities are read already: on a busy machine it takes longer than the simulated Discord waits."""
    places.search("Tokyo", most=1)
