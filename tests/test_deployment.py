""".deploy refers only to settings, commands and packages that exist."""

import configparser
import re
import tomllib
from collections.abc import Iterable
from importlib.metadata import requires
from pathlib import Path

from bot.cli.commands import app
from bot.config import Settings

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / ".deploy"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_the_unit_runs_an_existing_command_and_does_not_retry_a_wrong_setting() -> None:
    unit = configparser.ConfigParser(interpolation=None, strict=False)
    unit.read(DEPLOY / "coachbot.service")
    service = unit["Service"]

    program, command = service["execstart"].split()
    assert program == "/opt/coachbot/.venv/bin/coachbot"
    assert command in app.commands
    assert service["RestartPreventExitStatus"] == "2"
    assert service["WorkingDirectory"] == f"/var/lib/{service['StateDirectory']}"


def test_the_image_contains_every_package_and_starts_an_existing_command() -> None:
    dockerfile = (DEPLOY / "Dockerfile").read_text()
    let_in = re.findall(r"^!(\w.*)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE)
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", dockerfile, re.MULTILINE)
    packages = re.search(r"packages = \[(.+)\]", (ROOT / "pyproject.toml").read_text())

    assert packages is not None
    assert set(" ".join(copied).split()) == set(let_in)
    assert set(re.findall(r'"(\w+)"', packages[1])) <= set(let_in)
    assert 'CMD ["run", "--wait"]' in dockerfile
    assert "run" in app.commands
    assert "\nUSER coachbot\n" in dockerfile


def test_the_containers_environment_holds_only_settings() -> None:
    written = "".join(path.read_text() for path in DEPLOY.iterdir())

    for name in set(re.findall(r"\b(DATABASE_URL|DISCORD_\w+|CRON_SECRET|TICK_SECONDS|WEB_\w+)\b", written)):
        assert name.lower() in Settings.model_fields
    files = re.findall(r"-f (\S+compose\S*)", (DEPLOY / "README.md").read_text())
    assert files
    assert all((ROOT / name.strip("`")).is_file() for name in files)


def test_the_demo_installs_what_its_preview_needs_except_video() -> None:
    preview = names(line for line in requires("simcord") or [] if "extra == 'preview'" in line)

    installed = names([*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["demo"]])
    assert preview - installed == {"av"}


def test_the_demo_and_the_image_draw_statistics() -> None:
    in_image = re.search(r"'\.\[([\w,]+)\]'", (DEPLOY / "Dockerfile").read_text())

    assert in_image is not None
    assert "charts" in in_image[1].split(",")
    assert set(in_image[1].split(",")) <= set(PROJECT["optional-dependencies"])
    [ours] = (one for one in PROJECT["optional-dependencies"]["demo"] if one.startswith("coachbot["))
    assert "charts" in ours.removeprefix("coachbot[").removesuffix("]").split(",")


def names(requirements: Iterable[str]) -> set[str]:
    """Return the packages in these requirements."""
    return {re.split(r"[^\w.-]", line, maxsplit=1)[0].lower() for line in requirements}
