"""What becomes of running weekly lessons when one of the two can't book or coach in the server any more."""

from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import NotificationKind, Series, SeriesStatus
from scheduler.booking.releases import Barred
from scheduler.series.changes import ending, together

_REASONS = {True: "The coach no longer coaches here.", False: "The student can't book here any more."}


async def end_barred(session: AsyncSession, barred: Barred, now: datetime) -> None:
    """End the weekly lessons of someone who's barred, and tell the other person. They must be locked.

    Whoever bars them decides what becomes of the sessions.
    """
    sides = ((barred.as_coach, Series.coach_id), (barred.as_student, Series.student_id))
    theirs = or_(*(column == barred.user_id for is_barred, column in sides if is_barred))
    running = Series.guild_id == barred.guild_id, theirs, Series.status == SeriesStatus.ACTIVE
    found = select(Series).where(*running).order_by(Series.id).with_for_update()
    for series in await session.scalars(found.execution_options(populate_existing=True)):
        reason = _REASONS[barred.user_id == series.coach_id]
        ending.end_now(session, series, None, reason, now)
        together.tell(session, series, NotificationKind.SERIES_ENDED, now, except_for=barred.user_id)
