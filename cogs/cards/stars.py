"""Write stars, and ask for them with buttons."""

from cogs import routes, ui
from scheduler.reviews.reviews import MOST_STARS


def write_stars(stars: int) -> str:
    """Write "★★★★☆"."""
    return "★" * stars + "☆" * (MOST_STARS - stars)


def buttons(session_id: int, given: int | None = None) -> ui.Item:
    """Make a button for each number of stars. Highlights the `given` one."""
    return ui.row(
        *(
            ui.button(
                f"{count}★",
                routes.GIVE_STARS.id(session_id=session_id, count=count),
                ui.PRIMARY if count == given else ui.SECONDARY,
            )
            for count in range(1, MOST_STARS + 1)
        )
    )
