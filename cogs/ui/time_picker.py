"""Let people pick a day and a free time, to book or to reschedule."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import NamedTuple
from zoneinfo import ZoneInfo

from cogs import ui
from cogs.ui.routing import Route
from scheduler.core.errors import NotFound
from scheduler.time.abbreviations import show_zone
from scheduler.time.hour_cycle import HourCycle
from scheduler.time.time_zones import zone

_DAYS_A_PAGE = 25
_TIMES_A_PAGE = 20
_BUTTONS_A_ROW = 5
_MINUTE = timedelta(minutes=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST_START = (datetime(9000, 1, 1, tzinfo=UTC) - _EPOCH) // _MINUTE


class Links(NamedTuple):
    """Routes of the controls, which all take `ids`. Days are ordinals, starts are whole minutes since 1970."""

    ids: Mapping[str, int]
    pick_day: Route
    """Takes the page of days shown, too."""
    turn_days: Route
    """Takes the day and the page of days to show, too."""
    turn_times: Route
    """Takes the day and the page of times to show, too."""
    time: Route
    """Takes the start, too."""


class Shown(NamedTuple):
    """The day whose times are shown, and the page of days it's on."""

    day: date
    page: int
    on_page: list[date]


class TimePicker(NamedTuple):
    """At least one free time, by day in a zone."""

    days: dict[date, list[datetime]]
    zone_name: str
    cycle: HourCycle
    links: Links

    def shown(self, wanted_day: int, days_page: int | None) -> Shown:
        """Return the day to show: the wanted one, or the next with free times."""
        all_days = list(self.days)
        day = next((one for one in all_days if one.toordinal() >= wanted_day), all_days[-1])
        page = all_days.index(day) // _DAYS_A_PAGE if days_page is None else days_page
        page = min(page, (len(all_days) - 1) // _DAYS_A_PAGE)
        on_page = all_days[page * _DAYS_A_PAGE :][:_DAYS_A_PAGE]
        return Shown(day if day in on_page else on_page[0], page, on_page)

    def items(
        self, shown: Shown, times_page: int, *others: ui.Button, if_room: ui.Button | None = None
    ) -> list[ui.Item]:
        """Return the controls. The last row turns pages, and ends with up to two `others` and `if_room`."""
        times = self.days[shown.day]
        last = (len(times) - 1) // _TIMES_A_PAGE
        page = min(times_page, last)
        buttons = [
            ui.button(
                _clock_label(at, times, zone(self.zone_name), self.cycle),
                self.links.time.id(**self.links.ids, start=minute_of(at)),
            )
            for at in times[page * _TIMES_A_PAGE :][:_TIMES_A_PAGE]
        ]
        turning = [*self._more_times(shown, page, last), *self._more_days(shown), *others]
        if if_room is not None and len(turning) < _BUTTONS_A_ROW:
            turning.append(if_room)
        return [
            ui.row(self._day_select(shown)),
            ui.text(
                f"**{shown.day:%A}, {shown.day.day} {shown.day:%B}** · times in **{show_zone(self.zone_name)}**"
            ),
            *ui.rows(*buttons),
            *ui.rows(*turning),
        ]

    def _day_select(self, shown: Shown) -> ui.Item:
        return ui.select(
            self.links.pick_day.id(**self.links.ids, page=shown.page),
            (
                (
                    f"{one:%a} {one.day} {one:%b} · {len(self.days[one])} free",
                    str(one.toordinal()),
                    one == shown.day,
                )
                for one in shown.on_page
            ),
        )

    def _more_times(self, shown: Shown, page: int, last: int) -> list[ui.Button]:
        if not last:
            return []
        day, other = shown.day.toordinal(), (page + 1) % (last + 1)
        return [ui.button("Other times that day", self.links.turn_times.id(**self.links.ids, day=day, page=other))]

    def _more_days(self, shown: Shown) -> list[ui.Button]:
        last = (len(self.days) - 1) // _DAYS_A_PAGE
        if not last:
            return []
        to = partial(self.links.turn_days.id, **self.links.ids, day=shown.day.toordinal())
        return [
            ui.button(label, to(page=max(other, 0)), disabled=not 0 <= other <= last)
            for label, other in (("Earlier days", shown.page - 1), ("Later days", shown.page + 1))
        ]


def by_day(free: Iterable[datetime], in_zone: ZoneInfo) -> dict[date, list[datetime]]:
    """Group times by their date in the zone."""
    days: dict[date, list[datetime]] = {}
    for at in free:
        days.setdefault(at.astimezone(in_zone).date(), []).append(at)
    return days


def minute_of(at: datetime) -> int:
    """Write an instant for a `custom_id`."""
    return (at - _EPOCH) // _MINUTE


def instant(start: int) -> datetime:
    """Read the instant in a `custom_id`. Raises NotFound if it's beyond the calendar."""
    if start > _LATEST_START:
        raise NotFound("That time doesn't exist. Pick one with `/book`.")
    return _EPOCH + start * _MINUTE


def _clock_label(at: datetime, times: list[datetime], in_zone: ZoneInfo, cycle: HourCycle) -> str:
    """Write "14:00" or "2:00 PM", or "02:30 CEST" if the clock shows that time twice that day."""
    local = at.astimezone(in_zone)
    label = cycle.clock(local)
    twice = sum(cycle.clock(other.astimezone(in_zone)) == label for other in times) > 1
    return f"{label} {local:%Z}" if twice else label
