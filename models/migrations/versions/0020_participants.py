"""Give each session participants, and move to them what is theirs alone, with their reviews and disputes."""

from collections.abc import Iterable

import sqlalchemy as sa
from alembic import op

from models.base import UTCDateTime

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

_ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_MOVED = (
    "notes",
    "total_cost_minor",
    "booked_cost_minor",
    "credit_minutes",
    "credit_worth_minor",
    "credit_charged_at",
    "charge_waived_at",
    "charge_waived_by",
    "cancelled_late",
    "membership_due_at",
)


def upgrade() -> None:
    op.add_column("coaching_sessions", _flag("is_workshop"))
    op.add_column("coaching_sessions", _flag("coach_absent"))
    op.execute("UPDATE coaching_sessions SET coach_absent = true WHERE absent IN ('coach', 'both')")
    op.execute("CREATE TABLE kept_sessions AS SELECT * FROM coaching_sessions")
    _narrow_sessions()
    _create_participants()
    op.drop_table("kept_sessions")
    _key_by_participant("reviews", "student_id")
    op.add_column("credit_disputes", sa.Column("user_id", sa.BigInteger(), nullable=True))
    op.execute(
        "UPDATE credit_disputes SET user_id ="
        " (SELECT user_id FROM session_participants WHERE session_id = credit_disputes.session_id)"
    )
    _key_by_participant("credit_disputes", "user_id")
    op.add_column("notifications", sa.Column("about_user_id", sa.BigInteger(), nullable=True))


def _flag(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean(), server_default=sa.false(), nullable=False)


def _narrow_sessions() -> None:
    """Take from the sessions what moves. SQLite can't drop columns that are checked, so it gets a new table."""
    dropped = ("student_id", "absent", *_MOVED)
    if op.get_bind().dialect.name == "sqlite":
        checks = {"ends_after_start": "ends_at > starts_at"}
        for column, (kind, values) in _ENUMS.items():
            checks[kind] = f"{column} IN ({', '.join(map(repr, values))})"
        _rebuild(
            "coaching_sessions",
            dropped,
            sa.PrimaryKeyConstraint("id", name=op.f("pk_coaching_sessions")),
            sa.ForeignKeyConstraint(
                ["guild_id", "coach_id"],
                ["coaches.guild_id", "coaches.user_id"],
                name=op.f("fk_coaching_sessions_guild_id_coach_id"),
            ),
            sa.UniqueConstraint("code", name=op.f("uq_coaching_sessions_code")),
            sa.UniqueConstraint(*_COPIED, name=op.f(_UNIQUE)),
            *(
                sa.CheckConstraint(check, name=op.f(f"ck_coaching_sessions_{name}"))
                for name, check in checks.items()
            ),
        )
        return
    for index in ("guild_id_student_id", "membership_due_at"):
        op.drop_index(f"ix_coaching_sessions_{index}", "coaching_sessions")
    for check in ("two_people", "cost_not_negative"):
        op.drop_constraint(op.f(f"ck_coaching_sessions_{check}"), "coaching_sessions")
    for column in dropped:
        op.drop_column("coaching_sessions", column)
    op.create_unique_constraint(op.f(_UNIQUE), "coaching_sessions", list(_COPIED))


_COPIED = ("id", "coach_id", "starts_at")
_UNIQUE = "uq_coaching_sessions_id_coach_id_starts_at"
_ENUMS = {
    "status": ("sessionstatus", ("SCHEDULED", "IN_PROGRESS", "COMPLETED", "CANCELLED", "NO_SHOW")),
    "session_type": ("sessiontype", ("voice", "video")),
}


