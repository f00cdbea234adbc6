"""Let students review sessions, and keep the coach's rating up to date."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import Coach, CoachingSession, ParticipantStatus, Review, SessionStatus
from scheduler.core import audit
from scheduler.core.actor import Actor
from scheduler.core.clock import stamp
from scheduler.core.errors import CoachingError, NotAllowed, NotFound, NotReviewable, TooLate, Unreadable
from scheduler.core.pages import Page

LONGEST_COMMENT = 300
MOST_STARS = 5
OPEN_FOR = timedelta(days=7)
"""How long reviews stay open after the end of a session."""


class ReviewState(NamedTuple):
    """The state of a participant's review."""

    review: Review | None
    is_open: bool
    """Whether the stars can be given or changed now."""


async def review(session: AsyncSession, session_id: int, actor: Actor, stars: int, now: datetime) -> Review:
    """Give a completed session 1 to 5 stars, or change them. Giving the same stars again does nothing.

    Raises like `reviewable`, or Unreadable for any other number of stars.
    """
    if not 1 <= stars <= MOST_STARS:
        raise Unreadable(f"A review has 1 to {MOST_STARS} stars. Choose them with the buttons.")
    row, coach, given = await _locked(session, await _own_session(session, session_id, actor), actor.user_id)
    _require_reviewable(row, actor.user_id, given, now)
    if given is not None and given.stars == stars:
        return given
    action = "review_changed"
    if given is None:
        action = "review_given"
        coach.rating_count += 1
        given = Review(
            session_id=row.id,
            guild_id=row.guild_id,
            coach_id=row.coach_id,
            student_id=actor.user_id,
            stars=0,
            created_at=now,
        )
        session.add(given)
    details = {"stars": stars, "before": given.stars} if given.stars else {"stars": stars}
    coach.rating_total += stars - given.stars
    given.stars, given.updated_at = stars, now
    _record(session, given, action, actor, now, details)
    await session.flush()
    return given


async def comment(session: AsyncSession, session_id: int, actor: Actor, text: str, now: datetime) -> Review:
    """Add a comment to a review or change it. Empty text removes it.

    Raises like `reviewable`, NotReviewable if there are no stars yet, or Unreadable if it's too long.
    """
    row, _, given = await _locked(session, await _own_session(session, session_id, actor), actor.user_id)
    _require_reviewable(row, actor.user_id, given, now)
    if given is None:
        raise NotReviewable("Give stars first, then write a review.")
    words = " ".join(text.split())
    if len(words) > LONGEST_COMMENT:
        raise Unreadable(
            f"That's {len(words):,} characters, and at most {LONGEST_COMMENT} fit. Shorten it a little."
        )
    if words != (given.comment or ""):
        given.comment, given.updated_at = words or None, now
        _record(session, given, "review_changed", actor, now, {"comment_length": len(words)})
    return given


async def reviewable(
    session: AsyncSession, session_id: int, actor: Actor, now: datetime
) -> tuple[CoachingSession, Review | None]:
    """Return a session that this participant can review now, and its review so far.

    Raises NotFound for strangers, NotAllowed for its coach, NotReviewable if the session hasn't taken place or an
    admin has hidden the review, and TooLate once reviews have closed.
    """
    row = await _own_session(session, session_id, actor)
    given = await session.get(Review, (session_id, actor.user_id))
    _require_reviewable(row, actor.user_id, given, now)
    return row, given


async def review_states(
    session: AsyncSession, rows: Sequence[CoachingSession], viewer_id: int, now: datetime
) -> Mapping[int, ReviewState]:
    """Return the state of this person's reviews by session id, in one query.

    For a coach, that's the review by the only participant. Sessions that can't be reviewed and haven't been are
    left out.
    """
    ids = [row.id for row in rows if row.status is SessionStatus.COMPLETED]
    about = await session.scalars(select(Review).where(Review.session_id.in_(ids)))
    given = {(one.session_id, one.student_id): one for one in about}
    found: dict[int, ReviewState] = {}
    for row in rows:
        seat = row.part_shown_to(viewer_id)
        if seat is not None:
            theirs = given.get((row.id, seat.user_id))
            found[row.id] = ReviewState(theirs, _refusal(row, seat.user_id, theirs, now) is None)
    return {id_: one for id_, one in found.items() if one.review or one.is_open}


def open_until(row: CoachingSession) -> datetime:
    """Return when reviews of this session close (exclusive)."""
    return row.ends_at + OPEN_FOR


async def hide(
    session: AsyncSession, session_id: int, actor: Actor, guild_id: int, now: datetime, *, by: int | None = None
) -> Review:
    """Hide a review from everyone but admins and take it out of the rating. Does nothing if it's already hidden.

    `by` says who wrote it; without it, it's the only participant. Raises NotAllowed, or NotFound if it isn't on
    this server.
    """
    return await _hide_or_show(session, session_id, actor, guild_id, now, by, hidden=True)


async def hide_automatically(session: AsyncSession, row: CoachingSession, now: datetime) -> None:
    """Hide the reviews of a session that turns out not to have taken place.

    Locks the coach, then the session.
    """
    for one in row.people[1:]:
        _, coach, given = await _locked(session, row, one)
        if given is not None and given.hidden_at is None:
            _set_hidden(session, coach, given, None, now, hidden=True)


