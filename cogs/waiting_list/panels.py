"""What somebody waits for, in words, and how they can pay for what's offered."""

from collections.abc import Sequence
from datetime import timedelta
from enum import IntEnum

from cogs import cards, routes, ui
from cogs.ui.routing import Route
from models import Guild, Offer, OfferState, PaymentMode, Wish, Workshop
from scheduler.booking.cancellation import notice_of
from scheduler.core.clock import stamp
from scheduler.parsing.durations import write_length
from scheduler.parsing.money import write_money
from scheduler.parsing.weekly_hours import write_days
from scheduler.payments.ways import Ways
from scheduler.time.abbreviations import show_zone
from scheduler.time.hour_cycle import HourCycle
from scheduler.waiting_list import rules
from scheduler.waiting_list.notifications import OfferDetails
from scheduler.waiting_list.wishes import LONGEST_DAY, Place

TAKE = Route("wait:take:{offer_id}")
TAKE_BY = Route("wait:take:{offer_id}:{way}")
"""{way} is a number of `Way`."""
PASS = Route("wait:pass:{offer_id}")
RESCHEDULE = Route("wait:move:{offer_id}")
STOP = Route("wait:stop:{wish_id}")
"""In the message with an offer."""
END = Route("wait:end:{wish_id}")
"""In the list."""

_CLOSED = {
    OfferState.PAYING: "You're paying for it. `/sessions` shows where.",
    OfferState.TAKEN: "You've booked it.",
    OfferState.RESCHEDULED: "You've moved your session to it.",
    OfferState.PASSED: "We've passed it on.",
    OfferState.LAPSED: "It ran out before you answered.",
    OfferState.UNDELIVERED: "This offer is over.",
    OfferState.WITHDRAWN: "It's no longer on offer.",
}
_KEEPS_PLACE = (OfferState.PASSED, OfferState.LAPSED)


class Way(IntEnum):
    """A way to pay for what's offered. Buttons number them, so add new ones last."""

    CREDIT = 0
    OTHERWISE = 1
    """As the server's payment instructions say. Also what's free."""


def describe(wish: Wish, coach_name: str | None, zone_name: str, cycle: HourCycle = HourCycle.H23) -> str:
    """Write what somebody waits for, on their own clock, with the last day that suits."""
    who = ui.quoted(coach_name) if coach_name is not None else "any coach"
    days = "any day" if wish.weekdays == rules.EVERY_DAY else write_days(rules.days_in(wish.weekdays))
    is_any_hour = (wish.from_minute, wish.until_minute) == (0, LONGEST_DAY)
    hours = (
        "at any time"
        if is_any_hour
        else f"{cycle.span(wish.from_minute, wish.until_minute)} in {show_zone(zone_name)}"
    )
    return f"{wish.minutes} min with {who}, {days}, {hours}, until {stamp(wish.until - timedelta(minutes=1), 'D')}"


def describe_seat(workshop: Workshop) -> str:
    """Write in which workshop somebody waits for a seat."""
    return f"a seat in “{ui.quoted(workshop.title)}”, {stamp(workshop.session.starts_at)}"


def list_panel(found: Sequence[tuple[Place, str, str]], cycle: HourCycle, said: str | None = None) -> ui.Panel:
    """List wishes, each with its server's name (empty where it's clear) and zone, and its place in line."""
    parts: list[ui.Item] = [ui.text("### Waiting list")]
    if not found:
        parts.append(ui.text("You aren't waiting for anything. To wait, press **Tell me when…** in `/book`."))
    for place, server, zone_name in found:
        where = f" · {ui.quoted(server)}" if server else ""
        waiting = (
            describe(place.wish, place.coach_name, zone_name, cycle)
            if place.workshop is None
            else describe_seat(place.workshop)
        )
        words = f"**{_ordinal(place.place)} in line**{where}\n{waiting}"
        parts.append(ui.Section(words, accessory=ui.button("Stop waiting", END.id(wish_id=place.wish.id))))
    if found:
        parts.append(ui.text("-# We message you as soon as what you're waiting for is free and it's your turn."))
    back = ui.button("◀ Sessions", routes.SESSION_LIST.id(page=0))
    return ui.Panel(*parts, ui.row(back), said=said)


def _ordinal(place: int) -> str:
    suffix = "th" if place % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(place % 10, "th")
    return f"{place:,}{suffix}"


