"""Draw statistics. Loads Pillow and matplotlib, so `cogs.images.stats` only imports it to draw."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from threading import Lock

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch
from PIL import Image

from cogs.images.canvas import fill, fit_lines, png
from cogs.images.palette import (
    CANCELLED,
    CARD,
    CARD_EDGE,
    COMPLETED,
    COUNTED,
    LINE,
    NO_SHOW,
    OFFERED,
    QUIET,
    TEXT,
    TILE,
)
from cogs.images.stats import MOST_COACHES, count_reviews, group_into_bars, room_share, write_hours, write_span
from cogs.images.week import WIDTH
from scheduler.reports.statistics import CoachFigures, Stats, average
from scheduler.reviews.reviews import MOST_STARS

_LEFT, _RIGHT = 48, WIDTH - 48
_HEAD, _CHART, _COACH, _STARS = 400, 380, 104, 62
_SMALL, _PLAIN, _LARGE = 34, 42, 68
"""Sizes of text. A phone shows the picture 302 pixels wide, where the smallest is still over 9 pixels high."""
_HOUR = timedelta(hours=1)
_KINDS = (("completed", COMPLETED), ("no_show", NO_SHOW), ("cancelled", CANCELLED))
_COLOUR_PAIRS = (
    *(
        (CARD, ink)
        for ink in (CARD_EDGE, TEXT, QUIET, LINE, OFFERED, COUNTED, COMPLETED, NO_SHOW, CANCELLED, TILE)
    ),
    *((TILE, ink) for ink in (TEXT, QUIET, COMPLETED, NO_SHOW, COUNTED)),
    *((COUNTED, ink) for ink in (OFFERED, LINE)),
    (COMPLETED, NO_SHOW),
    (NO_SHOW, CANCELLED),
    (COMPLETED, CANCELLED),
)
_lock = Lock()
"""matplotlib shares font caches between figures, and they aren't thread-safe."""


def draw(stats: Stats) -> bytes:
    """Draw a PNG, `WIDTH` wide."""
    with _lock:
        return _on_a_card(lay_out(stats))


def lay_out(stats: Stats) -> Figure:
    """Arrange everything on a figure, one below the other."""
    coaches = stats.coaches[:MOST_COACHES]
    of_sessions = 120 + _CHART + 110
    of_coaches = 70 + len(coaches) * _COACH + 40 if coaches else 0
    of_stars = 60 + MOST_STARS * _STARS + 40 if stats.stars else 0
    height = _HEAD + of_sessions + of_coaches + of_stars
    # At 72 dpi, a font's point is a pixel.
    figure = Figure((WIDTH / 72, height / 72), dpi=72, facecolor=CARD)
    FigureCanvasAgg(figure)
    _draw_head(figure, stats)
    _draw_sessions(figure, _HEAD, stats)
    if coaches:
        _draw_coaches(figure, _HEAD + of_sessions, coaches)
    if stats.stars:
        _draw_stars(figure, _HEAD + of_sessions + of_coaches, stats.stars)
    return figure


def _on_a_card(figure: Figure) -> bytes:
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    drawn = Image.frombuffer("RGBA", canvas.get_width_height(), bytes(canvas.buffer_rgba())).convert("RGB")
    card = Image.new("RGB", drawn.size, CARD_EDGE)
    fill(card, (2, 2, WIDTH - 2, drawn.height - 2), CARD, 26)
    inside = (28, 28, WIDTH - 28, drawn.height - 28)
    card.paste(drawn.crop(inside), inside)
    return png(card, _COLOUR_PAIRS, CARD_EDGE, radius=28)


def _write(figure: Figure, x: float, y: float, text: str, size: int, colour: str, align: str = "left") -> float:
    """Write a line centred `y` pixels from the top, never parsed as a formula. Returns its width."""
    height = figure.get_figheight() * 72
    written = figure.text(
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
    return written.get_window_extent().width


def _axes(figure: Figure, left: float, top: float, width: float, height: float) -> Axes:
    """Add bare axes for bars, positioned in pixels from the top left."""
    whole = figure.get_figheight() * 72
    axes = figure.add_axes((left / WIDTH, 1 - (top + height) / whole, width / WIDTH, height / whole))
    axes.patch.set_visible(False)
    for side in axes.spines.values():
        side.set_visible(False)
    axes.tick_params(length=0, labelsize=_SMALL, labelcolor=QUIET, labelfontfamily="DejaVu Sans", pad=10)
    axes.set_axisbelow(True)
    return axes


def _rounded(axes: Axes, left: float, bottom: float, width: float, height: float, colour: str) -> None:
    """Fill a rectangle with round corners on axes that count in pixels."""
    corner = min(width, height) / 2 if height < 40 else 20
    shape = FancyBboxPatch(
        (left + corner, bottom + corner),
        max(width - 2 * corner, 0),
        max(height - 2 * corner, 0),
        boxstyle=f"round,pad={corner}",
        linewidth=0,
        facecolor=colour,
    )
    axes.add_patch(shape)


def _pixels(figure: Figure, left: float, top: float, width: float, height: float) -> Axes:
    """Add axes that count in pixels from their top left."""
    axes = _axes(figure, left, top, width, height)
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)
    axes.set_xticks([])
    axes.set_yticks([])
    return axes


