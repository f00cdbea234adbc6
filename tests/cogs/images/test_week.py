"""Compare the picture of a week with those in `golden/`, which someone has looked at.

After an intended change, redraw them, look at them, and commit them:

    RENEW_PICTURES=1 pytest -n 0 tests/cogs/images/test_week.py

Patch versions of FreeType smooth letters a little differently. The comparison tolerates that and no more.
"""

import functools
import os
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta
from io import BytesIO
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageChops, ImageColor, ImageFilter, ImageStat

from cogs.images import week_image
from cogs.images.drawing import draw_week
from cogs.images.week import ALT_TEXT_LIMIT, WIDTH, Block, DayColumn, Kind, WeekPicture, describe

GOLDEN = Path(__file__).parent / "golden"
MONDAY = date(2026, 3, 2)

MOST_MEAN = 0.25
"""The mean difference allowed in a channel, out of 255."""
STRONG, MOST_STRONG = 45, 150
"""A strong difference in a channel, and how many pixels in a million may have one."""
FREQUENT = 1000
"""Pixels of a colour that isn't just a shade at the edge of letters."""

LEFT, COLUMN, TOP, HOUR = 114, 135, 136, 80
"""Where columns begin and their width, and where hours begin and their height, from 08:00 to 18:00."""
WHITE = (242, 243, 245)

# How people without the cones for red or green see linear light (Machado et al., 2009).
PROTANOPIA = ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998))
DEUTERANOPIA = ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.01182, 0.04294, 0.968881))
TYPICAL = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))

Colour = tuple[int, int, int]
Box = tuple[int, int, int, int]


def minute(clock: str) -> int:
    """Read "09:30" as minutes of the day."""
    hours, minutes = clock.split(":")
    return int(hours) * 60 + int(minutes)


def free(start: str, end: str, **changed: Any) -> Block:
    return Block(minute(start), minute(end), Kind.OPEN, **changed)


def own(start: str, end: str, label: str = "", **changed: Any) -> Block:
    return Block(minute(start), minute(end), Kind.OWN, label, **changed)


def taken(start: str, end: str) -> Block:
    return Block(minute(start), minute(end), Kind.TAKEN)


def a_week(
    *days: DayColumn,
    monday: date = MONDAY,
    zone: str = "Europe/Berlin",
    now: tuple[date, int] | None = None,
    chosen: Iterable[date] = (),
) -> WeekPicture:
    """Make a week in which only these days have hours or notes."""
    given = {day.date: day for day in days}
    dates = [monday + timedelta(days=number) for number in range(7)]
    return WeekPicture(tuple(given.get(one, DayColumn(one)) for one in dates), zone, now, frozenset(chosen))


def a_monday(*blocks: Block, **changed: Any) -> WeekPicture:
    """Make a week in which only Monday has hours or notes."""
    return a_week(DayColumn(MONDAY, blocks, **changed))


def full_week() -> WeekPicture:
    """Make long days with many sessions, up to midnight."""
    students = ["Anna Berg", "Ben", "Christopher Longname", "Dora Quist", "Eve", "Fay", "Konstantin", "Zoë Åberg"]
    days: list[DayColumn] = []
    for number in range(7):
        starts = [8 * 60 + 90 * turn + 30 * (number % 3) for turn in range(0, 10, 1 + number % 2)]
        sessions = [
            Block(start, start + (60, 45, 30)[turn % 3], Kind.OWN, students[(number + turn) % 8])
            for turn, start in enumerate(starts)
        ]
        hours = (free("07:00", "12:30"), free("13:00", "24:00"))
        days.append(DayColumn(MONDAY + timedelta(days=number), (*hours, *sessions)))
    return a_week(*days, zone="America/Argentina/ComodRivadavia")


