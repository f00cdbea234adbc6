"""Change a coach's hours and booking rules. The last change can be undone; booked sessions are never changed."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import AvailabilityChange, AvailabilityRule, Coach, DateOverride, Guild, PaymentMode
from scheduler.availability import booking_policy, changed_hours, lost_zones
from scheduler.availability.booking_policy import Rules
from scheduler.availability.free_times import weekly_windows
from scheduler.availability.slots import DayHours, Window
from scheduler.availability.zone_change import convert_dates, convert_week
from scheduler.core import audit
from scheduler.core.actor import Actor
from scheduler.core.coaches import approved_coach
from scheduler.core.errors import TooLate, Unreadable
from scheduler.parsing import card_amounts
from scheduler.parsing.dates import write_date
from scheduler.time.intervals import Interval, union
from scheduler.time.time_zones import is_known, parse_zone, zone

Week = dict[int, list[Interval]]
"""Weekday (Monday is 0) → its windows, as sorted minutes of the day. Days without hours are missing."""
State = dict[str, Any]
"""Everything `undo` restores, as JSON."""

LONGEST_REASON = 100
_MAX_DATES = 366
_TOGGLES = ("time_zone", "accepting")


@dataclass(frozen=True, slots=True)
class Dates:
    """Consecutive dates with the same override: a day off, other hours, or extra hours (`adds`)."""

    first: date
    last: date
    adds: bool
    windows: tuple[Interval, ...]
    reason: str | None


async def week_of(session: AsyncSession, coach: Coach) -> Week:
    """Return the coach's weekly hours."""
    return (await weeks_of(session, [coach]))[coach.user_id]


async def weeks_of(session: AsyncSession, coaches: Collection[Coach]) -> dict[int, Week]:
    """Return the weekly hours of coaches on one server by user id, in one query."""
    weeks = await weekly_windows(session, coaches)
    return {
        user_id: {day: union(windows) for day, windows in sorted(week.items())} for user_id, week in weeks.items()
    }


async def dates_of(session: AsyncSession, coach: Coach, since: date) -> list[Dates]:
    """Return the coach's date overrides from `since` on, in order."""
    query = select(DateOverride).where(*_belongs_to(DateOverride, coach), DateOverride.day >= since)
    found: list[Dates] = []
    for row in await session.scalars(query.order_by(DateOverride.day)):
        one = Dates(row.day, row.day, row.adds, tuple(union((a, b) for a, b in row.windows)), row.reason)
        before = found[-1] if found else None
        if before and one == replace(before, first=before.last + timedelta(days=1), last=one.last):
            found[-1] = replace(before, last=one.last)
        else:
            found.append(one)
    return found


async def set_hours(
    session: AsyncSession,
    guild_id: int,
    actor: Actor,
    days: Collection[int],
    windows: Sequence[Window],
    now: datetime,
) -> bool:
    """Replace the hours of these weekdays with `windows` (minutes of the day).

    Returns whether that changes anything, as do all changes here: if not, the last change can still be undone.
    Raises NotFound for anyone who isn't a coach here.
    """
    coach, before = await _begin(session, guild_id, actor)
    await _replace_hours(session, coach, dict.fromkeys(set(days), union(windows)))
    details = {"days": sorted(set(days)), "windows": [list(one) for one in union(windows)]}
    return await _finish(session, coach, before, "hours_set", now, details)


async def add_hours(
    session: AsyncSession, guild_id: int, actor: Actor, days: Collection[int], window: Window, now: datetime
) -> bool:
    """Add a window to each of these weekdays. Raises like `set_hours`."""
    coach, before = await _begin(session, guild_id, actor)
    week = await week_of(session, coach)
    await _replace_hours(session, coach, {day: union([*week.get(day, []), window]) for day in days})
    return await _finish(
        session, coach, before, "hours_added", now, {"days": sorted(set(days)), "window": list(window)}
    )


async def copy_day(
    session: AsyncSession, guild_id: int, actor: Actor, source: int, days: Collection[int], now: datetime
) -> bool:
    """Give these weekdays the hours of weekday `source`. Raises like `set_hours`."""
    coach, before = await _begin(session, guild_id, actor)
    week = await week_of(session, coach)
    await _replace_hours(session, coach, {day: week.get(source, []) for day in days})
    return await _finish(session, coach, before, "hours_copied", now, {"from": source, "days": sorted(set(days))})


async def set_dates(
    session: AsyncSession,
    guild_id: int,
    actor: Actor,
    first: date,
    last: date,
    windows: Sequence[Window],
    reason: str,
    now: datetime,
) -> bool:
    """Override the hours from `first` to `last` (both included) with `windows`; none makes them days off.

    Replaces earlier overrides. Raises like `set_hours`, and Unreadable if the dates are past, in the wrong order
    or too many, or if the reason is too long.
    """
    coach, before = await _begin(session, guild_id, actor)
    days = check_dates(coach, first, last, now)
    if len(reason.strip()) > LONGEST_REASON:
        raise Unreadable(f"The reason has {len(reason.strip())} characters; at most {LONGEST_REASON} fit.")
    await _delete_dates(session, coach, first, last)
    session.add_all(_override(coach, day, False, union(windows), reason.strip() or None) for day in days)
    return await _finish(session, coach, before, "dates_set", now, _span(first, last, windows))


