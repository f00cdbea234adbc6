"""Write lots of credit, packages and movements the same way everywhere."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from cogs import ui
from cogs.ui.routing import Route
from models import CoachingSession, CreditLot, EntryKind, LotSource, Package, ParticipantStatus, SessionStatus
from scheduler.core.clock import last_day, stamp
from scheduler.credits.ledger import IN_PLACE_OF_A_SESSION
from scheduler.credits.statements import A_PAGE, Facts, Movement
from scheduler.parsing.lists import any_of
from scheduler.parsing.money import write_money

_MOST_COACHES = 3
_LONGEST_LIST, _LONGEST_REASON = 80, 100


def minutes(count: int) -> str:
    """Write "1,200 minutes"."""
    return f"{count:,} {'minute' if count == 1 else 'minutes'}"


def scope(
    coach_ids: Sequence[int] | None, specialty_ids: Sequence[int] | None, specialties: Mapping[int, str]
) -> str:
    """Write what minutes are only for, such as "for @Cara"; empty if they're for everything."""
    parts: list[str] = []
    if coach_ids:
        named = [f"<@{one}>" for one in coach_ids[:_MOST_COACHES]]
        more = len(coach_ids) - len(named)
        parts.append(f"with {any_of([*named, *([f'{more} others'] if more else [])])}")
    # Specialties that the server has removed don't count.
    if names := [specialties[one] for one in specialty_ids or () if one in specialties]:
        parts.append(f"for {ui.quoted(any_of(names), _LONGEST_LIST)}")
    return " ".join(parts)


def package(one: Package, specialties: Mapping[int, str]) -> str:
    """Write a package and its terms in two lines."""
    facts = [minutes(one.minutes), write_money(one.price_minor, one.currency), f"valid {days(one.days_valid)}"]
    only = scope(one.coach_ids, one.specialty_ids, specialties)
    return f"**{ui.quoted(one.name, 100)}**\n{' · '.join([*facts, *([only] if only else [])])}"


def package_label(one: Package) -> str:
    """Write a package in a select."""
    return f"{one.name[:60]} · {one.minutes:,} min · {write_money(one.price_minor, one.currency)}"


def days(count: int) -> str:
    """Write "180 days"."""
    return f"{count:,} {'day' if count == 1 else 'days'}"


def lot(one: CreditLot, facts: Facts) -> str:
    """Write what's left of a lot, of how much, what it's for, and until when."""
    size = facts.sizes.get(one.id, one.minutes_left)
    of = f" of {size:,}" if size != one.minutes_left else ""
    until = f"until {last_day(one.valid_until)}" if one.valid_until else "doesn't expire"
    only = lot_scope(one, facts)
    return " · ".join([f"**{one.minutes_left:,} min**{of}", origin(one, facts), until, *([only] if only else [])])


def lot_scope(one: CreditLot, facts: Facts) -> str:
    """Write what a lot is only for; empty if it's for everything."""
    only = scope(one.coach_ids, one.specialty_ids, facts.specialties)
    return f"{only}, or a coach who doesn't cost more" if one.source in IN_PLACE_OF_A_SESSION else only


def origin(one: CreditLot, facts: Facts) -> str:
    """Write where a lot comes from."""
    match one.source:
        case LotSource.PACKAGE:
            return ui.quoted(facts.packages.get(one.package_id or 0, "a package"), 100)
        case LotSource.ROLE:
            role_id = facts.roles.get(one.role_grant_id or 0)
            return f"<@&{role_id}>, this month" if role_id else "a role, this month"
        case LotSource.MAKE_UP:
            return f"make-up for the {_session(facts.sessions.get(one.session_id or 0))}"
        case LotSource.REFUND:
            return f"instead of a refund of the {_session(facts.sessions.get(one.session_id or 0))}"
        case _:
            return ui.quoted(one.reason or "given by an admin", _LONGEST_REASON)


def turning(route: Route, **numbers: int) -> Callable[..., str]:
    """Return what makes the `custom_id` of a page of the route."""
    return partial(route.id, **numbers)


def history(
    title: str,
    found: Sequence[Movement],
    facts: Facts,
    to: Callable[..., str],
    page: int,
    count: int,
    back: tuple[str, str],
) -> ui.Panel:
    """Show a page of movements, newest first, of `count` in all. `back` is a button's label and `custom_id`."""
    lines = [movement(one, facts) for one in found]
    _, pager = ui.paged(range(count), page, A_PAGE, to)
    return ui.Panel(
        ui.text(title),
        ui.text("\n".join(lines) or "Nothing here yet."),
        *pager,
        ui.row(ui.button(*back)),
    )


def movement(one: Movement, facts: Facts) -> str:
    """Write a movement on one line: when, how many minutes, and why."""
    change = one.entry.minutes
    count = f"{change:+,} min".replace("-", "−") if change else "charged"
    return f"{stamp(one.entry.at, 'd')} · **{count}** · {_why(one, facts)}"


def _why(one: Movement, facts: Facts) -> str:
    match one.entry.kind:
        case EntryKind.GRANTED:
            by = f" (by <@{one.lot.granted_by}>)" if one.lot.granted_by else ""
            return f"{origin(one.lot, facts)}{by}"
        case EntryKind.RESERVED:
            return f"booked: {_session(one.session)}"
        case EntryKind.CHARGED:
            return f"{_session(one.session)}{_charged_for(one.session)}"
        case EntryKind.RETURNED:
            return f"given back: {_session(one.session)}{_returned_for(one.session, one.lot.user_id)}"
        case EntryKind.EXPIRED:
            return f"expired: {origin(one.lot, facts)}"
        case _ if one.lot.source is LotSource.ROLE:
            return f"the role is gone: {origin(one.lot, facts)}"
        case _:
            return f"taken back by an admin: {origin(one.lot, facts)}"


def _charged_for(one: CoachingSession | None) -> str:
    if one is None:
        return ""
    return {SessionStatus.NO_SHOW: ", missed", SessionStatus.CANCELLED: ", cancelled late"}.get(one.status, "")


def _returned_for(one: CoachingSession | None, user_id: int) -> str:
    seat = one.participant(user_id) if one is not None else None
    if one is None or seat is None:
        return ""
    if seat.charge_waived_at is not None:
        return ", waived by the coach" if seat.charge_waived_by == one.coach_id else ", as an admin decided"
    if seat.status is ParticipantStatus.LEFT:
        return ", seat given back"
    return {SessionStatus.NO_SHOW: ", which the coach missed", SessionStatus.CANCELLED: ", cancelled"}.get(
        one.status, ""
    )


def _session(one: CoachingSession | None) -> str:
    what = "workshop" if one is not None and one.is_workshop else "session"
    return f"{what} on {stamp(one.starts_at, 'f')} with <@{one.coach_id}>" if one is not None else "session"