def spring_week() -> WeekPicture:
    """Make a Sunday in Berlin without the hour from 02:00."""
    hours = (free("00:00", "02:00"), free("03:00", "08:00"))
    sessions = (own("00:30", "02:00", "Noor"), own("03:00", "04:00"))
    return a_week(
        DayColumn(date(2026, 3, 28), (free("02:00", "09:00"), own("03:00", "04:30", "Mara Lind"))),
        DayColumn(date(2026, 3, 29), (*hours, *sessions), skipped=((120, 180),)),
        monday=date(2026, 3, 23),
    )


def autumn_week() -> WeekPicture:
    """Make a Sunday in Berlin with the hour from 02:00 twice, and a session in each."""
    sessions = (own("02:00", "02:45", "Ana"), own("02:30", "04:00", "Bo Ek", second_time=True))
    return a_week(
        DayColumn(date(2026, 10, 24), (free("02:00", "09:00"), own("02:00", "03:00", "Mara Lind"))),
        DayColumn(date(2026, 10, 25), (free("00:00", "08:00"), *sessions), repeated=((120, 180),)),
        monday=date(2026, 10, 19),
    )


def present_week() -> WeekPicture:
    """Make a usual week on Wednesday afternoon, with a holiday and a session on a day off."""
    office = (free("09:00", "12:00"), free("13:30", "17:00"))
    blocks = [
        (*office, own("09:00", "10:00", "Anna Berg"), own("15:00", "16:30", "Ben Okafor")),
        (*office, own("10:00", "10:30", "Christopher"), own("13:30", "14:30", "Dana")),
        (*office, own("10:30", "11:30", "Eli"), own("14:00", "15:30", "Zoë Lindqvist")),
        (),
        (free("10:00", "12:00"), free("14:00", "18:00"), own("14:00", "15:00", "Ida")),
        (own("10:00", "11:00", "Fay"),),
    ]
    off: dict[int, dict[str, Any]] = {3: {"off": True, "note": "Holidays"}, 5: {"off": True}}
    days = [DayColumn(MONDAY + timedelta(days=day), one, **off.get(day, {})) for day, one in enumerate(blocks)]
    workdays = (MONDAY + timedelta(days=day) for day in range(5))
    return a_week(*days, now=(MONDAY + timedelta(days=2), minute("14:15")), chosen=workdays)


def paused_week() -> WeekPicture:
    """Make the usual week while bookings are paused."""
    days = (
        replace(day, blocks=tuple(replace(one, kind=PAUSED_KINDS.get(one.kind, one.kind)) for one in day.blocks))
        for day in present_week().days
    )
    return replace(present_week(), days=tuple(days))


def students_week() -> WeekPicture:
    """Make a coach's week as a student sees it, with a session of their own and Tuesday chosen."""
    days = (
        DayColumn(MONDAY, (free("11:00", "12:00"), free("13:30", "14:00"), taken("14:00", "15:00"))),
        DayColumn(
            MONDAY + timedelta(days=1),
            (free("09:00", "12:00"), taken("13:30", "16:00"), own("16:00", "17:00", "Cara Lindqvist")),
        ),
        DayColumn(MONDAY + timedelta(days=2), (taken("09:00", "10:30"), free("10:30", "12:00"))),
    )
    return a_week(*days, now=(MONDAY, minute("09:40")), chosen=[MONDAY + timedelta(days=1)])


PAUSED_KINDS = {Kind.OPEN: Kind.PAUSED}
WEEKS: dict[str, Callable[[], WeekPicture]] = {
    "empty": a_week,
    "full": full_week,
    "spring": spring_week,
    "autumn": autumn_week,
    "present": present_week,
    "paused": paused_week,
    "student": students_week,
}


def opened(png: bytes) -> Image.Image:
    return Image.open(BytesIO(png)).convert("RGBA")


drawn_once = functools.cache(draw_week)


def picture(week: WeekPicture) -> Image.Image:
    return opened(drawn_once(week))


