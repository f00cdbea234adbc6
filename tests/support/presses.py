"""Button presses and forms as they reach the bot from any client: tampered with, or several at once."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from simcord.backend.serializers import message_payload
from simcord.components import walk_components
from simcord.interactions import base_payload
from simcord.results import InteractionResult

if TYPE_CHECKING:
    from tests.support.simulated import Academy

_PRESS, _FORM = 3, 5
_BUTTON, _SELECT, _FIELD, _LABEL = 2, 3, 4, 18


async def press_together(world: "Academy", presses: list[tuple[Any, Any]], *, label: str) -> list[Any]:
    """Let everyone press at the same moment: all events arrive before the bot handles the first."""
    results = [emit_press(world, person, message, _custom_id(message, label)) for person, message in presses]
    await world.env.settle()
    return results


async def send_together(
    world: "Academy", forms: list[tuple[Any, Any]], custom_id: str, typed: dict[str, str]
) -> list[Any]:
    """Let everyone send this form at the same moment."""
    results = [emit_form(world, person, message, custom_id, typed) for person, message in forms]
    await world.env.settle()
    return results


def emit_press(
    world: "Academy", person: Any, message: Any, custom_id: str, picked: Sequence[str] = ()
) -> InteractionResult:
    """Press a button or choose in a select with any `custom_id`, without waiting for the answer."""
    data: dict[str, Any] = {"custom_id": custom_id, "component_type": _BUTTON}
    if picked:
        data |= {"component_type": _SELECT, "values": list(picked)}
    return _emit(world, person, message, _PRESS, data)


def emit_form(
    world: "Academy", person: Any, message: Any, custom_id: str, typed: dict[str, str]
) -> InteractionResult:
    """Send a form with any `custom_id`, without waiting for the answer."""
    fields = [
        {"type": _LABEL, "component": {"type": _FIELD, "custom_id": name, "value": text}}
        for name, text in typed.items()
    ]
    return _emit(world, person, message, _FORM, {"custom_id": custom_id, "components": fields})


def _emit(world: "Academy", person: Any, message: Any, kind: int, data: dict[str, Any]) -> InteractionResult:
    backend = world.env.backend
    record, payload = base_payload(
        backend,
        type=kind,
        channel_id=_channel_of(message),
        guild_id=world.guild.id,
        user_id=person.id,
        data=data,
    )
    stored = backend.get_message(_channel_of(message), message.id)
    payload["message"] = dict(message_payload(backend, stored))
    record.source_message_id = message.id
    backend.emit("INTERACTION_CREATE", payload)
    return InteractionResult(world.env, record)


def _custom_id(message: Any, label: str) -> str:
    parts = walk_components([one if isinstance(one, dict) else one.to_dict() for one in message.components])
    [found] = [one["custom_id"] for one in parts if one.get("label") == label]
    return found


def _channel_of(message: Any) -> int:
    """Return the channel of an interaction's answer or of a message."""
    return message.channel_id if hasattr(message, "channel_id") else message.channel.id
