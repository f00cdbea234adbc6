"""The documentation is true to the code."""

import json
import re
import subprocess
import tomllib
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from discord import app_commands
from sqlalchemy import text

from bot import config
from bot.app import COGS, CoachBot, payment_cogs
from bot.cli import commands as cli
from bot.config import ServerDefaults, Settings
from bot.discord_api.permissions import INVITE
from models import Base
from models.storage.database import Database
from scheduler.servers import declarations
from scheduler.servers.resources import ServerResource
from scheduler.servers.setting_kinds import Whole
from scheduler.servers.settings import GuildDefaults, unsaved, value_of

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
COMMANDS = (ROOT / "cogs" / "README.md").read_text("utf-8")
PROGRAM = (ROOT / "bot" / "README.md").read_text("utf-8")
RULES = (ROOT / "scheduler" / "README.md").read_text("utf-8")
DATABASE = (ROOT / "models" / "README.md").read_text("utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
GUIDE = (ROOT / ".github" / "ORIGINAL_GUIDE.md").read_text("utf-8")
LAYERS = ("bot", "cogs", "models", "scheduler")
EXAMPLE = (ROOT / "config.example.toml").read_text("utf-8")
NOT_OURS = {"DynamicItem", "interaction_check", "batch_alter_table", "config.example.toml"}
"""Names in the documents that aren't from the product's code."""
NOT_SETTINGS = {"ORIGINAL_GUIDE"}
"""Words in the documents that look like settings."""
LONGEST_README, LONGEST_LINE = 220, 120
LARGEST_PICTURE = 100_000
TEST_COMMAND = "python3 -m venv .venv && .venv/bin/pip install -e '.[test]' && .venv/bin/pytest"

# The original guide's lists.
GUIDE_ENVIRONMENT = (
    "DISCORD_CLIENT_ID",
    "DISCORD_CLIENT_SECRET",
    "DISCORD_BOT_TOKEN",
    "DISCORD_GUILD_ID",
    "CRON_SECRET",
    "NEXT_PUBLIC_APP_URL",
)
GUIDE_FIELDS = (
    "id",
    "coachId",
    "studentId",
    "scheduledDate",
    "startTime",
    "endTime",
    "duration",
    "status",
    "notes",
    "sessionType",
    "totalCost",
    "discordChannelId",
    "discordRoleId",
    "discordSetupComplete",
    "reminderSent",
    "createdAt",
    "updatedAt",
    "@@index([coachId])",
    "@@index([studentId])",
    "@@index([scheduledDate])",
    "@@index([status])",
    "SCHEDULED",
    "IN_PROGRESS",
    "COMPLETED",
    "CANCELLED",
    "NO_SHOW",
)


def documents() -> list[Path]:
    command = ["git", "-c", f"safe.directory={ROOT}", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run([*command, "-z", "*.md"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [ROOT / name for name in sorted(listed.split("\0")) if name and (ROOT / name).is_file()]


@pytest.mark.parametrize("path", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_document_says_nothing_twice_and_its_lines_fit(path: Path) -> None:
    outside_code = re.sub(r"^ *```.*?^ *```$", "", path.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    entries = (
        re.findall(r"^(?:- )?\*\*(.+?)\*\*", outside_code, re.MULTILINE) if path.name == "CHANGELOG.md" else []
    )
    paragraphs = [one for one in re.split(r"\n\s*\n|\n(?=- )", outside_code) if len(one) > 60]
    lines = [one for one in outside_code.splitlines() if not one.startswith("|") and "](" not in one]

    assert [one for one, count in Counter(entries + paragraphs).items() if count > 1] == []
    assert [one for one in lines if len(one) > LONGEST_LINE] == []


def section(document: str, title: str) -> str:
    """Return what's under a heading, up to the next one of the same or a higher level."""
    level, body = re.split(rf"^(#+) {re.escape(title)}$", document, flags=re.MULTILINE)[1:3]
    return re.split(rf"^#{{1,{len(level)}}} ", body, flags=re.MULTILINE)[0]


def rows(text: str) -> list[list[str]]:
    """Return the tables' rows as stripped cells."""
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in text.splitlines()
        if line.startswith("|") and not line.startswith("| ---")
    ]


def codes(text: str) -> list[str]:
    """Return everything in backticks."""
    return re.findall(r"`([^`\n]+)`", text)


def keys(model: type[Settings] | type[ServerDefaults]) -> set[str]:
    return set(model.model_fields)


@pytest.fixture
async def commands(tmp_path: Path) -> AsyncIterator[dict[str, list[str]]]:
    """Map every slash command to its options' names."""
    db = Database(f"sqlite:///{tmp_path / 'unused.db'}")
    bot = CoachBot(db, GuildDefaults())
    for cog in (*COGS, *payment_cogs()):
        await bot.add_cog(cog(bot))
    yield {
        f"/{command.qualified_name}": [option.display_name for option in command.parameters]
        for command in bot.tree.walk_commands()
        if isinstance(command, app_commands.Command)
    }
    await bot.close()
    await db.close()


@pytest.fixture
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in keys(Settings):
        monkeypatch.delenv(name.upper(), raising=False)


def test_the_example_config_names_every_key_and_no_other() -> None:
    uncommented = tomllib.loads(re.sub(r"^# (?=\w+ = )", "", EXAMPLE, flags=re.MULTILINE))

    assert set(uncommented) == keys(Settings)
    assert set(uncommented["server_defaults"]) == keys(ServerDefaults)


def test_the_example_config_names_each_key_in_the_environment() -> None:
    named = re.findall(r"^# \[(\w+)\]", EXAMPLE, flags=re.MULTILINE)

    assert sorted(named) == sorted(key.upper() for key in keys(Settings))


@pytest.mark.usefixtures("_bare_environment")
def test_the_example_config_works_as_it_is_and_sets_nothing(tmp_path: Path) -> None:
    empty = tmp_path / "config.toml"
    empty.touch()

    as_it_is = config.load(ROOT / "config.example.toml", tmp_path / ".env")

    assert as_it_is == config.load(empty, tmp_path / ".env")


@pytest.mark.usefixtures("_bare_environment")
def test_every_example_line_shows_the_default_and_works_uncommented(tmp_path: Path) -> None:
    everything = tmp_path / "config.toml"
    everything.write_text(re.sub(r"^# (?=\w+ = )", "", EXAMPLE, flags=re.MULTILINE), "utf-8")

    loaded = config.load(everything, tmp_path / ".env")

    without_default = {name for name, field in Settings.model_fields.items() if field.default is None}
    assert loaded.model_copy(update=dict.fromkeys(without_default)) == Settings()
    assert all(getattr(loaded, name) is not None for name in without_default)


def test_every_slash_command_is_documented_and_no_other(commands: dict[str, list[str]]) -> None:
    listed = [
        re.sub(r" [\[<].*", "", codes(cells[0])[0])
        for cells in rows(section(COMMANDS, "Commands"))
        if cells[0].startswith("`/")
    ]

    assert sorted(listed) == sorted(commands)


def test_every_command_is_shown_with_its_options(commands: dict[str, list[str]]) -> None:
    usages = [codes(cells[0])[0] for cells in rows(section(COMMANDS, "Commands")) if cells[0].startswith("`/")]
    shown = {usage.split(" [")[0].split(" <")[0]: re.findall(r"[\[<](\w+)[\]>]", usage) for usage in usages}

    assert shown == commands


def test_every_command_in_the_documents_exists_with_its_options(commands: dict[str, list[str]]) -> None:
    paths = ("/healthz", "/readyz", "/metrics")
    texts = "\n".join(path.read_text("utf-8") for path in documents() if path != ROOT / "CHANGELOG.md")
    used = {code for code in codes(texts) if re.match(r"/[a-z]+(?![a-z/])", code) and code not in paths}

    unknown = set()
    for code in used:
        name = max((one for one in commands if f"{code} ".startswith(f"{one} ")), key=len, default="")
        is_group = any(one.startswith(f"{code} ") for one in commands)
        if (not name and not is_group) or not {*re.findall(r"([a-z_]+):", code)} <= {*commands.get(name, ())}:
            unknown.add(code)

    assert len(used) > 20
    assert unknown == set()


def test_every_server_setting_is_documented_as_it_is_declared() -> None:
    defaults = unsaved(0, GuildDefaults())
    declared = [
        [one.label, one.kind.accepts, one.kind.show(value_of(defaults, one)), one.help]
        for one in declarations.SETTINGS
    ]

    documented = [cells for cells in rows(section(COMMANDS, "Server settings"))[1:] if len(cells) == 4]

    assert [cells[:3] for cells in documented] == [cells[:3] for cells in declared]
    for cells, (*_, in_short) in zip(documented, declared, strict=True):
        assert cells[3].startswith(in_short)


def test_every_channel_and_role_that_admins_pick_is_documented_and_no_other() -> None:
    table = [cells for cells in rows(section(COMMANDS, "Server settings")) if len(cells) == 2]

    assert [cells[0] for cells in table[1:]] == [place.label for place in ServerResource]


def test_the_example_config_states_each_numbers_range() -> None:
    for one in declarations.SETTINGS:
        if one.default is not None and isinstance(one.kind, Whole):
            [above] = re.findall(rf"((?:^# .*\n)+)# {one.column} = ", EXAMPLE, flags=re.MULTILINE)
            assert f"{one.kind.least} to {one.kind.most}" in above


def test_every_command_of_the_command_line_is_documented_and_no_other() -> None:
    offered = [f"coachbot {name}" for name in cli.app.commands]

    listed = [
        codes(cells[0])[0] for cells in rows(section(PROGRAM, "Command line")) if cells[0].startswith("`coachbot")
    ]

    assert offered
    assert sorted(listed) == sorted(offered)


def test_every_setting_is_documented_and_every_documented_one_exists() -> None:
    explained = [codes(cells[0])[0] for cells in rows(section(PROGRAM, "Settings"))[1:]]
    texts = [path.read_text("utf-8") for path in documents() if path.name == "README.md"]
    mentioned = set(re.findall(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b", "\n".join(texts)))

    assert sorted(explained) == sorted(key.upper() for key in keys(Settings))
    compose = (ROOT / ".deploy" / "compose.postgres.yaml").read_text()
    of_containers = {name for name in mentioned if f"${{{name}:" in compose}
    assert "WEB_HOST" in mentioned
    assert mentioned - of_containers - NOT_SETTINGS <= {key.upper() for key in keys(Settings)}


def test_every_requested_permission_is_explained_and_no_other() -> None:
    as_discord_calls_them = {"read_messages": "View Channels", "stream": "Video"}
    asked = [as_discord_calls_them.get(name, name.replace("_", " ").title()) for name, wanted in INVITE if wanted]

    explained = [cells[0] for cells in rows(section(PROGRAM, "Permissions"))[1:]]

    assert sorted(explained) == sorted(asked)


def test_every_metric_is_documented_and_no_other() -> None:
    declared = re.findall(r'"coachbot_(\w+?)(?:_seconds)?"', (ROOT / "bot" / "metrics.py").read_text("utf-8"))

    explained = [
        name for cells in rows(section(PROGRAM, "Metrics"))[1:] for name in codes(cells[0].split(" by ")[0])
    ]

    assert sorted(re.sub("_(total|seconds)$", "", name) for name in explained) == sorted(declared)


def test_the_web_endpoints_documented_answer_has_existing_keys() -> None:
    [shown] = re.findall(r"^```json\n(.+)\n```$", PROGRAM, flags=re.MULTILINE)
    code = (ROOT / "bot" / "web.py").read_text("utf-8")

    assert json.loads(shown)["done"] is True
    assert [key for key in json.loads(shown) if f'"{key}": ' not in code] == []


@pytest.mark.parametrize("name", GUIDE_ENVIRONMENT)
def test_the_guide_covers_every_environment_name(name: str) -> None:
    [fate] = [cells[1] for cells in rows(section(GUIDE, "Environment variables")) if name in codes(cells[0])]

    assert fate == ("Kept" if name.lower() in keys(Settings) else "Gone")


@pytest.mark.parametrize("name", GUIDE_FIELDS)
def test_the_guide_covers_every_field(name: str) -> None:
    fates = [cells[1] for cells in rows(section(GUIDE, "Database schema")) if name in codes(cells[0])]

    assert len(fates) == 1
    assert fates[0] in ("Kept", "Changed", "Gone", "Not yet")


def test_every_point_of_the_guide_says_where_it_is_now() -> None:
    points = [cells for cells in rows(GUIDE) if cells[0] != "In the guide"]

    unclear = [cells for cells in points if len(cells) != 3 or not cells[2]]

    assert {cells[1] for cells in points} == {"Kept", "Changed", "Gone", "Not yet"}
    assert unclear == []


def test_the_readmes_test_command_is_the_one_ci_runs() -> None:
    script = (ROOT / ".ci" / "run").read_text("utf-8")
    [taken] = re.findall(r"^test_command=.*$", script, flags=re.MULTILINE)

    found = subprocess.run(
        ["bash", "-euc", f'{taken}; printf %s "$test_command"'],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )

    assert found.stdout == TEST_COMMAND
    assert TEST_COMMAND in section(README, "Development").splitlines()
    assert '-c "$test_command"' in script


def test_the_readme_is_short_and_its_pictures_are_small() -> None:
    shown = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", README)

    too_large = [name for name in shown if (ROOT / name).stat().st_size > LARGEST_PICTURE]

    assert len(README.splitlines()) <= LONGEST_README
    assert len(shown) >= 10
    assert too_large == []


def test_every_screenshot_is_shown() -> None:
    shown = set(re.findall(r"\.github/screens/([\w-]+\.png)", README))

    assert shown == {path.name for path in (ROOT / ".github" / "screens").iterdir()}


async def test_every_table_is_documented_and_no_other() -> None:
    explained = [name for cells in rows(section(DATABASE, "Tables"))[1:] for name in codes(cells[0])]

    assert sorted(explained) == sorted(Base.metadata.tables)


@pytest.mark.parametrize("engine_name", ["sqlite"])
async def test_every_query_of_the_documents_works(db: Database, engine_name: str) -> None:
    [block] = re.findall(
        r"^```sql\n(.+?)^```", section(DATABASE, "Looking inside"), flags=re.MULTILINE | re.DOTALL
    )
    queries = [query.strip() for query in re.sub(r"^--.*$", "", block, flags=re.MULTILINE).split(";")]

    async with db.read() as session:
        for query in filter(None, queries):
            await session.execute(text(query))

    assert len(queries) > 10


def test_every_package_has_its_row_and_no_other() -> None:
    modules = [
        path
        for layer in LAYERS
        for path in (ROOT / layer).rglob("*.py")
        if path.name != "__init__.py" and path.parent.name != "versions"
    ]

    explained = [codes(cells[0])[0] for cells in rows(section(CONTRIBUTING, "Packages"))[1:]]

    assert sorted(explained) == sorted({str(path.parent.relative_to(ROOT)) for path in modules})


@pytest.mark.parametrize(
    "cells", rows(section(CONTRIBUTING, "A rule and its tests"))[1:], ids=lambda cells: cells[0]
)
def test_a_rule_is_where_contributing_says_and_so_are_its_tests(cells: list[str]) -> None:
    name, module = codes(cells[1])

    code = (ROOT / module).read_text("utf-8")

    assert re.search(rf"^(?:async def|def|class) {name}\b", code, flags=re.MULTILINE)
    assert all((ROOT / tests).exists() for tests in codes(cells[2]))


@pytest.mark.parametrize(
    ("document", "title"),
    [
        (COMMANDS, "Adding a screen"),
        (RULES, "Adding to it"),
        (PROGRAM, "Adding to it"),
        (DATABASE, "Migrations"),
    ],
    ids=["cogs", "scheduler", "bot", "models"],
)
def test_the_how_to_add_sections_name_only_existing_code(document: str, title: str) -> None:
    code = "\n".join(path.read_text("utf-8") for layer in LAYERS for path in (ROOT / layer).rglob("*.py"))
    prose = re.sub(r"^```.*?^```", "", section(document, title), flags=re.MULTILINE | re.DOTALL)

    names = {name for name in codes(prose) if re.fullmatch(r"[A-Za-z_][\w.]*", name)}
    unknown = {name for name in names if not re.search(rf"\b{name.split('.')[-1]}\b", code)}

    assert names
    assert unknown <= NOT_OURS


def test_the_issue_form_asks_for_the_doctors_output() -> None:
    form = (ROOT / ".github" / "ISSUE_TEMPLATE" / "fault.yml").read_text("utf-8")
    [command, option] = re.findall(r"`coachbot (\w+) (--\w+)`", form)[0]

    options = [name for parameter in cli.app.commands[command].params for name in parameter.opts]

    assert option in options


def test_the_workflow_runs_all_checks() -> None:
    workflow = (ROOT / ".github" / "workflows" / "checks.yml").read_text("utf-8")

    assert "- run: bash .ci/run\n" in workflow


@pytest.mark.parametrize("path", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    text = re.sub(r"^```.*?^```", "", path.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    targets = [link for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link]

    broken = [link for link in targets if not leads_somewhere(path, link)]

    assert broken == []


def leads_somewhere(origin: Path, link: str) -> bool:
    """Whether the file exists and has the heading after #, if any."""
    path, _, anchor = link.partition("#")
    target = origin.parent / path if path else origin
    if not anchor or not target.is_file():
        return target.exists()
    bare = re.sub(r"^```.*?^```", "", target.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", bare, flags=re.MULTILINE)
    return anchor in {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
