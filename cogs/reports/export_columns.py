"""The columns of `/coaching export`'s files for people, in words and on the reader's clock."""

from collections.abc import Callable, Mapping
from datetime import datetime, time, timedelta
from functools import partial
from typing import Any, NamedTuple

from cogs import cards
from cogs.reports import audit_words, waiting_list_words
from models import (
    Absent,
    Coach,
    CoachingSession,
    Participant,
    ParticipantStatus,
    SeriesPayment,
    SessionStatus,
    Wish,
)
from scheduler.attendance import no_shows
from scheduler.parsing.money import write_sum
from scheduler.parsing.weekly_hours import write_days
from scheduler.reports import export
from scheduler.reports.earnings import Earned
from scheduler.reports.export import Cell, Columns
from scheduler.servers.changes import NameOf
from scheduler.time.hour_cycle import HourCycle
from scheduler.time.time_zones import zone, zone_with_offset
from scheduler.waiting_list.rules import days_in


class Reader(NamedTuple):
    """Whoever reads the files: their time zone, and the names they know people, channels and roles by."""

    zone_name: str
    names: Mapping[int, str]
    """Names of people by id. Those who are missing have left Discord, or it didn't answer."""
    taught: Mapping[int, str]
    """What each coach teaches, by id."""
    name_of: NameOf

    def name(self, user_id: int | None) -> str:
        """Name a person, or return nothing."""
        return self.names.get(user_id, "") if user_id else ""

    def local(self, at: datetime) -> datetime:
        """Return the instant on the reader's clock."""
        return at.astimezone(zone(self.zone_name))

    def date(self, at: datetime | None) -> Cell:
        """Return the date on the reader's calendar."""
        return self.local(at).date() if at else None

    def time_zone(self, at: datetime) -> str:
        """Name the reader's zone with its offset then, because a clock set back shows times twice."""
        return zone_with_offset(self.zone_name, at)


def columns_for(what: str, reader: Reader) -> Columns:
    """Return the columns of the table with this name."""
    return _COLUMNS[what](reader)


def _instant(reader: Reader, at: Callable[[Any], datetime]) -> dict[str, Callable[[Any], Cell]]:
    return {
        "Date": lambda row: reader.date(at(row)),
        "Time": lambda row: reader.local(at(row)).time(),
        "Time zone": lambda row: reader.time_zone(at(row)),
    }


def _sessions(reader: Reader) -> Columns:
    return {
        "Date": lambda row: reader.date(row.CoachingSession.starts_at),
        "Start": lambda row: reader.local(row.CoachingSession.starts_at).time(),
        "End": lambda row: reader.local(row.CoachingSession.ends_at).time(),
        "Time zone": lambda row: reader.time_zone(row.CoachingSession.starts_at),
        "Length": lambda row: cards.length(row.CoachingSession.duration),
        "Coach": lambda row: reader.name(row.CoachingSession.coach_id),
        "Student": lambda row: reader.name(row.Participant.user_id),
        "Status": lambda row: _status(row.CoachingSession, row.Participant),
        "Price": lambda row: write_sum(row.Participant.total_cost_minor, row.CoachingSession.currency),
        "Credit minutes": lambda row: row.Participant.credit_minutes,
        "Credit worth": lambda row: _credit_worth(row.Participant, row.CoachingSession.currency),
        "Charged": lambda row: reader.date(row.Participant.credit_charged_at),
        "Charge waived": lambda row: reader.date(row.Participant.charge_waived_at),
        "Notes": lambda row: row.Participant.notes,
        "Reason for cancelling": lambda row: row.CoachingSession.cancel_reason,
        "Code": lambda row: row.CoachingSession.code,
        "Coach ID": lambda row: str(row.CoachingSession.coach_id),
        "Student ID": lambda row: str(row.Participant.user_id),
    }


def _credit_worth(seat: Participant, currency: str) -> Cell:
    return None if seat.credit_worth_minor is None else write_sum(seat.credit_worth_minor, currency)


def _status(one: CoachingSession, seat: Participant) -> str:
    words = "Left" if seat.status is ParticipantStatus.LEFT else cards.STATUS_WORDS[one.status].capitalize()
    if absent := _absent(one, seat):
        return f"{cards.STATUS_WORDS[SessionStatus.NO_SHOW].capitalize()} ({absent}){_open_appeals(one, seat)}"
    return f"{words} (late)" if seat.cancelled_late else words


def _open_appeals(one: CoachingSession, seat: Participant) -> str:
    """Say who of the coach and this participant waits for an admin to decide."""
    sides = {Absent.STUDENT: seat.user_id, Absent.COACH: one.coach_id}
    theirs = {side: no_shows.appeal_of(one, user_id) for side, user_id in sides.items()}
    waiting = [side for side, found in theirs.items() if found is not None and found.decided_at is None]
    return f", appealed by {' and '.join(waiting)}" if waiting else ""


