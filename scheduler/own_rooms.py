"""By what a channel or a role at Discord is known to be a session's own, or a twin of it; pure.

Discord's library repeats a request to make something whose answer was lost, so there may be two of it. Whatever
else has the name was made by somebody of the server, and is theirs.
"""

from datetime import UTC, datetime, timedelta

CLOCKS_DIFFER = timedelta(minutes=2)
"""Between this host and Discord, when the age of something there is judged."""
TWINS_WITHIN = timedelta(minutes=2)
"""A request is repeated for no longer than the bot's patience, which is a minute."""
_FIRST_ID = datetime(2015, 1, 1, tzinfo=UTC)
"""Discord counts the milliseconds in its ids from here: https://discord.com/developers/docs/reference#snowflakes"""


def made_at(id_: int) -> datetime:
    """When (UTC) Discord made what has this id."""
    return _FIRST_ID + timedelta(milliseconds=id_ >> 22)


def is_own(
    id_: int, *, known_id: int | None, as_we_make_it: bool, since: datetime, until: datetime | None = None
) -> bool:
    """Whether this is the session's, by its id, or else by what it is like and when it was made.

    `as_we_make_it`: it has the name, and is as the bot makes it. `since`: when it was meant to be made; `until`:
    when it was removed, if it was. Where the session's own id is known, a twin was made with it.
    """
    if id_ == known_id:
        return True
    if not as_we_make_it:
        return False
    at = made_at(id_)
    if known_id is not None:
        return abs(at - made_at(known_id)) <= TWINS_WITHIN
    return since - CLOCKS_DIFFER <= at and (until is None or at <= until + CLOCKS_DIFFER)
