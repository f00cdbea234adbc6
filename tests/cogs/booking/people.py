"""People in front of a panel, and coaches to choose from."""

from datetime import UTC, datetime
from typing import Any

from icalendar import Calendar
from simcord.components import walk_components

from bot.demo import simcord_private
from cogs.cards.charge import encode_currency
from cogs.ui.time_picker import minute_of
from models import Coach
from tests.support.discord_limits import within_limits
from tests.support.simulated import SELDOM, Academy, reply, words

BUTTON, SELECT, _GALLERY, _FILE = 2, 3, 12, 13
TWO = datetime(2026, 3, 2, 13, tzinfo=UTC)
"""14:00 in Berlin, on the Monday when the world begins."""


class Visitor:
    """Someone with one panel in front of them. Every panel they see is checked against Discord's limits."""

    def __init__(self, world: Academy, person: Any) -> None:
        self.world, self.person = world, person
        self.panel: Any = None
        self.answer: Any = None
        """The last answer, which may be a sentence beside the panel."""
        self.presses = 0

    @property
    def said(self) -> str:
        """The whole text of the last answer."""
        return words(self.answer)

    @property
    def buttons(self) -> list[str]:
        """The labels of all enabled buttons."""
        return [one["label"] for one in components(self.panel, BUTTON) if not one.get("disabled")]

    @property
    def times(self) -> list[str]:
        """The free times on offer."""
        return [label for label in self.buttons if label[:2].isdigit() and label[2:3] == ":"]

    @property
    def alt_text(self) -> str:
        """The alt text of the panel's picture."""
        [gallery] = components(self.panel, _GALLERY)
        [item] = gallery["items"]
        return item["description"]

    def options(self, prefix: str) -> list[str]:
        """Return the options of the select whose `custom_id` begins like this."""
        return [option["label"] for option in self._select(prefix)["options"]]

    def chosen(self, prefix: str) -> str:
        """Return the chosen option of the select whose `custom_id` begins like this."""
        [label] = [option["label"] for option in self._select(prefix)["options"] if option.get("default")]
        return label

    async def slash(self, name: str, **options: Any) -> "Visitor":
        """Use a command, which doesn't count as a press."""
        return self.take(await self.person.slash(self.world.lobby, name, **options))

    async def book(self, **options: Any) -> "Visitor":
        """Use `/book`, for Cara by default."""
        return await self.slash("book", **(options or {"coach": str(self.world.coach.id)}))

    async def press(self, *labels: str) -> "Visitor":
        """Press one button after the other."""
        for label in labels:
            self.presses += 1
            self.take(await self.person.click(self.panel, label=label))
        return self

    async def choose(self, prefix: str, label: str) -> "Visitor":
        """Pick the option that begins with `label` in the select whose `custom_id` begins with `prefix`."""
        self.presses += 1
        select = self._select(prefix)
        [value] = [one["value"] for one in select["options"] if one["label"].startswith(label)]
        return self.take(await self.person.select(self.panel, [value], custom_id=select["custom_id"]))

    async def open_form(self, label: str) -> Any:
        """Press a button that opens a form, and return the form."""
        form = await self.person.click(self.panel, label=label)
        assert form.modal is not None
        return form

    async def fill(self, label: str, **typed: str) -> "Visitor":
        """Press a button that opens a form, and send the form."""
        return await self.send(await self.open_form(label), **typed)

    async def send(self, form: Any, **typed: str | list[str]) -> "Visitor":
        """Send an open form."""
        return self.take(await self.person.submit_modal(form, typed))

    def take(self, result: Any) -> "Visitor":
        """Continue with the answer to any interaction."""
        self.answer = reply(result)
        assert self.answer is not None, "nothing was answered"
        check_limits(self.answer)
        if self.answer.components:
            self.panel = self.answer
        return self

    def _select(self, prefix: str) -> dict[str, Any]:
        [found] = [one for one in components(self.panel, SELECT) if one["custom_id"].startswith(prefix)]
        return found


def check_limits(message: Any) -> None:
    """Fail unless Discord would accept this message, and it comes with the files it shows."""
    within_limits(message.components)
    shown = [one["file"]["url"] for one in components(message, _FILE)]
    shown += [one["items"][0]["media"]["url"] for one in components(message, _GALLERY)]
    assert {url.rsplit("/", 1)[-1] for url in shown} <= {one.filename for one in message.attachments}


def components(message: Any, kind: int) -> list[dict[str, Any]]:
    """Return all raw components of one kind in a message, nested ones too."""
    raw = [one if isinstance(one, dict) else one.to_dict() for one in message.components]
    return [one for one in walk_components(raw) if one["type"] == kind]


def confirm_id(world: Academy, at: datetime = TWO) -> str:
    """Return the `custom_id` that books an hour with Cara at her usual price."""
    return f"book:confirm:{world.coach.id}:60:{minute_of(at)}:6000:{encode_currency('USD')}"


async def about_to_confirm(world: Academy, person: Any, label: str = "14:00") -> Visitor:
    """Let this person hold a time of Cara's."""
    return await (await Visitor(world, person).book()).press(label)


async def a_coach(
    world: Academy, name: str, *, rate: str = "60", teaches: tuple[str, ...] = ("Mixing",), hours: str = ""
) -> Any:
    """Return a new coach of the academy, with these hours every day."""
    person = world.guild.add_member(world.env.create_user(name.lower(), global_name=name))
    await world.apply(person, **{"Rate per hour": rate, "What you teach": list(teaches)})
    await world.admin.click(world.card, label="Approve")
    if hours:
        await person.slash(world.lobby, "availability", days="Mon-Sun", hours=hours)
    return person


async def change_coach(world: Academy, person: Any = None, **changed: Any) -> None:
    """Change a coach's row directly, Cara's by default."""
    async with world.db.begin() as session:
        coach = await session.get_one(Coach, (world.guild.id, (person or world.coach).id))
        for name, value in changed.items():
            setattr(coach, name, value)


async def calendar_in(message: Any) -> Calendar:
    """Return a message's only calendar file, parsed."""
    [file] = [one for one in message.attachments if one.filename.endswith(".ics")]
    [parsed] = Calendar.from_ical(await file.read(), multiple=True)
    assert isinstance(parsed, Calendar)
    return parsed


async def much_later(world: Academy, at: datetime) -> None:
    """Skip days, with ticks only at the end."""
    simcord_private.set_clock(world.env, at - SELDOM)
    await world.wait_until(at)
