"""What the demo changes in the preview's client."""

from importlib.resources import files

import pytest

from bot.demo.client import CHANGES, adapt


@pytest.mark.parametrize("path", CHANGES)
def test_each_change_finds_what_it_replaces(path: str) -> None:
    shipped = files("simcord.preview") / "static" / (path[1:] or "index.html")
    text = shipped.read_text("utf-8")

    adapted = adapt(path, text.encode()).decode()

    assert [change.before for change in CHANGES[path] if change.before not in text] == []
    assert [change.after for change in CHANGES[path] if change.after not in adapted] == []


def test_other_files_stay_as_they_are() -> None:
    assert adapt("/app.js", b"</head>") == b"</head>"
