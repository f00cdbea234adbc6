"""Every feature's notification kinds and texts, and what follows in other features.

A new feature is added to these lists.
"""

from cogs import notifications
from cogs.availability import notifications as availability_words
from cogs.booking import notifications as booking_words
from cogs.coaches import notifications as coach_words
from cogs.credits import notifications as credit_words
from cogs.payments import notifications as payment_words
from cogs.reviews import notifications as review_words
from cogs.series import change_words as series_change_words
from cogs.series import notifications as series_words
from cogs.series import skipped as skipped_words
from cogs.sessions import notifications as session_words
from cogs.setup import notifications as setup_words
from cogs.time_off import notifications as time_off_words
from cogs.waiting_list import notifications as waiting_list_words
from cogs.workshops import notifications as workshop_words
from scheduler.attendance import notifications as attendance
from scheduler.availability import changed_hours, kept_hours
from scheduler.availability import notifications as availability
from scheduler.booking import cancellation, departures, releases
from scheduler.booking import notifications as booking
from scheduler.coaches import notifications as coaches
from scheduler.credits import charges, make_ups
from scheduler.credits import notifications as credit_kinds
from scheduler.notifications import admin_alerts, fallbacks, kinds, reminders
from scheduler.payments import due, refunds
from scheduler.payments import notifications as payment_kinds
from scheduler.reviews import notifications as reviews
from scheduler.rooms import notifications as rooms
from scheduler.series import answers as series_answers
from scheduler.series import due as series_due
from scheduler.series import making, pay_steps, reserved, skipped
from scheduler.series import notifications as series_kinds
from scheduler.series.changes import asking, barring, one_lesson
from scheduler.series.changes import notifications as series_changes
from scheduler.servers import notifications as servers
from scheduler.sessions import events, freed_times
from scheduler.time_off import answers as substitute_answers
from scheduler.time_off import notifications as time_off
from scheduler.waiting_list import freed, offers, seat_answers, wishes
from scheduler.waiting_list import notifications as waiting_list_kinds
from scheduler.workshops import announcements, deadlines, leaving, seats
from scheduler.workshops import notifications as workshops

NOTIFICATION_KINDS = (
    *booking.KINDS,
    *reminders.KINDS,
    *rooms.KINDS,
    *attendance.KINDS,
    *reviews.KINDS,
    *coaches.KINDS,
    *availability.KINDS,
    *servers.KINDS,
    *admin_alerts.KINDS,
    *fallbacks.KINDS,
    *credit_kinds.KINDS,
    *payment_kinds.KINDS,
    *waiting_list_kinds.KINDS,
    *workshops.KINDS,
    *series_kinds.KINDS,
    *skipped.KINDS,
    *time_off.KINDS,
    *series_changes.KINDS,
)
WORDS = (
    availability_words.WORDS,
    booking_words.WORDS,
    coach_words.WORDS,
    credit_words.WORDS,
    payment_words.WORDS,
    review_words.WORDS,
    series_words.WORDS,
    series_change_words.WORDS,
    session_words.WORDS,
    setup_words.WORDS,
    time_off_words.WORDS,
    waiting_list_words.WORDS,
    workshop_words.WORDS,
    skipped_words.WORDS,
)


def register() -> None:
    """Register what lower packages call without knowing it. Call it once per process."""
    events.on_settled(charges.settle, make_ups.grant_if_owed, refunds.keep_or_owe, asking.ask_after_no_shows)
    events.on_called_off(
        wishes.follow_cancelled,
        deadlines.follow_session,
        one_lesson.follow_cancelled,
        substitute_answers.withdraw,
    )
    events.on_rescheduled(pay_steps.follow_rescheduled, substitute_answers.withdraw)
    kept_hours.keep(reserved.reserved_hours)
    one_lesson.before_bringing_back(make_ups.take_back)
    freed_times.on_freed(freed.record)
    changed_hours.on_changed(freed.record_hours)
    changed_hours.on_bookable(series_due.follow_bookable)
    releases.before_barring(
        offers.end_barred, series_answers.end_barred, barring.end_barred, substitute_answers.end_barred
    )
    changed_hours.on_moved(asking.ask_after_move)
    making.on_made(asking.tell_of_clocks)
    releases.on_barred(due.hurry_barred)
    cancellation.on_seat_cancelled(leaving.cancel_seat)
    departures.on_left_workshop(leaving.give_up_after_departure)
    freed_times.on_seat_freed(freed.record_seat, announcements.follow_freed_seat)
    seats.on_taken(seat_answers.follow_taken_seat)
    kinds.register(*NOTIFICATION_KINDS)
    for words in WORDS:
        notifications.register(words)
