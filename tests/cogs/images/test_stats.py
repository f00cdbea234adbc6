"""The picture of the statistics. It has no golden pictures: each matplotlib places letters differently."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta
from io import BytesIO
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.text import Text
from PIL import Image, ImageColor

from cogs.images import palette, stats_image
from cogs.images.drawing import draw_stats
from cogs.images.stats import MOST_COACHES, describe, group_into_bars, room_share, write_hours, write_span
from cogs.images.week import ALT_TEXT_LIMIT, WIDTH
from scheduler.reports.statistics import CoachFigures, Day, Stats, Ticks

LAST = date(2026, 11, 23)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ON_A_PHONE = 302
"""How many pixels wide a phone shows the picture."""


def a_coach(name: str = "Cara", *, offered: float = 40, booked: float = 10) -> CoachFigures:
    return CoachFigures(1, name, offered * HOUR, booked * HOUR, {5: 1})


def some_stats(length: int = 30, /, *coaches: CoachFigures, **changed: Any) -> Stats:
    """Make statistics with the same four sessions on each day."""
    first = LAST - (length - 1) * DAY
    each = {first + number * DAY: Day(4, 2, 1, 1) for number in range(length)}
    values: dict[str, Any] = {
        "first": first,
        "last": LAST,
        "zone_name": "Europe/Berlin",
        "days": each,
        "coaches": coaches or (a_coach(),),
        "with_room": 9,
        "without_room": 1,
        "stars": {4: 1, 5: 3},
        "ticks": Ticks(50 * length, 1, timedelta(seconds=30)),
    }
    return Stats(**values | changed)


def picture(stats: Stats) -> Image.Image:
    return Image.open(BytesIO(draw_stats(stats))).convert("RGBA")


def pixels_of(image: Image.Image, colour: str) -> int:
    """Count the pixels of exactly this colour."""
    counts = {found: count for count, found in image.convert("RGB").getcolors(1 << 20) or []}
    return counts.get(ImageColor.getrgb(colour), 0)


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours: https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio."""

    def luminance(colour: str) -> float:
        parts = [part / 255 for part in ImageColor.getrgb(colour)]
        red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    dark, bright = sorted(map(luminance, (one, other)))
    return (bright + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("days", [1, 30, 400, 4000])
def test_only_the_corners_are_transparent_and_the_file_is_small(days: int) -> None:
    drawn = draw_stats(some_stats(days))

    image = Image.open(BytesIO(drawn)).convert("RGBA")
    alpha = image.getchannel("A")
    assert len(drawn) < 100_000
    assert image.width == WIDTH
    assert [alpha.getpixel((x, y)) for x in (0, WIDTH - 1) for y in (0, image.height - 1)] == [0, 0, 0, 0]
    assert alpha.crop((28, 0, WIDTH - 28, image.height)).getextrema() == (255, 255)


def test_bars_are_as_high_as_their_number_of_sessions() -> None:
    bars = picture(some_stats()).crop((92, 520, WIDTH - 48, 900))

    completed, missed, cancelled = (
        pixels_of(bars, one) for one in (palette.COMPLETED, palette.NO_SHOW, palette.CANCELLED)
    )

    # The dots for booked sessions cover a little of the topmost.
    assert completed == pytest.approx(2 * missed, rel=0.05)
    assert missed == pytest.approx(cancelled, rel=0.2)


def test_booked_hours_are_amber_and_offered_ones_blue() -> None:
    little, much = (picture(some_stats(30, a_coach(booked=booked))) for booked in (4, 36))

    assert pixels_of(much, palette.COUNTED) > pixels_of(little, palette.COUNTED) + 5000
    assert pixels_of(much, palette.OFFERED) < pixels_of(little, palette.OFFERED) - 5000


@pytest.mark.slow
def test_no_shows_are_red_only_if_there_were_some() -> None:
    tile = (310, 200, 530, 290)

    some, none = (picture(some_stats(days={LAST: Day(4, 2, missed, 1)})).crop(tile) for missed in (1, 0))

    assert pixels_of(some, palette.NO_SHOW) > 100
    assert pixels_of(none, palette.NO_SHOW) == 0
    assert pixels_of(none, palette.TEXT) > 100


BUSY = {LAST - number * DAY: Day(99_999, 99_999, 0, 12_345) for number in range(400)}
LONG = [a_coach(name, offered=9_999, booked=1_234) for name in ("Maximiliane Hartmann-Schulze", "W" * 40)]


@pytest.mark.parametrize(
    "stats",
    [
        some_stats(),
        some_stats(400, *LONG, days=BUSY, stars=dict.fromkeys(range(1, 6), 12_345)),
        some_stats(5, a_coach(offered=0), stars={}, zone_name="America/Argentina/ComodRivadavia"),
        some_stats(1, days={LAST: Day(1)}, with_room=0, without_room=0),
    ],
    ids=["a month", "a busy year", "without reviews", "a day"],
)
def test_texts_are_readable_on_a_phone_inside_the_card_and_never_overlap(stats: Stats) -> None:
    figure = stats_image.lay_out(stats)
    figure.draw_without_rendering()
    texts = [one for one in figure.findobj(Text) if one.get_text() and one.get_visible()]
    boxes = {f"{one.get_text()} {number}": one.get_window_extent() for number, one in enumerate(texts)}

    too_small = [one.get_text() for one in texts if float(one.get_fontsize()) * ON_A_PHONE / WIDTH < 9]
    outside = [words for words, box in boxes.items() if box.x0 < 28 or box.x1 > WIDTH - 28]
    overlapping = [pair for pair in combinations(boxes, 2) if boxes[pair[0]].overlaps(boxes[pair[1]])]
    assert len(texts) > 10
    assert (too_small, outside, overlapping) == ([], [], [])


@pytest.mark.parametrize("ink", ["TEXT", "QUIET", "COMPLETED", "NO_SHOW", "COUNTED"])
@pytest.mark.parametrize("background", ["CARD", "TILE"])
def test_texts_stand_out_from_their_background(ink: str, background: str) -> None:
    assert contrast(getattr(palette, ink), getattr(palette, background)) >= 4.5


@pytest.mark.parametrize("ink", ["COMPLETED", "NO_SHOW", "CANCELLED", "COUNTED"])
def test_bars_and_dots_stand_out_from_the_card(ink: str) -> None:
    assert contrast(getattr(palette, ink), palette.CARD) >= 3


@pytest.mark.slow
def test_each_coach_makes_the_picture_longer_up_to_the_limit() -> None:
    heights = [picture(some_stats(7, *[a_coach()] * count)).height for count in (1, 2, MOST_COACHES, 25)]

    assert heights[0] < heights[1] < heights[2] == heights[3]


@pytest.mark.slow
def test_many_threads_can_draw_at_once() -> None:
    several = [some_stats(days) for days in (7, 30, 90)]
    alone = [draw_stats(one) for one in several]

    with ThreadPoolExecutor(6) as threads:
        together = list(threads.map(draw_stats, several * 2))

    assert together == alone * 2


@pytest.mark.slow
@settings(max_examples=8, deadline=None)
@given(
    name=st.text(max_size=30) | st.sampled_from(["$\\frac{1}", "李小龙", "🎾", "a_b^c", "%s"]),
    offered=st.floats(0, 500),
    booked=st.floats(0, 500),
    counts=st.lists(st.integers(0, 10**5), min_size=4, max_size=4),
    stars=st.dictionaries(st.integers(1, 5), st.integers(1, 10**4)),
)
def test_any_statistics_can_be_drawn(
    name: str, offered: float, booked: float, counts: list[int], stars: dict[int, int]
) -> None:
    coach = a_coach(name, offered=offered, booked=booked)
    happened = {"days": {LAST: Day(*counts)}, "stars": stars, "with_room": 0, "without_room": 0}
    stats = replace(some_stats(7, coach), **happened)

    assert draw_stats(stats)
    assert len(describe(stats)) <= ALT_TEXT_LIMIT


def test_the_description_has_the_same_numbers() -> None:
    assert describe(some_stats(7, a_coach("Cara"), a_coach("Ben", offered=0, booked=2))) == (
        "17 Nov – 23 Nov 2026: 28 sessions booked, 14 completed, 7 no-shows, 7 cancelled; 90% had a room; "
        "4.8 stars from 4 reviews; Cara: 10 of 40 h booked (25%); "
        "Ben: 2 h booked, none offered"
    )


def test_the_description_of_long_names_keeps_to_discords_limit() -> None:
    said = describe(some_stats(7, *[a_coach("x" * 300)] * 8))

    assert len(said) <= ALT_TEXT_LIMIT
    assert said.endswith("(25%)")


@pytest.mark.parametrize(
    ("days", "bars", "first", "second"),
    [
        (7, 7, date(2026, 11, 17), date(2026, 11, 18)),
        (30, 30, date(2026, 10, 25), date(2026, 10, 26)),
        (90, 14, date(2026, 8, 24), date(2026, 8, 31)),
        (400, 14, date(2025, 10, 1), date(2025, 11, 1)),
    ],
)
def test_bars_are_days_up_to_a_month_weeks_up_to_half_a_year_then_months(
    days: int, bars: int, first: date, second: date
) -> None:
    found = group_into_bars(some_stats(days))

    assert len(found) == bars
    assert [found[0][0], found[1][0]] == [first, second]
    assert sum(day.completed for _, day in found) == 2 * days


def test_days_without_sessions_are_empty_bars() -> None:
    found = group_into_bars(replace(some_stats(7), days={LAST: Day(created=3)}))

    assert [day.created for _, day in found] == [0, 0, 0, 0, 0, 0, 3]


def test_a_single_missing_room_is_never_rounded_away() -> None:
    assert room_share(some_stats(with_room=999, without_room=1)) == "99%"
    assert room_share(some_stats(with_room=999, without_room=0)) == "100%"


def test_dates_name_each_year_once() -> None:
    assert write_span(LAST, LAST) == "23 Nov 2026"
    assert write_span(LAST - 30 * DAY, LAST) == "24 Oct – 23 Nov 2026"
    assert write_span(LAST - 365 * DAY, LAST) == "23 Nov 2025 – 23 Nov 2026"


def test_hours_are_rounded() -> None:
    assert write_hours(a_coach(offered=40, booked=10.4)) == "10 of 40 h booked (26%)"
