"""Write notifications about a coach's availability."""

from cogs import ui
from cogs.notifications import Words
from models import NotificationKind
from scheduler.notifications.kinds import NotificationContext


def _zone_lost(context: NotificationContext) -> ui.Item:
    zone = ui.quoted(context.about_coach.time_zone)
    return ui.text(
        f'### I no longer know your time zone "{zone}"\nStudents can\'t book you '
        "until you choose another one. **Next step:** in the server, run `/availability` and press "
        "**Zone…**. Your hours keep their clock times, and booked sessions don't change."
    )


WORDS = {NotificationKind.ZONE_LOST: Words(_zone_lost)}
