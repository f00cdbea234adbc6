"""A workshop that isn't announced yet: its preview, and the two forms that change it.

Nothing of it is stored. Its title and description are on the preview, and its numbers in the `custom_id`s there.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import IntFlag
from typing import NamedTuple, Self

from cogs import cards, ui
from cogs.cards.charge import decode_currency, encode_currency
from cogs.ui import Typed
from cogs.ui.routing import Route
from cogs.ui.time_picker import instant, minute_of
from cogs.workshops.panels import takes_place_if
from models import MOST_SEATS, Coach, Guild
from scheduler.core.errors import Unreadable
from scheduler.parsing.dates import parse_moment
from scheduler.parsing.durations import LONGEST_MINUTES, SHORTEST_MINUTES, parse_length, write_length
from scheduler.parsing.fields import Fields
from scheduler.parsing.money import parse_price, write_amount, write_money
from scheduler.time.abbreviations import show_zone
from scheduler.time.time_zones import zone
from scheduler.workshops import terms
from scheduler.workshops.terms import Terms

# {start} is whole minutes since 1970, {shape} what `Draft.numbers` packs, {cost} in minor units of {currency}.
_NUMBERS = "{coach_id}:{start}:{shape}:{cost}:{currency}"
NEW = Route("workshop:new:{coach_id}")
CHANGE = Route(f"workshop:draft:{_NUMBERS}")
RULES = Route(f"workshop:rules:{_NUMBERS}")
ANNOUNCE = Route(f"workshop:announce:{_NUMBERS}")
DISCARD = Route("workshop:discard")

_CREDIT, _DECIDED, _EVENT = "Credit", "Decided", "Scheduled event"
_MONEY_ONLY, _CREDIT_TOO = "Money only", "Minutes of credit count, too"
_YES, _NO = "Yes", "No"
_MOST_LEAD = timedelta(days=30)


class _Flag(IntFlag):
    """What's on or off in a draft. Previews number them, so add new ones last."""

    CREDIT = 1
    NO_EVENT = 2


