"""Concurrent jobs: what happens to the others when some fail or are slow."""

import asyncio
import gc
from typing import Any

import pytest

from scheduler.core import task_pool
from scheduler.core.task_pool import TaskPool, attempt


async def succeeds() -> int:
    return 1


async def fails() -> int:
    raise ValueError("one")


async def fails_too() -> int:
    raise KeyError("two")


async def test_one_error_is_raised_and_the_others_results_come_next() -> None:
    pool = TaskPool[int]()

    with pytest.raises(ValueError, match="one"):
        await pool.work({"a": succeeds, "b": fails, "c": succeeds})

    assert await pool.work({}) == [1, 1]
    assert await pool.work({}) == []


async def test_several_errors_are_raised_as_a_group() -> None:
    pool = TaskPool[int]()

    with pytest.raises(ExceptionGroup) as raised:
        await pool.work({"a": fails, "b": succeeds, "c": fails_too})

    assert [type(one) for one in raised.value.exceptions] == [ValueError, KeyError]
    assert await pool.work({}) == [1]


async def test_a_slow_jobs_error_is_raised_next_and_not_logged_as_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(task_pool, "SLOW", 0 * task_pool.SLOW)
    lost: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: lost.append(context))
    pool, proceed = TaskPool[int](), asyncio.Event()

    async def fails_later() -> int:
        await proceed.wait()
        return await fails()

    assert await pool.work({"a": fails_later}) == []
    proceed.set()
    await pool.rest()
    with pytest.raises(ValueError, match="one"):
        await pool.work({})

    assert await pool.work({"a": succeeds}) == [1]
    gc.collect()
    assert lost == []


async def test_a_pool_can_wait_for_slow_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(task_pool, "SLOW", 0 * task_pool.SLOW)
    pool, proceed = TaskPool[int](wait_for_slow=True), asyncio.Event()

    async def succeeds_later() -> int:
        await proceed.wait()
        return await succeeds()

    asyncio.get_running_loop().call_soon(proceed.set)

    assert await pool.work({"a": succeeds_later, "b": succeeds}) == [1, 1]
    assert not pool.under_way


@pytest.mark.parametrize(("answer", "worked"), [(None, True), (True, True), (False, False)])
async def test_what_ends_without_an_error_worked_unless_it_says_otherwise(
    answer: bool | None, worked: bool
) -> None:
    async def work() -> bool | None:
        return answer

    assert await attempt("a job", work) is worked


async def test_an_attempt_that_fails_is_logged_and_holds_up_nothing(caplog: pytest.LogCaptureFixture) -> None:
    async def work() -> None:
        raise ValueError("one")

    assert not await attempt("a job", work)
    assert caplog.messages == ["a job failed"]
