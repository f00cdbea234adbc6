"""What a message of `/book` has to keep to: Discord's limits, and that what it shows comes with it."""

from typing import Any

from simcord.components import walk_components

from tests.support.discord_limits import within_limits

_GALLERY, _FILE = 12, 13


def check_limits(message: Any) -> None:
    """Fail unless Discord would take this message with its files."""
    within_limits(message.components)
    sent = [one.filename for one in message.attachments]
    for one in every_component(message):
        if one["type"] in (_GALLERY, _FILE):
            url = one["file"]["url"] if one["type"] == _FILE else one["items"][0]["media"]["url"]
            assert url.rsplit("/", 1)[-1] in sent


def every_component(message: Any) -> list[dict[str, Any]]:
    """The raw components of a message, nested ones too."""
    raw = (one if isinstance(one, dict) else one.to_dict() for one in message.components)
    return list(walk_components(list(raw)))
