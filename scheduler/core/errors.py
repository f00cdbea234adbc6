"""Refusals, whose text people read, and failures at Discord.

A refusal says what's wrong, then what to do.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from scheduler.core.clock import stamp


class CoachingError(Exception):
    """A refusal, not a bug. Its text is shown as it is."""

    quotation: str | None = None
    """A person's own words, quoted below the text without Markdown."""


class Unreadable(CoachingError):
    """Something someone typed can't be used. `problems` are sentences that say why, one for each part of it."""

    def __init__(self, *problems: str) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))


class WrongFields(Unreadable):
    """What's wrong with the fields of a form: a line for each problem, which names the field.

    `wrong` maps labels to the problems of that field, a line each.
    """

    def __init__(self, wrong: Mapping[str, str]) -> None:
        self.wrong = dict(wrong)
        super().__init__(*(f"**{label}:** {why}" for label, lines in wrong.items() for why in lines.splitlines()))


class NotAllowed(CoachingError):
    """This person can't do this."""


class Blocked(NotAllowed):
    """An admin has blocked this person. `reason` is the admin's, if they gave one."""

    def __init__(self, why: str, reason: str | None) -> None:
        self.quotation = reason
        super().__init__(f"{why} The reason they gave:" if reason else why)


class NotFound(CoachingError):
    """The coach, session or application doesn't exist here."""


class NotBookable(CoachingError):
    """A rule forbids booking this coach, length or time, and trying again won't help."""


class WorkshopFull(CoachingError):
    """Every seat of the workshop is taken, or kept for somebody who is paying. One may become free."""


class AlreadyDecided(CoachingError):
    """Someone else decided first."""


class Misconfigured(CoachingError):
    """The server's settings or Discord don't allow it."""


class TooLate(CoachingError):
    """The session is over or cancelled."""


class TooEarly(CoachingError):
    """The session isn't that far yet."""


class NotReviewable(CoachingError):
    """The session didn't take place (yet), or the student can't change its review."""


class SlotTaken(CoachingError):
    """The time is taken. Others may be free."""

    def __init__(
        self,
        why: str,
        nearest: Sequence[datetime],
        *,
        coach_id: int,
        duration: timedelta,
        zone_name: str,
        rescheduling_id: int | None = None,
    ) -> None:
        self.why, self.coach_id, self.duration, self.zone_name = why, coach_id, duration, zone_name
        self.nearest = tuple(nearest)
        """The coach's free times for this length, closest first (UTC)."""
        self.rescheduling_id = rescheduling_id
        """The session to reschedule, unless it's a new booking."""
        self.nothing_else = (
            "This coach has nothing else free. Choose another one."
            if rescheduling_id is None
            else "Nothing else is free. The session stays as it is."
        )
        listed = ", ".join(stamp(at) for at in self.nearest)
        super().__init__(f"{why} Nearest free: {listed}." if listed else f"{why} {self.nothing_else}")


class DiscordFailure(Exception):
    """Discord refused or didn't answer. The text tells admins why. Worth retrying later.

    `for_admins`: only an admin can fix it, such as a permission or limit, so they're alerted at once.
    `unanswered`: Discord couldn't be reached or has an outage, which passes without help.
    """

    def __init__(self, reason: str, *, for_admins: bool = False, unanswered: bool = False) -> None:
        super().__init__(reason)
        self.for_admins, self.unanswered = for_admins, unanswered


class Unreachable(DiscordFailure):
    """Retrying won't help: direct messages are closed, or the person or channel is gone."""

    def __init__(self, reason: str, *, dms_closed: bool = False, for_admins: bool = False) -> None:
        super().__init__(reason, for_admins=for_admins)
        self.dms_closed = dms_closed


class NotInServer(DiscordFailure):
    """The bot isn't in the server, so retrying won't help until it's back."""


class RoomGone(DiscordFailure):
    """The session's room no longer exists."""
