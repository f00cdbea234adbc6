"""Workshops as everybody sees them: the announcement, the list, the details, and what comes before a seat."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from cogs import cards, routes, ui
from cogs.cards.charge import encode_currency
from cogs.ui.routing import Route
from models import CoachingSession, Guild, Participant, ParticipantStatus, Payment, SessionStatus, Workshop
from scheduler.booking.cancellation import notice_of
from scheduler.core.clock import stamp
from scheduler.parsing.durations import write_length
from scheduler.parsing.money import write_money
from scheduler.payments.ways import Ways
from scheduler.sessions.charge_standing import ChargeStanding
from scheduler.workshops.leaving import is_late as is_late_to_leave
from scheduler.workshops.terms import LONGEST_DESCRIPTION
from scheduler.workshops.workshops import OpenWorkshop

DETAILS = Route("workshop:details:{session_id}")
"""On the announcement and in lists; `routes.WORKSHOP` replaces its message."""
# {cost} is the price that they saw, in minor units of {currency}: see `cards.booking`.
CONFIRM = Route("workshop:seat:{session_id}:{cost}:{currency}")
CONFIRM_CREDIT = Route("workshop:credit:{session_id}:{cost}:{currency}")
LEAVE = Route("workshop:leave:{session_id}:yes")
LEAVE_FOR_CREDIT = Route("workshop:leave:{session_id}:credit:{minutes}")
EDIT = Route("workshop:edit:{session_id}")
CANCEL = Route("workshop:cancel:{session_id}")

_GREEN, _GREY, _RED = 0x3BA55D, 0x80848E, 0xD83C3E
_A_PAGE = 5
_MOST_DESCRIPTION, _MOST_REASON = 1200, 600
"""Escaped, so that they fit into a message beside the names of fifty people."""


def facts(workshop: Workshop, row: CoachingSession) -> str:
    """Write how long it is, with whom, and what a seat costs."""
    price = cards.price_of_seat(row, workshop)
    minutes = row.agreed_duration // timedelta(minutes=1)
    credit = f", or {minutes} minutes of credit" if workshop.takes_credit else ""
    return f"{cards.length(row.agreed_duration)} with <@{row.coach_id}> · {price}{credit}"


def seats_left(workshop: Workshop, free: int) -> str:
    """Write how many seats are free."""
    if not free:
        return f"**Full** · {workshop.seats} seats"
    return f"**{free} of {workshop.seats} seats left**"


def take_button(workshop: Workshop, free: int) -> ui.Button:
    """Make the button that leads to a seat."""
    custom_id = routes.TAKE_SEAT.id(session_id=workshop.session_id)
    return ui.button(f"Take a seat ({free} left)", custom_id, ui.SUCCESS)


def wait_button(workshop: Workshop) -> ui.Button:
    """Make the button that leads to the waiting list."""
    return ui.button("Tell me when…", routes.WAIT_FOR_SEAT.id(session_id=workshop.session_id))


def announcement(workshop: Workshop, row: CoachingSession, free: int, *, has_begun: bool) -> ui.Item:
    """Announce it to everybody. Once it has begun or is cancelled, it says so and has no buttons."""
    head, about = _head(workshop, row), _about(workshop, 2 * LONGEST_DESCRIPTION)
    if has_begun or row.status is not SessionStatus.SCHEDULED:
        head.append(f"**{_became(row)}**")
        colour = _RED if row.status is SessionStatus.CANCELLED else _GREY
        return ui.Container(ui.text("\n".join(head)), *about, accent_colour=colour)
    head += [seats_left(workshop, free), *_least(workshop)]
    buttons = [take_button(workshop, free) if free else wait_button(workshop)]
    buttons += [
        ui.button("Details", DETAILS.id(session_id=workshop.session_id)),
        ui.button("Leave", routes.LEAVE_WORKSHOP.id(session_id=workshop.session_id)),
    ]
    colour = _GREEN if free else _GREY
    return ui.Container(ui.text("\n".join(head)), *about, ui.row(*buttons), accent_colour=colour)


def _head(workshop: Workshop, row: CoachingSession) -> list[str]:
    """Write its title, which matters most where several are shown, its time and its facts."""
    return [f"## {ui.quoted(workshop.title)}", f"### {stamp(row.starts_at)}", facts(workshop, row)]


def _about(workshop: Workshop, most: int) -> list[ui.Item]:
    about = ui.quoted(workshop.description, most)
    return [ui.Separator(), ui.text(about)] if about else []


def _became(row: CoachingSession) -> str:
    """Write what became of a workshop that has begun, or won't. The tick may be late to record that it has."""
    match row.status:
        case SessionStatus.CANCELLED:
            return "Cancelled"
        case SessionStatus.SCHEDULED | SessionStatus.IN_PROGRESS:
            return "It has started"
        case _:
            return "It's over"


def _least(workshop: Workshop) -> list[str]:
    if workshop.least is None or workshop.decide_at is None:
        return []
    return [f"-# {takes_place_if(workshop.least, workshop.decide_at)}"]


