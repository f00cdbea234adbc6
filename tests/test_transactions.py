"""Nobody waits for Discord inside a transaction: four slow answers would use up all connections.

Inside a transaction, code may only await the session itself and functions that get it: `session.get(…)`,
`bookings.book(session, …)`. Those follow the same rule, so it holds at any depth.
"""

import ast
from collections.abc import Iterator
from textwrap import indent
from typing import TypeGuard

import pytest

from tests.test_architecture import ROOT, modules

SESSION = "session"
_Function = ast.AsyncFunctionDef | ast.FunctionDef


def breaches(source: str) -> list[str]:
    """Return what's awaited inside a transaction but doesn't use it, with its line."""
    tree = ast.parse(source)
    found: dict[str, None] = {}
    for node in ast.walk(tree):
        if not has_a_session(node):
            continue
        ours = made_of_the_session(node.body)
        for line, awaited in awaits(node.body):
            if not is_of_the_session(awaited, ours):
                found[f"{line}: {ast.unparse(awaited)}"] = None
    return list(found)


def has_a_session(node: ast.AST) -> TypeGuard[ast.AsyncWith | _Function]:
    """Whether its body is inside a transaction."""
    if isinstance(node, ast.AsyncWith):
        return any(opens_a_transaction(one.context_expr) for one in node.items)
    return isinstance(node, _Function) and SESSION in parameters(node)


def opens_a_transaction(expression: ast.expr) -> bool:
    """Match `db.begin()` and `self.bot.db.read()`."""
    return (
        isinstance(expression, ast.Call)
        and isinstance(expression.func, ast.Attribute)
        and expression.func.attr in ("begin", "read")
        and ast.unparse(expression.func.value).split(".")[-1].strip("_") in ("db", "database")
    )


def parameters(function: _Function) -> dict[str, str]:
    every = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    return {one.arg: ast.unparse(one.annotation) if one.annotation else "" for one in every}


def awaits(body: list[ast.stmt]) -> Iterator[tuple[int, ast.expr]]:
    """Yield everything awaited: `await`, `async for`, `async with`."""
    for node in (inner for statement in body for inner in ast.walk(statement)):
        if isinstance(node, ast.Await):
            yield node.lineno, node.value
        elif isinstance(node, ast.AsyncFor):
            yield node.lineno, node.iter
        elif isinstance(node, ast.AsyncWith):
            yield from ((node.lineno, one.context_expr) for one in node.items)
        elif isinstance(node, ast.comprehension) and node.is_async:
            yield node.iter.lineno, node.iter


def made_of_the_session(body: list[ast.stmt]) -> set[str]:
    """Return names bound to the session's results (`found = await session.stream(…)`), and inner functions."""
    names: set[str] = set()
    for node in (inner for statement in body for inner in ast.walk(statement)):
        if isinstance(node, ast.Assign) and is_of_the_session(_awaited(node.value), set()):
            names |= {one.id for one in node.targets if isinstance(one, ast.Name)}
        elif isinstance(node, _Function):
            names.add(node.name)  # its awaits are inside too
    return names


def is_of_the_session(expression: ast.expr, ours: set[str]) -> bool:
    """Whether it's the session's own, made by it, or gets it as an argument."""
    if isinstance(expression, ast.Name):
        return expression.id in ours
    if not isinstance(expression, ast.Call):
        return False
    given = [*expression.args, *(one.value for one in expression.keywords)]
    if any(isinstance(one, ast.Name) and one.id == SESSION for one in given):
        return True
    callee = expression.func
    while isinstance(callee, ast.Attribute):
        callee = callee.value
    return isinstance(callee, ast.Name) and callee.id in {SESSION, *ours}


def _awaited(expression: ast.expr) -> ast.expr:
    return expression.value if isinstance(expression, ast.Await) else expression


@pytest.mark.parametrize(
    "path", [str(one.relative_to(ROOT)) for one in modules() if "migrations" not in one.parts]
)
def test_only_the_database_is_awaited_inside_a_transaction(path: str) -> None:
    assert breaches((ROOT / path).read_text("utf-8")) == []


def test_every_function_names_its_session_parameter_session() -> None:
    others = [
        f"{path.relative_to(ROOT)} {node.name}({name})"
        for path in modules()
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, _Function)
        for name, annotation in parameters(node).items()
        if "AsyncSession" in annotation and "Callable" not in annotation and name != SESSION
    ]

    assert others == []


INSIDE = """
async def handler(self, interaction):
    async with self.bot.db.{way}() as session:
        guild = await guilds.look_up(session, 1)
{body}
"""


@pytest.mark.parametrize("way", ["begin", "read"])
@pytest.mark.parametrize(
    "body",
    [
        "await ui.show(interaction, panel)",
        "await interaction.response.defer()",
        "await self._answer(guild)",
        "await asyncio.gather(*(channel.send(one) for one in await session.scalars(query)))",
        "await ui.show(interaction, panel(await bookings.book(session)))",
        "async for message in channel.history():\n    pass",
        "shown = [one async for one in channel.history()]",
        "async with channel.typing():\n    pass",
        "async def later():\n    await channel.send(1)\nawait later()",
        "if guild:\n    await ui.show(interaction, panel)\n    return",
    ],
)
def test_every_way_to_await_discord_inside_a_transaction_is_found(way: str, body: str) -> None:
    assert len(breaches(INSIDE.format(way=way, body=indent(body, " " * 8)))) == 1
    assert breaches(INSIDE.format(way=way, body=indent(body, " " * 4))) == []


def test_it_is_found_in_functions_that_get_the_session() -> None:
    assert breaches("async def use_case(session, port):\n    await port.set_role(1)") == ["2: port.set_role(1)"]


@pytest.mark.parametrize(
    "body",
    [
        "await session.flush()",
        "rows = await session.stream(query)\nasync for row in rows.partitions(5):\n    pass",
        "async with session.begin_nested():\n    await session.execute(query)",
        "async def count(of):\n    return await session.scalar(of)\nawait count(1)",
        "found = [await bookings.of(session, one) for one in ids]",
        "pieces = export.lines(session)\ncontent = [piece async for piece in pieces]",
    ],
)
def test_database_queries_are_allowed(body: str) -> None:
    assert breaches(INSIDE.format(way="read", body=indent(body, " " * 8))) == []
