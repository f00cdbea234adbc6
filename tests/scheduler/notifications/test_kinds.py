"""Kinds of notifications, each declared by one feature."""

import pytest

import bot.app  # noqa: F401  (it registers what features declare)
from bot.features import NOTIFICATION_KINDS
from models import NotificationKind
from scheduler.notifications import kinds
from scheduler.notifications.kinds import Audience, Declaration


def test_every_kind_is_declared_once() -> None:
    assert sorted(one.kind for one in NOTIFICATION_KINDS) == sorted(NotificationKind)


def test_a_kind_cannot_be_declared_twice() -> None:
    with pytest.raises(ValueError, match="welcome is declared twice"):
        kinds.register(Declaration(NotificationKind.WELCOME))

    assert kinds.declaration_of(NotificationKind.WELCOME).audience is Audience.NEW_SERVER


@pytest.mark.parametrize("audience", list(Audience))
def test_an_audiences_kinds_are_those_declared_for_it(audience: Audience) -> None:
    assert kinds.sent_to(audience) == {one.kind for one in NOTIFICATION_KINDS if one.audience is audience}


def test_only_cards_in_the_review_channel_await_a_decision() -> None:
    cards = {one.kind for one in NOTIFICATION_KINDS if one.awaits_decision is not None}

    assert cards == kinds.sent_to(Audience.REVIEW_CHANNEL)