def takes_place_if(least: int, decide_at: datetime) -> str:
    """Write how many people must have a seat, and by when."""
    people = "1 person has" if least == 1 else f"{least} people have"
    return f"Takes place if at least {people} a seat by {stamp(decide_at, 'f')}."


def list_panel(found: Sequence[OpenWorkshop], viewer_id: int, page: int, *, can_announce: bool) -> ui.Panel:
    """List the workshops that haven't started."""
    shown, pager = ui.paged(found, page, _A_PAGE, routes.WORKSHOPS.id)
    parts: list[ui.Item] = [ui.text("### Workshops")]
    if not found:
        how = " Announce one with `/workshop new`." if can_announce else ""
        parts.append(ui.text(f"No workshops are coming up.{how}"))
    for workshop, free in shown:
        row = workshop.session
        seat = row.participant(viewer_id)
        has_seat = seat is not None and seat.status is not ParticipantStatus.LEFT
        state = "**You have a seat**" if has_seat else seats_left(workshop, free)
        lines = [*_head(workshop, row), f"{state} · {stamp(row.starts_at, 'R')}"]
        buttons: list[ui.Button] = []
        if not has_seat and viewer_id != row.coach_id:
            buttons.append(take_button(workshop, free) if free else wait_button(workshop))
        buttons.append(ui.button("Details", DETAILS.id(session_id=workshop.session_id)))
        parts.append(ui.Container(ui.text("\n".join(lines)), ui.row(*buttons)))
    return ui.Panel(*parts, *pager)


def details_panel(
    one: OpenWorkshop,
    guild: Guild,
    viewer_id: int,
    *,
    is_admin: bool,
    has_begun: bool,
    back: Sequence[ui.Item] = (),
    said: str | None = None,
) -> ui.Panel:
    """Show everything about a workshop that this reader may see, and what they can do."""
    workshop, row = one.workshop, one.workshop.session
    seat = row.participant(viewer_id)
    has_seat = seat is not None and seat.status is not ParticipantStatus.LEFT
    runs_it = viewer_id == row.coach_id or is_admin
    is_open = row.status is SessionStatus.SCHEDULED and not has_begun
    lines = _head(workshop, row)
    lines += [seats_left(workshop, one.free), *_least(workshop)] if is_open else [f"**{_became(row)}**"]
    if has_seat:
        lines.append("✅ You have a seat.")
    lines.append(f"-# Code `{row.code}`")
    parts: list[ui.Item] = [ui.text("\n".join(lines))]
    parts += _about(workshop, _MOST_DESCRIPTION)
    if row.cancel_reason:
        parts.append(ui.text(f"**Reason**\n{ui.quoted(row.cancel_reason, _MOST_REASON)}"))
    if is_open and not runs_it:
        parts.append(ui.text(leaving(row, guild)))
    if runs_it or (has_seat and guild.names_participants):
        parts.append(ui.text(participants(row.taking_part)))
    if is_open:
        parts += ui.rows(*_own_buttons(one, viewer_id, has_seat=has_seat))
        parts += ui.rows(*(_running_buttons(workshop) if runs_it else []))
    return ui.Panel(ui.Container(*parts), *back, said=said)


def _own_buttons(one: OpenWorkshop, viewer_id: int, *, has_seat: bool) -> list[ui.Button]:
    session_id = one.workshop.session_id
    if has_seat:
        return [
            ui.button("Add to calendar", routes.CALENDAR.id(session_id=session_id)),
            ui.button("Leave…", routes.LEAVE_WORKSHOP.id(session_id=session_id)),
        ]
    if viewer_id == one.workshop.session.coach_id:
        return []
    return [take_button(one.workshop, one.free) if one.free else wait_button(one.workshop)]


def _running_buttons(workshop: Workshop) -> list[ui.Button]:
    """Make the buttons of its coach and of admins. They're a row of their own, away from what anyone can press."""
    session_id = workshop.session_id
    return [
        ui.button("Edit…", EDIT.id(session_id=session_id)),
        ui.button("Cancel workshop…", CANCEL.id(session_id=session_id), ui.DANGER),
    ]


def participants(taking_part: Sequence[Participant]) -> str:
    """List who takes part, first come first."""
    if not taking_part:
        return "**Participants** nobody yet"
    named = ", ".join(f"<@{seat.user_id}>" for seat in taking_part)
    return f"**Participants ({len(taking_part)})**\n{named}"


def leaving(row: CoachingSession, guild: Guild) -> str:
    """Write until when a seat can be given back for free."""
    notice = notice_of(guild)
    if not notice:
        return "**Changes** You can give your seat back for free until the start."
    until = f"until {stamp(row.starts_at - notice, 'f')}, {write_length(notice)} before the start"
    return f"**Changes** You can give your seat back for free {until}."


