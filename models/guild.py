"""Servers with their settings, and people with what applies to them everywhere."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, String, false, true
from sqlalchemy.orm import Mapped, mapped_column

from models import stored_json
from models.base import Base, Snowflake, enum_column, partial_index
from models.stored_json import StoredJSON


class AccessMode(StrEnum):
    """How people are let into a room."""

    PEOPLE = "people"
    """By one overwrite per person."""
    ROLE = "role"
    """By one role per session, which both get and which is deleted afterwards."""


class ExtensionPrice(StrEnum):
    """What 15 more minutes add to a session's price."""

    SAME = "same"
    """Nothing."""
    PRO_RATA = "pro_rata"
    """Their share of the booked price."""


class PaymentMode(StrEnum):
    """How a server takes payments by card."""

    OFF = "off"
    OPTIONAL = "optional"
    """Students can pay by card, or as the payment instructions say."""
    REQUIRED = "required"


class Guild(Base):
    """One Discord server and its settings."""

    __tablename__ = "guilds"
    __table_args__ = (
        CheckConstraint("room_lead_minutes >= access_lead_minutes", name="room_before_access"),
        CheckConstraint("access_lead_minutes >= 0", name="access_lead_not_negative"),
        CheckConstraint("linger_minutes >= 0", name="linger_not_negative"),
        partial_index("ix_guilds_holidays_due_at", "holidays_due_at"),
    )

    id: Mapped[Snowflake] = mapped_column(primary_key=True, autoincrement=False)
    time_zone: Mapped[str] = mapped_column(String(64))
    """IANA name; used where a control needs plain text."""
    currency: Mapped[str] = mapped_column(String(3))
    """ISO 4217 code for new coaches' rates. Other coaches keep theirs until they change their rate."""
    admin_role_id: Mapped[Snowflake | None]
    coach_role_id: Mapped[Snowflake | None]
    review_channel_id: Mapped[Snowflake | None]
    room_category_id: Mapped[Snowflake | None]
    room_lead_minutes: Mapped[int]
    """How long before the start the room is created."""
    access_lead_minutes: Mapped[int]
    """How long before the start coach and student are let in."""
    linger_minutes: Mapped[int]
    """How long after the end the room stays."""
    cancel_notice_minutes: Mapped[int] = mapped_column(default=0, server_default="0")
    """How long before the start students can still cancel in time or reschedule."""
    most_upcoming: Mapped[int] = mapped_column(default=10, server_default="10")
    """How many upcoming sessions one student may have."""
    reminder_minutes: Mapped[list[int] | None] = mapped_column(StoredJSON(stored_json.leads))
    """How long before the start to send reminders, longest first; `[]` for none, NULL for the defaults."""
    no_show_grace_minutes: Mapped[int] = mapped_column(default=15, server_default="15")
    """How late someone may be before they count as a no-show, unless the two meet after all."""
    access_mode: Mapped[AccessMode] = mapped_column(
        enum_column(AccessMode, checked=False, otherwise=AccessMode.PEOPLE),
        default=AccessMode.PEOPLE,
        server_default=AccessMode.PEOPLE,
    )
    keep_after_departure: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Whether upcoming sessions stay when someone leaves the server or loses the right to coach."""
    most_extensions: Mapped[int] = mapped_column(default=2, server_default="2")
    """How often people can ask to extend one session."""
    extension_price: Mapped[ExtensionPrice] = mapped_column(
        enum_column(ExtensionPrice, checked=False, otherwise=ExtensionPrice.SAME),
        default=ExtensionPrice.SAME,
        server_default=ExtensionPrice.SAME,
    )
    log_channel_id: Mapped[Snowflake | None]
    """The alerts channel; None: the system channel."""
    fallback_channel_id: Mapped[Snowflake | None]
    """Where people with closed direct messages are asked to look. Nothing private is posted there."""
    payment_instructions: Mapped[str | None]
    """Shown to students before they confirm a session that isn't free."""
    payment_mode: Mapped[PaymentMode] = mapped_column(
        enum_column(PaymentMode, checked=False, otherwise=PaymentMode.OFF),
        default=PaymentMode.OFF,
        server_default=PaymentMode.OFF,
    )
    """How it takes payments by card. Off without a key, whatever this says."""
    most_make_ups: Mapped[int] = mapped_column(default=0, server_default="0")
    """How many make-ups a student gets in 90 days for sessions they cancel a day ahead; 0 for none."""
    workshop_channel_id: Mapped[Snowflake | None]
    """Where workshops are announced."""
    names_participants: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Whether the participants of a workshop are told who else takes part."""
    mirrors_workshops: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Whether workshops are among the server's scheduled events."""
    holiday_region: Mapped[str | None] = mapped_column(String(32))
    """The country, and its subdivision if any, on whose public holidays it's closed: "DE-BY"."""
    holidays_due_at: Mapped[datetime | None]
    """When to add the public holidays of one more year; None without a region."""
    series_answer_hours: Mapped[int] = mapped_column(default=72, server_default="72")
    """How long a coach has to accept weekly lessons; 0: they're booked at once."""
    series_notice_days: Mapped[int] = mapped_column(default=7, server_default="7")
    """How many days before the next lesson weekly lessons can be ended."""
    cancels_unpaid_lessons: Mapped[bool] = mapped_column(default=True, server_default=true())
    """Whether a weekly lesson is cancelled if neither credit nor a card has paid for it a day before."""
    presets: Mapped[list[list[Any]] | None] = mapped_column(StoredJSON(stored_json.presets))
    """`[name, start minute, end minute]` of the hours that coaches set with one press; NULL for the defaults."""
    default_policy: Mapped[dict[str, Any] | None] = mapped_column(StoredJSON(stored_json.mapping_or_none))
    """New coaches' booking rules, by column name of `coaches`; NULL for the defaults."""
    created_at: Mapped[datetime]
    bot_removed_at: Mapped[datetime | None]
    """When the bot was found to have left this server; None while it's in it."""


class Member(Base):
    """One person, across servers. On PostgreSQL, bookings lock this row."""

    __tablename__ = "members"

    user_id: Mapped[Snowflake] = mapped_column(primary_key=True, autoincrement=False)
    dms_closed_at: Mapped[datetime | None]
    """When Discord last refused them a direct message (50007); None once one was delivered."""
    time_zone: Mapped[str | None] = mapped_column(String(64))
    """IANA name; None until they choose one."""
    reminders_off: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Whether this person turned reminders off."""
