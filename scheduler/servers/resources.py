"""The channels and roles that the bot works with in a server, and what may be wrong with them."""

from dataclasses import dataclass
from enum import Enum, StrEnum, auto

from models import Guild


class ServerResource(StrEnum):
    """A channel, a category or a role that admins pick in `/coaching setup`. The keys of alerts hold the value."""

    REVIEW_CHANNEL = "review_channel"
    COACH_ROLE = "coach_role"
    ROOM_CATEGORY = "room_category"
    LOG_CHANNEL = "log_channel"
    FALLBACK_CHANNEL = "fallback_channel"
    ADMIN_ROLE = "admin_role"

    @property
    def column(self) -> str:
        """Where the settings keep its id."""
        return f"{self}_id"

    @property
    def label(self) -> str:
        """What it's called."""
        return _LABELS[self]

    @property
    def is_role(self) -> bool:
        """Whether it is a role, and no channel or category."""
        return self in (ServerResource.COACH_ROLE, ServerResource.ADMIN_ROLE)

    def id_in(self, settings: Guild) -> int | None:
        """What is chosen; None if nothing is."""
        return getattr(settings, self.column)


_LABELS = {
    ServerResource.REVIEW_CHANNEL: "Review channel",
    ServerResource.COACH_ROLE: "Coach role",
    ServerResource.ROOM_CATEGORY: "Room category",
    ServerResource.LOG_CHANNEL: "Alerts channel",
    ServerResource.FALLBACK_CHANNEL: "Fallback channel",
    ServerResource.ADMIN_ROLE: "Admin role",
}
MADE = (
    ServerResource.REVIEW_CHANNEL,
    ServerResource.COACH_ROLE,
    ServerResource.ROOM_CATEGORY,
    ServerResource.LOG_CHANNEL,
)
"""What the bot makes if it is asked to. For the others only the server's people know which it should be."""


class Flaw(Enum):
    """What may be wrong."""

    UNSET = auto()
    GONE = auto()
    LACKING = auto()
    """The bot has not got the permissions that it needs there."""
    MANAGED = auto()
    """The role belongs to an app, so that nobody can give it."""
    TOO_HIGH = auto()
    """The role stands above the bot's own."""


@dataclass(frozen=True, slots=True)
class SetupIssue:
    """One thing that is not as it could be."""

    flaw: Flaw
    place: ServerResource | None = None
    """Empty: the server as a whole."""
    name: str = ""
    """What the channel or role is called, as somebody wrote it."""
    missing: tuple[str, ...] = ()
    """The permissions that are lacking, as Discord calls them."""

    @property
    def is_severe(self) -> bool:
        """Whether something does not work because of it; else there is another way, or nothing was wanted yet."""
        if self.flaw is Flaw.GONE:
            return self.place in (ServerResource.REVIEW_CHANNEL, ServerResource.COACH_ROLE)
        return self.flaw is not Flaw.UNSET
