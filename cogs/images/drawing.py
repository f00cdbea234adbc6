"""Draws pictures; Pillow and matplotlib are loaded with the first one."""

from cogs.images.week import WeekPicture
from scheduler.reports.statistics import Stats


def draw_stats(stats: Stats) -> bytes:
    """Draw a PNG, `WIDTH` wide: an opaque card with round corners, like the week's."""
    from cogs.images import stats_image  # imported late: loads Pillow and matplotlib

    return stats_image.draw(stats)


def draw_week(week: WeekPicture) -> bytes:
    """Draw the week as a PNG, `WIDTH` wide and as high as needed: an opaque card with round corners."""
    from cogs.images import week_image  # imported late: loads Pillow

    return week_image.draw(week)
