"""The words of the message that asks for a review."""

from cogs import cards, ui
from cogs.cards import stars
from cogs.cards.session_message import state, your_session
from cogs.notifications import Words
from models import NotificationKind, SessionStatus
from scheduler.core.clock import stamp
from scheduler.notifications.kinds import NotificationContext
from scheduler.reviews.reviews import open_until


def _review_request(context: NotificationContext) -> ui.Item:
    one = context.about_session
    if one.status is not SessionStatus.COMPLETED or context.has_expired:
        became = "closed" if context.has_expired else state(one)
        return ui.text(
            f"### How was it? · {became}\n{your_session(context)}, {stamp(one.starts_at)}, can't "
            "be reviewed any more."
        )
    return ui.Container(
        ui.text(
            f"### How was it?\n{your_session(context)}, {stamp(one.starts_at)}, is over. Your "
            "stars help others choose a coach. You can also write a review, and change both until "
            f"{stamp(open_until(one), 'f')}."
            + "".join(f"\n{line}" for line in cards.charge.outcome(one, context.notification.user_id))
        ),
        stars.buttons(one.id),
    )


WORDS = {NotificationKind.REVIEW_REQUEST: Words(_review_request)}
