"""One-liners for what people do with panels and forms, and for reading pictures and rows."""

import io
from typing import Any

from PIL import Image
from simcord.components import walk_components
from sqlalchemy import select

from models import Base
from tests.support.discord_limits import form_within_limits
from tests.support.simulated import APPLICATION, Academy, reply

PNG = b"\x89PNG\r\n\x1a\n"


async def week(world: Academy, coach: Any = None) -> Any:
    """Return the panel of `/availability`."""
    return reply(await (coach or world.coach).slash(world.lobby, "availability"))


async def press(person: Any, message: Any, label: str) -> Any:
    """Press a button and return what's shown then."""
    return reply(await person.click(message, label=label))


async def form(person: Any, message: Any, label: str) -> Any:
    """Press a button that opens a form, and check the form's limits."""
    opened = await person.click(message, label=label)
    assert opened.modal is not None, reply(opened)
    form_within_limits(opened.modal)
    return opened


def held(opened: Any) -> dict[str, Any]:
    """Return the form's initial values: texts, and lists of chosen values."""
    fields: dict[str, Any] = {}
    for one in walk_components(opened.modal["components"]):
        if one.get("options"):
            fields[one["custom_id"]] = [option["value"] for option in one["options"] if option.get("default")]
        elif one.get("custom_id"):
            fields[one["custom_id"]] = one.get("value") or ""
    return fields


async def send(person: Any, opened: Any, typed: dict[str, Any]) -> Any:
    """Send a form, changing only `typed`, and return what's shown then."""
    return reply(await person.submit_modal(opened, held(opened) | typed))


async def fill(person: Any, message: Any, label: str, typed: dict[str, Any]) -> Any:
    """Open a form with a button, send it, and return what's shown then."""
    return await send(person, await form(person, message, label), typed)


def labels(message: Any) -> dict[str, str]:
    """Map the label of every enabled button to its `custom_id`."""
    parts = walk_components([one if isinstance(one, dict) else one.to_dict() for one in message.components])
    return {one["label"]: one["custom_id"] for one in parts if one.get("type") == 2 and not one.get("disabled")}


def times(message: Any) -> list[str]:
    """Return the times on a message's buttons, like "14:00"."""
    return [label for label in labels(message) if ":" in label]


async def picture(message: Any) -> Image.Image:
    """Return the message's only file, a PNG."""
    [file] = message.attachments
    data = await file.read()
    assert data.startswith(PNG)
    opened = Image.open(io.BytesIO(data))
    opened.load()
    return opened


def alt_text(message: Any) -> dict[str, str]:
    """Return the picture's alt text by day: "Mon 2 Mar" → "09:00-12:00 free"."""
    [gallery] = [one for one in walk_components(message.components) if one.get("type") == 12]
    [item] = gallery["items"]
    return dict(day.split(": ", 1) for day in item["description"].split("; "))


async def rows(world: Academy, *, but: tuple[str, ...] = (), of: Any = None) -> dict[str, list[Any]]:
    """Return all rows of all tables except `but` and heartbeats; with `of`, only that coach's.

    Leaves out what's stored whenever someone uses the bot.
    """
    found: dict[str, list[Any]] = {}
    async with world.db.read() as session:
        for table in Base.metadata.sorted_tables:
            owner = table.c.get("coach_id", table.c.get("user_id"))
            if table.name in ("heartbeats", *but) or (of is not None and owner is None):
                continue
            lasting = select(*(one for one in table.c if one.name != "avatar_url"))
            query = lasting if of is None else lasting.where(owner == of.id)
            found[table.name] = sorted(map(tuple, await session.execute(query)), key=repr)
    return found


async def another_coach(world: Academy, person: Any, hours: str = "10-16") -> None:
    """Let this person coach here too, on Mondays."""
    await person.submit_modal(await person.slash(world.lobby, "coach apply"), APPLICATION)
    await world.admin.click(world.card, label="Approve")
    await person.slash(world.lobby, "availability", days="Mon", hours=hours)