def _draw_head(figure: Figure, stats: Stats) -> None:
    """Draw the dates and the four main figures."""
    total, stars = stats.total, average(stats.stars)
    over = total.completed + total.no_show
    tried = stats.with_room + stats.without_room
    _write(figure, _LEFT, 74, write_span(stats.first, stats.last), _PLAIN, TEXT)
    for zone_name in fit_lines(stats.zone_name, _SMALL, _RIGHT - _LEFT):
        _write(figure, _LEFT, 128, zone_name, _SMALL, QUIET)
    tiles = (
        (f"{total.completed:,}", "completed", COMPLETED),
        (f"{total.no_show / over:.0%}" if over else "–", "no-shows", NO_SHOW if total.no_show else TEXT),
        (room_share(stats) if tried else "–", "had a room", TEXT),
        (f"{stars:.1f} ★" if stars is not None else "–", count_reviews(stats.stars), COUNTED if stars else TEXT),
    )
    gap = 18
    width = (_RIGHT - _LEFT - 3 * gap) / 4
    boxes = _pixels(figure, _LEFT, 182, _RIGHT - _LEFT, 180)
    for number, (figures, caption, colour) in enumerate(tiles):
        x = number * (width + gap)
        _rounded(boxes, x, 0, width, 180, TILE)
        middle = _LEFT + x + width / 2
        _write(figure, middle, 246, figures, _LARGE if len(figures) < 6 else _PLAIN, colour, "center")
        _write(figure, middle, 320, caption, _SMALL, QUIET, "center")


def _draw_sessions(figure: Figure, top: float, stats: Stats) -> None:
    """Draw stacked bars of how sessions ended, and dots for how many were booked."""
    bars = group_into_bars(stats)
    places, bottoms = range(len(bars)), [0] * len(bars)
    created = [day.created for _, day in bars]
    most = max([*created, *(day.completed + day.no_show + day.cancelled for _, day in bars), 1])
    step = next(step for size in range(12) for step in (10**size, 2 * 10**size, 5 * 10**size) if most <= step * 4)
    left = _LEFT + 24 + 22 * len(f"{most:,}")
    axes = _axes(figure, left, top + 120, _RIGHT - left, _CHART)
    for name, colour in _KINDS:
        heights = [getattr(day, name) for _, day in bars]
        axes.bar(places, heights, 0.72, bottoms, color=colour)
        bottoms = [low + high for low, high in zip(bottoms, heights, strict=True)]
    dotted = [place for place in places if created[place]]
    heights = [created[place] for place in dotted]
    axes.scatter(dotted, heights, s=260, color=COUNTED, edgecolor=CARD, linewidth=4, zorder=3)
    axes.set_ylim(0, most * 1.08)
    axes.set_xlim(-0.6, len(bars) - 0.4)
    axes.set_yticks(range(0, most + 1, step), [f"{count:,}" for count in range(0, most + 1, step)])
    axes.grid(axis="y", color=LINE, linewidth=2)
    _label_days(axes, [day for day, _ in bars])
    _write(figure, _LEFT, top + 20, "Sessions", _PLAIN, TEXT)
    x = float(_LEFT)
    for name, colour in (*_KINDS, ("booked", COUNTED)):
        x += _write(figure, x, top + 78, "●" if colour is COUNTED else "■", _SMALL, colour) + 12
        x += _write(figure, x, top + 80, name.replace("_", "-"), _SMALL, QUIET) + 32


def _label_days(axes: Axes, days: Sequence[date]) -> None:
    """Label up to four bars with their dates, or three with their months, including the last one."""
    is_long = (days[-1] - days[0]).days > 183
    every = -(-len(days) // (3 if is_long else 4))
    places = range((len(days) - 1) % every, len(days), every)
    axes.set_xticks(places, [f"{days[at]:%b %Y}" if is_long else f"{days[at].day} {days[at]:%b}" for at in places])
    if every > 1:  # there's no room to the right of the last bar
        axes.get_xticklabels()[-1].set_horizontalalignment("right")


def _draw_coaches(figure: Figure, top: float, coaches: Sequence[CoachFigures]) -> None:
    """Draw how many of each coach's hours are booked."""
    _write(figure, _LEFT, top + 20, "Booked hours", _PLAIN, TEXT)
    _write(figure, _RIGHT, top + 22, "of those offered", _SMALL, QUIET, "right")
    whole = _RIGHT - _LEFT
    most = max(max(one.booked, one.offered) for one in coaches) or _HOUR
    bars = _pixels(figure, _LEFT, top + 60, whole, len(coaches) * _COACH)
    for number, one in enumerate(coaches):
        y = number * _COACH + 64
        for length, colour in ((one.offered, OFFERED), (one.booked, COUNTED)):
            if length:
                _rounded(bars, 0, y, max(length / most * whole, 24), 24, colour)
        line = top + 60 + number * _COACH + 34
        hours = _write(figure, _RIGHT, line, write_hours(one).replace(" booked", ""), _SMALL, QUIET, "right")
        # Numbered like the list in words, because some names can't be drawn.
        name = " ".join([f"{number + 1}.", *fit_lines(one.name, _SMALL, int((whole - hours) * 0.78) - 80)])
        _write(figure, _LEFT, line, name, _SMALL, TEXT)


def _draw_stars(figure: Figure, top: float, stars: Mapping[int, int]) -> None:
    """Draw how often each number of stars was given."""
    _write(figure, _LEFT, top + 20, "Reviews", _PLAIN, TEXT)
    first, last = _LEFT + 96, _RIGHT - 30 - 22 * len(f"{max(stars.values()):,}")
    bars = _pixels(figure, first, top + 60, last - first, MOST_STARS * _STARS)
    for number in range(1, MOST_STARS + 1):
        middle = (MOST_STARS - number + 0.5) * _STARS
        count = stars.get(number, 0)
        _rounded(bars, 0, middle - 13, last - first, 26, LINE)
        if count:
            _rounded(bars, 0, middle - 13, max(count / max(stars.values()) * (last - first), 26), 26, COUNTED)
        _write(figure, _LEFT, top + 63 + middle, f"{number} ★", _SMALL, QUIET)
        _write(figure, _RIGHT, top + 63 + middle, f"{count:,}", _SMALL, QUIET, "right")
