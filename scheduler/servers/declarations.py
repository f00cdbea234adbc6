"""Declares every setting of a server once.

The panel, `/coaching set`, `[server_defaults]` and the table in cogs/README.md follow from it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from scheduler.core.errors import Unreadable
from scheduler.servers.setting_kinds import Choice, Currency, Kind, Minutes, Reminders, Text, Value, Whole, Zone

_DAY = 24 * 60
_USUAL_LEADS = (15, 5, 0, 10, 30, 60)


class Form(Enum):
    """A form of the panel, by title, with up to five settings. Add new ones last, since panels number them."""

    PAYMENT = "Time zone and payment"
    TIMES = "Times"
    RULES = "Rules"
    WORKSHOPS = "Workshops"
    SERIES = "Weekly lessons"


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One setting of a server, stored in a column of `guilds`."""

    column: str
    kind: Kind
    label: str
    """At most 45 characters."""
    help: str
    """At most 100 characters."""
    form: Form
    heading: str = ""
    """Begins its line in the panel instead of the label. Settings with the same heading share one."""
    names_itself: bool = False
    """Whether `shown` says what it is, so that its line needs no heading."""
    shown: str = "{}"
    """How that line shows the value. A word or two, not a sentence."""
    shown_without: str = ""
    """What the line shows for no value, or no time."""
    default: str | int | None = None
    """A new server's value, which operators can change in `[server_defaults]`. None if they can't."""
    replans_sessions: bool = False
    """Whether booked sessions are planned again when it changes."""

    def describe(self, value: Value) -> str:
        """Describe the value, to follow the heading."""
        return self.shown_without if self.shown_without and not value else self.shown.format(self.kind.show(value))


