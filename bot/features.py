"""Every feature's notification kinds and texts. A new feature adds its two lists here."""

from cogs import notifications
from cogs.availability import notifications as availability_words
from cogs.booking import notifications as booking_words
from cogs.coaches import notifications as coach_words
from cogs.reviews import notifications as review_words
from cogs.sessions import notifications as session_words
from cogs.setup import notifications as setup_words
from scheduler.attendance import notifications as attendance
from scheduler.availability import notifications as availability
from scheduler.booking import notifications as booking
from scheduler.coaches import notifications as coaches
from scheduler.notifications import admin_alerts, fallbacks, kinds, reminders
from scheduler.reviews import notifications as reviews
from scheduler.rooms import notifications as rooms
from scheduler.servers import notifications as servers

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
)
WORDS = (
    availability_words.WORDS,
    booking_words.WORDS,
    coach_words.WORDS,
    review_words.WORDS,
    session_words.WORDS,
    setup_words.WORDS,
)


def register() -> None:
    """Register them for delivery and rendering. Call it once per process."""
    kinds.register(*NOTIFICATION_KINDS)
    for words in WORDS:
        notifications.register(words)
