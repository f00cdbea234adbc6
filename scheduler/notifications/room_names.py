"""The names of sessions' rooms."""

import re

_BEFORE_CODE = "coaching-session-"
_NAME = re.compile(rf"{_BEFORE_CODE}\w+")


def room_name(code: str) -> str:
    """Return the name of a session's room and role."""
    return f"{_BEFORE_CODE}{code}"


def without_room_name(reason: str) -> str:
    """Remove rooms' names, so that the same error in several rooms is one problem."""
    return _NAME.sub("", reason)
