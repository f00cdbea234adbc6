"""The demo's page and program: whom it answers, its messages, and how it ends."""

import asyncio
import signal
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp.test_utils import TestClient, TestServer

from bot.demo.front import Front
from bot.demo.server import page_of
from bot.demo.stage import open_stage
from models.storage.database import Database
from tests.bot.demo.program import ROOT, address_of, browser_page, demo, start_demo


@pytest.fixture
async def client(kept: Database) -> AsyncIterator[Any]:
    front = Front("127.0.0.1")
    async with open_stage(kept) as stage, page_of(stage) as page, TestClient(TestServer(front.app())) as opened:
        front.open(page)
        yield opened


async def test_the_page_says_that_it_is_starting_before_the_academy_is_open() -> None:
    async with TestClient(TestServer(Front("127.0.0.1").app())) as opened:
        page = await (await opened.get("/")).text()
        world = await (await opened.get("/demo/world?looking")).json()

    assert "Setting up the academy…" in page
    assert world == {"starting": True}


async def test_the_page_answers_before_anything_slow_is_loaded() -> None:
    slow = {"discord", "simcord", "sqlalchemy", "alembic", "babel", "icalendar", "PIL", "matplotlib"}
    script = f"import sys, bot.cli.commands, bot.demo.main; print(sorted({slow} & sys.modules.keys()))"

    process = await asyncio.create_subprocess_exec(sys.executable, "-c", script, stdout=PIPE, cwd=ROOT)
    said, _ = await process.communicate()

    assert said.decode() == "[]\n"


@pytest.mark.slow
async def test_the_page_loads_only_its_own_files(client: Any) -> None:
    page = await client.get("/")
    script = await client.get("/demo/demo.js")
    strays = [await client.get(path) for path in ("/demo/server.py", "/demo/..%2fserver.py", "/demo/none.js")]

    assert "http://" not in (await page.text()).replace("http://www.w3.org", "")
    assert "https://" not in await page.text() + await script.text()
    assert "default-src 'self'" in page.headers["Content-Security-Policy"]
    assert [stray.status for stray in strays] == [404, 404, 404]


async def test_other_sites_are_rejected(client: Any) -> None:
    elsewhere = {"Origin": "http://evil.example"}

    answers = [
        await client.post("/demo/person", json={"key": "student"}, headers=elsewhere),
        await client.get("/demo/world", headers={"Host": "evil.example:80"}),
        await client.post("/demo/person", data='{"key": "student"}', headers={"Content-Type": "text/plain"}),
        await client.get("/api/state", headers={"X-Simcord-Capability": "guessed"}),
    ]

    assert [answer.status for answer in answers] == [403, 403, 415, 401]
    assert (await (await client.get("/demo/world")).json())["person"] == "admin"


async def test_impossible_actions_are_explained(client: Any) -> None:
    too_far = "The time machine only goes forward, by up to a month."
    refused: list[tuple[str, dict[str, Any], str]] = [
        ("/demo/person", {"key": "napoleon"}, "There's nobody like that in this academy."),
        ("/demo/place", {"id": "12345"}, "Ada can't see that channel."),
        ("/demo/place", {}, "Ada can't see that channel."),
        ("/demo/place", {"id": "9" * 4_400}, "Ada can't see that channel."),
        ("/demo/voice", {"id": "12345"}, "Ada can't see that room."),
        ("/demo/voice", {"id": 0}, "Ada can't see that room."),
        ("/demo/voice", {"id": "9" * 4_400}, "Ada can't see that room."),
        ("/demo/jump", {"minutes": -5}, too_far),
        ("/demo/jump", {"minutes": 10**12}, too_far),
        ("/demo/jump", {"minutes": "soon"}, "The time machine takes whole minutes."),
    ]

    answers = [await client.post(path, json=body) for path, body, _ in refused]

    assert {answer.status for answer in answers} == {409}
    assert [(await answer.json())["sentence"] for answer in answers] == [sentence for *_, sentence in refused]


