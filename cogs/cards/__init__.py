"""Show coaches, applications and sessions the same way everywhere."""

from cogs.cards.application import block_button, blocks, of_application
from cogs.cards.coach import decision, rate, rating, taught
from cogs.cards.session import (
    STATUS_WORDS,
    attendance_lines,
    cancel_or_end,
    lasting,
    length,
    of_session,
    outcome_buttons,
)

__all__ = [
    "STATUS_WORDS",
    "attendance_lines",
    "block_button",
    "blocks",
    "cancel_or_end",
    "decision",
    "lasting",
    "length",
    "of_application",
    "of_session",
    "outcome_buttons",
    "rate",
    "rating",
    "taught",
]
