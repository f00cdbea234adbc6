"""The channels and roles the bot uses in a server, and what can be wrong with them."""

from enum import Enum, StrEnum, auto
from typing import NamedTuple

from models import Guild


class ServerResource(StrEnum):
    """A channel, category or role that admins pick in `/coaching setup`. Stored alert keys hold the value."""

    REVIEW_CHANNEL = "review_channel"
    COACH_ROLE = "coach_role"
    ROOM_CATEGORY = "room_category"
    LOG_CHANNEL = "log_channel"
    FALLBACK_CHANNEL = "fallback_channel"
    ADMIN_ROLE = "admin_role"
    WORKSHOP_CHANNEL = "workshop_channel"

    @property
    def column(self) -> str:
        """The setting that holds its id."""
        return f"{self}_id"

    @property
    def label(self) -> str:
        """Its name in the panel."""
        name = "alerts_channel" if self is ServerResource.LOG_CHANNEL else self
        return name.replace("_", " ").capitalize()

    @property
    def is_role(self) -> bool:
        """Whether it's a role, rather than a channel or category."""
        return self in (ServerResource.COACH_ROLE, ServerResource.ADMIN_ROLE)

    def id_in(self, settings: Guild) -> int | None:
        """Return the chosen id, if there is one."""
        return getattr(settings, self.column)


CREATABLE = (
    ServerResource.REVIEW_CHANNEL,
    ServerResource.COACH_ROLE,
    ServerResource.ROOM_CATEGORY,
    ServerResource.LOG_CHANNEL,
)
"""What the bot can create. Only the server's people know which the others should be."""


class Flaw(Enum):
    """A kind of issue."""

    UNSET = auto()
    GONE = auto()
    LACKING = auto()
    """The bot lacks permissions there."""
    MANAGED = auto()
    """The role belongs to an app, so nobody can give it."""
    TOO_HIGH = auto()
    """The role is above the bot's own."""


class SetupIssue(NamedTuple):
    """Something wrong or missing in a server."""

    flaw: Flaw
    place: ServerResource | None = None
    """None: the server as a whole."""
    name: str = ""
    """The channel's or role's name, as people typed it."""
    missing: tuple[str, ...] = ()
    """Missing permissions, by Discord's names."""

    @property
    def is_severe(self) -> bool:
        """Whether something can't work. Otherwise there's a fallback, or it was never set."""
        if self.flaw is Flaw.GONE:
            return self.place in (ServerResource.REVIEW_CHANNEL, ServerResource.COACH_ROLE)
        return self.flaw is not Flaw.UNSET
