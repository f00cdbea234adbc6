"""Whether optional packages are installed whose absence people would notice."""

from bot.doctor.checks import Check, ok, warning
from cogs.images import stats


def check_charts() -> Check:
    """Say whether `/coaching stats` has its picture. Admins can't install packages, so it's said here only."""
    if stats.can_draw():
        return ok("charts", "/coaching stats shows a picture")
    found = "/coaching stats shows figures without a picture, because the extra `charts` isn't installed"
    return warning(
        "charts", found, "pip install 'coachbot[charts]' and restart the bot, if you'd like the picture"
    )
