"""The words of messages about sessions: reminders, messages in the room, and who was there."""

from datetime import timedelta

from cogs import cards, routes, ui
from cogs.cards.session_message import is_for_coach, session_card, with_whom, your_session
from cogs.notifications import Extra, Words
from cogs.sessions import reminders
from cogs.sessions.in_room import AGREE, DECLINE, ask_button, numbers_of
from cogs.sessions.no_shows import DECIDE, HAPPENED
from models import BlockedFrom, CoachingSession, NotificationKind, SessionStatus
from scheduler.attendance import lateness, no_shows
from scheduler.attendance.no_shows import Appeal
from scheduler.attendance.notifications import NoShowDetails
from scheduler.core.clock import stamp
from scheduler.notifications.kinds import NotificationContext
from scheduler.rooms.extensions import Answer, Terms, write_extra
from scheduler.sessions import lifecycle

_EXCERPT = 300
_RUNNING = (SessionStatus.SCHEDULED, SessionStatus.IN_PROGRESS)


def _reminder(context: NotificationContext) -> ui.Item:
    what = "workshop" if context.about_session.is_workshop else "session"
    lead, reader_id = timedelta(minutes=context.notification.lead_minutes or 0), context.notification.user_id
    can_be_late = lateness.can_say_from(context.about_session, lead, reader_id or 0)
    return session_card(context, f"Reminder of your {what}", most=_EXCERPT, can_be_late=can_be_late)


def _reminder_switch(_context: NotificationContext, _server: str) -> Extra:
    return Extra([ui.row(reminders.switch())])


def _student_unreachable(context: NotificationContext) -> ui.Item:
    what_to_do = "" if context.is_outdated else ". Please tell them yourself."
    whom, seat = "your student", context.seat
    if context.about_session.is_workshop:
        whom = f"<@{seat.user_id}>" if seat is not None else "a participant"
    return session_card(context, f"We couldn't message {whom}{what_to_do}")


def _room_open(context: NotificationContext) -> ui.Item:
    one = context.about_session
    link = cards.room_link(one)
    if not link:  # the message is updated, and the room has closed since
        return session_card(context, "Your room is closed")
    again = "The first room was deleted, so here's a new one. " if one.room_lost_at else ""
    text = ui.text(
        f"### Your room is open\n{again}{your_session(context)} is from {stamp(one.starts_at, 't')} "
        f"to {stamp(one.ends_at, 't')}."
    )
    late = [cards.late_button(one)] if context.details and not context.has_expired else []
    return ui.Container(text, ui.row(*link, *late))


def _running_late(context: NotificationContext) -> ui.Item:
    one, late_id = context.about_session, context.notification.about_user_id or 0
    minutes, reader_id = one.late_minutes_of(late_id) or 0, context.notification.user_id or 0
    whose, who = ("student" if is_for_coach(context) else "coach"), "You both have"
    if one.is_workshop and is_for_coach(context):
        whose, who, reader_id = "participant", "They have", late_id
    elif one.is_workshop:
        who = "You have"
    until, end = lateness.closes_at(one, context.guild, reader_id), one.ends_at
    lines = [
        f"**<@{late_id}> is running late**",
        cards.when(one.starts_at),
        f"{with_whom(context)} · Code `{one.code}`",
        f"Your {whose} will be about {minutes} minutes late. {who} until {stamp(until, 't')} to show up. "
        f"The session still ends at {stamp(end, 't')}.",
    ]
    return ui.Container(ui.text("\n".join(lines)), *ui.rows(*cards.room_link(one)))


def _room_welcome(context: NotificationContext) -> ui.Item:
    one, both = context.about_session, _both(context)
    if one.status not in _RUNNING:
        # Its message can still be edited, so the room exists: their next session has taken it over.
        next_ = (
            "Your next session is in this room too." if one.room_removed_at else "The room closes once it's empty."
        )
        return ui.Container(ui.text(f"{both}\nSession `{one.code}`: {cards.STATUS_WORDS[one.status]}. {next_}"))
    if one.access_granted_at is None:  # it opened for the old time, and someone is still inside
        rescheduled = (
            f"{both}\nYour session was rescheduled: it now starts {stamp(one.starts_at, 'F')} and ends at "
            f"{stamp(one.ends_at, 't')}. The room opens shortly before."
        )
        return ui.Container(ui.text(rescheduled))
    times = f"starts at {stamp(one.starts_at, 't')} and ends at {stamp(one.ends_at, 't')}"
    late = "".join(f"\n{line}" for line in cards.late_lines(one))
    if one.is_workshop:
        title = context.workshop.title if context.workshop is not None else "your workshop"
        words = f"### Welcome to {ui.quoted(title)}\n{both} This room is for everyone who has a seat. It {times}."
        return ui.Container(ui.text(words + late), *_buttons(context))
    words = f"### Welcome {both}\nThis room is just for the two of you. Your session {times}.{late}"
    notes = [ui.text(f"**Notes**\n{ui.quoted(one.student.notes, 1200)}")] if one.student.notes else []
    return ui.Container(ui.text(words), *notes, *_buttons(context))


