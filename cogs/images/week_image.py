"""Draw a coach's week. Loads Pillow, so `cogs.images.week` only imports it to draw."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from PIL import Image

from cogs.images import palette
from cogs.images.canvas import Box, fill, fit_lines, hatch, png, text_width, write
from cogs.images.week import WIDTH, Block, DayColumn, Kind, WeekPicture, day_and_month

_LEFT, _COLUMN, _TOP, _FOOT = 114, 135, 136, 96
_RIGHT = _LEFT + 7 * _COLUMN
_SMALL, _PLAIN, _LARGE, _LINE = 33, 34, 40, 35
"""Sizes of letters, and the height of a line. Where a phone shows the picture 302 points wide, 33 pixels are 9."""
_WORKING_DAY = (8, 18)

_CARD, _CARD_EDGE, _TODAY = palette.CARD, palette.CARD_EDGE, palette.TODAY
_TEXT, _QUIET, _HOUR, _HATCH = palette.TEXT, palette.QUIET, palette.LINE, palette.HATCH
_NOW, _NOW_TEXT, _CHOSEN = palette.NOW, palette.NOW_TEXT, palette.CHOSEN
_INK = {Kind.OPEN: palette.OPEN_TEXT, Kind.PAUSED: _TEXT, Kind.TAKEN: _TEXT, Kind.OWN: palette.OWN_TEXT}
_FILL = {Kind.OPEN: palette.OPEN, Kind.PAUSED: palette.PAUSED, Kind.TAKEN: palette.TAKEN, Kind.OWN: palette.OWN}
_LINES = {Kind.OPEN: palette.OPEN_LINE, Kind.PAUSED: palette.PAUSED_LINE}
_COLOUR_PAIRS = (
    *((_CARD, ink) for ink in (_CARD_EDGE, _TEXT, _QUIET, _HOUR, _HATCH, _TODAY, _CHOSEN)),
    *((_CARD, ink) for ink in (*_FILL.values(), palette.OWN_EDGE, _NOW)),
    *((_TODAY, ink) for ink in (_TEXT, _NOW, palette.OPEN)),
    *((_CHOSEN, ink) for ink in (_TEXT, _NOW, palette.OPEN)),
    *((palette.OPEN, ink) for ink in (palette.OPEN_TEXT, palette.OWN, palette.OWN_EDGE)),
    *((palette.PAUSED, ink) for ink in (palette.OWN, palette.OWN_EDGE)),
    *((_CARD, ink) for ink in _LINES.values()),
    *((palette.OWN, ink) for ink in (palette.OWN_EDGE, palette.OWN_TEXT)),
    (_NOW, _NOW_TEXT),
)


@dataclass(frozen=True, slots=True)
class _Sheet:
    """The picture being drawn, and the hours it shows."""

    image: Image.Image
    week: WeekPicture
    first_hour: int
    last_hour: int
    hour_height: int

    @property
    def bottom(self) -> int:
        """Return where the last hour ends."""
        return self.y(self.last_hour * 60)

    def y(self, minute: float) -> int:
        """Return where a minute of the day lies."""
        return round(_TOP + (minute / 60 - self.first_hour) * self.hour_height)

    def shows(self, start: float, end: float) -> bool:
        """Return whether all of these minutes are shown."""
        return self.first_hour * 60 <= start and end <= self.last_hour * 60

    def now_on(self, day: date) -> int | None:
        """Return where the current-time line lies, if it's on that day and within the hours shown."""
        if self.week.now is None or self.week.now[0] != day or not self.shows(self.week.now[1], self.week.now[1]):
            return None
        return self.y(self.week.now[1])


