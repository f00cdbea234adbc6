"""Fixtures of the demo's tests."""

import asyncio
import json
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import pytest
from filelock import FileLock

from bot.demo.one_thread import in_one_thread
from bot.demo.stage import open_stage
from bot.demo.tour import tour
from models.storage.database import Database


@pytest.fixture
def engine_name() -> str:
    """The demo uses a file."""
    return "sqlite"


@pytest.fixture
def chromium() -> str:
    """Return Debian's chromium; .ci/run installs it."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None and not os.environ.get("CI"):
        pytest.skip("no chromium on this machine: apt-get install chromium")
    assert found is not None, "CI has to install chromium"
    return found


class FirstVisit(NamedTuple):
    """What the first visitor of a new academy finds and its database doesn't keep."""

    now: str
    unread_by_admin: int
    steps_done: list[bool]
    faults: list[str]


@pytest.fixture(scope="session")
def lived_in(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """Return the file of a demo that has been opened, which opens again at once.

    What its visitor found is next to it: creating an academy takes seconds, so this is the only one.
    """
    folder = tmp_path_factory.getbasetemp()
    path = (folder if worker_id == "master" else folder.parent) / "demo.db"

    async def live() -> None:
        db = in_one_thread(Database(f"sqlite:///{path}"))
        await db.upgrade()
        async with open_stage(db) as stage:
            admin, review = stage.world.people["admin"], stage.world.review.id
            steps = [step.done for step in await tour(stage)]
            found = FirstVisit(stage.now.isoformat(), stage.unread(admin, review), steps, stage.faults.lines)
        await db.close()
        path.with_suffix(".json").write_text(json.dumps(found))

    with FileLock(path.with_suffix(".lock")):  # only one of the xdist processes creates it
        if not path.with_suffix(".made").exists():
            asyncio.run(live())
            path.with_suffix(".made").touch()
    return path


@pytest.fixture
def first_visit(lived_in: Path) -> FirstVisit:
    """Return what was found when `kept`'s academy was new."""
    return FirstVisit(*json.loads(lived_in.with_suffix(".json").read_text()))


@pytest.fixture
async def kept(lived_in: Path, tmp_path: Path) -> AsyncIterator[Database]:
    """Open a kept academy: its history without the messages."""
    db = in_one_thread(Database(f"sqlite:///{shutil.copy(lived_in, tmp_path)}"))
    yield db
    await db.close()
