"""The README's first command works."""

import asyncio
import os
import re
import signal
from asyncio.subprocess import PIPE
from pathlib import Path

import aiohttp
import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.slow
async def test_the_readmes_first_command_opens_the_demo_from_a_clean_clone(tmp_path: Path) -> None:
    first = re.search(r"```sh\n(.+)\n```", (ROOT / "README.md").read_text("utf-8"))
    assert first is not None
    cloned = await asyncio.create_subprocess_exec("git", "clone", "--quiet", ROOT, tmp_path / "clone")
    assert await cloned.wait() == 0

    started = await asyncio.create_subprocess_exec(
        *("bash", "-c", f"{first[1]} --port 0"),
        cwd=tmp_path / "clone",
        env={key: value for key, value in os.environ.items() if key not in ("VIRTUAL_ENV", "PYTHONPATH")}
        | {"BROWSER": "true", "PYTHONUNBUFFERED": "1"},
        stdout=PIPE,
        start_new_session=True,
    )

    assert started.stdout is not None
    async with asyncio.timeout(300):
        while not (address := re.search(r"http://127\.0\.0\.1:\d+/", (await started.stdout.readline()).decode())):
            assert started.returncode is None
    async with aiohttp.ClientSession(address[0]) as http:
        await http.get("/discord")  # answers once the academy is open
        world = await (await http.get("/demo/world")).json()
    assert world["person"] == "admin"
    os.killpg(started.pid, signal.SIGTERM)
    async with asyncio.timeout(10):
        await started.communicate()