SETTINGS = (
    Setting(
        column="time_zone",
        kind=Zone(),
        label="Time zone",
        help="For people who haven't set their own. Coaches keep theirs.",
        form=Form.PAYMENT,
        default="UTC",
    ),
    Setting(
        column="currency",
        kind=Currency(),
        label="Currency",
        help="For new rates. Coaches keep theirs until they change it. You can ask them to.",
        form=Form.PAYMENT,
        default="USD",
    ),
    Setting(
        column="payment_instructions",
        kind=Text(300),
        label="Payment instructions",
        help="Students see them when they book something that they pay for without a card, or buy credit.",
        form=Form.PAYMENT,
    ),
    Setting(
        column="room_lead_minutes",
        kind=Minutes(0, _DAY, _USUAL_LEADS),
        label="Room created before the start",
        help="How long before the start the room is created. Nobody can enter it yet.",
        form=Form.TIMES,
        heading="Rooms",
        shown="created {} before",
        default=15,
        replans_sessions=True,
    ),
    Setting(
        column="access_lead_minutes",
        kind=Minutes(0, _DAY, (5, 0, 2, 10, 15, 30)),
        label="Room opens before the start",
        help="How long before the start coach and student can enter. The room must exist by then.",
        form=Form.TIMES,
        heading="Rooms",
        shown="open {} before",
        default=5,
        replans_sessions=True,
    ),
    Setting(
        column="linger_minutes",
        kind=Minutes(0, _DAY, _USUAL_LEADS),
        label="Room stays after the end",
        help="How long the room stays after the end.",
        form=Form.TIMES,
        heading="Rooms",
        shown="removed {} after",
        default=15,
        replans_sessions=True,
    ),
    Setting(
        column="access_mode",
        kind=Choice((("people", "per person"), ("role", "by a role per session"))),
        label="Access",
        help="How coach and student are let into their room.",
        form=Form.RULES,
    ),
    Setting(
        column="reminder_minutes",
        kind=Reminders(),
        label="Reminders",
        help="How long before the start people are reminded. Applies to booked sessions, too.",
        form=Form.TIMES,
        shown="{} before",
        shown_without="off",
    ),
    Setting(
        column="no_show_grace_minutes",
        kind=Minutes(0, 120, (15, 0, 5, 10, 20, 30)),
        label="No-show after",
        help="How late someone can be before they count as a no-show.",
        form=Form.TIMES,
        names_itself=True,
        shown="No-show after {}",
        replans_sessions=True,
    ),
    Setting(
        column="most_upcoming",
        kind=Whole(1, 100, (10, 1, 2, 3, 5, 20)),
        label="Upcoming sessions per student",
        help="How many upcoming sessions a student can have.",
        form=Form.RULES,
        heading="Students",
        names_itself=True,
        shown="Up to {} upcoming sessions per student",
        default=10,
    ),
    Setting(
        column="cancel_notice_minutes",
        kind=Minutes(0, 30 * _DAY, (_DAY, 0, 120, 12 * 60, 2 * _DAY, 7 * _DAY), unit="hours"),
        label="Cancellation notice",
        help="How long before the start students can last reschedule, or cancel for free.",
        form=Form.RULES,
        heading="Students",
        shown="free cancellation until {} before the start",
        shown_without="free cancellation until the start",
        default=0,
    ),
    Setting(
        column="most_extensions",
        kind=Whole(0, 20, (2, 0, 1, 3, 4)),
        label="Extensions per session",
        help="How often people can ask for 15 more minutes. 0 turns it off.",
        form=Form.RULES,
        heading="Extensions",
        shown="up to {} a session",
        shown_without="off",
        default=2,
    ),
    Setting(
        column="extension_price",
        kind=Choice((("same", "no extra cost"), ("pro_rata", "pro rata"))),
        label="Price of 15 more minutes",
        help="What extending a session adds to its price. Both see it before they agree.",
        form=Form.PAYMENT,
        heading="Extensions",
    ),
    Setting(
        column="most_make_ups",
        kind=Whole(0, 10, (0, 1, 2, 3, 4)),
        label="Make-ups in 90 days",
        help="How many paid sessions students can cancel a day ahead for credit in return. 0 turns it off.",
        form=Form.PAYMENT,
        heading="Make-ups",
        shown="up to {} in 90 days",
        shown_without="off",
        default=0,
    ),
    Setting(
        column="keep_after_departure",
        kind=Choice(((False, "cancelled"), (True, "kept"))),
        label="Upcoming sessions of people who leave",
        help="What happens when someone leaves the server, or may no longer coach.",
        form=Form.RULES,
    ),
    Setting(
        column="names_participants",
        kind=Choice(((False, "coach only"), (True, "everyone in it"))),
        label="Names of participants",
        help="Who sees the names of a workshop's participants.",
        form=Form.WORKSHOPS,
    ),
    Setting(
        column="mirrors_workshops",
        kind=Choice(((False, "no"), (True, "yes"))),
        label="Scheduled events",
        help="Whether workshops are among the server's events, too. I need Create Events for that.",
        form=Form.WORKSHOPS,
    ),
    Setting(
        column="series_answer_hours",
        kind=Whole(0, 168, (72, 0, 24, 48, 168)),
        label="Hours to answer weekly lessons",
        help="How long a coach has to accept. 0 books weekly lessons at once.",
        form=Form.SERIES,
        heading="Weekly lessons",
        shown="accepted within {} h",
        shown_without="booked at once",
    ),
    Setting(
        column="series_notice_days",
        kind=Whole(0, 30, (7, 0, 1, 14, 30)),
        label="Days of notice to end weekly lessons",
        help="How long weekly lessons go on after someone ends them.",
        form=Form.SERIES,
        heading="Weekly lessons",
        shown="ended {} d ahead",
        shown_without="ended at once",
    ),
    Setting(
        column="cancels_unpaid_lessons",
        kind=Choice(((True, "cancelled"), (False, "kept"))),
        label="Weekly lessons that aren't paid for",
        help="What happens to a lesson a day before it if neither credit nor a card has paid for it.",
        form=Form.SERIES,
    ),
)
"""In the order they're shown."""

BY_COLUMN: Mapping[str, Setting] = {setting.column: setting for setting in SETTINGS}

RENAMED_COLUMNS = {
    "most_coming": "most_upcoming",
    "how_to_pay": "payment_instructions",
    "keep_when_gone": "keep_after_departure",
    "first_rules": "default_policy",
}
"""Earlier names of columns, which old audit entries still use."""


def of_form(form: Form) -> list[Setting]:
    """List the settings of a form."""
    return [setting for setting in SETTINGS if setting.form is form]


def find(name: str) -> Setting:
    """Find a setting by its label, its column, or a part of just one label. Raises Unreadable."""
    plain = " ".join(name.split()).casefold()
    for setting in SETTINGS:
        if plain in (setting.label.casefold(), setting.column):
            return setting
    similar = [setting for setting in SETTINGS if plain and plain in setting.label.casefold()]
    if len(similar) != 1:
        raise Unreadable(f'There\'s no setting "{" ".join(name.split())[:60]}". Pick one from the list.')
    return similar[0]
