"""Every kind of notification has words from exactly one feature."""

import pytest

import bot.app  # noqa: F401  (it registers what features declare)
from bot import features
from cogs import notifications, ui
from cogs.notifications import Words
from models import Guild, Notification, NotificationKind, Route
from scheduler.notifications.kinds import NotificationContext


def test_every_kind_has_words_from_one_feature() -> None:
    assert sorted(kind for words in features.WORDS for kind in words) == sorted(NotificationKind)


def test_a_kind_cannot_get_words_twice() -> None:
    with pytest.raises(ValueError, match="already have words: room_open, welcome"):
        notifications.register(
            dict.fromkeys((NotificationKind.WELCOME, NotificationKind.ROOM_OPEN), Words(lambda _: ui.text("Hi")))
        )


@pytest.mark.parametrize(("route", "count"), [(None, 3), (Route.FALLBACK, 2)])
def test_buttons_and_files_are_only_sent_in_direct_messages(route: Route | None, count: int) -> None:
    notification = Notification(id=7, guild_id=1, kind=NotificationKind.WELCOME, route=route)

    panel = notifications.render(NotificationContext(notification, Guild(id=1)), "Academy")

    assert len(panel.children) == count