async def add_extra_hours(
    session: AsyncSession, guild_id: int, actor: Actor, day: date, windows: Sequence[Window], now: datetime
) -> bool:
    """Add `windows` to the hours of this date, even if it's a day off. Raises like `set_dates`."""
    coach, before = await _begin(session, guild_id, actor)
    check_dates(coach, day, day, now)
    check_extra_hours(windows)
    row = await session.get(DateOverride, (guild_id, coach.user_id, day))
    if row is None:
        session.add(_override(coach, day, True, union(windows), None))
    else:
        row.windows = [list(one) for one in union([*((a, b) for a, b in row.windows), *windows])]
    return await _finish(session, coach, before, "extra_hours_added", now, _span(day, day, windows))


async def clear_dates(
    session: AsyncSession, guild_id: int, actor: Actor, first: date, last: date, now: datetime
) -> bool:
    """Return these dates to the weekly hours. Raises like `set_hours`."""
    coach, before = await _begin(session, guild_id, actor)
    await _delete_dates(session, coach, first, last)
    return await _finish(session, coach, before, "dates_cleared", now, _span(first, last, []))


async def set_rules(session: AsyncSession, guild_id: int, actor: Actor, wanted: Rules, now: datetime) -> bool:
    """Change the coach's booking rules. Raises like `set_hours`, and Unreadable for values out of range, or
    for a length whose price cards can't be charged, where they are taken."""
    wanted.check()
    coach, before = await _begin(session, guild_id, actor)
    if (await session.get_one(Guild, guild_id)).payment_mode is not PaymentMode.OFF:
        added = sorted(set(wanted.durations_minutes).difference(coach.durations_minutes))
        card_amounts.check_rate(coach.rate_minor, coach.currency, added)
    booking_policy.apply_rules(coach, wanted)
    return await _finish(session, coach, before, "rules_set", now, booking_policy.to_json(wanted))


async def set_accepting(
    session: AsyncSession, guild_id: int, actor: Actor, accepting: bool, now: datetime
) -> bool:
    """Pause or resume bookings. Raises like `set_hours`."""
    coach, before = await _begin(session, guild_id, actor)
    coach.accepting = accepting
    return await _finish(session, coach, before, "bookings_resumed" if accepting else "bookings_paused", now, {})


async def change_zone(
    session: AsyncSession, guild_id: int, actor: Actor, typed: str, now: datetime, *, same_instants: bool
) -> bool:
    """Move the coach to another time zone.

    Their hours keep their clock times or, with `same_instants`, the actual times they have now (past overrides are
    dropped). Raises like `set_hours`, and Unreadable if the zone is unknown or, with `same_instants`, if the
    current one is.
    """
    wanted = parse_zone(typed)
    coach, before = await _begin(session, guild_id, actor)
    old, new = zone(coach.time_zone), zone(wanted)
    if same_instants:
        if not is_known(coach.time_zone):
            raise Unreadable(
                f'I no longer know the time zone "{coach.time_zone}", so I can\'t convert your hours. Choose '
                "**Keep clock times**, then check your hours."
            )
        week = await week_of(session, coach)
        query = select(DateOverride).where(*_belongs_to(DateOverride, coach))
        rows = list(await session.scalars(query.where(DateOverride.day >= now.astimezone(old).date())))
        dates = [DayHours(row.day, [(start, end) for start, end in row.windows], row.adds) for row in rows]
        reasons = {row.day: row.reason for row in rows}
        await _replace_hours(session, coach, convert_week(week, old, new, now))
        await _delete_dates(session, coach, date.min, date.max)
        for one in convert_dates(week, dates, old, new, now):
            session.add(_override(coach, one.day, one.adds, one.windows, reasons.get(one.day)))
    details = {"from": coach.time_zone, "to": wanted, "same_instants": same_instants}
    coach.time_zone = wanted
    await lost_zones.inspect_zone(session, coach, now)
    if old != new:
        await changed_hours.announce_move(session, coach, now)
    return await _finish(session, coach, before, "zone_changed", now, details)


async def undo(session: AsyncSession, guild_id: int, actor: Actor, number: int, now: datetime) -> None:
    """Undo the coach's change with this number.

    Raises like `set_hours`, and TooLate if it isn't the last change or has already been undone.
    """
    coach = await approved_coach(session, guild_id, actor.user_id, own=True, lock=True)
    change = await session.get(AvailabilityChange, (guild_id, actor.user_id))
    if change is None or change.before is None or change.number != number:
        raise TooLate("You can only undo your last change, and only once.")
    before, change.before = change.before, None
    await _replace_hours(session, coach, {day: [] for day in range(7)})
    for day, start, end in before["week"]:
        session.add(_rule(coach, day, Interval(start, end)))
    await _delete_dates(session, coach, date.min, date.max)
    for day, adds, windows, reason in before["dates"]:
        session.add(_override(coach, date.fromisoformat(day), adds, union((a, b) for a, b in windows), reason))
    booking_policy.apply_rules(coach, booking_policy.from_json(before["rules"]))
    for name in _TOGGLES:
        setattr(coach, name, before[name])
    ids = {"actor_id": coach.user_id, "coach_id": coach.user_id}
    audit.record(session, guild_id, "change_undone", at=now, details={"number": number}, **ids)
    await changed_hours.announce(session, coach, now)