_BASES = (LONGEST_MINUTES + 1, MOST_SEATS + 1, MOST_SEATS + 1, _MOST_LEAD // timedelta(minutes=1) + 1, 4)
"""One more than the most minutes, seats, fewest people, minutes before the start, and flags."""


class Draft(NamedTuple):
    """The numbers of a workshop that isn't announced yet."""

    coach_id: int
    starts_at: datetime
    minutes: int
    seats: int
    price_minor: int
    currency: str
    """That of the price. The coach may charge in another one by the time it's announced."""
    least: int = 0
    """0: it takes place with anybody."""
    lead_minutes: int = terms.DECIDE_BEFORE // timedelta(minutes=1)
    """How long before the start it's decided."""
    flags: int = 0

    @property
    def numbers(self) -> dict[str, int]:
        """Return the numbers of the routes about it."""
        shape = 0
        for value, base in zip(self._shape, _BASES, strict=True):
            shape = shape * base + min(value, base - 1)
        return {
            "coach_id": self.coach_id,
            "start": minute_of(self.starts_at),
            "shape": shape,
            "cost": self.price_minor,
            "currency": encode_currency(self.currency),
        }

    @classmethod
    def read(cls, coach_id: int, start: int, shape: int, cost: int, currency: int) -> Self:
        """Read what `numbers` wrote. What a tampered client sends is refused when it's announced."""
        values: list[int] = []
        for base in reversed(_BASES):
            shape, value = divmod(shape, base)
            values.insert(0, value)
        minutes, seats, least, lead, flags = values
        return cls(coach_id, instant(start), minutes, seats, cost, decode_currency(currency), least, lead, flags)

    @property
    def _shape(self) -> tuple[int, ...]:
        return self.minutes, self.seats, self.least, self.lead_minutes, self.flags

    def terms(self, texts: Typed) -> Terms:
        """Return what's to be announced, with the texts on the preview."""
        return Terms(
            title=texts.get(terms.TITLE, ""),
            description=texts.get(terms.DESCRIPTION, ""),
            starts_at=self.starts_at,
            duration=timedelta(minutes=self.minutes),
            seats=self.seats,
            price_minor=self.price_minor,
            takes_credit=bool(self.flags & _Flag.CREDIT),
            least=self.least or None,
            decide_before=timedelta(minutes=self.lead_minutes),
            has_event=not self.flags & _Flag.NO_EVENT,
        )


def first_form(custom_id: str, zone_name: str, typed: Typed) -> ui.Form:
    """Ask what it's about, when it is, and for how many."""
    return ui.Form(
        "New workshop",
        custom_id,
        ui.field(terms.TITLE, typed, placeholder="Mixing drums", most=terms.LONGEST_TITLE),
        ui.field(
            terms.DESCRIPTION,
            typed,
            description="What people will learn, and what they should bring.",
            long=True,
            required=False,
            most=terms.LONGEST_DESCRIPTION,
        ),
        ui.field(
            terms.TIME, typed, description=f"In {show_zone(zone_name)}.", placeholder="24 Dec 18:00", most=60
        ),
        ui.field(terms.LENGTH, typed, placeholder="90 min", most=30),
        ui.field(
            terms.SEATS, typed, description=f"{terms.FEWEST_SEATS} to {MOST_SEATS}.", placeholder="12", most=3
        ),
    )


def read_first(typed: Typed, coach: Coach, zone_name: str, now: datetime, before: Draft | None) -> Draft:
    """Read that form, keeping what isn't in it. Raises WrongFields or Unreadable."""
    with Fields() as fields:
        fields.read(terms.TITLE, terms.read_title, typed.get(terms.TITLE, ""))
        fields.read(terms.DESCRIPTION, terms.read_description, typed.get(terms.DESCRIPTION, ""))
        starts_at = fields.read(terms.TIME, _read_start, typed.get(terms.TIME, ""), zone_name, now)
        minutes = fields.read(terms.LENGTH, _read_minutes, typed.get(terms.LENGTH, ""))
        seats = fields.read(terms.SEATS, read_seats, typed.get(terms.SEATS, ""))
    read = {"starts_at": starts_at, "minutes": minutes, "seats": seats}
    if before is None or before.currency != coach.currency:
        return Draft(coach_id=coach.user_id, price_minor=0, currency=coach.currency, **read)
    return before._replace(**read, least=min(before.least, seats))


def written_first(draft: Draft, texts: Typed, zone_name: str) -> Typed:
    """Write the draft as `read_first` reads it."""
    local = draft.starts_at.astimezone(zone(zone_name))
    return {name: texts.get(name, "") for name in (terms.TITLE, terms.DESCRIPTION)} | {
        terms.TIME: f"{local:%Y-%m-%d %H:%M}",
        terms.LENGTH: write_length(timedelta(minutes=draft.minutes)),
        terms.SEATS: str(draft.seats),
    }


def rules_form(draft: Draft, typed: Typed, *, mirrors: bool) -> ui.Form:
    """Ask what a seat costs and when it takes place. `mirrors`: workshops are scheduled events here, too."""
    typed = {**_written_rules(draft), **typed}
    event = [ui.choice(_EVENT, (_YES, _NO), typed, description="Whether it's among the server's events, too.")]
    return ui.Form(
        "Price and rules",
        RULES.id(**draft.numbers),
        ui.field(
            terms.PRICE,
            typed,
            description=f"What a seat costs, in {draft.currency}. Leave empty if it's free.",
            required=False,
            placeholder="15",
            most=40,
        ),
        ui.choice(_CREDIT, (_MONEY_ONLY, _CREDIT_TOO), typed, description="What a seat can be paid with."),
        ui.field(
            terms.LEAST,
            typed,
            description="With fewer people, it's cancelled. Leave empty if any number will do.",
            required=False,
            placeholder="4",
            most=3,
        ),
        ui.field(
            _DECIDED,
            typed,
            description="How long before the start that's decided.",
            required=False,
            placeholder="24 hours",
            most=30,
        ),
        *(event if mirrors else []),
    )


def read_rules(draft: Draft, fields: Fields, typed: Typed) -> Draft:
    """Read that form. What's wrong with it is in `fields` then, and the draft isn't usable."""
    price = fields.read(terms.PRICE, _read_price, typed.get(terms.PRICE, ""), draft.currency)
    least = fields.read(terms.LEAST, _read_least, typed.get(terms.LEAST, ""), draft.seats)
    lead = fields.read(_DECIDED, _read_lead, typed.get(_DECIDED, ""))
    flags = draft.flags & _Flag.NO_EVENT
    if _EVENT in typed:
        flags = _Flag.NO_EVENT if typed[_EVENT] == _NO else 0
    if typed.get(_CREDIT) == _CREDIT_TOO:
        flags |= _Flag.CREDIT
    return draft._replace(price_minor=price, least=least, lead_minutes=lead, flags=int(flags))


def _written_rules(draft: Draft) -> Typed:
    return {
        terms.PRICE: write_amount(draft.price_minor, draft.currency) if draft.price_minor else "",
        _CREDIT: _CREDIT_TOO if draft.flags & _Flag.CREDIT else _MONEY_ONLY,
        terms.LEAST: str(draft.least) if draft.least else "",
        _DECIDED: write_length(timedelta(minutes=draft.lead_minutes)),
        _EVENT: _NO if draft.flags & _Flag.NO_EVENT else _YES,
    }


def preview(
    draft: Draft, texts: Mapping[str, str], guild: Guild, zone_name: str, said: str | None = None
) -> ui.Panel:
    """Show what would be announced, and where."""
    numbers, title = draft.numbers, texts.get(terms.TITLE, "")
    description = texts.get(terms.DESCRIPTION, "")
    where = f"It will be announced in <#{guild.workshop_channel_id}>, for everyone there to see"
    if guild.mirrors_workshops and not draft.flags & _Flag.NO_EVENT:
        where += ", and be among the server's events"
    return ui.Panel(
        ui.text("### Preview of your workshop"),
        ui.Container(
            ui.store_field(terms.TITLE, title),
            ui.text("\n".join(_lines(draft, zone_name))),
            *([ui.store_field(terms.DESCRIPTION, description)] if description else []),
        ),
        ui.text(f"-# {where}. Nobody sees it before you press **Announce**."),
        ui.row(
            ui.button("Announce", ANNOUNCE.id(**numbers), ui.SUCCESS),
            ui.button("Price and rules…", RULES.id(**numbers)),
            ui.button("Change…", CHANGE.id(**numbers)),
            ui.button("Discard", DISCARD.id()),
        ),
        said=said,
    )


def _lines(draft: Draft, zone_name: str) -> list[str]:
    local = draft.starts_at.astimezone(zone(zone_name))
    price = write_money(draft.price_minor, draft.currency)
    lines = [
        cards.when(draft.starts_at),
        f"-# {local:%a %H:%M} in {show_zone(zone_name)}",
        f"{draft.minutes} min with <@{draft.coach_id}> · {price}{' a seat' if draft.price_minor else ''} · "
        f"{draft.seats} seats",
    ]
    if draft.price_minor and draft.flags & _Flag.CREDIT:
        lines.append(f"{draft.minutes} minutes of credit count, too")
    if draft.least:
        decide_at = draft.starts_at - timedelta(minutes=draft.lead_minutes)
        lines.append(takes_place_if(draft.least, decide_at))
    return lines


def _read_start(typed: str, zone_name: str, now: datetime) -> datetime:
    starts_at = parse_moment(typed, now=now, zone=zone(zone_name))
    if starts_at <= now:
        raise Unreadable("That's in the past. Type a later time.")
    return starts_at


def _read_minutes(typed: str) -> int:
    minutes = parse_length(typed, unit="minutes") // timedelta(minutes=1)
    if not SHORTEST_MINUTES <= minutes <= LONGEST_MINUTES:
        raise Unreadable(f"Type a length from {SHORTEST_MINUTES} to {LONGEST_MINUTES} minutes.")
    return minutes


def _read_number(typed: str, instead: str) -> int:
    plain = typed.strip()
    if not (plain.isascii() and plain.isdigit()):
        raise Unreadable(f'"{plain[:20]}" isn\'t a whole number. {instead}')
    return int(plain[:4])


def read_seats(typed: str) -> int:
    """Read how many seats there are. Raises Unreadable."""
    seats = _read_number(typed, f"Type one from {terms.FEWEST_SEATS} to {MOST_SEATS}.")
    terms.check_seats(seats)
    return seats


def _read_price(typed: str, currency: str) -> int:
    return parse_price(typed, currency) if typed.strip() else 0


def _read_least(typed: str, seats: int) -> int:
    if not typed.strip():
        return 0
    least = _read_number(typed, f"Type one from 1 to {seats}.")
    if not 1 <= least <= seats:
        raise Unreadable(f"Type 1 to {seats}, as many as there are seats.")
    return least


def _read_lead(typed: str) -> int:
    lead = parse_length(typed, unit="hours") if typed.strip() else terms.DECIDE_BEFORE
    if lead > _MOST_LEAD:
        raise Unreadable(f"Type at most {write_length(_MOST_LEAD)}.")
    return lead // timedelta(minutes=1)