def _buttons(context: NotificationContext) -> list[ui.Item]:
    one, terms = context.about_session, context.details
    if one.status not in _RUNNING:
        return []
    end = ui.button("End now", routes.END_SESSION.id(session_id=one.id), ui.DANGER)
    if terms is None:
        return [ui.row(end)]
    extra = write_extra(terms.extra_minor, one.currency)
    words = ui.text(f"-# You can go on for 15 minutes, {extra}, if you both agree.")
    return [ui.row(ask_button(one.id, terms), end), words]


def _room_ending(context: NotificationContext) -> ui.Item:
    one = context.about_session
    if one.status not in _RUNNING:
        return ui.Container(ui.text(f"{_both(context)} your session is over."))
    said = f"{_both(context)} your session ends at {stamp(one.ends_at, 't')}."
    return ui.Container(ui.text(said), *_buttons(context))


def _room_extension(context: NotificationContext) -> ui.Item:
    one, request = context.about_session, context.details
    match request.answer:
        case Answer.OPEN:
            return _open_request(one, request.terms)
        case Answer.AGREED:
            price = cards.charge.price(one)
            return ui.text(f"You agreed on 15 more minutes, until {stamp(one.agreed_until, 't')}. Price: {price}.")
        case Answer.DECLINED:
            return ui.text("The request for 15 more minutes was declined.")
        case Answer.TAKEN_BACK:
            return ui.text("The request for 15 more minutes was taken back.")
        case _:
            return ui.text("Nobody answered the request for 15 more minutes before the session was over.")


def _open_request(one: CoachingSession, terms: Terms) -> ui.Item:
    asker_id = one.extension_asked_by
    other_id = one.coach_id if asker_id == one.student_id else one.student_id
    total = ""
    if terms.extra_minor:
        total = f" ({cards.charge.price(one, terms.extra_minor)} in all)"
    words = (
        f"### 15 more minutes?\n<@{other_id}>, <@{asker_id}> asks to go on until {stamp(terms.ends_at, 't')}, "
        f"{write_extra(terms.extra_minor, one.currency)}{total}."
    )
    numbers = numbers_of(one.id, terms)
    accept = ui.button("Accept", AGREE.id(**numbers), ui.SUCCESS)
    return ui.Container(ui.text(words), ui.row(accept, ui.button("Decline", DECLINE.id(**numbers))))


def _room_closing(context: NotificationContext) -> ui.Item:
    one = context.about_session
    closes_at = lifecycle.hard_limit(one, context.guild)
    over = "was cancelled" if one.status is SessionStatus.CANCELLED else "is over"
    closing = f"This room closes at {stamp(closes_at, 't')}, or as soon as everyone has left."
    return ui.Container(ui.text(f"{_both(context)} your session {over}. {closing}"))


def _both(context: NotificationContext) -> str:
    """Mention who is in the room. In a workshop, participants only where the server says that they're named."""
    one, guild = context.about_session, context.guild
    named = one.taking_part if guild.names_participants or not one.is_workshop else []
    return " ".join(f"<@{user_id}>" for user_id in (one.coach_id, *(seat.user_id for seat in named)))