def _create_participants() -> None:
    op.create_table(
        "session_participants",
        sa.Column("session_id", _ROW_ID, autoincrement=False, nullable=False),
        sa.Column("user_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("coach_id", sa.BigInteger(), nullable=False),
        sa.Column("starts_at", UTCDateTime(), nullable=False),
        sa.Column("status", sa.String(32), server_default="booked", nullable=False),
        sa.Column("joined_at", UTCDateTime(), nullable=False),
        sa.Column("notes", sa.String(), nullable=True),
        sa.Column("total_cost_minor", sa.BigInteger(), nullable=False),
        sa.Column("booked_cost_minor", sa.BigInteger(), nullable=True),
        sa.Column("credit_minutes", sa.Integer(), nullable=True),
        sa.Column("credit_worth_minor", sa.BigInteger(), nullable=True),
        sa.Column("credit_charged_at", UTCDateTime(), nullable=True),
        sa.Column("charge_waived_at", UTCDateTime(), nullable=True),
        sa.Column("charge_waived_by", sa.BigInteger(), nullable=True),
        sa.Column("cancelled_late", sa.Boolean(), nullable=True),
        sa.Column("membership_due_at", UTCDateTime(), nullable=True),
        sa.CheckConstraint("user_id <> coach_id", name=op.f("ck_session_participants_two_people")),
        sa.CheckConstraint("total_cost_minor >= 0", name=op.f("ck_session_participants_cost_not_negative")),
        sa.ForeignKeyConstraint(
            ["session_id", "coach_id", "starts_at"],
            [f"coaching_sessions.{column}" for column in _COPIED],
            name=op.f("fk_session_participants_session_id_coach_id_starts_at"),
            onupdate="CASCADE",
        ),
        sa.PrimaryKeyConstraint("session_id", "user_id", name=op.f("pk_session_participants")),
    )
    moved = ", ".join(_MOVED)
    op.execute(
        f"""
        INSERT INTO session_participants
            (session_id, user_id, guild_id, coach_id, starts_at, joined_at, status, {moved})
        SELECT id, student_id, guild_id, coach_id, starts_at, created_at,
            CASE
                WHEN status = 'NO_SHOW' AND absent IN ('student', 'both') THEN 'no_show'
                WHEN status = 'NO_SHOW' THEN 'attended'
                WHEN status = 'COMPLETED' AND (missed_at IS NULL OR took_place) THEN 'attended'
                ELSE 'booked'
            END,
            {moved}
        FROM kept_sessions
        """
    )
    by_start = ["user_id", "starts_at", "session_id"]
    op.create_index("ix_session_participants_user_id_starts_at", "session_participants", by_start)
    is_due = sa.text("membership_due_at IS NOT NULL")
    op.create_index(
        "ix_session_participants_membership_due_at",
        "session_participants",
        ["membership_due_at"],
        sqlite_where=is_due,
        postgresql_where=is_due,
    )


def _key_by_participant(table: str, user_id: str) -> None:
    """Make session and participant the key of a table that had one row a session."""
    key, name = ["session_id", user_id], op.f(f"pk_{table}")
    theirs = [f"session_participants.{column}" for column in ("session_id", "user_id")]
    reference = op.f(f"fk_{table}_session_id_{user_id}")
    if op.get_bind().dialect.name == "sqlite":
        others: dict[str, list[sa.Constraint]] = {
            "reviews": [
                sa.CheckConstraint("stars BETWEEN 1 AND 5", name=op.f("ck_reviews_one_to_five_stars")),
                sa.ForeignKeyConstraint(
                    ["guild_id", "coach_id"],
                    ["coaches.guild_id", "coaches.user_id"],
                    name=op.f("fk_reviews_guild_id_coach_id"),
                ),
            ]
        }
        _rebuild(
            table,
            (),
            sa.PrimaryKeyConstraint(*key, name=name),
            sa.ForeignKeyConstraint(key, theirs, name=reference),
            *others.get(table, []),
            required=key,
        )
        return
    op.alter_column(table, user_id, nullable=False)
    op.drop_constraint(name, table, type_="primary")
    op.create_primary_key(name, table, key)
    op.drop_constraint(op.f(f"fk_{table}_session_id"), table, type_="foreignkey")
    op.create_foreign_key(reference, table, "session_participants", key, ["session_id", "user_id"])


def _rebuild(
    table: str, without: Iterable[str], *constraints: sa.Constraint, required: Iterable[str] = ()
) -> None:
    """Replace a table on SQLite by one without these columns, and recreate its indexes."""
    connection = op.get_bind()
    old = sa.Table(table, sa.MetaData(), autoload_with=connection)
    kept = [column for column in old.columns if column.name not in without]
    indexes = connection.execute(
        sa.text("SELECT sql FROM sqlite_master WHERE type = 'index' AND tbl_name = :table AND sql IS NOT NULL"),
        {"table": table},
    )
    recreated = [sql for sql in indexes.scalars() if not any(name in sql for name in without)]
    op.create_table(
        f"new_{table}",
        *(
            sa.Column(
                column.name,
                column.type,
                server_default=column.server_default,
                nullable=column.nullable and column.name not in required,
                autoincrement=False,
            )
            for column in kept
        ),
        *constraints,
    )
    names = ", ".join(column.name for column in kept)
    op.execute(f"INSERT INTO new_{table} ({names}) SELECT {names} FROM {table}")
    op.drop_table(table)
    op.rename_table(f"new_{table}", table)
    for sql in recreated:
        op.execute(sql)


def downgrade() -> None:
    raise NotImplementedError("schemas only move forward; restore a backup instead")