def difference(one: Image.Image, other: Image.Image) -> str:
    """Describe how two pictures differ by more than the smoothing of letters. Empty if they don't."""
    if one.size != other.size:
        return f"sizes {one.size} and {other.size}"
    apart = ImageChops.difference(one, other)
    largest = apart.getchannel(0)
    for channel in range(1, 4):
        largest = ImageChops.lighter(largest, apart.getchannel(channel))
    mean = sum(ImageStat.Stat(apart).mean) / 4
    strong = round(sum(largest.histogram()[STRONG + 1 :]) * 1_000_000 / (one.width * one.height))
    lost = lost_colours(one, other) + lost_colours(other, one)
    if mean <= MOST_MEAN and strong <= MOST_STRONG and not lost:
        return ""
    return f"mean {mean:.3f}, strongly different {strong} of a million, colours in one only: {lost}"


def lost_colours(one: Image.Image, other: Image.Image) -> list[object]:
    """Return the frequent colours of one picture of which the other has less than a quarter."""
    here, there = ({colour: count for count, colour in each.getcolors(1 << 20) or []} for each in (one, other))
    return [colour for colour, count in here.items() if count >= FREQUENT and there.get(colour, 0) < count / 4]


def changed_box(one: WeekPicture, other: WeekPicture) -> Box:
    """Return the smallest box around everything that differs."""
    # Without transparency, because Pillow would look at nothing else.
    box = ImageChops.difference(picture(one).convert("RGB"), picture(other).convert("RGB")).getbbox()
    assert box is not None, "nothing differs"
    return box


def colours(image: Image.Image, box: Box) -> list[Colour]:
    """Return the colours in the box, most frequent first."""
    pixels = image.convert("RGB").crop(box).tobytes()
    found = Counter(zip(pixels[::3], pixels[1::3], pixels[2::3], strict=True))
    return [colour for colour, _ in found.most_common()]


def linear(colour: Colour) -> list[float]:
    return [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in (c / 255 for c in colour)
    ]


def luminance(colour: Colour) -> float:
    red, green, blue = linear(colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: Colour, other: Colour) -> float:
    """Return the contrast by WCAG 2, from 1 to 21."""
    dark, bright = sorted((luminance(one), luminance(other)))
    return (bright + 0.05) / (dark + 0.05)


def seen(colour: Colour, eye: tuple[tuple[float, ...], ...]) -> tuple[float, float, float]:
    """Return the colour an eye sees, in CIELAB, where a distance of 2 is just noticeable."""
    light = [min(1.0, max(0.0, sum(a * b for a, b in zip(row, linear(colour), strict=True)))) for row in eye]
    to_xyz = ((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505))
    white = (0.9505, 1.0, 1.089)
    xyz = [sum(a * b for a, b in zip(row, light, strict=True)) / w for row, w in zip(to_xyz, white, strict=True)]
    x, y, z = (t ** (1 / 3) if t > 0.008856 else 7.787 * t + 16 / 116 for t in xyz)
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


@pytest.mark.parametrize("name", WEEKS)
def test_a_week_looks_like_its_golden_picture(name: str, tmp_path: Path) -> None:
    golden = GOLDEN / f"{name}.png"

    drawn = drawn_once(WEEKS[name]())

    if os.environ.get("RENEW_PICTURES"):
        golden.write_bytes(drawn)
    if differs := difference(opened(drawn), opened(golden.read_bytes())):
        actual = tmp_path / f"{name}.png"
        actual.write_bytes(drawn)
        pytest.fail(f"{name}: {differs}. See {actual}. This module's docstring says how to renew it.")


def with_day(number: int, **changed: Any) -> WeekPicture:
    """Change one day of the usual week."""
    days = list(present_week().days)
    days[number] = replace(days[number], **changed)
    return replace(present_week(), days=tuple(days))


def on_friday(*session: str) -> WeekPicture:
    return with_day(4, blocks=(*present_week().days[4].blocks[:2], own(*session)))


CHANGES = {
    "another time of day": replace(present_week(), now=(MONDAY + timedelta(days=2), minute("20:00"))),
    "a session 15 minutes later": on_friday("14:15", "15:15", "Ida"),
    "another name": on_friday("14:00", "15:00", "Bob"),
    "no reason": with_day(3, note=""),
}


