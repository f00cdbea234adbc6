"""What the rooms of sessions are called."""

import re

_BEFORE_CODE = "coaching-session-"

_NAME = re.compile(rf"{_BEFORE_CODE}\w+")


def room_name(code: str) -> str:
    """What the room, and the role, of a session is called."""
    return f"{_BEFORE_CODE}{code}"


def without_name(words: str) -> str:
    """Each room has a name of its own; what is wrong with all of them alike is one problem."""
    return _NAME.sub("", words)
