"""Presses and forms as they reach the bot whoever sends them: tampered, or several at the same moment."""

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
    """Everybody presses at the same moment: all events are there before the bot sees the first."""
    results = [emit_press(world, person, message, _custom_id(message, label)) for person, message in presses]
    await world.env.settle()
    return results


async def send_together(
    world: "Academy", forms: list[tuple[Any, Any]], custom_id: str, typed: dict[str, str]
) -> list[Any]:
    """Everybody sends this form at the same moment, from the message that they opened it on."""
    results = [emit_form(world, person, message, custom_id, typed) for person, message in forms]
    await world.env.settle()
    return results


def emit_press(
    world: "Academy", person: Any, message: Any, custom_id: str, picked: Sequence[str] = ()
) -> InteractionResult:
    """A press of a button with whatever `custom_id`, or a choice in a select, without waiting for the answer."""
    data: dict[str, Any] = {"custom_id": custom_id, "component_type": _BUTTON}
    if picked:
        data |= {"component_type": _SELECT, "values": list(picked)}
    return _emit(world, person, message, _PRESS, data)


def emit_form(
    world: "Academy", person: Any, message: Any, custom_id: str, typed: dict[str, str]
) -> InteractionResult:
    """A form with whatever `custom_id` is sent, without waiting for the answer."""
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
    """Of an answer to an interaction, or of a message in a channel."""
    return message.channel_id if hasattr(message, "channel_id") else message.channel.id
