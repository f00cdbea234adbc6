"""The declarative base, the naming convention and the shared column types."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any

from sqlalchemy import BigInteger, DateTime, Dialect, Enum, ForeignKeyConstraint, Index, Integer, MetaData, String
from sqlalchemy.orm import DeclarativeBase, mapped_column
from sqlalchemy.types import TypeDecorator, TypeEngine

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_LONGEST_NAME = 32


class UTCDateTime(TypeDecorator[datetime]):
    """An aware UTC instant; a naive value raises TypeError.

    SQLite stores whole microseconds since 1970. Text would compare correctly, but `ends_at - starts_at` in a CHECK
    or a trigger would silently be zero.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Use BIGINT on SQLite and TIMESTAMPTZ elsewhere."""
        return dialect.type_descriptor(BigInteger() if dialect.name == "sqlite" else self.impl_instance)

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """Reject naive values, and convert to what the database compares and subtracts correctly."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise TypeError(f"naive datetime {value!r}: attach a time zone first")
        return (value - _EPOCH) // _MICROSECOND if dialect.name == "sqlite" else value.astimezone(UTC)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Return an aware UTC instant."""
        if value is None:
            return None
        return _EPOCH + value * _MICROSECOND if dialect.name == "sqlite" else value.astimezone(UTC)


class DiscordId(BigInteger):
    """A Discord id: 64 bits, more than spreadsheets and JavaScript can hold exactly."""


Snowflake = Annotated[int, mapped_column(DiscordId)]
"""A Discord id."""

_ROW_KEY = BigInteger().with_variant(Integer, "sqlite")

RowId = Annotated[int, mapped_column(_ROW_KEY, primary_key=True, autoincrement=True)]
"""A row's own key. SQLite numbers rows by itself only if the column's type is INTEGER."""


ForeignRowId = Annotated[int, mapped_column(_ROW_KEY, primary_key=True, autoincrement=False)]
"""Another row's key that's part of this one's, where a foreign key of several columns hides its type."""

Money = Annotated[int, mapped_column(BigInteger)]
"""An amount in minor units (cents) of the ISO 4217 currency next to it."""


class OpenEnum(TypeDecorator[StrEnum]):
    """One name of a growing list, stored as text. A name only another release knows is read as `otherwise`."""

    impl = String
    cache_ok = True

    def __init__(self, kind: type[StrEnum], otherwise: StrEnum | None) -> None:
        super().__init__(_LONGEST_NAME)
        self.kind, self.otherwise = kind, otherwise

    def process_bind_param(self, value: StrEnum | None, dialect: Dialect) -> Any:
        """Raise ValueError for a name that isn't on the list."""
        return None if value is None else self.kind(value).value

    def process_result_value(self, value: str | None, dialect: Dialect) -> StrEnum | None:
        """Return a name from the list."""
        if value is None:
            return None
        return next((one for one in self.kind if one.value == value), self.otherwise)


def enum_column(kind: type[StrEnum], *, checked: bool = True, otherwise: StrEnum | None = None) -> Enum | OpenEnum:
    """Return the type of a column with one of `kind`'s values. By default a CHECK enforces them.

    Use `checked=False` for lists that grow: on SQLite, changing a CHECK means rebuilding the table. Another
    release's value is then read as `otherwise` instead of failing the whole query.
    """
    if not checked:
        return OpenEnum(kind, otherwise)
    return Enum(
        kind,
        native_enum=False,
        create_constraint=True,
        length=_LONGEST_NAME,
        name=kind.__name__.lower(),
        values_callable=lambda members: [member.value for member in members],
    )


def partial_index(name: str, *columns: str, where: str | None = None, unique: bool = False) -> Index:
    """Index some rows: those in which the first column is set, or those in `where`.

    The migration that creates the index has the predicate, as a literal, since SQLite doesn't match a partial
    index against a bound parameter. A predicate here would make SQLAlchemy load its whole PostgreSQL dialect, even
    for SQLite.
    """
    return Index(name, *columns, unique=unique, info={"where": where or f"{columns[0]} IS NOT NULL"})


def to_coach(ondelete: str | None = None) -> ForeignKeyConstraint:
    """Refer to a coach by the columns `guild_id` and `coach_id`."""
    return ForeignKeyConstraint(
        ["guild_id", "coach_id"], ["coaches.guild_id", "coaches.user_id"], ondelete=ondelete
    )


class Base(DeclarativeBase):
    """The base of every table. A convention names its constraints, so that migrations can refer to them."""

    type_annotation_map = {datetime: UTCDateTime()}  # noqa: RUF012  (SQLAlchemy reads it as a class attribute)
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