@pytest.mark.parametrize("change", CHANGES)
def test_the_comparison_notices_small_changes(change: str) -> None:
    assert difference(picture(present_week()), picture(CHANGES[change]))


@pytest.mark.parametrize("colour", ["#f7bd52", "#5bb8ff", "#ff7a8a", "#a9afbb", "#2e323c", "#4a505d"])
def test_the_comparison_notices_another_colour(colour: str) -> None:
    drawn = drawn_once(present_week())
    flat = Image.open(BytesIO(drawn))
    parts = flat.getpalette() or []
    index = next(at for at in range(0, len(parts), 3) if tuple(parts[at : at + 3]) == ImageColor.getrgb(colour))

    parts[index + 2] ^= 8
    flat.putpalette(parts)

    assert difference(opened(drawn), flat.convert("RGBA"))


def test_the_comparison_tolerates_softer_letters() -> None:
    before = picture(present_week())

    blurred = Image.blend(before, before.filter(ImageFilter.GaussianBlur(0.6)), 0.2)
    softer = before.copy()
    for box in TEXTS.values():
        softer.paste(blurred.crop(box), box)

    assert softer != before
    assert difference(before, softer) == ""


@pytest.mark.parametrize("name", WEEKS)
def test_only_the_corners_are_transparent_and_the_file_is_small(name: str) -> None:
    drawn = drawn_once(WEEKS[name]())

    image = opened(drawn)
    alpha = image.getchannel("A")
    assert len(drawn) < 40_000
    assert [alpha.getpixel((x, y)) for x in (0, WIDTH - 1) for y in (0, image.height - 1)] == [0, 0, 0, 0]
    assert alpha.crop((28, 0, WIDTH - 28, image.height)).getextrema() == (255, 255)
    assert alpha.crop((0, 28, WIDTH, image.height - 28)).getextrema() == (255, 255)


def test_the_size_only_depends_on_the_hours_shown() -> None:
    weeks = (a_week(), present_week(), a_monday(off=True), a_monday(free("08:00", "18:00")))

    assert {picture(week).size for week in weeks} == {(WIDTH, 1032)}