def _absent(one: CoachingSession, seat: Participant) -> Absent | None:
    """Return who of the coach and this participant missed the session."""
    if one.status not in (SessionStatus.NO_SHOW, SessionStatus.COMPLETED):
        return None
    if seat.status is ParticipantStatus.NO_SHOW:
        return Absent.BOTH if one.coach_absent else Absent.STUDENT
    return Absent.COACH if one.coach_absent else None


def _coaches(reader: Reader) -> Columns:
    return {
        "Name": lambda row: row.Coach.display_name,
        "Status": lambda row: row.Coach.status.capitalize(),
        "Rate per hour": lambda row: write_sum(row.Coach.rate_minor, row.Coach.currency),
        "Teaches": lambda row: reader.taught.get(row.Coach.user_id),
        "Average stars": lambda row: _average(row.Coach),
        "Reviews": lambda row: row.Coach.rating_count,
        "Bookings": lambda row: "open" if row.Coach.accepting else "paused",
        "Time zone": lambda row: row.Coach.time_zone,
        "Applied": lambda row: reader.date(row.Coach.applied_at),
        "Decided": lambda row: reader.date(row.Coach.decided_at),
        "Left": lambda row: reader.date(row.Coach.left_at),
        "About": lambda row: row.Coach.bio,
        "Experience and links": lambda row: row.Coach.experience,
        "User ID": lambda row: str(row.Coach.user_id),
    }


def _average(coach: Coach) -> float | None:
    return round(coach.rating_total / coach.rating_count, 1) if coach.rating_count else None


def _reviews(reader: Reader) -> Columns:
    return _instant(reader, lambda row: row.Review.created_at) | {
        "Coach": lambda row: reader.name(row.Review.coach_id),
        "Student": lambda row: reader.name(row.Review.student_id),
        "Stars": lambda row: row.Review.stars,
        "Review": lambda row: row.Review.comment,
        "Hidden": lambda row: "yes" if row.Review.hidden_at else "no",
        "Session": lambda row: row.code,
        "Coach ID": lambda row: str(row.Review.coach_id),
        "Student ID": lambda row: str(row.Review.student_id),
    }


def _audit(reader: Reader) -> Columns:
    def id_of(column: str, row: Any) -> str | None:
        found = getattr(row.AuditEntry, column)
        return str(found) if found else None

    return _instant(reader, lambda row: row.AuditEntry.at) | {
        "What happened": lambda row: audit_words.action(row.AuditEntry.action).capitalize(),
        "Details": lambda row: audit_words.details(row.AuditEntry.action, row.AuditEntry.details, reader.name_of),
        "By": lambda row: reader.name(row.AuditEntry.actor_id) if row.AuditEntry.actor_id else "the bot",
        "Coach": lambda row: reader.name(row.AuditEntry.coach_id),
        "Member": lambda row: reader.name(row.AuditEntry.member_id),
        "Session": lambda row: row.code,
        "By ID": partial(id_of, "actor_id"),
        "Coach ID": partial(id_of, "coach_id"),
        "Member ID": partial(id_of, "member_id"),
    }


def _wishes(reader: Reader) -> Columns:
    return _instant(reader, lambda row: row.Wish.created_at) | {
        "Coach": lambda row: reader.name(row.Wish.coach_id) if row.Wish.coach_id else "any",
        "Student": lambda row: reader.name(row.Wish.user_id),
        "Length": lambda row: cards.length(timedelta(minutes=row.Wish.minutes)),
        "Workshop": lambda row: row.title,
        "Workshop date": lambda row: reader.date(row.starts_at),
        "Workshop start": lambda row: reader.local(row.starts_at).time() if row.starts_at else None,
        "Days": lambda row: write_days(days_in(row.Wish.weekdays)) if row.title is None else None,
        "Hours on their clock": lambda row: _hours(row.Wish) if row.title is None else None,
        "Last day": lambda row: reader.date(row.Wish.until - timedelta(minutes=1)) if row.title is None else None,
        "Offers unanswered": lambda row: row.Wish.unanswered,
        "Ended": lambda row: reader.date(row.Wish.ended_at),
        "Why it ended": lambda row: waiting_list_words.ENDS.get(row.Wish.end_reason),
        "Session": lambda row: row.code,
        "Coach ID": lambda row: str(row.Wish.coach_id) if row.Wish.coach_id else None,
        "Student ID": lambda row: str(row.Wish.user_id),
    }


def _hours(wish: Wish) -> str:
    return HourCycle.H23.span(wish.from_minute, wish.until_minute)


