"""Show coaches, applications and sessions the same way everywhere."""

from cogs.cards import charge
from cogs.cards.application import block_button, blocks, of_application
from cogs.cards.coach import decision, rate, rating, taught, with_avatar
from cogs.cards.payment import odd_price
from cogs.cards.session import (
    STATUS_WORDS,
    attendance_lines,
    cancel_or_end,
    late_button,
    late_lines,
    length,
    of_session,
    outcome_buttons,
    people,
    price_of_seat,
    read_duration,
    room_link,
    seats_taken,
    stay,
    way_back,
    when,
)
