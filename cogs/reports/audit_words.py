"""Describe audit log entries in words: what was done, and from what to what."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import discord

from cogs.cards import booking_policy
from models import NotificationKind
from scheduler.availability.booking_policy import from_json
from scheduler.parsing.dates import write_dates
from scheduler.parsing.lists import all_of
from scheduler.parsing.money import write_money
from scheduler.parsing.weekly_hours import Preset, write_presets
from scheduler.servers import changes
from scheduler.servers.changes import NameOf
from scheduler.servers.resources import ServerResource
from scheduler.servers.settings import DEFAULT_POLICY_CHANGED, PRESETS_CHANGED, SETTINGS_CHANGED
from scheduler.time.hour_cycle import HourCycle

_ACTIONS = {
    DEFAULT_POLICY_CHANGED: "rules for new coaches changed",
    "rules_given": "rules given to all coaches",
    "rules_set": "booking rules changed",
    "hours_set": "hours changed",
    "session_moved": "session rescheduled",
    "session_missed": "session without a room",
    "session_in_progress": "session started",
    "session_no_show": "session ended as a no-show",
    "no_show_marked": "no-show marked",
    "no_show_withdrawn": "no-show withdrawn",
    "no_show_appealed": "no-show appealed",
    "extension_asked": "extension requested",
    "application_made": "application sent",
    "room_made": "room created",
    "room_vanished": "room deleted by someone",
    "steps_given_up": "retries given up",
    "panel_posted": "booking panel posted",
    "credits_granted": "credit given",
    "credits_revoked": "credit taken back",
    "credits_short": "not charged, too little credit left",
    "package_ordered": "package asked for",
    "package_declined": "request for a package declined",
    "role_credit_set": "credit of a role set",
    "dispute_granted": "dispute decided, charge given back",
    "dispute_refused": "dispute decided, charge kept",
    "make_up_granted": "make-up given",
    "payment_expired": "not paid in time",
    "payment_refused": "payment refused by Stripe",
    "payment_mode_changed": "card payments changed",
    "wish_made": "joined the waiting list",
    "wish_booked": "off the waiting list, booked",
    "wish_stopped": "left the waiting list",
    "wish_expired": "off the waiting list, nothing became free",
    "wish_unanswered": "off the waiting list, three offers unanswered",
    "wish_blocked": "off the waiting list, blocked",
    "wish_cancelled": "off the waiting list, workshop cancelled",
    "series_requested": "weekly lessons asked for",
    "series_booked": "weekly lessons booked",
    "series_accepted": "weekly lessons accepted",
    "series_declined": "weekly lessons declined",
    "series_lapsed": "weekly lessons not answered in time",
    "series_withdrawn": "request for weekly lessons taken back",
    "series_moved": "weekly lessons at another time",
    "series_paused": "weekly lessons paused",
    "series_ended": "weekly lessons ended",
    "series_kept": "weekly lessons go on after no-shows",
    "lesson_brought_back": "skipped lesson brought back",
    "lesson_credit_reserved": "credit taken for a lesson",
    "lesson_unpaid": "lesson cancelled, not paid for",
    "time_offered": "time offered to the waiting list",
    "time_told": "waiting list told of a time",
    "seat_offered": "seat offered to the waiting list",
    "seat_told": "waiting list told of a seat",
    "offer_passed": "offer passed to the next person",
    "offer_lapsed": "offer ran out",
    "offer_undelivered": "offer not delivered",
    "offer_rescheduled": "offer taken by rescheduling",
    "workshop_created": "workshop announced",
    "workshop_changed": "workshop edited",
    "workshop_cancelled_too_few": "workshop cancelled, too few people",
    "seat_left": "seat given back",
    "session_cancelled_empty": "cancelled, nobody took a seat",
    "closure_added": "days closed",
    "closure_lifted": "days opened again",
    "holidays_chosen": "public holidays chosen",
    "substitute_accepted": "substitute accepted",
    "substitute_agreed": "student agreed to the substitute",
    "substitute_refused": "student declined the substitute",
    "substitute_lapsed": "substitute not settled in time",
    "substitute_withdrawn": "substitute no longer asked",
    "session_taken_over": "session taken over by a substitute",
}
"""Actions whose stored names aren't what people say."""
_WITH_DAYS = ("closure_added", "closure_lifted", "absence_added", "absence_ended")
_WITH_MINUTES = (
    "credits_granted",
    "credits_revoked",
    "credits_short",
    "make_up_granted",
    "lesson_credit_reserved",
    "wish_made",
    "running_late",
)
_MESSAGES = {
    NotificationKind.SESSION_BOOKED: "booking confirmation",
    NotificationKind.SESSION_RESCHEDULED: "new time",
    NotificationKind.SESSION_CANCELLED: "cancellation",
    NotificationKind.SESSION_REMINDER: "reminder",
    NotificationKind.SESSION_MISSED: "question whether it took place",
    NotificationKind.ROOM_OPEN: "link to the room",
    NotificationKind.RUNNING_LATE: "word of a late arrival",
    NotificationKind.ROOM_WELCOME: "welcome in the room",
    NotificationKind.ROOM_EXTENSION: "extension request",
    NotificationKind.ROOM_ENDING: "warning before the end",
    NotificationKind.ROOM_CLOSING: "warning that the room closes",
    NotificationKind.NO_SHOW: "no-show",
    NotificationKind.WORKSHOP_ANNOUNCEMENT: "announcement",
    NotificationKind.WORKSHOP_CREATED: "news of the workshop",
    NotificationKind.SEAT_TAKEN: "news of a seat taken",
    NotificationKind.SEAT_LEFT: "news of a seat given back",
    NotificationKind.LESSON_CREDIT_SHORT: "warning of too little credit",
    NotificationKind.LESSON_TO_PAY: "request to pay for the lesson",
    NotificationKind.LESSON_BACK: "news of a lesson brought back",
    NotificationKind.SERIES_MOVED: "news of another time for weekly lessons",
    NotificationKind.SERIES_PAUSED: "news of a pause of weekly lessons",
    NotificationKind.SERIES_MISSED: "question whether weekly lessons go on",
    NotificationKind.SERIES_CLOCKS: "news of clock changes",
    NotificationKind.SUBSTITUTE_ASKED: "question to the substitute",
    NotificationKind.SUBSTITUTE_PROPOSED: "question to the student",
    NotificationKind.SUBSTITUTE_NOT_NEEDED: "word to the substitute that it's off",
    NotificationKind.APPEAL_CARD: "appeal for admins",
}


