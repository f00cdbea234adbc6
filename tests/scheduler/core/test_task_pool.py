"""Several pieces of work at the same time: what becomes of the others, and who hears of it, when some fail."""

import asyncio
import gc
from typing import Any

import pytest

from scheduler.core import task_pool
from scheduler.core.task_pool import TaskPool


async def works() -> int:
    return 1


async def fails() -> int:
    raise ValueError("one")


async def fails_too() -> int:
    raise KeyError("two")


async def test_one_failure_is_raised_as_it_is_and_what_the_others_did_comes_next_time() -> None:
    work = TaskPool[int]()

    with pytest.raises(ValueError, match="one"):
        await work.work({"a": works, "b": fails, "c": works})

    assert await work.work({}) == [1, 1]
    assert await work.work({}) == []


async def test_of_several_failures_all_are_raised() -> None:
    work = TaskPool[int]()

    with pytest.raises(ExceptionGroup) as raised:
        await work.work({"a": fails, "b": works, "c": fails_too})

    assert [type(one) for one in raised.value.exceptions] == [ValueError, KeyError]
    assert await work.work({}) == [1]


async def test_a_slow_failure_is_raised_by_the_next_round_and_until_then_nobody_calls_it_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(task_pool, "SLOW", 0 * task_pool.SLOW)
    called_lost: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: called_lost.append(context))
    work, go_on = TaskPool[int](), asyncio.Event()

    async def fails_later() -> int:
        await go_on.wait()
        return await fails()

    assert await work.work({"a": fails_later}) == []
    go_on.set()
    await work.rest()
    with pytest.raises(ValueError, match="one"):
        await work.work({})

    assert await work.work({"a": works}) == [1]
    gc.collect()
    assert called_lost == []


async def test_a_pool_that_waits_returns_slow_work_in_the_same_round(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(task_pool, "SLOW", 0 * task_pool.SLOW)
    pool, go_on = TaskPool[int](wait_for_slow=True), asyncio.Event()

    async def works_later() -> int:
        await go_on.wait()
        return await works()

    asyncio.get_running_loop().call_soon(go_on.set)

    assert await pool.work({"a": works_later, "b": works}) == [1, 1]
    assert not pool.under_way
