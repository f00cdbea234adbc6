"""Refusals, each with a sentence for the person who meets it, and what may go wrong at Discord.

A refusal says what happened, then what to do.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from scheduler.core.clock import stamp


class CoachingError(Exception):
    """A refusal that is not a bug; its text is shown as it is."""

    quotation: str | None = None
    """Somebody's own words, shown below the text as a quotation, without Markdown."""


class Unreadable(CoachingError):
    """Something typed could not be understood."""


class NotAllowed(CoachingError):
    """This person may not do this."""


class Blocked(NotAllowed):
    """An admin has blocked this person. `reason` is the admin's, if they gave one."""

    def __init__(self, why: str, reason: str | None) -> None:
        self.quotation = reason
        super().__init__(f"{why} The reason they gave:" if reason else why)


class NotFound(CoachingError):
    """The coach, session or application does not exist here."""


class NotBookable(CoachingError):
    """The coach, the length or the time cannot be booked, by a rule that will not change in a moment."""


class AlreadyDecided(CoachingError):
    """Somebody else decided on the application first."""


class Misconfigured(CoachingError):
    """A setting that Discord would not let work."""


class TooLate(CoachingError):
    """The session is over or cancelled; nothing can be done to it any more."""


class TooEarly(CoachingError):
    """The session has not got that far yet."""


class NotReviewable(CoachingError):
    """The session did not take place (yet), or its review is not the student's to change."""


class SlotTaken(CoachingError):
    """The time cannot be had (any more); others can."""

    def __init__(
        self,
        why: str,
        nearest: Sequence[datetime],
        *,
        coach_id: int,
        duration: timedelta,
        zone_name: str,
        moving: int | None = None,
    ) -> None:
        self.why, self.coach_id, self.duration, self.zone_name = why, coach_id, duration, zone_name
        self.nearest = tuple(nearest)
        """Free times of the same coach and length, closest to the one that was wanted first (UTC)."""
        self.moving = moving
        """The session that was to be moved there, if it was no new booking."""
        listed = ", ".join(stamp(at) for at in self.nearest)
        super().__init__(
            f"{why} Nearest free: {listed}."
            if listed
            else f"{why} This coach has no other free times. Choose another coach."
        )


class DiscordFailure(Exception):
    """Discord refused or did not answer; the text says what, for an admin. Worth trying again later.

    `for_admins`: it goes on until an admin does something, a permission or a limit say, so they are told at once.
    `unanswered`: Discord couldn't be reached or had trouble of its own, which passes without anybody's help.
    """

    def __init__(self, reason: str, *, for_admins: bool = False, unanswered: bool = False) -> None:
        super().__init__(reason)
        self.for_admins, self.unanswered = for_admins, unanswered


class Unreachable(DiscordFailure):
    """Trying again will not help: DMs are closed, the person or the channel is gone."""

    def __init__(self, reason: str, *, dms_closed: bool = False, for_admins: bool = False) -> None:
        super().__init__(reason, for_admins=for_admins)
        self.dms_closed = dms_closed


class NotInServer(DiscordFailure):
    """The bot isn't in the server. Nobody there can be told, and trying again is useless until it's back."""


class RoomGone(DiscordFailure):
    """The room that the row names does not exist any more."""