async def last_change(session: AsyncSession, coach: Coach) -> int | None:
    """Return the number to pass to `undo`, or None if there's nothing to undo."""
    change = await session.get(AvailabilityChange, (coach.guild_id, coach.user_id))
    return change.number if change is not None and change.before is not None else None


async def state_of(session: AsyncSession, coach: Coach) -> State:
    """Return what `allow_undo` takes. Lock the coach first, and call this before changing hours or rules."""
    week = await week_of(session, coach)
    dates = select(DateOverride).where(*_belongs_to(DateOverride, coach)).order_by(DateOverride.day)
    return {
        "week": [[day, start, end] for day, windows in week.items() for start, end in windows],
        "dates": [
            [one.day.isoformat(), one.adds, one.windows, one.reason] for one in await session.scalars(dates)
        ],
        "rules": booking_policy.to_json(booking_policy.rules_of(coach)),
        **{name: getattr(coach, name) for name in _TOGGLES},
    }


async def allow_undo(session: AsyncSession, coach: Coach, before: State) -> bool:
    """Let the coach go back to `before`. Does nothing and returns False if nothing has changed since."""
    await session.flush()
    if await state_of(session, coach) == before:
        return False
    change = await session.get(AvailabilityChange, (coach.guild_id, coach.user_id))
    if change is None:
        change = AvailabilityChange(number=0, **_key(coach))
        session.add(change)
    change.number += 1
    change.before = before
    return True


async def _begin(session: AsyncSession, guild_id: int, actor: Actor) -> tuple[Coach, State]:
    """Lock the coach, and return the current state too."""
    coach = await approved_coach(session, guild_id, actor.user_id, own=True, lock=True)
    return coach, await state_of(session, coach)


async def _finish(
    session: AsyncSession, coach: Coach, before: State, action: str, now: datetime, details: dict[str, Any]
) -> bool:
    """Record the change, if it is one."""
    if changed := await allow_undo(session, coach, before):
        ids = {"actor_id": coach.user_id, "coach_id": coach.user_id}
        audit.record(session, coach.guild_id, action, at=now, details=details, **ids)
        await changed_hours.announce(session, coach, now)
    return changed


async def _replace_hours(session: AsyncSession, coach: Coach, hours: dict[int, list[Interval]]) -> None:
    """Replace the hours of these weekdays."""
    await session.execute(
        delete(AvailabilityRule).where(*_belongs_to(AvailabilityRule, coach), AvailabilityRule.weekday.in_(hours))
    )
    session.add_all(_rule(coach, day, window) for day, windows in sorted(hours.items()) for window in windows)


async def _delete_dates(session: AsyncSession, coach: Coach, first: date, last: date) -> None:
    await session.execute(
        delete(DateOverride).where(*_belongs_to(DateOverride, coach), DateOverride.day.between(first, last))
    )


def check_extra_hours(windows: Sequence[Window]) -> None:
    """Raise Unreadable if there are none."""
    if not windows:
        raise Unreadable('Type the extra hours, like "9-12". To take the day off, use days off instead.')


def check_dates(coach: Coach, first: date, last: date, now: datetime) -> list[date]:
    """Return the dates from `first` to `last`. Raises Unreadable if they can't be changed."""
    if last < first:
        raise Unreadable(f"{write_date(last)} is before {write_date(first)}. Swap the two dates.")
    if last < now.astimezone(zone(coach.time_zone)).date():
        raise Unreadable(f"{write_date(last)} is in the past. Type an upcoming date, with the year if needed.")
    count = (last - first).days + 1
    if count > _MAX_DATES:
        raise Unreadable(
            f"That's {count} days. You can change up to {_MAX_DATES} at once; for longer, pause bookings."
        )
    return [first + timedelta(days=step) for step in range(count)]


def _rule(coach: Coach, day: int, window: Window) -> AvailabilityRule:
    return AvailabilityRule(weekday=day, start_minute=window[0], end_minute=window[1], **_key(coach))


def _override(coach: Coach, day: date, adds: bool, windows: Sequence[Window], reason: str | None) -> DateOverride:
    spans = [list(one) for one in windows]
    return DateOverride(day=day, adds=adds, windows=spans, reason=reason, **_key(coach))


def _span(first: date, last: date, windows: Sequence[Window]) -> dict[str, Any]:
    return {"first": first.isoformat(), "last": last.isoformat(), "windows": [list(one) for one in windows]}


def _key(coach: Coach) -> dict[str, int]:
    return {"guild_id": coach.guild_id, "coach_id": coach.user_id}


def _belongs_to(table: type[AvailabilityRule | DateOverride], coach: Coach) -> list[ColumnElement[bool]]:
    return [table.guild_id == coach.guild_id, table.coach_id == coach.user_id]
