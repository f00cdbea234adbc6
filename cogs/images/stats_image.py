"""Draw statistics. Loads Pillow and matplotlib, so `cogs.images.stats` only imports it to draw."""

from collections.abc import Sequence
from datetime import date, timedelta
from threading import Lock
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from cogs.images.canvas import fill, fit_lines, png, text_width
from cogs.images.palette import BOOKED, CARD, CARD_EDGE, FREE, FREE_EDGE, HATCH, LINE, NOW, QUIET, TEXT
from cogs.images.stats import MOST_COACHES, group_into_bars, room_share, write_hours, write_span
from cogs.images.week import WIDTH
from scheduler.reports.statistics import CoachFigures, Stats, average
from scheduler.reviews.reviews import MOST_STARS

_LEFT, _RIGHT = 48, WIDTH - 48
_TILES, _CHART, _COACH, _LAST = 296, 330, 72, 250
_SMALL, _PLAIN, _LARGE = 27, 34, 54
_TEXT_SCALE = 1.14
"""How much wider matplotlib's text is than `canvas` measures."""
_HOUR = timedelta(hours=1)
_KINDS = (("completed", FREE_EDGE), ("no_show", NOW), ("cancelled", HATCH))
_COLOUR_PAIRS = (
    *((CARD, ink) for ink in (CARD_EDGE, TEXT, QUIET, LINE, HATCH, FREE, FREE_EDGE, BOOKED, NOW)),
    *((BOOKED, ink) for ink in (FREE, FREE_EDGE, HATCH, NOW)),
    (FREE_EDGE, NOW),
    (NOW, HATCH),
    (FREE_EDGE, HATCH),
)
_lock = Lock()
"""matplotlib shares font caches between figures, and they aren't thread-safe."""


def draw(stats: Stats) -> bytes:
    """Draw a PNG, `WIDTH` wide."""
    with _lock:
        return _draw(stats)


def _draw(stats: Stats) -> bytes:
    coaches = stats.coaches[:MOST_COACHES]
    of_coaches = 90 + len(coaches) * _COACH if coaches else 0
    height = _TILES + 70 + _CHART + 100 + of_coaches + 20 + _LAST + 70
    # At 72 dpi, a font's point is a pixel.
    figure = Figure((WIDTH / 72, height / 72), dpi=72, facecolor=CARD)
    canvas = FigureCanvasAgg(figure)
    _draw_head(figure, stats)
    y = _TILES
    _draw_sessions(figure, y, stats)
    y += 70 + _CHART + 100
    if coaches:
        _draw_coaches(figure, y, coaches)
        y += of_coaches
    _draw_stars(figure, y + 20, stats)
    _draw_ticks(figure, y + 20, stats)
    canvas.draw()
    drawn = Image.frombuffer("RGBA", canvas.get_width_height(), bytes(canvas.buffer_rgba())).convert("RGB")
    card = Image.new("RGB", drawn.size, CARD_EDGE)
    fill(card, (2, 2, WIDTH - 2, height - 2), CARD, 26)
    inside = (28, 28, WIDTH - 28, height - 28)
    card.paste(drawn.crop(inside), inside)
    return png(card, _COLOUR_PAIRS, CARD_EDGE, radius=28)


def _write(figure: Figure, x: float, y: float, text: str, size: int, colour: str, align: str = "left") -> None:
    """Write a line centred `y` pixels from the top. The text is never parsed as a formula."""
    height = figure.get_figheight() * 72
    figure.text(
        x / WIDTH,
        1 - y / height,
        text,
        fontsize=size,
        color=colour,
        ha=align,
        va="center",
        family="DejaVu Sans",
        parse_math=False,
    )


def _axes(figure: Figure, left: float, top: float, width: float, height: float) -> Axes:
    """Add bare axes for bars, positioned in pixels from the top left."""
    whole = figure.get_figheight() * 72
    axes = figure.add_axes((left / WIDTH, 1 - (top + height) / whole, width / WIDTH, height / whole))
    axes.set_facecolor(CARD)
    for side in axes.spines.values():
        side.set_visible(False)
    axes.tick_params(length=0, labelsize=_SMALL - 3, labelcolor=QUIET, labelfontfamily="DejaVu Sans", pad=8)
    axes.set_axisbelow(True)
    return axes


def _draw_head(figure: Figure, stats: Stats) -> None:
    """Draw the dates and the four main figures."""
    total, stars = stats.total, average(stats.stars)
    over = total.completed + total.no_show
    tried = stats.with_room + stats.without_room
    _write(figure, _LEFT, 68, write_span(stats.first, stats.last), _PLAIN, TEXT)
    for zone_name in fit_lines(stats.zone_name, _SMALL, 330):
        _write(figure, _RIGHT, 68, zone_name, _SMALL - 3, QUIET, "right")
    tiles = (
        (str(total.completed), "completed", FREE_EDGE),
        (f"{total.no_show / over:.0%}" if over else "–", "no-shows", NOW),
        (room_share(stats) if tried else "–", "had a room", TEXT),
        (f"{stars:.1f} ★" if stars is not None else "–", f"{sum(stats.stars.values())} reviews", BOOKED),
    )
    for number, (figures, caption, colour) in enumerate(tiles):
        x = _LEFT + number * (_RIGHT - _LEFT) / 4
        _write(figure, x, 158, figures, _LARGE, colour)
        _write(figure, x, 212, caption, _SMALL, QUIET)


