"""Credits: minutes that students have bought or been given, and the ledger of what became of them."""

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, Date, ForeignKey, ForeignKeyConstraint, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from models import stored_json
from models.base import Base, ForeignRowId, Money, RowId, Snowflake, enum_column, partial_index
from models.stored_json import StoredJSON


class LotSource(StrEnum):
    """Where the minutes of a lot come from."""

    GRANT = "grant"
    """An admin gave them."""
    PACKAGE = "package"
    ROLE = "role"
    MAKE_UP = "make_up"
    """In place of a session that was cancelled."""
    REFUND = "refund"
    """In place of money that would have been given back."""


class EntryKind(StrEnum):
    """What an entry of the ledger does to its lot."""

    GRANTED = "granted"
    RESERVED = "reserved"
    """Taken for a session when it's booked."""
    CHARGED = "charged"
    """What was reserved is gone for good. Zero minutes: they were taken before."""
    RETURNED = "returned"
    """What a session had taken is given back."""
    EXPIRED = "expired"
    REVOKED = "revoked"
    """Taken back by an admin, or because the role is gone."""


class Package(Base):
    """Minutes that a server sells at a price. Its terms never change: a changed package is a new one."""

    __tablename__ = "packages"
    __table_args__ = (
        CheckConstraint("minutes > 0", name="some_minutes"),
        CheckConstraint("price_minor >= 0", name="price_not_negative"),
        CheckConstraint("days_valid > 0", name="some_days"),
        Index("ix_packages_guild_id", "guild_id"),
    )

    id: Mapped[RowId]
    guild_id: Mapped[Snowflake] = mapped_column(ForeignKey("guilds.id"))
    name: Mapped[str] = mapped_column(String(80))
    minutes: Mapped[int]
    price_minor: Mapped[Money]
    currency: Mapped[str] = mapped_column(String(3))
    days_valid: Mapped[int]
    coach_ids: Mapped[list[int] | None] = mapped_column(StoredJSON(stored_json.ids))
    """The only coaches the minutes are for; None for all."""
    specialty_ids: Mapped[list[int] | None] = mapped_column(StoredJSON(stored_json.ids))
    """The minutes are for coaches of one of these specialties; None for all."""
    created_at: Mapped[datetime]
    retired_at: Mapped[datetime | None]
    """When it was taken off sale. Lots bought before stay as they are."""


class PackageOrder(Base):
    """A person's wish to get a package for which they pay outside. An admin decides."""

    __tablename__ = "package_orders"
    __table_args__ = (
        Index("ix_package_orders_guild_id_user_id", "guild_id", "user_id"),
        partial_index("uq_package_orders_open", "user_id", "package_id", where="decided_at IS NULL", unique=True),
    )

    id: Mapped[RowId]
    guild_id: Mapped[Snowflake] = mapped_column(ForeignKey("guilds.id"))
    user_id: Mapped[Snowflake]
    package_id: Mapped[int] = mapped_column(ForeignKey("packages.id"))
    ordered_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[Snowflake | None]
    lot_id: Mapped[int | None] = mapped_column(ForeignKey("credit_lots.id"))
    """What they got. None if it was declined."""


class RoleGrant(Base):
    """Minutes that everybody with a role gets each month. What's left at the end of the month is gone."""

    __tablename__ = "role_grants"
    __table_args__ = (
        CheckConstraint("minutes > 0", name="some_minutes"),
        Index("uq_role_grants_guild_id_role_id", "guild_id", "role_id", unique=True),
    )

    id: Mapped[RowId]
    guild_id: Mapped[Snowflake] = mapped_column(ForeignKey("guilds.id"))
    role_id: Mapped[Snowflake]
    minutes: Mapped[int]
    created_at: Mapped[datetime]
    retired_at: Mapped[datetime | None]


