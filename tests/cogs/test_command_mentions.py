"""Commands named in messages are clickable where they can be used."""

from typing import Any, cast

import pytest
from discord.ui import ActionRow, Button, Container, LayoutView, TextDisplay

from bot.app import CoachBot
from cogs.command_mentions import CommandMentions, Verbatim, make_clickable
from tests.support.simulated import Academy, as_sent, reply
from tests.support.steps import fill, form, held

opened = pytest.mark.usefixtures("open_world")


def mention(world: Academy, name: str) -> str:
    """Return the mention as Discord's clients insert it."""
    root = world.env.backend.find_command(name.split()[0], world.guild.id)
    assert root is not None
    return f"</{name}:{root['id']}>"


def mention_known(words: str) -> str:
    return words.replace("`/book`", "</book:7>")


def texts(view: LayoutView) -> list[str]:
    return [one.content for one in view.walk_children() if isinstance(one, TextDisplay)]


async def test_replies_mention_commands(world: Academy) -> None:
    none = reply(await world.student.slash(world.lobby, "sessions"))

    assert as_sent(none).startswith(f"### No sessions yet\nBook your first one with {mention(world, 'book')}.")


async def test_subcommands_are_mentioned_and_options_follow_as_code(world: Academy) -> None:
    mentions = cast("CoachBot", world.env.bot).command_mentions.in_text

    for words, clickable in (
        ("Use `/coach apply`.", f"Use {mention(world, 'coach apply')}."),
        ("`/coaching session k7m2qd`", f"{mention(world, 'coaching session')} `k7m2qd`"),
        ("`/coaching` or `/coaching nothing`", "`/coaching` or `/coaching nothing`"),
        ("`/etc/hosts` and `coachbot run`", "`/etc/hosts` and `coachbot run`"),
        (r"\`/book\` as someone typed it", r"\`/book\` as someone typed it"),
    ):
        assert mentions(words, in_server=True) == clickable


async def test_refusals_mention_commands(world: Academy) -> None:
    said = as_sent(reply(await world.student.slash(world.lobby, "availability")))

    assert mention(world, "coach apply") in said


@opened
async def test_direct_messages_mention_only_what_works_there(world: Academy) -> None:
    said, bot = as_sent(reply(await world.student.user.slash("sessions"))), cast("CoachBot", world.env.bot)

    assert "Book your first one with `/book` in your server." in said
    assert bot.command_mentions.in_text("`/sessions`", in_server=False) == mention(world, "sessions")


async def test_messages_that_the_bot_sends_mention_commands(world: Academy) -> None:
    await world.set_up()
    await world.apply(world.coach)
    await world.admin.click(world.card, label="Approve")

    [*_, approved] = [as_sent(message) for message in world.coach.user.dm_channel.history()]

    assert "`/availability`" in approved, "it doesn't work in direct messages"


async def test_after_a_restart_commands_have_the_same_mentions(world: Academy) -> None:
    before = mention(world, "book")

    await world.restart()

    assert before in as_sent(reply(await world.student.slash(world.lobby, "sessions")))


@opened
async def test_what_people_type_stays_as_it_is(world: Academy) -> None:
    typed = "See `/book` and `/coach apply`"
    panel = await world.about_to_confirm(world.student, "14:00", notes=typed)

    assert r"See \`/book\` and \`/coach apply\`" in as_sent(panel)
    assert held(await form(world.student, panel, "Change notes…"))["Notes for your coach"] == typed


async def test_forms_name_commands_as_code(world: Academy) -> None:
    panel = reply(await world.student.slash(world.lobby, "timezone"))
    refused = await fill(world.student, panel, "Change…", {"City or time zone": "Mars"})
    opened_again = await form(world.student, refused, "Fix it")

    assert "</" not in str(opened_again.modal)


def test_an_unknown_command_stays_code() -> None:
    assert CommandMentions().in_text("Use `/book`.", in_server=True) == "Use `/book`."


def test_only_paragraphs_change() -> None:
    button: Button[Any] = Button(label="`/book`", custom_id="one")
    view = LayoutView()
    view.add_item(Container(TextDisplay("`/book`"), Verbatim("`/book`"), ActionRow(button)))

    make_clickable(view, mention_known)

    assert texts(view) == ["</book:7>", "`/book`"]
    assert button.label == "`/book`"


def test_a_message_that_would_get_too_long_keeps_code() -> None:
    for length, first in ((3993, "`/book`"), (3991, "</book:7>")):
        view = LayoutView()
        view.add_item(TextDisplay("`/book`"))
        view.add_item(TextDisplay("x" * length))

        make_clickable(view, mention_known)

        assert texts(view)[0] == first
