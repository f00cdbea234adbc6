"""How the bot speaks: short, everyday words in every text of ours that people read."""

import ast
import re
from collections.abc import AsyncIterator, Iterator
from functools import cache
from pathlib import Path

import pytest
from discord import app_commands

from bot.app import COGS, CoachBot
from models.storage.database import Database
from scheduler.notifications.bot_removal import REMOVED
from scheduler.servers.declarations import SETTINGS
from scheduler.servers.setting_kinds import Text
from scheduler.servers.settings import GuildDefaults

ROOT = Path(__file__).parents[2]
LOGS = {"debug", "info", "warning", "error", "exception"}
PROGRAMMING_ERRORS = {"ValueError", "TypeError", "RuntimeError"}
STIFF = re.compile(
    r"\b(?:cannot|can not|(?:do|does|did|is|are|was|were|has|have|had|will|would|could|should) not"
    r"|(?:I am|you are|they are|it is|that is|there is|you have been|we have)(?= \w))\b",
    re.IGNORECASE,
)
JARGON = re.compile(r"\b(?:loops?|ticks?|pip|column|row_|guild|payload|timestamp|boolean|null)\b", re.IGNORECASE)
OLD_WORDS = (
    *(" coming session", "how to pay not", "is no amount", "which is fine", "other side", "stands on", "sooner"),
    *("counts for nothing", "due now", "older version", "is well here", "who may manage", "may do in the"),
    *("the no-show stands", "hold again", "goes on until", "fault of ours", "in each person"),
    *("i know no", "not said", "problems are told", "takes it away", "what your hours mean", "same instants"),
    *("how soon can one", "offers and", "free times of", "on the clock of", "take it again", "is welcome"),
    *("teaches it goes", "you were not seen", "only you see it shown", "people wrote is in it"),
)
STORED = {REMOVED}
"""Rows hold it, so it stays as it is."""
ID = re.compile(r"(?:^|_)id$")
MENTIONS_AND_LINKS = ("<@", "<@&", "<#", "/")
CODES = {"interaction.id", "context.notification.id", "custom_id"}
"""Shown as codes that the log has too, or never shown."""


@cache
def trees() -> list[tuple[str, ast.Module]]:
    paths = [path for top in ("cogs", "scheduler") for path in sorted((ROOT / top).rglob("*.py"))]
    return [(str(path.relative_to(ROOT)), ast.parse(path.read_text("utf-8"))) for path in paths]


def _name(call: ast.Call) -> str:
    return getattr(call.func, "id", "")


def spoken(node: ast.AST) -> Iterator[ast.Constant | ast.JoinedStr]:
    """Yield all strings except docstrings, what's only logged, and what only developers read."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant):
            continue  # a docstring
        if isinstance(child, ast.Assert) or (isinstance(child, ast.Call) and _name(child) in PROGRAMMING_ERRORS):
            continue
        if isinstance(child, ast.Call) and getattr(child.func, "attr", "") in LOGS:
            continue
        if isinstance(child, ast.JoinedStr) or (isinstance(child, ast.Constant) and isinstance(child.value, str)):
            yield child
        else:
            yield from spoken(child)


def words(node: ast.Constant | ast.JoinedStr) -> str:
    """Return the string, with "…" for what's filled in."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    return "".join(words(part) if isinstance(part, ast.Constant) else "…" for part in node.values)


def sentences() -> list[tuple[str, str]]:
    """List where each text of several words is, and the text."""
    found = [(path, words(node)) for path, tree in trees() for node in spoken(tree)]
    return [(path, text) for path, text in found if " " in text.strip()]


def test_texts_use_contractions() -> None:
    assert len(sentences()) > 500
    assert [one for one in sentences() if STIFF.search(one[1]) and one[1] not in STORED] == []


def test_texts_have_no_jargon() -> None:
    assert [one for one in sentences() if JARGON.search(one[1])] == []


def test_texts_use_the_new_words() -> None:
    found = [(*one, old) for one in sentences() for old in OLD_WORDS if old in f" {one[1].casefold()}"]

    assert found == []


def test_people_never_read_ids() -> None:
    bare = [
        (path, ast.unparse(node))
        for path, tree in trees()
        if path.startswith("cogs/")
        for node in spoken(tree)
        if isinstance(node, ast.JoinedStr)
        for before, part in zip([None, *node.values], node.values, strict=False)
        if isinstance(part, ast.FormattedValue)
        and ID.search(ast.unparse(part.value).rpartition(".")[2])
        and ast.unparse(part.value) not in CODES
        and not (isinstance(before, ast.Constant) and str(before.value).endswith(MENTIONS_AND_LINKS))
    ]

    assert bare == []


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda one: one.column)
def test_each_setting_fits_its_field(setting: object) -> None:
    [one] = [one for one in SETTINGS if one is setting]
    label = f"{one.label} (optional)" if isinstance(one.kind, Text) else one.label

    assert len(label) <= 45
    assert 0 < len(one.help) <= 100
    assert len(one.kind.example) <= 100
    assert "optional" not in one.label + one.help


@pytest.fixture
async def parameters(tmp_path: Path) -> AsyncIterator[list[app_commands.Parameter]]:
    """List the options of all slash commands."""
    db = Database(f"sqlite:///{tmp_path / 'unused.db'}")
    bot = CoachBot(db, GuildDefaults())
    for cog in COGS:
        await bot.add_cog(cog(bot))
    every = [one for one in bot.tree.walk_commands() if isinstance(one, app_commands.Command)]
    yield [parameter for command in every for parameter in command.parameters]
    await bot.close()
    await db.close()


def test_each_option_is_described_and_says_whether_it_is_optional(
    parameters: list[app_commands.Parameter],
) -> None:
    described = {f"{one.command.qualified_name} {one.display_name}": str(one.description) for one in parameters}
    optional = {f"{one.command.qualified_name} {one.display_name}" for one in parameters if not one.required}

    assert {name: words for name, words in described.items() if not 1 < len(words) <= 100} == {}
    assert {name for name, words in described.items() if words.count("(optional)") == 1} == optional
    assert {name for name, words in described.items() if "optional" in words} == optional