def _no_show(context: NotificationContext) -> ui.Item:
    one, reader_id = context.about_session, context.notification.user_id
    details: NoShowDetails = context.details
    buttons = cards.outcome_buttons(one, reader_id)
    if one.is_workshop:
        title, hint = _no_show_in_workshop(context)
    elif one.status is not SessionStatus.NO_SHOW:
        title, hint = "This session counts as completed after all", "It was marked as a no-show at first."
    elif no_shows.is_absent(one, reader_id):
        title, hint = "You missed your session", "Were you there? Appeal, and an admin will decide."
    elif is_for_coach(context):
        title, hint = "Your student missed your session", "Were they there after all? Tell us below."
    else:
        title, hint = "Your coach missed your session", "We're sorry. An admin of the server can help you."
    if buttons and context.has_expired:
        hint, buttons = "It's too late to change this here. If it's wrong, talk to an admin of the server.", []
    elif (theirs := _appeal_read_by(context)) is not None:
        hint = "An admin will decide." if theirs.decided_at is None else "An admin has decided."
    text = f"**{title}**\n{cards.when(one.starts_at)}\n{with_whom(context)} · Code `{one.code}`\n{hint}"
    lines = [text, *cards.attendance_lines(one, details.attended), *cards.charge.outcome(one, reader_id)]
    lines += cards.charge.disputed(details.standing) + cards.charge.refund_lines(one, details.standing, reader_id)
    buttons += cards.charge.buttons(one, details.standing) + cards.charge.refund_buttons(details.standing)
    return ui.Container(ui.text("\n".join(lines)), *ui.rows(*buttons))


def _appeal_read_by(context: NotificationContext) -> Appeal | None:
    """Return the appeal that settles a no-show for its reader: their own, or for the coach the student's."""
    one, reader_id = context.about_session, context.notification.user_id
    if one.status is not SessionStatus.NO_SHOW and not no_shows.is_absent(one, reader_id):
        return None
    theirs = no_shows.appeal_of(one, reader_id) if reader_id is not None else None
    if theirs is not None or one.is_workshop or not is_for_coach(context):
        return theirs
    students = no_shows.appeal_of(one, one.student_id)
    is_settled = students is not None and students.decided_at is not None and not one.coach_absent
    return students if is_settled else None  # until then, the coach can change it


def _no_show_in_workshop(context: NotificationContext) -> tuple[str, str]:
    one, reader_id = context.about_session, context.notification.user_id
    absent = [seat for seat in one.taking_part if no_shows.is_absent(one, seat.user_id)]
    if no_shows.is_absent(one, reader_id):
        return "You missed your workshop", "Were you there? Appeal, and an admin will decide."
    if one.coach_absent:
        return "Your coach missed your workshop", "We're sorry. An admin of the server can help you."
    if is_for_coach(context) and absent:
        people = "1 person" if len(absent) == 1 else f"{len(absent)} people"
        return f"{people} missed your workshop", "Were they there after all? Press **Attendance**."
    if one.coach_appeal_decided_at is not None and no_shows.appeal_of(one, reader_id) is None:
        return "Your coach was there after all", "They were marked as a no-show at first."
    return "You count as present after all", "You were marked as a no-show at first."


def _attendance_changed(context: NotificationContext) -> ui.Item:
    one = context.about_session
    lines = [f"**{_news(context)}**", cards.when(one.starts_at), f"Code `{one.code}`"]
    return ui.text("\n".join(lines + cards.charge.outcome(one, context.notification.user_id)))


def _news(context: NotificationContext) -> str:
    one, other = context.about_session, "student" if is_for_coach(context) else "coach"
    if context.notification.about_user_id is not None:
        return _decision_in_workshop(context) if one.is_workshop else _decision(context, other)
    if one.took_place is not None:
        return f"Your {other} says that your session {'took place' if one.took_place else 'did not take place'}"
    if one.is_workshop:
        absent = no_shows.is_absent(one, context.notification.user_id)
        return "You still count as a no-show" if absent else "You count as present after all"
    return "Your session counts as completed after all"


def _decision(context: NotificationContext, other: str) -> str:
    """Say how an admin decided an appeal, as it is for its reader, whose coach or student is the `other`."""
    one, appellant = context.about_session, context.notification.about_user_id
    is_readers = context.notification.user_id == appellant
    if no_shows.is_absent(one, appellant):
        return "An admin kept your no-show" if is_readers else f"An admin kept your {other}'s no-show"
    if one.status is SessionStatus.COMPLETED:
        return "An admin overturned the no-show: you both count as present"
    if is_readers:
        return f"An admin decided: you were there, but your {other} wasn't"
    return f"An admin decided: your {other} was there. You're still a no-show"