def draw(week: WeekPicture) -> bytes:
    """Draw the week as a PNG, `WIDTH` wide and as high as needed: an opaque card with round corners."""
    first, last = _axis(week)
    hour_height = max(40, min(80, 860 // (last - first)))
    height = _TOP + (last - first) * hour_height + _FOOT
    sheet = _Sheet(Image.new("RGB", (WIDTH, height), _CARD_EDGE), week, first, last, hour_height)
    fill(sheet.image, (2, 2, WIDTH - 2, height - 2), _CARD, 26)
    _draw_chosen(sheet)
    for place, day in enumerate(week.days):
        _draw_heading(sheet, place, day.date)
    _draw_hours(sheet)
    for place, day in enumerate(week.days):
        _draw_day(sheet, place, day)
    if not any(day.blocks for day in week.days) and not all(day.off for day in week.days):
        _draw_note(sheet, (_LEFT + _RIGHT) // 2, sheet.y((first + last) * 30), ["No hours this week"], _LARGE)
    _draw_foot(sheet)
    return png(sheet.image, _COLOUR_PAIRS, _CARD_EDGE, radius=28)


def _axis(week: WeekPicture) -> tuple[int, int]:
    """Return the first and last hour to show: those in use, but at least a working day's worth."""
    blocks = [block for day in week.days for block in day.blocks]
    first = min((block.start_minute for block in blocks), default=12 * 60) // 60
    last = -(-max((block.end_minute for block in blocks), default=12 * 60) // 60)
    if _WORKING_DAY[0] <= first and last <= _WORKING_DAY[1]:
        return _WORKING_DAY
    hours = max(last - first, _WORKING_DAY[1] - _WORKING_DAY[0])
    first = max(0, min(first - (hours - (last - first)) // 2, 24 - hours))
    return first, first + hours


def _draw_chosen(sheet: _Sheet) -> None:
    """Frame the chosen days, those beside each other in one frame."""
    chosen = [place for place, day in enumerate(sheet.week.days) if day.date in sheet.week.chosen]
    for first in (place for place in chosen if place - 1 not in chosen):
        past = next(place for place in range(first, 8) if place not in chosen)
        left, right = _LEFT + first * _COLUMN - 4, _LEFT + past * _COLUMN + 5
        fill(sheet.image, (left, 16, right, sheet.bottom + 8), _TEXT, 18)
        fill(sheet.image, (left + 4, 20, right - 4, sheet.bottom + 4), _CHOSEN, 14)


def _draw_heading(sheet: _Sheet, place: int, day: date) -> None:
    """Draw weekday and date above a column. Today's column is lighter, with its date in a pill."""
    left, middle = _LEFT + place * _COLUMN, _LEFT + place * _COLUMN + _COLUMN // 2
    is_today = sheet.week.now is not None and sheet.week.now[0] == day
    is_chosen = day in sheet.week.chosen
    if is_today:
        if not is_chosen:
            fill(sheet.image, (left + 5, 22, left + _COLUMN - 4, sheet.bottom), _TODAY, 14)
        half = text_width(day_and_month(day), _PLAIN) // 2 + 8
        fill(sheet.image, (middle - half, 68, middle + half, 112), _NOW, 22)
    write(sheet.image, (middle, 46), f"{day:%a}", _SMALL, _TEXT if is_today or is_chosen else _QUIET, "mm")
    write(sheet.image, (middle, 90), day_and_month(day), _PLAIN, _NOW_TEXT if is_today else _TEXT, "mm", bold=0.4)


def _draw_hours(sheet: _Sheet) -> None:
    """Draw lines for hours and days, and label the hours, or every second one if they're close together."""
    for hour in range(sheet.first_hour, sheet.last_hour + 1):
        y = sheet.y(hour * 60)
        fill(sheet.image, (_LEFT, y, _RIGHT + 1, y + 1), _HOUR)
        if sheet.hour_height >= 44 or hour % 2 == 0:
            write(sheet.image, (_LEFT - 10, y), sheet.week.cycle.short(hour * 60), _SMALL, _QUIET, "rm")
    for x in range(_LEFT, _RIGHT + 1, _COLUMN):
        fill(sheet.image, (x, _TOP, x + 1, sheet.bottom), _HOUR)


def _draw_day(sheet: _Sheet, place: int, day: DayColumn) -> None:
    """Draw a day's column from back to front, so bookings cover open hours."""
    left, right = _LEFT + place * _COLUMN + 1, _LEFT + (place + 1) * _COLUMN
    if day.off:
        hatch(sheet.image, (left + 3, _TOP, right - 3, sheet.bottom), _HATCH, crossed=False)
    for block in day.blocks:
        if not block.kind.is_session:
            _draw_block(sheet, place, day, block)
    for low, high in _visible(sheet, day.skipped):
        fill(sheet.image, (left, low, right, high), _CARD)
        hatch(sheet.image, (left, low, right, high), _HATCH, crossed=True)
    for block in sorted(day.blocks, key=lambda block: block.kind is Kind.OWN):
        if block.kind.is_session:
            _draw_block(sheet, place, day, block)
    for low, high in _visible(sheet, day.repeated):
        middle = (left + right) // 2
        for y in range(low + 2, high - 1, 11):
            fill(sheet.image, (middle - 1, y, middle + 2, min(y + 7, high - 1)), _TEXT)
    _draw_notes(sheet, place, day)
    _draw_now(sheet, place, day.date)


def _visible(sheet: _Sheet, ranges: tuple[tuple[int, int], ...]) -> list[tuple[int, int]]:
    """Return the top and bottom of the visible part of each range."""
    edges = [(max(sheet.y(start), _TOP), min(sheet.y(end), sheet.bottom)) for start, end in ranges]
    return [(low, high) for low, high in edges if low < high]


def _draw_block(sheet: _Sheet, place: int, day: DayColumn, block: Block) -> None:
    """Draw a block's pieces and label the largest. Hour lines show through open blocks."""
    boxes = list(_boxes(sheet, place, day, block))
    for left, top, right, bottom in boxes:
        _draw_piece(sheet.image, (left, top, right, bottom), block.kind)
        for hour in range(sheet.first_hour, sheet.last_hour):
            if block.kind in _LINES and top + 2 < (y := sheet.y(hour * 60)) < bottom - 2:
                fill(sheet.image, (left + 2, y, right - 2, y + 1), _LINES[block.kind])
    if boxes and block.label:
        roomiest = max(boxes, key=lambda box: (box[2] - box[0]) * (box[3] - box[1]))
        _draw_label(sheet.image, roomiest, block, sheet.now_on(day.date))


def _draw_label(image: Image.Image, box: Box, block: Block, now_y: int | None) -> None:
    """Write the label in its box, on the larger side of the current-time line if that crosses it."""
    left, top, right, bottom = box
    if now_y is not None and top < now_y < bottom:
        top, bottom = (top, now_y - 3) if now_y - top > bottom - now_y else (now_y + 4, bottom)
    lines = fit_lines(block.label, _SMALL, right - left - 19, most=min(3, (bottom - top) // _LINE))
    # Text that just fits is centred; with room to spare it goes to the top.
    first = top + min(8, (bottom - top - len(lines) * _LINE) // 2) + _LINE // 2
    for number, text in enumerate(lines):
        write(image, (left + 14, first + number * _LINE), text, _SMALL, _INK[block.kind], "lm")


def _boxes(sheet: _Sheet, place: int, day: DayColumn, block: Block) -> Iterator[Box]:
    """Yield where the block lies: across the column, or half of it for repeated minutes."""
    inset, gap = (9, 3) if block.kind is Kind.OWN else (6, 1)
    left, right = _LEFT + place * _COLUMN + inset, _LEFT + (place + 1) * _COLUMN + 1 - inset
    middle, start = (left + right) // 2, block.start_minute
    for low, high in sorted(day.repeated):
        inside = max(start, low), min(block.end_minute, high)
        if inside[0] >= inside[1] or (block.start_minute < low and block.end_minute > high):
            continue
        if start < low:
            yield left, sheet.y(start) + gap, right, sheet.y(low) - gap + 1
        half = (middle + 5, right) if block.second_time else (left, middle - 4)
        yield half[0], sheet.y(inside[0]) + gap, half[1], sheet.y(inside[1]) - gap + 1
        start = inside[1]
    if start < block.end_minute:
        yield left, sheet.y(start) + gap, right, sheet.y(block.end_minute) - gap + 1


def _draw_piece(image: Image.Image, box: Box, kind: Kind) -> None:
    """Draw time in the colour of its kind. The reader's own sessions have a dark stripe."""
    left, top, right, bottom = box
    if kind is Kind.OWN:
        fill(image, box, palette.OWN_EDGE, 9)
        fill(image, (left + 6, top, right, bottom), palette.OWN, 9)
    else:
        fill(image, box, _FILL[kind], 10)


def _draw_notes(sheet: _Sheet, place: int, day: DayColumn) -> None:
    """Write why the day is off and what its clock does, away from other text."""
    cycle = sheet.week.cycle
    notes = [(start, end, f"no {cycle.short(start)}") for start, end in day.skipped]
    notes += [(start, end, f"{cycle.short(start)} twice") for start, end in day.repeated]
    if day.off:
        upper = (sheet.first_hour * 2 + sheet.last_hour) * 20
        notes.append((upper, upper, day.note))
    for start, end, text in notes:
        lines = fit_lines(text, _SMALL, _COLUMN - 6, most=4) or ["Day off"]
        centre = _clear_minute(sheet, day, (start + end) / 2, len(lines) * _LINE + 8)
        if centre is not None and sheet.shows(start, end):
            _draw_note(sheet, _LEFT + place * _COLUMN + _COLUMN // 2, sheet.y(centre), lines, _SMALL)


def _clear_minute(sheet: _Sheet, day: DayColumn, wanted: float, height: int) -> float | None:
    """Return the minute nearest to `wanted` with `height` pixels around it free of text and bookings."""
    half, label = height * 30 / sheet.hour_height, 3 * _LINE * 60 / sheet.hour_height
    taken: list[tuple[float, float]] = []
    for one in day.blocks:
        if one.label or one.kind.is_session:
            taken.append((one.start_minute, one.end_minute if one.kind.is_session else one.start_minute + label))
    if sheet.week.now is not None and sheet.week.now[0] == day.date:
        taken.append((sheet.week.now[1] - label / 8, sheet.week.now[1] + label / 8))
    for away in range(0, 24 * 60, 5):
        for centre in (wanted - away, wanted + away):
            clear = all(end <= centre - half or centre + half <= start for start, end in taken)
            if clear and sheet.shows(centre - half, centre + half):
                return centre
    return None


def _draw_note(sheet: _Sheet, x: int, y: int, lines: list[str], size: int) -> None:
    """Write centred lines on their own background, so hatching doesn't make them hard to read."""
    line = size + 2
    half, top = max(text_width(text, size) for text in lines) // 2 + 3, y - len(lines) * line // 2
    fill(sheet.image, (x - half, top - 3, x + half + 1, top + len(lines) * line + 3), _CARD, 10)
    for number, text in enumerate(lines):
        write(sheet.image, (x, top + number * line + line // 2), text, size, _TEXT, "mm")


def _draw_now(sheet: _Sheet, place: int, day: date) -> None:
    """Draw the current-time line, with a dark outline that stands out on any background."""
    left, right, y = _LEFT + place * _COLUMN, _LEFT + (place + 1) * _COLUMN, sheet.now_on(day)
    if y is not None:
        fill(sheet.image, (left - 11, y - 11, left + 12, y + 12), _CARD, 11)
        fill(sheet.image, (left, y - 4, right, y + 5), _CARD)
        fill(sheet.image, (left, y - 2, right, y + 3), _NOW)
        fill(sheet.image, (left - 8, y - 8, left + 9, y + 9), _NOW, 8)


def _draw_foot(sheet: _Sheet) -> None:
    """Draw the legend on the right and, on the left, as much of the zone's name as fits."""
    x, y = _RIGHT, sheet.bottom + _FOOT // 2 + 8
    used = {block.kind for day in sheet.week.days for block in day.blocks}
    for kind in (kind for kind in reversed(Kind) if kind in used):
        for text in fit_lines(kind.value, _SMALL, 220):
            x -= text_width(text, _SMALL)
            write(sheet.image, (x, y), text, _SMALL, _TEXT, "lm")
        x -= 50
        _draw_piece(sheet.image, (x, y - 15, x + 38, y + 15), kind)
        x -= 32
    for text in fit_lines(sheet.week.zone, _SMALL, x - 24):
        write(sheet.image, (24, y), text, _SMALL, _QUIET, "lm")
