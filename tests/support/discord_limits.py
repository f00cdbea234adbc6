"""Discord's limits for messages and forms, which it rejects whole, and our own rules for buttons and fields."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from simcord.components import walk_components

_COLOURFUL = 1, 3
"""The blue and the green style, for the one button that most people press next."""
_BUTTON, _SELECT, _FIELD, _TEXT, _GALLERY, _LABEL = 2, 3, 4, 10, 12, 18


def within_limits(components: Iterable[Any]) -> None:
    """Fail for a message that Discord would reject or cut."""
    parts = _parts(components)
    assert len(parts) <= 40
    assert sum(len(one["content"]) for one in parts if one["type"] == _TEXT) <= 4000
    assert all(len(one.get("components", ())) <= 5 for one in parts if one["type"] == 1), "a row is too wide"
    assert sum(one["type"] == _BUTTON and one.get("style") in _COLOURFUL for one in parts) <= 1, (
        "too many main buttons"
    )
    for one in parts:
        if one["type"] == _BUTTON:
            assert 1 <= len(one["label"]) <= 80, one
        if one["type"] == _GALLERY:
            assert all(0 < len(item["description"]) <= 1024 for item in one["items"]), one
    _check_controls(parts)


def form_within_limits(modal: dict[str, Any]) -> None:
    """Fail for a form that Discord would reject."""
    parts = _parts(modal["components"])
    assert 1 <= len(modal["title"]) <= 45, modal["title"]
    assert 1 <= len(modal["custom_id"]) <= 100, modal["custom_id"]
    assert 1 <= len(modal["components"]) <= 5
    for one in parts:
        if one["type"] == _LABEL:
            assert 1 <= len(one["label"]) <= 45, one
            assert len(one.get("description") or "") <= 100, one
            _check_label(one)
        if one["type"] == _FIELD:
            assert len(one.get("value") or "") <= one["max_length"] <= 4000, one
            assert len(one.get("placeholder") or "") <= 100, one
    _check_controls(parts)


def _check_label(label: dict[str, Any]) -> None:
    """Fail unless a field says whether it's optional, and a choice is sent as what people read."""
    control = label["component"]
    marks = label["label"].count("(optional)")
    assert marks == (0 if control.get("required", True) else 1), label
    assert "optional" not in (label.get("description") or ""), label
    if control["type"] == _SELECT:
        assert all(one["value"] == one["label"] for one in control["options"]), label


def _check_controls(parts: list[dict[str, Any]]) -> None:
    ids = Counter(one["custom_id"] for one in parts if one.get("custom_id"))
    assert all(len(one) <= 100 for one in ids), ids
    assert not ids or max(ids.values()) == 1, ids
    for one in parts:
        if one["type"] == _SELECT:
            options = one["options"]
            assert 1 <= one.get("max_values", 1) <= len(options) <= 25, one
            assert all(1 <= len(option["label"]) <= 100 for option in options), one
            assert len({option["value"] for option in options}) == len(options), one
            assert sum(bool(option.get("default")) for option in options) <= one.get("max_values", 1), one
            assert len(one.get("placeholder") or "") <= 150, one


def _parts(components: Iterable[Any]) -> list[dict[str, Any]]:
    raw = [one if isinstance(one, dict) else one.to_dict() for one in components]
    return list(walk_components(raw))
