"""Say what a session costs, and what becomes of the credit it was booked with."""

from datetime import datetime

from cogs import routes, ui
from models import CoachingSession, Guild
from scheduler.booking import cancellation
from scheduler.core.actor import Actor
from scheduler.core.clock import stamp
from scheduler.credits.charges import Charge, charge_if_cancelled, charge_of
from scheduler.parsing.money import write_money
from scheduler.sessions.charge_standing import ChargeStanding


def minutes(one: CoachingSession) -> str:
    """Write how many minutes of credit the session was booked with."""
    count = one.credit_minutes or 0
    return f"{count} minute{'' if count == 1 else 's'}"


def price(one: CoachingSession, extra_minor: int = 0) -> str:
    """Write what a session costs, with `extra_minor` more: "$60.00", "60 minutes of credit and $15.00"."""
    return _price(one, one.total_cost_minor + extra_minor)


def booked_price(one: CoachingSession) -> str:
    """Write what a session cost as it was booked, before it was extended."""
    return _price(one, one.booked_cost)


def _price(one: CoachingSession, minor: int) -> str:
    if one.credit_minutes is None:
        return write_money(minor, one.currency)
    return f"{minutes(one)} of credit{f' and {write_money(minor, one.currency)}' if minor else ''}"


def outcome(one: CoachingSession, viewer_id: int | None) -> list[str]:
    """Write what became of the credit, in a line. Nothing before the end, or without credit."""
    if one.credit_minutes is None or charge_of(one) is Charge.RESERVED:
        return []
    if one.credit_charged_at is not None:
        return [f"{minutes(one)} of credit charged"]
    if charge_of(one) is Charge.CHARGED:
        return [f"Not charged: the {minutes(one)} had been given back, and too little credit was left"]
    waived = "Charge waived: " if one.charge_waived_by == one.coach_id else ""
    return [f"{waived}{minutes(one)} {_are_back(one, viewer_id)}"]


def _are_back(one: CoachingSession, viewer_id: int | None, are: str = "are") -> str:
    verb = "is" if (are, one.credit_minutes) == ("are", 1) else are
    return f"{verb} back in {_whose(one, viewer_id)} credit"


def _whose(one: CoachingSession, viewer_id: int | None) -> str:
    return {one.student_id: "your", one.coach_id: "your student's"}.get(viewer_id or 0, "the student's")


def disputed(standing: ChargeStanding | None) -> list[str]:
    """Write that the charge is disputed, or what an admin decided, in a line."""
    if standing is None or (dispute := standing.dispute) is None:
        return []
    if dispute.decided_at is None:
        return [f"**Disputed** {stamp(dispute.opened_at, 'f')}. An admin will decide."]
    return [f"**Disputed** An admin {'gave the minutes back' if dispute.given_back else 'kept the charge'}."]


def buttons(one: CoachingSession, standing: ChargeStanding | None) -> list[ui.Button]:
    """Make the button that waives or disputes the charge, for a reader who can."""
    if standing is None:
        return []
    if standing.can_waive:
        return [ui.button("Waive charge", routes.WAIVE_CHARGE.id(session_id=one.id))]
    if standing.can_dispute:
        return [ui.button("Dispute charge…", routes.DISPUTE_CHARGE.id(session_id=one.id))]
    return []


def if_cancelled(one: CoachingSession, guild: Guild, actor: Actor, now: datetime) -> list[str]:
    """Write what this actor has to know before they cancel: whether it's late, and what becomes of the credit."""
    lines: list[str] = []
    is_charged = charge_if_cancelled(one, guild, actor, now) is Charge.CHARGED
    if cancellation.is_late(one, guild, actor, now):
        lines.append(f"⚠️ It starts {stamp(one.starts_at, 'R')}, so this is a **late cancellation**.")
    elif actor.user_id == one.student_id and guild.cancel_notice_minutes:
        lines.append(f"You can cancel for free until {stamp(cancellation.notice_ends_at(one, guild))}.")
    if one.credit_minutes is not None and is_charged:
        lines.append(f"Your {minutes(one)} of credit will be charged.")
    elif one.credit_minutes is not None:
        lines.append(f"{minutes(one)} {_are_back(one, actor.user_id, 'will be')}.")
    return lines