def _offers(reader: Reader) -> Columns:
    return _instant(reader, lambda row: row.Offer.offered_at) | {
        "Coach": lambda row: reader.name(row.Offer.coach_id),
        "Student": lambda row: reader.name(row.Offer.user_id),
        "Offered date": lambda row: reader.date(row.Offer.starts_at),
        "Start": lambda row: reader.local(row.Offer.starts_at).time(),
        "End": lambda row: reader.local(row.Offer.ends_at).time(),
        "Workshop": lambda row: row.title,
        "Price": lambda row: write_sum(row.Offer.cost_minor, row.Offer.currency),
        "Offered to others": lambda row: "yes" if row.Offer.is_shared else "no",
        "Outcome": lambda row: waiting_list_words.OUTCOMES[row.Offer.state],
        "Closed": lambda row: reader.date(row.Offer.closed_at),
        "Session": lambda row: row.code,
        "Coach ID": lambda row: str(row.Offer.coach_id),
        "Student ID": lambda row: str(row.Offer.user_id),
    }


def _workshops(reader: Reader) -> Columns:
    def of_session(row: Any) -> CoachingSession:
        return row.Workshop.session

    return {
        "Date": lambda row: reader.date(of_session(row).starts_at),
        "Start": lambda row: reader.local(of_session(row).starts_at).time(),
        "End": lambda row: reader.local(of_session(row).ends_at).time(),
        "Time zone": lambda row: reader.time_zone(of_session(row).starts_at),
        "Title": lambda row: row.Workshop.title,
        "Coach": lambda row: reader.name(of_session(row).coach_id),
        "Seats": lambda row: row.Workshop.seats,
        "Taken": lambda row: row.taken,
        "Price of a seat": lambda row: write_sum(row.Workshop.price_minor, of_session(row).currency),
        "With credit": lambda row: "yes" if row.Workshop.takes_credit else "no",
        "Minimum participants": lambda row: row.Workshop.least,
        "Status": lambda row: cards.STATUS_WORDS[of_session(row).status].capitalize(),
        "Reason for cancelling": lambda row: of_session(row).cancel_reason,
        "About": lambda row: row.Workshop.description,
        "Code": lambda row: of_session(row).code,
        "Coach ID": lambda row: str(of_session(row).coach_id),
    }


def _series(reader: Reader) -> Columns:
    return {
        "Asked for": lambda row: reader.date(row.Series.requested_at),
        "Coach": lambda row: reader.name(row.Series.coach_id),
        "Student": lambda row: reader.name(row.Series.student_id),
        "Status": lambda row: row.Series.status.capitalize(),
        "Day": lambda row: f"{row.SeriesRule.first_day:%A}",
        "Time": lambda row: time(*divmod(row.SeriesRule.start_minute, 60)),
        "Time zone": lambda row: row.SeriesRule.time_zone,
        "Every": lambda row: "week" if row.SeriesRule.interval_weeks == 1 else "two weeks",
        "Length": lambda row: cards.length(timedelta(minutes=row.Series.duration_minutes)),
        "Price of each": lambda row: write_sum(row.Series.total_cost_minor, row.Series.currency),
        "Paid": lambda row: _PAID[row.Series.pays_with] if row.Series.total_cost_minor else None,
        "Last day": lambda row: row.Series.until,
        "Lessons": lambda row: row.Series.lesson_count,
        "Ends": lambda row: reader.date(row.Series.ends_at),
        "Ended by": lambda row: reader.name(row.Series.ended_by),
        "Reason": lambda row: row.Series.end_reason,
        "Notes": lambda row: row.Series.notes,
        "Code": lambda row: row.Series.code,
        "Coach ID": lambda row: str(row.Series.coach_id),
        "Student ID": lambda row: str(row.Series.student_id),
    }


_PAID = {
    SeriesPayment.CREDIT: "with credit",
    SeriesPayment.CARD: "by card",
    SeriesPayment.OTHERWISE: "as the server says",
}


def _statement(_reader: Reader) -> Columns:
    def money(name: str, earned: Earned) -> Cell:
        return write_sum(getattr(earned, name), earned.currency)

    return {
        "Month": lambda earned: f"{earned.month:%Y-%m}",
        "Coach": lambda earned: earned.coach_name,
        "Sessions": lambda earned: earned.sessions,
        "Minutes": lambda earned: earned.minutes,
        "Minutes with credit": lambda earned: earned.credit_minutes,
        "Worth of the credit": partial(money, "credit_worth_minor"),
        "Money": partial(money, "money_minor"),
        "Total": partial(money, "total_minor"),
        "Currency": lambda earned: earned.currency,
        "Coach ID": lambda earned: str(earned.coach_id),
    }


_COLUMNS: Mapping[str, Callable[[Reader], Columns]] = {
    "sessions": _sessions,
    "coaches": _coaches,
    "reviews": _reviews,
    "audit": _audit,
    "wishes": _wishes,
    "offers": _offers,
    "workshops": _workshops,
    "series": _series,
    export.STATEMENT: _statement,
}
