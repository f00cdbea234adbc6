"""What the demo's tests need."""

import os
import shutil

import pytest


@pytest.fixture
def engine_name() -> str:
    """The demo runs on a file."""
    return "sqlite"


@pytest.fixture
def chromium() -> str:
    """Debian's chromium; .ci/run installs it."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None and not os.environ.get("CI"):
        pytest.skip("no chromium on this machine: apt-get install chromium")
    assert found is not None, "CI has to install chromium"
    return found
