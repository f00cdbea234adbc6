"""The bot's requests in one session's whole life, recorded phase by phase."""

from models import AccessMode

_LOOK_FOR = "GET /guilds/{guild_id}/members/{member_id}"
_CHANNELS = "GET /guilds/{guild_id}/channels"
_SEND = "POST /channels/{channel_id}/messages"
UPDATE = "PATCH /channels/{channel_id}/messages/{message_id}"
_CHAT = "GET /channels/{channel_id}"
_OPEN = "PATCH /channels/{channel_id}"
_ROLES = "GET /guilds/{guild_id}/roles"
_GIVE = "PUT /guilds/{guild_id}/members/{user_id}/roles/{role_id}"

_WITH_PEOPLE = {
    "booked": ["POST /users/@me/channels", _SEND, _LOOK_FOR, "POST /users/@me/channels", _SEND],
    "both looked for": [_CHANNELS, _LOOK_FOR, _LOOK_FOR],
    "reminded a day before": [_CHANNELS, _LOOK_FOR, _SEND, _LOOK_FOR, _SEND],
    "reminded an hour before": [_CHANNELS, *[_LOOK_FOR] * 3, _SEND, _SEND],
    "made": [_LOOK_FOR, _LOOK_FOR, _LOOK_FOR, _CHANNELS, "POST /guilds/{guild_id}/channels", _CHANNELS],
    "opened": [*[_LOOK_FOR] * 3, _CHANNELS, _OPEN, _SEND, _SEND, _CHAT, _SEND],
    "started": [_CHANNELS, *[_LOOK_FOR] * 4, *[UPDATE] * 8],
    "warned": [_LOOK_FOR, UPDATE, UPDATE, _CHAT, _SEND],
    "ended": [_CHANNELS, _CHANNELS, _CHAT, _CHAT, *[_LOOK_FOR] * 4, *[UPDATE] * 10, _SEND],
    "closing": [_CHANNELS, _CHAT, _SEND],
    "left": [_CHANNELS, _CHANNELS, "DELETE /channels/{channel_id}"],
    "an hour later": [_CHANNELS],
}
_MAKE_ROLE = [_ROLES, "POST /guilds/{guild_id}/roles", _ROLES]
_WITH_A_ROLE = {
    "opened": [*_MAKE_ROLE, *[_LOOK_FOR, _GIVE] * 2, *_WITH_PEOPLE["opened"]],
    "left": [*_WITH_PEOPLE["left"], _ROLES, "DELETE /guilds/{guild_id}/roles/{role_id}"],
}

REQUESTS = {AccessMode.PEOPLE: _WITH_PEOPLE, AccessMode.ROLE: _WITH_PEOPLE | _WITH_A_ROLE}
"""By access mode and phase of `tests.support.one_life`. Simultaneous requests are in no particular order."""

ONLY_THERE = {AccessMode.PEOPLE: _WITH_PEOPLE, AccessMode.ROLE: _WITH_A_ROLE}
"""The phases in which one access mode sends requests that the others don't."""
