"""Who takes part in the stories: somebody in front of a panel, and coaches to choose from."""

from datetime import datetime
from typing import Any

from icalendar import Calendar

from bot.demo import simcord_private
from models import Coach
from tests.cogs.booking.panel_limits import check_limits, every_component
from tests.support.simulated import SELDOM, Academy, reply, words

_BUTTON, _SELECT, _GALLERY = 2, 3, 12


class Visitor:
    """Somebody with one panel in front of them. Every panel that they see has to keep Discord's limits."""

    def __init__(self, world: Academy, person: Any) -> None:
        self.world, self.person = world, person
        self.panel: Any = None
        self.answer: Any = None
        """The last answer, which may be a sentence beside the panel."""
        self.presses = 0

    @property
    def said(self) -> str:
        """All that the last answer says."""
        return words(self.answer)

    @property
    def buttons(self) -> list[str]:
        """The labels that can be pressed."""
        return [
            one["label"]
            for one in every_component(self.panel)
            if one["type"] == _BUTTON and not one.get("disabled")
        ]

    @property
    def times(self) -> list[str]:
        """The free times that are offered."""
        return [label for label in self.buttons if label[:2].isdigit() and label[2:3] == ":"]

    @property
    def alt_text(self) -> str:
        """What the picture on the panel shows, in words."""
        [text] = [
            item["description"]
            for one in every_component(self.panel)
            if one["type"] == _GALLERY
            for item in one["items"]
        ]
        return text

    def options(self, prefix: str) -> list[str]:
        """What the select whose `custom_id` begins so offers."""
        return [option["label"] for option in self._select(prefix)["options"]]

    def chosen(self, prefix: str) -> str:
        """What the select shows as chosen."""
        [label] = [option["label"] for option in self._select(prefix)["options"] if option.get("default")]
        return label

    async def slash(self, name: str, **options: Any) -> "Visitor":
        """Use a command; it is no press."""
        return self._see(await self.person.slash(self.world.lobby, name, **options))

    async def book(self, **options: Any) -> "Visitor":
        """`/book`, of Cara if nothing is said."""
        return await self.slash("book", **(options or {"coach": str(self.world.coach.id)}))

    async def press(self, *labels: str) -> "Visitor":
        """Press one button after the other."""
        for label in labels:
            self.presses += 1
            self._see(await self.person.click(self.panel, label=label))
        return self

    async def press_id(self, custom_id: str) -> "Visitor":
        """Press the one button of several with the same label."""
        self.presses += 1
        return self._see(await self.person.click(self.panel, custom_id=custom_id))

    async def choose(self, prefix: str, label: str) -> "Visitor":
        """Pick what begins with `label` in the select whose `custom_id` begins with `prefix`."""
        self.presses += 1
        select = self._select(prefix)
        [value] = [one["value"] for one in select["options"] if one["label"].startswith(label)]
        return self._see(await self.person.select(self.panel, [value], custom_id=select["custom_id"]))

    async def open_form(self, label: str) -> Any:
        """Press a button that opens a form, which may be left alone."""
        form = await self.person.click(self.panel, label=label)
        assert form.modal is not None
        return form

    async def fill(self, label: str, **typed: str) -> "Visitor":
        """Press a button that opens a form, and send the form."""
        return await self.send(await self.open_form(label), **typed)

    async def send(self, form: Any, **typed: str) -> "Visitor":
        """Send an open form."""
        return self._see(await self.person.submit_modal(form, typed))

    def take(self, result: Any) -> "Visitor":
        """Go on from an interaction that was begun otherwise."""
        return self._see(result)

    def _see(self, result: Any) -> "Visitor":
        self.answer = reply(result)
        assert self.answer is not None, "nothing was answered"
        check_limits(self.answer)
        if self.answer.components:
            self.panel = self.answer
        return self

    def _select(self, prefix: str) -> dict[str, Any]:
        [found] = [
            one
            for one in every_component(self.panel)
            if one["type"] == _SELECT and one["custom_id"].startswith(prefix)
        ]
        return found


async def a_coach(
    world: Academy, name: str, *, rate: str = "60", teaches: tuple[str, ...] = ("Mixing",), hours: str = ""
) -> Any:
    """Somebody who coaches in the academy, at `hours` of each day if any."""
    person = world.guild.add_member(world.env.create_user(name.lower(), global_name=name))
    await world.apply(person, **{"Rate per hour": rate, "What you teach": list(teaches)})
    await world.admin.click(world.card, label="Approve")
    if hours:
        await person.slash(world.lobby, "availability", days="Mon-Sun", hours=hours)
    return person


async def change_coach(world: Academy, person: Any = None, **changed: Any) -> None:
    """Write on the row of a coach (Cara), as another part of the bot would."""
    async with world.db.begin() as session:
        coach = await session.get_one(Coach, (world.guild.id, (person or world.coach).id))
        for name, value in changed.items():
            setattr(coach, name, value)


async def calendar_in(message: Any) -> Calendar:
    """The one calendar file that came with a message, parsed."""
    [file] = [one for one in message.attachments if one.filename.endswith(".ics")]
    [parsed] = Calendar.from_ical(await file.read(), multiple=True)
    assert isinstance(parsed, Calendar)
    return parsed


async def much_later(world: Academy, at: datetime) -> None:
    """Let days pass without running through every minute of them; the loop ticks at the end."""
    simcord_private.set_clock(world.env, at - SELDOM)
    await world.wait_until(at)
