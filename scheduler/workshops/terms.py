"""What a workshop is to be like, and what it can't be like."""

from datetime import datetime, timedelta
from typing import NamedTuple

from models import MOST_SEATS, Coach, Guild, PaymentMode
from scheduler.core.errors import Unreadable
from scheduler.parsing import card_amounts
from scheduler.parsing.durations import LONGEST_MINUTES, SHORTEST_MINUTES, write_length
from scheduler.parsing.fields import Fields

LONGEST_TITLE, LONGEST_DESCRIPTION = 100, 1000
FEWEST_SEATS = 2
DECIDE_BEFORE = timedelta(hours=24)
"""How long before the start it's decided whether a workshop with a minimum takes place."""
TITLE, DESCRIPTION, TIME, LENGTH, SEATS, PRICE, LEAST = (
    "Title",
    "Description",
    "Time",
    "Length",
    "Seats",
    "Price",
    "Minimum participants",
)
"""How errors name what's wrong."""


class Terms(NamedTuple):
    """A workshop as its coach wants it."""

    title: str
    description: str
    starts_at: datetime
    duration: timedelta
    seats: int
    price_minor: int = 0
    """What a seat costs, in minor units of the coach's currency."""
    takes_credit: bool = False
    """Whether a seat can be paid for with as many minutes of credit as the workshop is long."""
    least: int | None = None
    """How many people it takes place with at least; None if it does with anybody."""
    decide_before: timedelta = DECIDE_BEFORE
    """How long before the start these must have a seat."""
    has_event: bool = True
    """Whether it's to be among the server's scheduled events, if the server mirrors workshops there."""


def check(terms: Terms, guild: Guild, coach: Coach, now: datetime) -> None:
    """Raise WrongFields or Unreadable for terms that can't be, all of them at once."""
    with Fields() as fields:
        fields.read(TITLE, read_title, terms.title)
        fields.read(DESCRIPTION, read_description, terms.description)
        fields.read(TIME, _check_start, terms.starts_at, now)
        fields.read(LENGTH, _check_length, terms.duration)
        fields.read(SEATS, check_seats, terms.seats)
        fields.read(PRICE, _check_price, terms.price_minor, guild, coach)
        if terms.least is not None:
            fields.read(LEAST, _check_least, terms, now)


def read_title(typed: str) -> str:
    """Return a title without white space around it. Raises Unreadable."""
    title = " ".join(typed.split())
    if not 0 < len(title) <= LONGEST_TITLE:
        raise Unreadable(f"Give it a title of up to {LONGEST_TITLE} characters.")
    return title


def read_description(typed: str) -> str:
    """Return a description without white space around it. Raises Unreadable."""
    description = typed.strip()
    if len(description) > LONGEST_DESCRIPTION:
        raise Unreadable(f"That's {len(description):,} characters. Shorten it to {LONGEST_DESCRIPTION:,}.")
    return description


def check_seats(seats: int) -> None:
    """Raise Unreadable for a number of seats that no workshop can have."""
    if not FEWEST_SEATS <= seats <= MOST_SEATS:
        raise Unreadable(f"A workshop has {FEWEST_SEATS} to {MOST_SEATS} seats.")


def _check_start(starts_at: datetime, now: datetime) -> None:
    if starts_at <= now:
        raise Unreadable("That's in the past. Choose a later time.")


def _check_length(duration: timedelta) -> None:
    minutes = duration / timedelta(minutes=1)
    if not SHORTEST_MINUTES <= minutes <= LONGEST_MINUTES or minutes % 1:
        raise Unreadable(f"Choose a length from {SHORTEST_MINUTES} to {LONGEST_MINUTES} minutes.")


def _check_price(price_minor: int, guild: Guild, coach: Coach) -> None:
    if price_minor < 0:
        raise Unreadable("A seat can't cost less than nothing.")
    if guild.payment_mode is not PaymentMode.OFF:
        card_amounts.check_chargeable(price_minor, coach.currency)


def _check_least(terms: Terms, now: datetime) -> None:
    assert terms.least is not None
    if not 1 <= terms.least <= terms.seats:
        raise Unreadable(f"Choose 1 to {terms.seats}, as many as there are seats.")
    if terms.decide_before < timedelta(0):
        raise Unreadable("It has to be decided before the start.")
    if terms.starts_at - terms.decide_before <= now:
        raise Unreadable(
            f"It would be decided {write_length(terms.decide_before)} before the start, which has passed. Choose "
            "a later start, decide closer to it, or leave this out."
        )