def _decision_in_workshop(context: NotificationContext) -> str:
    one, appellant = context.about_session, context.notification.about_user_id
    is_kept = no_shows.is_absent(one, appellant)
    if context.notification.user_id == appellant:
        return f"An admin decided: you {'still count as a no-show' if is_kept else 'count as present'}"
    whose = "your coach" if appellant == one.coach_id else f"<@{appellant}>"
    return f"An admin decided: {whose} {'still counts as a no-show' if is_kept else 'counts as present'}"


def _missed(context: NotificationContext) -> ui.Item:
    one = context.about_session
    text = ui.text(
        f"**Did your session take place?**\n{cards.when(one.starts_at)}\n{with_whom(context)}\n"
        "Sorry, we couldn't open a room for it. Did you meet anyway?"
        + "".join(f"\n{line}" for line in cards.charge.outcome(one, context.notification.user_id))
    )
    if one.took_place is not None:
        took_place = "took place" if one.took_place else "didn't take place"
        return ui.Container(text, ui.text(f"Noted: it {took_place}."))
    if context.has_expired:
        return ui.Container(text, ui.text("It's too late to answer. If it matters, talk to an admin."))
    yes = ui.button("Yes, we met", HAPPENED.id(session_id=one.id, answer=1), ui.SUCCESS)
    return ui.Container(text, ui.row(yes, ui.button("No", HAPPENED.id(session_id=one.id, answer=0))))


def _appeal(context: NotificationContext) -> ui.Item:
    one = context.about_session
    theirs = no_shows.appeal_of(one, context.notification.about_user_id)
    assert theirs is not None  # it's posted with the appeal
    who, is_absent = theirs.user_id, no_shows.is_absent(one, theirs.user_id)
    others = f"{len(one.taking_part)} people" if one.is_workshop else f"<@{one.student_id}>"
    lines = [
        f"### Appeal against a no-show\n<@{who}> says they were there.",
        f"Session `{one.code}` of <@{one.coach_id}> with {others}, {stamp(one.starts_at)}.",
        *_stay_in_workshop(context, who),
        *cards.attendance_lines(one, context.details),
        f"**What happened**\n{ui.block(ui.quoted(theirs.reason or 'Not kept.'))}",
    ]
    buttons: list[ui.Button] = []
    if theirs.decided_at is not None:
        outcome = "no-show kept" if is_absent else "no-show overturned"
        lines.append(f"**Decided** by <@{theirs.decided_by}> {stamp(theirs.decided_at, 'f')}: {outcome}")
        if is_absent and who != one.coach_id:
            buttons.append(cards.block_button(who, BlockedFrom.BOOKING, (), "student"))
    else:
        grant_id = DECIDE.id(session_id=one.id, user_id=who, granted=1)
        buttons.append(ui.button("Overturn no-show", grant_id, ui.SUCCESS))
        if is_absent:
            buttons.append(ui.button("Keep no-show", DECIDE.id(session_id=one.id, user_id=who, granted=0)))
        else:
            lines.append("The coach now says that the student was there, so you can only overturn the no-show.")
    return ui.Container(ui.text("\n".join(lines)), *ui.rows(*buttons))


def _stay_in_workshop(context: NotificationContext, who: int) -> list[str]:
    """Say when a workshop's participant was there, of whom `cards.attendance_lines` only counts how many were."""
    one, presence = context.about_session, context.details.get(who)
    if presence is None or not one.is_workshop or who == one.coach_id:
        return []
    return [f"**<@{who}>** {cards.stay(one, presence)}"]


WORDS = {
    NotificationKind.SESSION_REMINDER: Words(_reminder, _reminder_switch),
    NotificationKind.STUDENT_UNREACHABLE: Words(_student_unreachable),
    NotificationKind.ROOM_OPEN: Words(_room_open),
    NotificationKind.RUNNING_LATE: Words(_running_late),
    NotificationKind.ROOM_WELCOME: Words(_room_welcome),
    NotificationKind.ROOM_EXTENSION: Words(_room_extension),
    NotificationKind.ROOM_ENDING: Words(_room_ending),
    NotificationKind.ROOM_CLOSING: Words(_room_closing),
    NotificationKind.NO_SHOW: Words(_no_show),
    NotificationKind.ATTENDANCE_CHANGED: Words(_attendance_changed),
    NotificationKind.SESSION_MISSED: Words(_missed),
    NotificationKind.APPEAL_CARD: Words(_appeal),
}