async def test_an_overlong_number_is_not_json_either(client: Any) -> None:
    body = f'{{"minutes": {"9" * 4_400}}}'

    answer = await client.post("/demo/jump", data=body, headers={"Content-Type": "application/json"})

    assert (answer.status, await answer.text()) == (400, "expected a JSON object")


async def test_all_tabs_show_the_same_person_and_place(client: Any) -> None:
    await client.get("/demo/world?tab=first")
    await client.post("/demo/person", json={"key": "coach2"})

    second = await (await client.get("/demo/world?tab=second")).json()

    assert second["person"] == "coach2"
    assert (await client.get(second["frame"].partition("#")[0])).status == 200


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_ends_the_program_cleanly(number: signal.Signals) -> None:
    async with demo("--no-open") as (process, address), aiohttp.ClientSession() as http:
        async with http.get(f"{address}demo/world?tab=1") as answer:
            assert answer.status == 200

        process.send_signal(number)

        async with asyncio.timeout(10):
            assert await process.wait() == 0


@pytest.mark.slow
async def test_stopping_the_demo_while_it_starts_ends_in_one_line() -> None:
    process = await start_demo("--no-open")
    await address_of(process)

    process.send_signal(signal.SIGINT)
    async with asyncio.timeout(20):
        said, failed = await process.communicate()

    assert process.returncode == 0
    assert (said.decode(), failed.decode()) == ("Press Ctrl+C to stop.\nThe demo has stopped.\n", "")


@pytest.mark.slow
async def test_closing_the_browser_stops_the_demo_but_reloading_does_not(chromium: str) -> None:
    async with demo(BROWSER="true") as (process, address), browser_page(chromium, address) as page:
        await page.locator("#person-admin").wait_for()
        await page.reload()
        await page.locator("#person-admin").wait_for()
        assert process.returncode is None
        await page.close(run_before_unload=True)

        async with asyncio.timeout(20):  # the browser stays: it still has to close the tab's connection
            assert await process.wait() == 0


@pytest.mark.slow
async def test_a_taken_port_is_reported_in_one_line() -> None:
    async with demo("--no-open") as (_, address):
        port = address.rstrip("/").rpartition(":")[2]

        second = await start_demo("--no-open", "--port", port)
        async with asyncio.timeout(30):
            _, said = await second.communicate()

    assert second.returncode == 1
    assert "Choose another port with --port, or use --port 0" in said.decode()
    assert len(said.decode().splitlines()) == 1


async def test_another_programs_database_is_left_alone(tmp_path: Path) -> None:
    real = tmp_path / "coachbot.db"
    database = Database(f"sqlite:///{real}")
    await database.upgrade()
    await database.close()
    before = real.read_bytes()

    refused = await start_demo("--no-open", "--data", str(real), "--fresh")
    async with asyncio.timeout(30):
        _, said = await refused.communicate()

    assert refused.returncode == 2
    assert said.decode() == f"coachbot: {real} wasn't created by the demo. Choose another file with --data\n"
    assert real.read_bytes() == before


@pytest.mark.slow
async def test_a_demos_own_file_continues_or_starts_over_on_request(tmp_path: Path) -> None:
    kept = tmp_path / "kept.db"
    clocks = []
    for options in (("--data", str(kept)), ("--data", str(kept)), ("--data", str(kept), "--fresh")):
        async with demo("--no-open", *options) as (process, address), aiohttp.ClientSession() as http:
            async with http.post(f"{address}demo/jump", json={"minutes": 60}) as answer:
                clocks.append((await answer.json())["clock"])
            process.terminate()
            async with asyncio.timeout(10):
                assert await process.wait() == 0

    assert clocks == ["Mon 2 Mar 2026, 10:00 AM", "Mon 2 Mar 2026, 11:00 AM", "Mon 2 Mar 2026, 10:00 AM"]
