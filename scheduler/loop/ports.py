"""Everything a tick asks of Discord, which is what the features ask. `bot.discord_api.port` implements it."""

from typing import Protocol

from scheduler.attendance.ports import Doors
from scheduler.booking.ports import Membership
from scheduler.coaches.ports import CoachRoles
from scheduler.notifications.ports import Postman
from scheduler.rooms.ports import Rooms
from scheduler.servers.ports import Servers
from scheduler.workshops.ports import ScheduledEvents


class Discord(Postman, Membership, Doors, Rooms, CoachRoles, Servers, ScheduledEvents, Protocol):
    """What the loop asks of Discord. Asking twice changes nothing the second time."""
