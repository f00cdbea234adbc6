"""`/sessions` and cancelling, from the press to what people read."""

from models import SessionStatus
from tests.support.simulated import Academy, reply, words


async def test_with_no_session_it_says_how_to_book_one(world: Academy) -> None:
    answer = await world.student.slash(world.lobby, "sessions")

    assert "Book your first one with `/book`." in words(reply(answer))


async def test_both_sides_see_their_session_and_nobody_else_does(open_world: Academy) -> None:
    world = open_world
    booked = await world.book(world.student, "14:00")

    seen = {
        who.name: booked.code in words(reply(await who.slash(world.lobby, "sessions")))
        for who in (world.student, world.coach, world.other_student, world.admin)
    }

    assert seen == {"stu": True, "cara": True, "sam": False, "ada": False}


async def test_a_long_list_pages(open_world: Academy) -> None:
    world = open_world
    for label in ("13:30", "14:30", "15:30", "11:00"):
        await world.book(world.student, label)

    panel = reply(await world.student.slash(world.lobby, "sessions"))
    first = words(panel)
    second = words(reply(await world.student.click(panel, label="More ▶")))

    codes = [one.code for one in sorted(await world.sessions(), key=lambda one: one.starts_at)]
    assert "4 upcoming" in first
    assert [code for code in codes if code in first] == codes[:3]
    assert [code for code in codes if code in second] == codes[3:]


async def test_a_cancelled_time_can_be_booked_again_at_once(open_world: Academy) -> None:
    world = open_world
    await world.book(world.student, "14:00")

    form = await world.student.user.click(world.student.user.dm_channel.last_message, label="Cancel…")
    await world.student.user.submit_modal(form, {})
    await world.book(world.other_student, "14:00")

    first, second = await world.sessions()
    assert (first.status, second.status) == (SessionStatus.CANCELLED, SessionStatus.SCHEDULED)
    assert first.starts_at == second.starts_at


async def test_a_stranger_who_gets_at_the_button_learns_nothing(open_world: Academy) -> None:
    world = open_world
    await world.book(world.student, "14:00")
    panel = reply(await world.student.slash(world.lobby, "sessions"))
    cancel = next(one["custom_id"] for one in walk(panel.components) if one.get("label") == "Cancel…")

    answer = await world.press_custom_id(world.outsider, cancel)

    assert words(reply(answer)) == "You have no such session. `/sessions` lists yours."
    [booked] = await world.sessions()
    assert booked.status is SessionStatus.SCHEDULED


async def test_cancelling_twice_says_when_it_was_cancelled(open_world: Academy) -> None:
    world = open_world
    await world.book(world.student, "14:00")
    panel = reply(await world.student.slash(world.lobby, "sessions"))
    first = await world.student.click(panel, label="Cancel…")
    theirs = world.coach.user.dm_channel.last_message
    second = await world.coach.user.click(theirs, label="Cancel…")

    await world.student.submit_modal(first, {"Reason": "Ill."})
    late = await world.coach.user.submit_modal(second, {"Reason": "Me too."})

    assert "This session was cancelled <t:" in words(reply(late))
    [cancelled] = await world.sessions()
    assert (cancelled.cancelled_by, cancelled.cancel_reason) == (world.student.id, "Ill.")


async def test_what_is_over_cannot_be_cancelled(open_world: Academy) -> None:
    world = open_world
    booked = await world.book(world.student, "11:00")
    message = world.student.user.dm_channel.last_message
    await world.leap_to(booked.ends_at + world.minutes(1))

    answer = await world.student.user.click(message, label="Cancel…")

    assert "This session is over, so it can't be cancelled." in words(reply(answer))


async def test_the_longest_notes_and_reasons_fit_into_every_message(open_world: Academy) -> None:
    world = open_world
    for label in ("13:30", "14:30", "15:30"):
        await world.book(world.student, label, notes="*n" * 500)
        panel = reply(await world.student.slash(world.lobby, "sessions"))
        form = await world.student.click(panel, custom_id=f"session:cancel:{len(await world.sessions())}")
        await world.student.submit_modal(form, {"Reason": "*r" * 500})

    listed = reply(await world.student.slash(world.lobby, "sessions"))

    longest = max(map(len, [*map(words, world.student.user.dm_channel.history()), words(listed)]))
    assert 2000 < longest <= 4000  # Discord's limit for the texts of a message


def walk(components: list[dict]) -> list[dict]:
    found = []
    for one in components:
        found += [one, *walk(one.get("components") or [])]
    return found
