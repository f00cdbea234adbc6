"""What the panel before a booking carries, in its text and its buttons, and what the one after it shows."""

from datetime import datetime
from enum import IntEnum

from cogs import ui
from cogs.cards.calendar import attach
from cogs.cards.calendar_file import Names
from cogs.cards.charge import how_to_pay
from cogs.cards.payment import paid_by_card
from cogs.cards.session import of_session, way_back
from cogs.ui import Interaction
from models import Coach, CoachingSession, Guild, Payment, Workshop
from scheduler.payments.ways import Ways
from scheduler.sessions.lessons import OneOf
from scheduler.time.abbreviations import show_zone
from scheduler.time.hour_cycle import HourCycle
from scheduler.time.time_zones import zone

NOTES_NAME = "Notes for your coach"


class Way(IntEnum):
    """A way to pay. Panels number them, so add new ones last."""

    CREDIT = 0
    CARD = 1
    OTHERWISE = 2
    """As the server's payment instructions say. Also what's free."""


def possible_ways(ways: Ways) -> list[Way]:
    """List the ways in which it can be paid, the usual one first."""
    found = ((Way.CREDIT, ways.by_credit), (Way.CARD, ways.by_card), (Way.OTHERWISE, ways.otherwise))
    return [way for way, is_possible in found if is_possible]


def clocks(at: datetime, zone_name: str, coach: Coach, cycle: HourCycle) -> str:
    """Write a time on the student's clock and, if that's another, on the coach's."""
    on_own = _clock(at, zone_name, cycle)
    if coach.time_zone == zone_name:
        return on_own
    return f"{on_own} · {_clock(at, coach.time_zone, cycle)}, where your coach is"


def _clock(at: datetime, zone_name: str, cycle: HourCycle) -> str:
    local = at.astimezone(zone(zone_name))
    return f"{local:%a} {cycle.clock(local)} in {show_zone(zone_name)}"


def booked_panel(
    interaction: Interaction,
    booked: CoachingSession,
    guild: Guild,
    coach: Coach,
    *,
    payment: Payment | None = None,
    lesson: OneOf | None = None,
    workshop: Workshop | None = None,
) -> ui.Panel:
    """Show the session, or the seat in a workshop, with its calendar file and the receipt of a card payment."""
    is_lesson = lesson is not None  # it was booked before
    title = "Your lesson is booked" if is_lesson else "Booked" if workshop is None else "You have a seat"
    title = f"{title} ✅{paid_by_card(payment)}"
    viewer_id = interaction.user.id
    how = how_to_pay(guild, booked.participant(viewer_id), payment)
    card = of_session(booked, guild, title=title, viewer_id=viewer_id, has_file=True, workshop=workshop, more=how)
    server = interaction.client.server_name(booked.guild_id)
    of_workshop = workshop.title if workshop is not None else None
    names = Names(server, coach.display_name, interaction.user.display_name, of_workshop)
    receipt_url = payment.receipt_url if payment is not None else None
    shown = attach(booked, names, interaction.user.id, receipt_url=receipt_url, lesson=lesson)
    told = "We've messaged you both." if workshop is None else "We've messaged you, and told the coach."
    said = [] if is_lesson else [ui.text(told)]
    parts = card, *shown.items, *said, *way_back(interaction, booked)
    return ui.Panel(*parts, files=[shown.file])