def confirm_panel(one: OpenWorkshop, guild: Guild, ways: Ways, *, livemode: bool) -> ui.Panel:
    """Show what somebody agrees to who takes a seat, and how they can pay. The first way is the main one."""
    workshop, row = one.workshop, one.workshop.session
    price = write_money(ways.cost_minor, ways.currency)
    lines = [f"**Take a seat in “{ui.quoted(workshop.title)}”**", cards.when(row.starts_at)]
    lines.append(f"{cards.length(row.agreed_duration)} with <@{row.coach_id}> · {price} · {one.free} left")
    lines += _least(workshop)
    if workshop.least is not None and ways.cost_minor:
        lines.append("-# If it's cancelled, you get back what you paid.")
    if ways.by_credit:
        lines.append(f"**Credit** You have {ways.credit} minutes, and this takes {ways.minutes}.")
    if ways.by_card:
        test = "" if livemode else " **TEST: no money moves.**"
        lines.append(f"**Card** You pay on Stripe's page. The seat is yours once it's paid.{test}")
    if ways.cost_minor and ways.otherwise and guild.payment_instructions:
        lines.append(f"**How to pay** {ui.quoted(guild.payment_instructions)}")
    elif ways.is_too_odd:
        lines.append("**How to pay** Ask your coach.")
    lines.append(leaving(row, guild))
    buttons = _ways(workshop, ways, price)
    if not buttons:
        lines.append("⚠️ This has to be paid by card, and it starts too soon for that.")
    return ui.Panel(ui.Container(ui.text("\n".join(lines)), *ui.rows(*buttons)))


def _ways(workshop: Workshop, ways: Ways, price: str) -> list[ui.Button]:
    agreed = {
        "session_id": workshop.session_id,
        "cost": ways.cost_minor,
        "currency": encode_currency(ways.currency),
    }
    buttons: list[ui.Button] = []
    if ways.by_credit:
        buttons.append(ui.button(f"Use {ways.minutes} minutes of credit", CONFIRM_CREDIT.id(**agreed)))
    if ways.by_card:
        buttons.append(ui.button(f"Pay {price}", routes.PAY_SEAT.id(**agreed)))
    if ways.otherwise:
        label = "Confirm" if not buttons else f"Pay {price} another way"
        buttons.append(ui.button(label, CONFIRM.id(**agreed)))
    if buttons:
        buttons[0].style = ui.SUCCESS
    return buttons


def leave_panel(
    one: OpenWorkshop,
    guild: Guild,
    seat: Participant,
    payment: Payment | None,
    credit_minutes: int | None,
    now: datetime,
) -> ui.Panel:
    """Ask once whether somebody wants to give their seat back, and say what becomes of what they paid.

    If they paid by card and can keep it as credit, there's a button for either.
    """
    row = one.workshop.session
    is_late = is_late_to_leave(row, guild, now)
    lines = [
        f"### Leave “{ui.quoted(one.workshop.title)}”?",
        stamp(row.starts_at),
        *_charged(seat, payment, credit_minutes, is_late=is_late),
    ]
    lines.append("Someone else can take your seat then.")
    buttons = [ui.button("Leave", LEAVE.id(session_id=row.id), ui.DANGER)]
    if credit_minutes is not None:
        buttons[0].label = "Leave, money back"
        as_credit = LEAVE_FOR_CREDIT.id(session_id=row.id, minutes=credit_minutes)
        buttons.append(ui.button("Leave, keep as credit", as_credit, ui.DANGER))
    keep = ui.button("Keep my seat", routes.WORKSHOP.id(session_id=row.id))
    return ui.Panel(ui.text("\n".join(lines)), ui.row(*buttons, keep))


def _charged(
    seat: Participant, payment: Payment | None, credit_minutes: int | None, *, is_late: bool
) -> list[str]:
    lines: list[str] = []
    if is_late:
        lines.append(f"⚠️ It starts {stamp(seat.session.starts_at, 'R')}, so this is a **late cancellation**.")
    if seat.credit_minutes is not None:
        minutes = cards.charge.minutes(seat)
        lines.append(
            f"Your {minutes} of credit will be charged." if is_late else f"{minutes} of credit go back to you."
        )
    elif seat.total_cost_minor:
        price = cards.charge.seat_price(seat)
        if is_late:
            lines.append(f"What you paid for your seat, {price}, isn't refunded.")
        elif payment is None:
            lines.append(f"If you've paid {price} already, settle it with your coach.")
        elif credit_minutes is None:
            lines.append(f"You get {cards.charge.amount(payment)} back.")
        else:
            lines.append(cards.charge.back_or_credit(cards.charge.amount(payment), credit_minutes))
    return lines


def left_panel(workshop: Workshop, seat: Participant, standing: ChargeStanding | None) -> ui.Panel:
    """Say that somebody gave their seat back, and what became of what they paid by card."""
    late = " That was late, so it still counts." if seat.cancelled_late else ""
    lines = [f"You've given back your seat in **{ui.quoted(workshop.title)}**.{late} We've told the coach."]
    lines += cards.charge.refund_lines(workshop.session, standing, seat.user_id)
    return ui.Panel(ui.text("\n".join(lines)), ui.row(ui.button("All sessions", routes.SESSION_LIST.id(page=0))))