def terms(offer: Offer, guild: Guild, *, is_seat: bool = False) -> list[str]:
    """Write what somebody agrees to who takes it."""
    lines: list[str] = []
    if offer.cost_minor and guild.payment_mode is not PaymentMode.OFF:
        lines.append("**How to pay** We ask you when you press **Take it**.")
    elif offer.cost_minor and guild.payment_instructions:
        lines.append(f"**How to pay** {ui.quoted(guild.payment_instructions)}")
    notice, can = notice_of(guild), "give your seat back" if is_seat else "reschedule or cancel"
    if not notice:
        lines.append(f"**Changes** You can {can} for free until the start.")
    else:
        until = f"until {stamp(offer.starts_at - notice, 'f')}, {write_length(notice)} before the start"
        lines.append(f"**Changes** You can {can} for free {until}.")
    return lines


def price(offer: Offer) -> str:
    """Write the price that was told."""
    return write_money(offer.cost_minor, offer.currency)


def facts(offer: Offer, coach_name: str, workshop: Workshop | None) -> str:
    """Write what's offered and what it costs, in one line."""
    title = "" if workshop is None else f"“{ui.quoted(workshop.title)}” · "
    return f"{title}{cards.length(offer.ends_at - offer.starts_at)} with {ui.quoted(coach_name)} · {price(offer)}"


def offer_card(details: OfferDetails, guild: Guild, coach_name: str) -> ui.Item:
    """Show an offer to whom it was made: with buttons as long as it's open, then what became of it."""
    offer, workshop, what = details.offer, details.workshop, "time" if details.workshop is None else "seat"
    head = f"{cards.when(offer.starts_at)}\n{facts(offer, coach_name, workshop)}"
    if offer.state is not OfferState.OPEN:
        outcome = _CLOSED[offer.state]
        if workshop is not None and offer.state is OfferState.TAKEN:
            outcome = "You've taken it."
        if offer.state in _KEEPS_PLACE and details.wish.ended_at is None:
            outcome += " You keep your place in line."
        return ui.Container(ui.text(f"**A {what} was offered to you**\n{head}\n{outcome}"))
    held = (
        "We've told others, too. Whoever takes it first gets it."
        if offer.is_shared
        else f"It's yours until {stamp(offer.expires_at)}. Then we offer it to the next person in line."
    )
    lines = [f"**A {what} is free**\n{head}", *terms(offer, guild, is_seat=workshop is not None)]
    lines.append(held)
    if workshop is None:  # a seat is what they're waiting for, and named above
        name = coach_name if details.wish.coach_id is not None else None
        lines.append(f"-# You're waiting for {describe(details.wish, name, details.zone_name)}.")
    return ui.Container(ui.text("\n".join(lines)), *ui.rows(*_answers(details)))


def _answers(details: OfferDetails) -> list[ui.Button]:
    offer = details.offer
    buttons = [
        ui.button("Take it", TAKE.id(offer_id=offer.id), ui.SUCCESS),
        ui.button("Pass", PASS.id(offer_id=offer.id)),
    ]
    if details.later is not None:
        buttons.append(ui.button("Move my session here", RESCHEDULE.id(offer_id=offer.id)))
    return [*buttons, ui.button("Stop telling me", STOP.id(wish_id=offer.wish_id))]


def offered_already(details: OfferDetails, guild: Guild, coach_name: str) -> ui.Panel:
    """Say that what somebody wants to wait for is on offer to them, and show the offer."""
    words = "### This is already on offer to you\nYou needn't wait. Our direct message has the same buttons."
    return ui.Panel(ui.text(words), offer_card(details, guild, coach_name))


def ways_panel(offer: Offer, coach_name: str, ways: Ways, workshop: Workshop | None) -> ui.Panel:
    """Ask how to pay for what's offered. The first way is the main one."""
    lines = [
        f"**How would you like to pay?**\n{cards.when(offer.starts_at)}",
        facts(offer, coach_name, workshop),
    ]
    buttons: list[ui.Button] = []
    if ways.by_credit:
        lines.append(f"You have {ways.credit} minutes of credit.")
        use = TAKE_BY.id(offer_id=offer.id, way=Way.CREDIT)
        buttons.append(ui.button(f"Use {ways.minutes} minutes of credit", use))
    if ways.by_card:
        buttons.append(ui.button(f"Pay {price(offer)} by card", routes.PAY_OFFER.id(offer_id=offer.id)))
    if ways.otherwise:
        label = "Pay another way" if ways.by_card else f"Pay {price(offer)} instead"
        buttons.append(ui.button(label, TAKE_BY.id(offer_id=offer.id, way=Way.OTHERWISE)))
    buttons[0].style = ui.SUCCESS
    return ui.Panel(ui.Container(ui.text("\n".join(lines)), *ui.rows(*buttons)))