async def show(
    session: AsyncSession, session_id: int, actor: Actor, guild_id: int, now: datetime, *, by: int | None = None
) -> Review:
    """Show a hidden review again and count it. Raises like `hide`."""
    return await _hide_or_show(session, session_id, actor, guild_id, now, by, hidden=False)


async def list_reviews(
    session: AsyncSession,
    guild_id: int,
    coach_id: int | None = None,
    *,
    page: int,
    size: int,
    with_hidden: bool = False,
) -> Page[Review]:
    """Return a page of a server's reviews, newest first: one coach's or all. `with_hidden` is for admins."""
    query = select(Review).where(Review.guild_id == guild_id)
    if coach_id is not None:
        query = query.where(Review.coach_id == coach_id)
    if not with_hidden:
        query = query.where(Review.hidden_at.is_(None))
    newest = query.order_by(Review.created_at.desc(), Review.session_id.desc(), Review.student_id.desc())
    found = list(await session.scalars(newest.offset(page * size).limit(size + 1)))
    return Page(found[:size], has_more=len(found) > size)


def _refusal(row: CoachingSession, user_id: int, given: Review | None, now: datetime) -> CoachingError | None:
    """Return what keeps a participant from giving or changing their review, if anything."""
    seat = row.participant(user_id)
    if seat is not None and seat.status is ParticipantStatus.LEFT:
        return NotReviewable("You gave up your seat, so there's nothing to review.")
    match row.status:
        case SessionStatus.SCHEDULED | SessionStatus.IN_PROGRESS:
            return NotReviewable(
                f"This session isn't over yet. You can review it when it ends, {stamp(row.ends_at, 'R')}."
            )
        case SessionStatus.CANCELLED:
            return NotReviewable("This session was cancelled, so there's nothing to review.")
        case SessionStatus.NO_SHOW:
            return _missed()
        case SessionStatus.COMPLETED:
            if seat is not None and seat.status is ParticipantStatus.NO_SHOW:
                return _missed()
            if row.missed_at is not None and not row.took_place:
                return NotReviewable(
                    "This session had no room, and nobody has confirmed that it took place. Confirm that first."
                )
            if given is not None and given.hidden_at is not None:
                return NotReviewable(
                    "An admin has hidden your review, so you can't change it. Ask an admin if you have questions."
                )
            if now >= open_until(row):
                return TooLate(
                    f"Reviews close {OPEN_FOR.days} days after the session. "
                    f"This one ended {stamp(row.ends_at, 'R')}."
                )
            return None


def _missed() -> NotReviewable:
    return NotReviewable(
        "This session counts as a no-show, so you can't review it. If that's wrong, talk to an admin."
    )


def _require_reviewable(row: CoachingSession, user_id: int, given: Review | None, now: datetime) -> None:
    if (refusal := _refusal(row, user_id, given, now)) is not None:
        raise refusal


async def _own_session(session: AsyncSession, session_id: int, actor: Actor) -> CoachingSession:
    row = await session.get(CoachingSession, session_id)
    if row is None or actor.user_id not in row.people:
        raise NotFound("You have no such session. `/sessions` lists yours.")
    if row.participant(actor.user_id) is None:
        raise NotAllowed("Only students can review a session.")
    return row


async def _locked(
    session: AsyncSession, row: CoachingSession, user_id: int
) -> tuple[CoachingSession, Coach, Review | None]:
    """Lock the coach, then the session, and return both with this person's review, all freshly read.

    The coach comes first, as everywhere. The session has to be locked explicitly: writing the audit entry locks it
    too, and doing that first could deadlock with transactions that use this order.
    """
    coach = await session.get_one(
        Coach, (row.guild_id, row.coach_id), with_for_update=True, populate_existing=True
    )
    row = await session.get_one(CoachingSession, row.id, with_for_update=True, populate_existing=True)
    return row, coach, await session.get(Review, (row.id, user_id), populate_existing=True)


async def _hide_or_show(
    session: AsyncSession,
    session_id: int,
    actor: Actor,
    guild_id: int,
    now: datetime,
    by: int | None,
    *,
    hidden: bool,
) -> Review:
    actor.must_be_admin()
    row = await session.get(CoachingSession, session_id)
    seat = row.participant_or_only(by) if row is not None and row.guild_id == guild_id else None
    found = seat and await session.get(Review, (session_id, seat.user_id))
    if row is None or seat is None or found is None:
        raise NotFound("There's no such review on this server. `/coaching reviews` lists them all.")
    _, coach, _ = await _locked(session, row, seat.user_id)
    if (found.hidden_at is not None) is not hidden:
        _set_hidden(session, coach, found, actor, now, hidden=hidden)
    return found


def _set_hidden(
    session: AsyncSession, coach: Coach, given: Review, actor: Actor | None, now: datetime, *, hidden: bool
) -> None:
    """Hide or show the review, which must be a change, and update the rating. `actor` is None for the bot."""
    sign = -1 if hidden else 1
    coach.rating_count += sign
    coach.rating_total += sign * given.stars
    given.hidden_at = now if hidden else None
    given.hidden_by = actor.user_id if actor and hidden else None
    _record(session, given, "review_hidden" if hidden else "review_shown", actor, now, {})


def _record(
    session: AsyncSession,
    about: Review,
    action: str,
    actor: Actor | None,
    now: datetime,
    details: Mapping[str, int],
) -> None:
    ids = {"actor_id": actor and actor.user_id, "coach_id": about.coach_id, "session_id": about.session_id}
    audit.record(session, about.guild_id, action, at=now, details=details, **ids)