def action(stored: str) -> str:
    """Write an action as people say it."""
    return _ACTIONS.get(stored, stored.replace("_", " "))


def message(kind: NotificationKind) -> str:
    """Write what a message is, as people say it."""
    return _MESSAGES.get(kind, kind.replace("_", " "))


def details(stored: str, about: Mapping[str, Any], name_of: NameOf, cycle: HourCycle = HourCycle.H23) -> str:
    """Write what changed, from what to what, and why. Empty if the entry holds nothing that people know."""
    parts = _changes(stored, about, name_of, cycle)
    if isinstance(reason := about.get("reason"), str):
        parts.append(f"Reason: {reason}")
    return "; ".join(parts)


def _changes(stored: str, about: Mapping[str, Any], name_of: NameOf, cycle: HourCycle) -> list[str]:
    match about:
        case _ if stored == SETTINGS_CHANGED:
            return changes.describe(about, name_of)
        case {"from": list(old), "to": list(new)} if stored == PRESETS_CHANGED:
            return [f"{_presets(old, cycle)} → {_presets(new, cycle)}"]
        case {"from": dict(old), "to": dict(new)} if stored == DEFAULT_POLICY_CHANGED:
            return _rules(old, new)
        case {"rate_minor_before": int(old), "rate_minor": int(new), "currency": str(currency)}:
            before = str(about.get("currency_before", currency))
            return [f"Rate: {write_money(old, before)} → {write_money(new, currency)}"]
        case {"from": list(what)} if stored in ("member_blocked", "member_unblocked"):
            return [f"From {all_of(map(str, what))}"]
        case {"from": str(old), "to": str(new)} if stored == "zone_changed":
            return [f"{old} → {new}"]
        case {"price_minor": int(price), "currency": str(currency), "name": str(name), "minutes": int(minutes)}:
            days = f"valid {about.get('days_valid')} days"
            return [name, f"{minutes:,} minutes", write_money(price, currency), days, *_scope(about)]
        case {"role_id": int(role_id), "minutes": int(minutes)} if stored == "role_credit_set":
            # Of a place, only whether it's a role matters here.
            role = name_of(ServerResource.COACH_ROLE, role_id)
            return [f"{role}: {f'{minutes:,} minutes a month' if minutes else 'none'}"]
        case {"name": str(name), "minutes": int(minutes)}:
            return [name, f"{minutes:,} minutes"]
        case {"name": str(name)} if stored == "package_removed":
            return [name]
        case {"minutes": int(minutes)} if stored in _WITH_MINUTES:
            return [f"{minutes:,} minutes"]
        case {"first": str(first), "last": str(last)} if stored in _WITH_DAYS:
            return [write_dates(date.fromisoformat(first), date.fromisoformat(last))]
        case {"from": old, "to": new} if stored == "holidays_chosen":
            return [f"{old or 'none'} → {new or 'none'}"]
        case {"series": str(), "weeks": int(weeks)}:
            return [f"For {weeks} week{'' if weeks == 1 else 's'}"]
        case {"series": str(), "lessons": int(count)}:
            return [f"Lessons: {count}"]
        case {"seats": int(seats), "least": int(least)}:
            return [f"Seats taken: {seats} of at least {least}"]
        case {"seats": int(seats)}:
            return [f"Seats: {seats}"]
        case {"stars": int(new), "before": int(old)}:
            return [f"Stars: {old} → {new}"]
        case {"stars": int(new)}:
            return [f"Stars: {new}"]
    return []


def _scope(about: Mapping[str, Any]) -> list[str]:
    """Say that a package is only for some, without their names, which aren't stored."""
    limits = {"coach_ids": "coaches", "specialty_ids": "specialties"}
    return [f"only for some {what}" for key, what in limits.items() if about.get(key)]


def names_in(guild: discord.Guild | None) -> NameOf:
    """Return a function that names this server's channels and roles as Discord shows them."""

    def name_of(place: ServerResource, id_: int) -> str:
        found = guild and (guild.get_role(id_) if place.is_role else guild.get_channel(id_))
        if not found:
            return "deleted role" if place.is_role else "deleted channel"
        if isinstance(found, discord.Role):
            return f"@{found.name}"
        return f"#{found.name}" if isinstance(found, discord.TextChannel) else found.name

    return name_of


def _presets(stored: Sequence[Any], cycle: HourCycle) -> str:
    return ", ".join(write_presets((Preset(*one) for one in stored), cycle).splitlines()) or "none"


def _rules(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    before, after = (booking_policy.facts(from_json(rules)) for rules in (old, new))
    return [f"{name}: {before[name]} → {value}" for name, value in after.items() if value != before[name]]
