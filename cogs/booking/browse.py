"""The list of coaches, filtered and sorted."""

from functools import partial
from typing import NamedTuple

from cogs import cards, routes, ui
from cogs.ui.routing import Route
from scheduler.availability.coach_search import Listing, Sort
from scheduler.core.clock import stamp

# {sort} is a `Sort`, {specialty} the id of one (0: all).
BROWSE = Route("book:browse:{sort}:{specialty}:{page}")
PICK_SPECIALTY = Route("book:specialty:{sort}")
PICK_SORT = Route("book:sort:{specialty}")

_ALL = "All specialties"
_MOST_OPTIONS = 25
_COACHES_A_PAGE = 5
_CURRENCIES = "-# Rates in different currencies can't be compared, so coaches are grouped by currency"
_SORTS = {Sort.SOONEST: "Soonest free", Sort.BEST_RATED: "Best rated", Sort.LOWEST_RATE: "Lowest rate"}


class CoachList(NamedTuple):
    """The coaches to show, and how they were filtered and sorted."""

    listings: list[Listing]
    specialties: dict[int, str]
    specialty: int
    sort: Sort

    def panel(self, page: int) -> ui.Panel:
        """Show five coaches a page."""
        if not self.listings and not self.specialty:
            return ui.Panel(
                ui.text(
                    "### No coaches to book yet\nNobody else is taking bookings right now. Would you like to "
                    "coach here? Apply with `/coach apply`."
                )
            )
        parts: list[ui.Item] = [ui.text("### Who would you like to book?"), *self._selects()]
        if not self.listings:
            parts.append(ui.text("**Nobody teaches this at the moment.** Choose another specialty."))
            return ui.Panel(*parts)
        to = partial(BROWSE.id, sort=self.sort.value, specialty=self.specialty)
        shown, pager = ui.paged(self.listings, page, _COACHES_A_PAGE, to)
        has_avatars = any(one.coach.avatar_url for one in shown)
        for one in shown:
            parts.extend(_coach(one, has_avatars=has_avatars))
        currencies = {one.coach.currency for one in self.listings if one.coach.rate_minor}
        if self.sort is Sort.LOWEST_RATE and len(currencies) > 1:
            parts.append(ui.text(_CURRENCIES))
        wait = ui.button("Nothing suits? Tell me when…", routes.WAIT.id(coach_id=0, minutes=0))
        return ui.Panel(*parts, *pager, ui.row(wait))

    def _selects(self) -> list[ui.Item]:
        specialties = [(name, str(id_), id_ == self.specialty) for id_, name in self.specialties.items()]
        if has_room := len(specialties) < _MOST_OPTIONS:
            specialties.insert(0, (_ALL, "0", not self.specialty))
        parts: list[ui.Item] = [
            ui.row(ui.select(PICK_SPECIALTY.id(sort=self.sort.value), specialties, placeholder=_ALL))
        ]
        if self.specialty and not has_room:
            parts.append(ui.row(ui.button(_ALL, BROWSE.id(sort=self.sort.value, specialty=0, page=0))))
        sorts = [(words, str(sort.value), sort is self.sort) for sort, words in _SORTS.items()]
        return [*parts, ui.row(ui.select(PICK_SORT.id(specialty=self.specialty), sorts))]


def read_sort(number: int) -> Sort:
    """Read the order in a `custom_id`, falling back to soonest free."""
    return Sort(number) if number in {sort.value for sort in Sort} else Sort.SOONEST


def _coach(one: Listing, *, has_avatars: bool) -> list[ui.Item]:
    coach = one.coach
    free = (
        f"next free {stamp(one.next_free, 'R')}"
        if one.next_free
        else f"nothing free in the next {coach.horizon_days} days"
    )
    book = (
        ui.button("Book", routes.BOOK_COACH.id(coach_id=coach.user_id, minutes=0, day=0, page=0))
        if one.next_free
        else ui.button("Tell me when…", routes.WAIT.id(coach_id=coach.user_id, minutes=0))
    )
    words = (
        f"**<@{coach.user_id}>** · {cards.rating(coach)} · {cards.rate(coach)}\n"
        f"{cards.taught(one.specialties)}\n-# {free}"
    )
    if not has_avatars:
        return [ui.Section(words, accessory=book)]
    return [cards.with_avatar(coach, words), ui.row(book)]  # only one of them fits beside the words