@pytest.mark.parametrize(
    ("start", "end", "hours"),
    [
        ("09:00", "17:00", 10),
        ("17:00", "22:00", 10),
        ("00:00", "01:00", 10),
        ("06:30", "21:15", 16),
        ("00:00", "24:00", 24),
    ],
)
def test_all_hours_in_use_are_shown_but_at_least_ten(start: str, end: str, hours: int) -> None:
    hour = max(40, min(80, 860 // hours))

    assert picture(a_monday(free(start, end))).size == (WIDTH, 232 + hours * hour)


def test_a_session_until_midnight_ends_at_the_last_line() -> None:
    hours, earlier = free("14:00", "24:00"), own("14:00", "15:00")  # so that the legend stays the same

    box = changed_box(a_monday(hours, earlier), a_monday(hours, earlier, own("23:00", "24:00")))

    assert TOP + 9 * HOUR <= box[1] < box[3] <= TOP + 10 * HOUR


def test_a_long_name_is_cut_inside_its_session() -> None:
    name = "Hubert Blaine Wolfeschlegelsteinhausenbergerdorff the Second of Many"

    box = changed_box(a_monday(own("09:00", "11:00", name)), a_monday(own("09:00", "11:00")))

    assert LEFT + 8 <= box[0] < box[2] <= LEFT + COLUMN - 8
    assert TOP + HOUR < box[1] < box[3] < TOP + 3 * HOUR


@pytest.mark.parametrize(
    ("name", "drawn"),
    [
        ("Иван", ""),
        ("李小龙", ""),
        ("김민준", ""),
        ("🎾🏆", ""),
        ("Иван Smith", "Smith"),
        ("Anna 🎾", "Anna"),
        ("Ann\u200da\ufe0f", "Anna"),
        ("Zoë Łuczak", "Zoe Luczak"),
        ("Groß", "Gross"),
        ("Anna", "Anna"),
        ("A\tB\nC", "A B C"),
        ("\uffff\U0001f9ff", ""),
    ],
)
def test_letters_the_font_lacks_are_replaced_or_left_out(name: str, drawn: str) -> None:
    one, other = (a_monday(own("09:00", "11:00", label)) for label in (name, drawn))

    assert draw_week(one) == draw_week(other)
    assert draw_week(a_monday(off=True, note=name)) == draw_week(a_monday(off=True, note=drawn))


HOURS, ALL_DAY = free("09:00", "17:00"), free("00:00", "24:00")
REPEATED = DayColumn(MONDAY, (free("00:00", "08:00"),), repeated=((120, 180),))
SAME = {
    "a name without room is left out": (
        a_monday(ALL_DAY, own("09:00", "09:30", "Anna")),
        a_monday(ALL_DAY, own("09:00", "09:30")),
    ),
    "a reason that can't be drawn becomes Day off": (
        a_monday(off=True, note="Праздники"),
        a_monday(off=True, note="Day off"),
    ),
    "open hours around a repeated hour cover both runs": (
        a_week(REPEATED),
        a_week(replace(REPEATED, blocks=(free("00:00", "08:00", second_time=True),))),
    ),
    "a skipped hour that isn't shown": (a_monday(HOURS), a_monday(HOURS, skipped=((120, 180),))),
    "a repeated hour that isn't shown": (a_monday(HOURS), a_monday(HOURS, repeated=((120, 180),))),
    "the current time in another week": (
        replace(present_week(), now=(date(2026, 3, 11), 600)),
        replace(present_week(), now=None),
    ),
}


@pytest.mark.parametrize("case", SAME)
def test_these_weeks_look_the_same(case: str) -> None:
    one, other = SAME[case]

    assert draw_week(one) == draw_week(other)


@pytest.mark.slow
@settings(max_examples=30, deadline=None)
@given(
    label=st.text(max_size=40),
    start=st.integers(0, 1439),
    length=st.integers(1, 1440),
    second_time=st.booleans(),
    kind=st.sampled_from(Kind),
    now=st.integers(0, 1439),
)
def test_every_block_can_be_drawn(
    label: str, start: int, length: int, second_time: bool, kind: Kind, now: int
) -> None:
    block = Block(start, min(1440, start + length), kind, label, second_time)
    day = DayColumn(MONDAY, (block,), off=second_time, note=label, repeated=((120, 180),), skipped=((600, 630),))

    assert picture(a_week(day, now=(MONDAY, now))).width == WIDTH


def test_the_second_run_of_an_hour_is_right_of_the_first() -> None:
    without, first, second = (
        a_week(replace(REPEATED, blocks=(*REPEATED.blocks, *sessions)))
        for sessions in ([], [own("02:15", "02:45")], [own("02:15", "02:45", second_time=True)])
    )
    middle = LEFT + COLUMN // 2

    assert changed_box(first, second)[0] < middle
    assert changed_box(first, without)[0] < middle - 40
    assert changed_box(second, without)[2] > middle + 40


def test_the_current_time_is_only_drawn_in_its_own_column() -> None:
    box = changed_box(present_week(), CHANGES["another time of day"])

    assert LEFT + 2 * COLUMN - 12 <= box[0] < box[2] <= LEFT + 3 * COLUMN


def test_an_empty_week_says_so_unless_every_day_is_off() -> None:
    holidays = a_week(*(DayColumn(MONDAY + timedelta(days=number), off=True) for number in range(7)))
    middle = (LEFT + 3 * COLUMN, TOP + 5 * HOUR - 20, LEFT + 4 * COLUMN, TOP + 5 * HOUR + 20)

    assert WHITE in colours(picture(a_week()), middle)
    assert WHITE not in colours(picture(holidays), middle)


def test_the_reason_for_a_day_off_makes_way_for_a_session() -> None:
    session = own("11:00", "12:00", "Fay")

    with_reason, plain = (picture(a_monday(session, off=True, note=note)) for note in ("Holidays", ""))

    # On a day without sessions, the reason is a third of the way down, at 11:20.
    box = (LEFT + 9, TOP + 3 * HOUR + 3, LEFT + COLUMN - 8, TOP + 4 * HOUR - 2)
    assert with_reason.crop(box).tobytes() == plain.crop(box).tobytes()
    assert with_reason.tobytes() != plain.tobytes()


def test_the_reason_for_a_day_off_makes_way_for_the_current_time() -> None:
    today = DayColumn(MONDAY, off=True, note="Holidays")

    elsewhere, in_the_way = (picture(a_week(today, now=(MONDAY, minute(now)))) for now in ("17:30", "11:20"))

    # Where the reason is if nothing is in its way: around 11:20.
    reason = (LEFT + 20, TOP + 3 * HOUR + 10, LEFT + COLUMN - 20, TOP + 3 * HOUR + 38)
    assert WHITE in colours(elsewhere, reason)
    assert WHITE not in colours(in_the_way, reason)


TEXTS = {
    "an hour": (20, TOP + HOUR - 16, 96, TOP + HOUR + 16),
    "a weekday": (LEFT + 20, 30, LEFT + COLUMN - 20, 62),
    "a date": (LEFT + 20, 72, LEFT + COLUMN - 20, 108),
    "today's weekday": (LEFT + 2 * COLUMN + 20, 30, LEFT + 3 * COLUMN - 20, 62),
    "today's date": (LEFT + 2 * COLUMN + 32, 76, LEFT + 3 * COLUMN - 32, 104),
    "a student": (LEFT + 22, TOP + HOUR + 6, LEFT + COLUMN - 20, TOP + 2 * HOUR - 6),
    "a reason": (LEFT + 3 * COLUMN + 14, 388, LEFT + 4 * COLUMN - 14, 420),
    "the zone": (24, 976, 224, 1010),
    "free": (738, 976, 796, 1010),
    "your session": (876, 976, 1058, 1010),
}


@pytest.mark.parametrize("text", TEXTS)
def test_text_is_readable_on_its_background(text: str) -> None:
    background, *inks = colours(picture(present_week()), TEXTS[text])

    # Letters have smooth edges, so their own colour contrasts most.
    assert max(contrast(background, ink) for ink in inks) >= 4.5


@pytest.mark.parametrize("eye", [TYPICAL, PROTANOPIA, DEUTERANOPIA], ids=["typical", "protanopia", "deuteranopia"])
def test_everyone_can_tell_free_taken_paused_own_and_closed_apart(eye: tuple[tuple[float, ...], ...]) -> None:
    found = kinds_drawn()

    apart = [
        sum((a - b) ** 2 for a, b in zip(seen(one, eye), seen(other, eye), strict=True)) ** 0.5
        for one, other in combinations(found.values(), 2)
    ]

    assert min(apart) > 15


def kinds_drawn() -> dict[Kind | None, Colour]:
    """Return the colour of each kind of time, and of time outside the hours."""
    drawn: dict[Kind | None, Colour] = {}
    for kind in (*Kind, None):
        blocks = [Block(minute("09:00"), minute("12:00"), kind)] if kind else []
        image = picture(a_monday(*blocks, free("13:00", "18:00")))
        drawn[kind] = colours(image, (LEFT + 30, TOP + 2 * HOUR + 10, LEFT + COLUMN - 30, TOP + 3 * HOUR - 10))[0]
    return drawn


def test_free_time_is_the_bright_one_and_taken_time_recedes() -> None:
    found = kinds_drawn()
    closed = found[None]

    brightness = {kind: contrast(colour, closed) for kind, colour in found.items() if kind}

    assert contrast(found[Kind.OPEN], found[Kind.TAKEN]) >= 4.5
    assert brightness[Kind.OPEN] >= 7
    assert brightness[Kind.OWN] >= 7
    assert 1.5 < brightness[Kind.TAKEN] < 2.5
    assert brightness[Kind.TAKEN] < brightness[Kind.PAUSED] < brightness[Kind.OPEN] / 2


def test_letters_are_at_least_nine_points_on_a_phone() -> None:
    sizes = {value for name, value in vars(week_image).items() if name in ("_SMALL", "_PLAIN", "_LARGE")}

    assert len(sizes) == 3
    assert min(sizes) * 302 / WIDTH >= 9


@pytest.mark.parametrize("day", range(7))
def test_a_chosen_day_is_framed_in_white(day: int) -> None:
    plain = a_monday(free("09:00", "12:00"))
    chosen = replace(plain, chosen=frozenset({MONDAY + timedelta(days=day)}))

    left, top, right, bottom = changed_box(plain, chosen)

    assert LEFT + day * COLUMN - 5 <= left < right <= LEFT + (day + 1) * COLUMN + 6
    assert top < 30
    assert bottom > TOP + 10 * HOUR
    assert WHITE in colours(picture(chosen), (left, top, right, top + 5))


def test_days_chosen_beside_each_other_share_a_frame() -> None:
    both = a_week(chosen=[MONDAY, MONDAY + timedelta(days=1)])
    x = LEFT + COLUMN

    assert WHITE not in colours(picture(both), (x - 6, TOP + 20, x + 7, TOP + 60))


@pytest.mark.slow
def test_many_threads_can_draw_at_once() -> None:
    weeks = [make() for make in WEEKS.values()] * 4

    with ThreadPoolExecutor(8) as threads:
        together = list(threads.map(draw_week, weeks))

    assert together == [draw_week(week) for week in weeks[: len(WEEKS)]] * 4


def test_the_description_lists_each_days_hours_and_sessions() -> None:
    said = describe(present_week())

    assert said.split("; ") == [
        "Mon 2 Mar: 09:00-12:00 free, 13:30-17:00 free, 09:00-10:00 your session (Anna Berg), "
        "15:00-16:30 your session (Ben Okafor)",
        "Tue 3 Mar: 09:00-12:00 free, 13:30-17:00 free, 10:00-10:30 your session (Christopher), "
        "13:30-14:30 your session (Dana)",
        "Wed 4 Mar: 09:00-12:00 free, 13:30-17:00 free, 10:30-11:30 your session (Eli), "
        "14:00-15:30 your session (Zoë Lindqvist)",
        "Thu 5 Mar: day off (Holidays)",
        "Fri 6 Mar: 10:00-12:00 free, 14:00-18:00 free, 14:00-15:00 your session (Ida)",
        "Sat 7 Mar: day off, 10:00-11:00 your session (Fay)",
        "Sun 8 Mar: no hours",
    ]


def test_the_description_mentions_clock_changes() -> None:
    spring, autumn = describe(spring_week()), describe(autumn_week())

    assert "Sun 29 Mar: no 02:00-03:00, 00:00-02:00 free, 03:00-08:00 free" in spring
    assert "Sun 25 Oct: 02:00-03:00 twice, 00:00-08:00 free, 02:00-02:45 your session (Ana)" in autumn
    assert autumn.endswith("02:30-04:00 the second time your session (Bo Ek)")


def test_the_description_of_a_full_week_ends_with_a_whole_day() -> None:
    said = describe(full_week())

    whole = [describe(replace(full_week(), days=full_week().days[:count])) for count in range(1, 4)]
    assert len(said) <= ALT_TEXT_LIMIT
    assert said.endswith("; …")
    assert said.removesuffix("; …") in whole


def test_the_description_of_a_full_day_ends_with_a_whole_session() -> None:
    sessions = [Block(20 * turn, 20 * turn + 20, Kind.OWN) for turn in range(72)]

    said = describe(a_monday(*sessions))

    assert ALT_TEXT_LIMIT - 30 < len(said) <= ALT_TEXT_LIMIT
    assert said.endswith(" your session")
