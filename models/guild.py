"""Servers with their settings, and people with what holds for them everywhere."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, String, false
from sqlalchemy.orm import Mapped, mapped_column

from models import stored_json
from models.base import Base, Snowflake, name_of
from models.stored_json import StoredJSON


class AccessMode(StrEnum):
    """How people are let into a room."""

    PEOPLE = "people"
    """Each of the two by an overwrite of their own."""
    ROLE = "role"
    """By one role a session, which both get and which is removed afterwards."""


class Guild(Base):
    """One Discord server and how it wants its coaching run. Minutes are whole minutes."""

    __tablename__ = "guilds"
    __table_args__ = (
        CheckConstraint("room_lead_minutes >= access_lead_minutes", name="room_before_access"),
        CheckConstraint("access_lead_minutes >= 0", name="access_lead_not_negative"),
        CheckConstraint("linger_minutes >= 0", name="linger_not_negative"),
    )

    id: Mapped[Snowflake] = mapped_column(primary_key=True, autoincrement=False)
    time_zone: Mapped[str] = mapped_column(String(64))
    """IANA name; shown where a control needs plain text."""
    currency: Mapped[str] = mapped_column(String(3))
    """ISO 4217 code for the rates of new coaches; others keep theirs until they say their rate anew."""
    admin_role_id: Mapped[Snowflake | None]
    coach_role_id: Mapped[Snowflake | None]
    review_channel_id: Mapped[Snowflake | None]
    room_category_id: Mapped[Snowflake | None]
    room_lead_minutes: Mapped[int]
    """The room is made this long before the start."""
    access_lead_minutes: Mapped[int]
    """Coach and student are let in this long before the start."""
    linger_minutes: Mapped[int]
    """The room stays this long after the end."""
    cancel_notice_minutes: Mapped[int] = mapped_column(default=0, server_default="0")
    """Students cancel without being late, and move a session, until this long before its start."""
    most_upcoming: Mapped[int] = mapped_column(default=10, server_default="10")
    """Coming sessions that one student may have here."""
    reminder_minutes: Mapped[list[int] | None] = mapped_column(StoredJSON(stored_json.leads))
    """How long before the start people are reminded, longest first, `[]` for not at all; NULL: the usual times."""
    no_show_grace_minutes: Mapped[int] = mapped_column(default=15, server_default="15")
    """Who has not come this long after the start is absent, unless the two meet all the same."""
    access_mode: Mapped[AccessMode] = mapped_column(
        name_of(AccessMode, checked=False, otherwise=AccessMode.PEOPLE),
        default=AccessMode.PEOPLE,
        server_default=AccessMode.PEOPLE,
    )
    keep_after_departure: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Whether coming sessions stay when somebody has left the server or may not coach any more."""
    log_channel_id: Mapped[Snowflake | None]
    """Where admins are told of problems; empty: the server's system channel."""
    fallback_channel_id: Mapped[Snowflake | None]
    """Where people whose direct messages are closed are asked to look; nothing private is said there."""
    payment_instructions: Mapped[str | None]
    """What students read before they confirm a session that costs something."""
    presets: Mapped[list[list[Any]] | None] = mapped_column(StoredJSON(stored_json.presets))
    """`[name, first minute, end minute]` of the hours that coaches set with one press; empty: the usual ones."""
    default_policy: Mapped[dict[str, Any] | None] = mapped_column(StoredJSON(stored_json.mapping_or_none))
    """The booking rules that new coaches begin with, by the names of `coaches`' columns; empty: the usual ones."""
    created_at: Mapped[datetime]
    bot_removed_at: Mapped[datetime | None]
    """When the bot was found to be in this server no more; empty while it is."""


class Member(Base):
    """One person, across servers. On PostgreSQL this row is what a booking locks."""

    __tablename__ = "members"

    user_id: Mapped[Snowflake] = mapped_column(primary_key=True, autoincrement=False)
    dms_closed_at: Mapped[datetime | None]
    """When Discord last refused a direct message to them (50007); empty once one went through."""
    time_zone: Mapped[str | None] = mapped_column(String(64))
    """IANA name; empty until they said where they are."""
    reminders_off: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Whether they asked not to be reminded of their sessions."""