class CreditLot(Base):
    """Minutes of one person that came together, for the same coaches and until the same day.

    `minutes_left` changes only by entries: a trigger adds each one to it, and the CHECK refuses to go below zero.
    That holds at every isolation level. A trigger that sums up the entries doesn't.
    """

    __tablename__ = "credit_lots"
    __table_args__ = (
        CheckConstraint("minutes_left >= 0", name="minutes_not_negative"),
        Index("ix_credit_lots_guild_id_user_id", "guild_id", "user_id"),
        partial_index("ix_credit_lots_next_step_at", "next_step_at"),
        partial_index("uq_credit_lots_role_grant_id", "role_grant_id", "user_id", "month", unique=True),
    )

    id: Mapped[RowId]
    guild_id: Mapped[Snowflake] = mapped_column(ForeignKey("guilds.id"))
    user_id: Mapped[Snowflake]
    source: Mapped[LotSource] = mapped_column(enum_column(LotSource, checked=False, otherwise=LotSource.GRANT))
    minutes_granted: Mapped[int]
    """How many there were at first."""
    minutes_left: Mapped[int] = mapped_column(default=0, server_default="0")
    """Not reserved, charged, expired or revoked."""
    coach_ids: Mapped[list[int] | None] = mapped_column(StoredJSON(stored_json.ids))
    """The only coaches it's for; None for all."""
    specialty_ids: Mapped[list[int] | None] = mapped_column(StoredJSON(stored_json.ids))
    """It's for coaches of one of these specialties; None for all."""
    valid_until: Mapped[datetime | None]
    """Sessions that start before then can be booked with it. None: for ever."""
    created_at: Mapped[datetime]
    granted_by: Mapped[Snowflake | None]
    reason: Mapped[str | None]
    """What the admin wrote."""
    package_id: Mapped[int | None] = mapped_column(ForeignKey("packages.id"))
    role_grant_id: Mapped[int | None] = mapped_column(ForeignKey("role_grants.id"))
    month: Mapped[date | None] = mapped_column(Date)
    """The first day of the month that the role gave it for. `valid_until` can change, and so can the server's time
    zone."""
    session_id: Mapped[int | None] = mapped_column(ForeignKey("coaching_sessions.id"))
    """The session that a make-up or a refund stands for."""
    paid_minor: Mapped[Money | None]
    """What the person paid for it, in minor units of `currency`. None if nobody said."""
    currency: Mapped[str | None] = mapped_column(String(3))
    next_step_at: Mapped[datetime | None]
    """When its owner is told that it ends, or when it expires; None if there's nothing to do."""


class CreditEntry(Base):
    """One movement of a lot. Entries are only ever added, which the database itself enforces.

    They hold no text and no person, so that a person can be forgotten and the sums still hold.
    """

    __tablename__ = "credit_entries"
    __table_args__ = (
        CheckConstraint(
            "(kind IN ('granted', 'returned') AND minutes > 0) OR (kind = 'charged' AND minutes = 0)"
            " OR (kind IN ('reserved', 'expired', 'revoked') AND minutes < 0)",
            name="sign_of_kind",
        ),
        Index("ix_credit_entries_lot_id", "lot_id"),
        Index("ix_credit_entries_session_id", "session_id"),
    )

    id: Mapped[RowId]
    lot_id: Mapped[int] = mapped_column(ForeignKey("credit_lots.id"))
    kind: Mapped[EntryKind] = mapped_column(enum_column(EntryKind, checked=False))
    minutes: Mapped[int]
    """What it adds to the lot."""
    session_id: Mapped[int | None] = mapped_column(ForeignKey("coaching_sessions.id"))
    at: Mapped[datetime]


class CreditDispute(Base):
    """A participant's objection to being charged for a session. An admin decides. Each can object once."""

    __tablename__ = "credit_disputes"
    __table_args__ = (
        ForeignKeyConstraint(
            ["session_id", "user_id"], ["session_participants.session_id", "session_participants.user_id"]
        ),
    )

    session_id: Mapped[ForeignRowId]
    user_id: Mapped[Snowflake] = mapped_column(primary_key=True, autoincrement=False)
    opened_at: Mapped[datetime]
    reason: Mapped[str]
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[Snowflake | None]
    given_back: Mapped[bool | None]