def _draw_sessions(figure: Figure, top: float, stats: Stats) -> None:
    """Draw stacked bars of how sessions ended, and a line of how many were booked."""
    bars = group_into_bars(stats)
    axes = _axes(figure, _LEFT + 44, top + 70, _RIGHT - _LEFT - 44, _CHART)
    places, bottoms = range(len(bars)), [0] * len(bars)
    for name, colour in _KINDS:
        heights = [getattr(day, name) for _, day in bars]
        axes.bar(places, heights, 0.72, bottoms, color=colour)
        bottoms = [low + high for low, high in zip(bottoms, heights, strict=True)]
    created = [day.created for _, day in bars]
    axes.plot(places, created, color=BOOKED, linewidth=4, marker="o", markersize=9 if len(bars) < 40 else 0)
    most = max([*bottoms, *created, 1])
    axes.set_ylim(0, most * 1.08)
    axes.set_xlim(-0.6, len(bars) - 0.4)
    step = next(step for size in range(12) for step in (10**size, 2 * 10**size, 5 * 10**size) if most <= step * 5)
    axes.set_yticks(range(0, most + 1, step))
    axes.grid(axis="y", color=LINE, linewidth=2)
    _label_days(axes, [day for day, _ in bars], 6)
    _write(figure, _LEFT, top + 16, "Sessions", _PLAIN, TEXT)
    x = float(_RIGHT)
    for name, colour in (("booked", BOOKED), *reversed(_KINDS)):
        words = name.replace("_", "-")
        _write(figure, x, top + 18, words, _SMALL - 3, QUIET, "right")
        x -= text_width(words, _SMALL - 3) * _TEXT_SCALE + 12
        _write(figure, x, top + 16, "■", _SMALL, colour, "right")
        x -= 46


def _label_days(axes: Axes, days: Sequence[date], most: int) -> None:
    """Label up to `most` bars with their dates, including the last one."""
    every = -(-len(days) // most)
    places = range((len(days) - 1) % every, len(days), every)
    is_long = (days[-1] - days[0]).days > 183
    axes.set_xticks(places, [f"{days[at]:%b %y}" if is_long else f"{days[at].day} {days[at]:%b}" for at in places])
    if len(days) > most:  # there's no room to the right of the last bar
        axes.get_xticklabels()[-1].set_horizontalalignment("right")


def _draw_coaches(figure: Figure, top: float, coaches: Sequence[CoachFigures]) -> None:
    """Draw how many of each coach's hours are booked."""
    _write(figure, _LEFT, top + 16, "Hours", _PLAIN, TEXT)
    _write(figure, _RIGHT, top + 18, "booked hours of those offered", _SMALL - 3, QUIET, "right")
    most = max(max(one.booked, one.offered) / _HOUR for one in coaches) or 1
    axes = _axes(figure, _LEFT, top + 60, _RIGHT - _LEFT, len(coaches) * _COACH)
    axes.set_xlim(0, most)
    axes.set_ylim(len(coaches), 0)
    axes.set_xticks([])
    axes.set_yticks([])
    for number, one in enumerate(coaches):
        axes.barh(number + 0.75, one.offered / _HOUR, 0.3, color=FREE)
        axes.barh(number + 0.75, one.booked / _HOUR, 0.3, color=BOOKED)
        y = top + 60 + (number + 0.34) * _COACH
        # Numbered like the list in words, because some names can't be drawn.
        name = " ".join([f"{number + 1}.", *fit_lines(one.name, _SMALL, 430)])
        _write(figure, _LEFT, y, name, _SMALL, TEXT)
        _write(figure, _RIGHT, y, write_hours(one).replace(" booked", ""), _SMALL - 3, QUIET, "right")


def _draw_stars(figure: Figure, top: float, stats: Stats) -> None:
    """Draw how often each number of stars was given, on the left."""
    _write(figure, _LEFT, top + 16, "Reviews", _PLAIN, TEXT)
    axes = _axes(figure, _LEFT + 70, top + 60, 300, _LAST - 60)
    numbers = range(1, MOST_STARS + 1)
    counts = [stats.stars.get(number, 0) for number in numbers]
    axes.barh(numbers, [max(counts) or 1] * MOST_STARS, 0.55, color=LINE)
    axes.barh(numbers, counts, 0.55, color=BOOKED)
    axes.set_yticks(numbers, [f"{number} ★" for number in numbers])
    axes.set_xticks([])
    axes.set_xlim(0, max(counts) or 1)
    for number, count in zip(numbers, counts, strict=True):
        y = top + 60 + (MOST_STARS - number + 0.5) * (_LAST - 60) / MOST_STARS
        _write(figure, _LEFT + 384, y, str(count), _SMALL - 3, QUIET)
    axes.set_ylim(0.5, MOST_STARS + 0.5)


def _draw_ticks(figure: Figure, top: float, stats: Stats) -> None:
    """Draw how many background checks had something to do, on the right."""
    left = WIDTH // 2 + 24
    bars: list[tuple[date, Any]] = [(day, one.ticks) for day, one in group_into_bars(stats)]
    _write(figure, left, top + 16, "Bot activity", _PLAIN, TEXT)
    _write(figure, _RIGHT, top + 18, f"{stats.ticks.count} checks", _SMALL - 3, QUIET, "right")
    axes = _axes(figure, left, top + 60, _RIGHT - left, _LAST - 60)
    axes.bar(range(len(bars)), [count for _, count in bars], 0.72, color=FREE_EDGE)
    axes.set_xlim(-0.6, len(bars) - 0.4)
    axes.set_ylim(0, max([*(count for _, count in bars), 1]))
    axes.set_yticks([])
    _label_days(axes, [day for day, _ in bars], 3)
