"""Parts of messages."""

import ast
from pathlib import Path

import cogs
from cogs import ui

ALL_OF_COGS = Path(cogs.__file__).parent


def test_every_select_has_an_id_of_its_own() -> None:
    made = [ui.select("days", [("Monday", "0", True), ("Tuesday", "1", False)]) for _ in range(20)]

    ids = [one.id for one in made]

    assert len(set(ids)) == 20
    assert all(2**30 <= one < 2**31 for one in ids if one is not None)
    assert None not in ids


def test_no_screen_makes_selects_with_options_in_another_way() -> None:
    makers = {
        path.relative_to(ALL_OF_COGS).as_posix()
        for path in ALL_OF_COGS.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func).partition("[")[0] == "discord.ui.Select"
    }

    assert makers == {"ui/components.py"}
