"""The demo as a program, and a browser to look at it."""

import asyncio
import os
import re
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from playwright.async_api import Page, async_playwright, expect

ROOT = Path(__file__).parents[3]
PATIENCE_MILLISECONDS = 20_000
PATIENCE_TO_START_MILLISECONDS = 90_000


async def start_demo(*options: str, **environment: str) -> Process:
    """Start `coachbot demo` on any free port, unless the options name one."""
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "demo", "--port", "0", *options),
        stdout=PIPE,
        stderr=PIPE,
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", "COLUMNS": "200"} | environment,
    )


async def address_of(process: Process) -> str:
    """Return the address that the program prints."""
    assert process.stdout is not None
    said = ""
    async with asyncio.timeout(30):
        while line := (await process.stdout.readline()).decode():
            said += line
            if found := re.search(r"http://\S+", line):
                return found[0]
    raise AssertionError(f"no address in {said!r}")


@asynccontextmanager
async def demo(*options: str, **environment: str) -> AsyncIterator[tuple[Process, str]]:
    """Start the real program and yield its address; killed at the end."""
    process = await start_demo(*options, **environment)
    try:
        yield process, await address_of(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


@asynccontextmanager
async def browser_page(chromium: str, address: str) -> AsyncIterator[Page]:
    """Open the page in a browser, with the academy open. Any error in its console fails the test."""
    complaints: list[str] = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        )
        page = await browser.new_page(viewport={"width": 1280, "height": 860})
        page.set_default_timeout(PATIENCE_MILLISECONDS)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        await page.goto(address)
        await expect(page.locator("#clock")).not_to_be_empty(timeout=PATIENCE_TO_START_MILLISECONDS)
        yield page
        await browser.close()
    assert complaints == [], complaints
