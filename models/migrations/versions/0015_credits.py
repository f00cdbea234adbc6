"""Add credits: packages, minutes by role, lots, and a ledger that nobody can change or overdraw."""

import sqlalchemy as sa
from alembic import op

from models.base import UTCDateTime

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_NEVER = "credit_entries_append_only"
_CHANGES = "NEW.id <> OLD.id OR NEW.lot_id <> OLD.lot_id OR NEW.minutes <> OLD.minutes OR NEW.kind <> OLD.kind"
_COUNT = "UPDATE credit_lots SET minutes_left = minutes_left + NEW.minutes WHERE id = NEW.lot_id"


def upgrade() -> None:
    _create_offers()
    _create_ledger()
    if op.get_bind().dialect.name == "sqlite":
        _guard_on_sqlite()
    else:
        _guard_on_postgres()
    for column in (
        sa.Column("credit_minutes", sa.Integer(), nullable=True),
        sa.Column("credit_worth_minor", sa.BigInteger(), nullable=True),
        sa.Column("credit_charged_at", UTCDateTime(), nullable=True),
        sa.Column("charge_waived_at", UTCDateTime(), nullable=True),
        sa.Column("charge_waived_by", sa.BigInteger(), nullable=True),
    ):
        op.add_column("coaching_sessions", column)
    op.add_column("guilds", sa.Column("most_make_ups", sa.Integer(), server_default="0", nullable=False))
    # Not a batch: SQLite adds a column that refers to another table in place, as long as it may be empty.
    op.execute(
        f"ALTER TABLE notifications ADD COLUMN lot_id {_integer()}"
        " CONSTRAINT fk_notifications_lot_id REFERENCES credit_lots (id)"
    )


def _integer() -> str:
    return "INTEGER" if op.get_bind().dialect.name == "sqlite" else "BIGINT"


def _create_offers() -> None:
    op.create_table(
        "packages",
        sa.Column("id", _ROW_ID, autoincrement=True, nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("price_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("days_valid", sa.Integer(), nullable=False),
        sa.Column("coach_ids", sa.JSON(), nullable=True),
        sa.Column("specialty_ids", sa.JSON(), nullable=True),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("retired_at", UTCDateTime(), nullable=True),
        sa.CheckConstraint("minutes > 0", name=op.f("ck_packages_some_minutes")),
        sa.CheckConstraint("price_minor >= 0", name=op.f("ck_packages_price_not_negative")),
        sa.CheckConstraint("days_valid > 0", name=op.f("ck_packages_some_days")),
        sa.ForeignKeyConstraint(["guild_id"], ["guilds.id"], name=op.f("fk_packages_guild_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_packages")),
    )
    op.create_index("ix_packages_guild_id", "packages", ["guild_id"])
    op.create_table(
        "role_grants",
        sa.Column("id", _ROW_ID, autoincrement=True, nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("role_id", sa.BigInteger(), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("retired_at", UTCDateTime(), nullable=True),
        sa.CheckConstraint("minutes > 0", name=op.f("ck_role_grants_some_minutes")),
        sa.ForeignKeyConstraint(["guild_id"], ["guilds.id"], name=op.f("fk_role_grants_guild_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_role_grants")),
    )
    op.create_index("uq_role_grants_guild_id_role_id", "role_grants", ["guild_id", "role_id"], unique=True)


def _create_ledger() -> None:
    op.create_table(
        "credit_lots",
        sa.Column("id", _ROW_ID, autoincrement=True, nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.String(32), nullable=False),
        sa.Column("minutes_granted", sa.Integer(), nullable=False),
        sa.Column("minutes_left", sa.Integer(), server_default="0", nullable=False),
        sa.Column("coach_ids", sa.JSON(), nullable=True),
        sa.Column("specialty_ids", sa.JSON(), nullable=True),
        sa.Column("valid_until", UTCDateTime(), nullable=True),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("granted_by", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("package_id", _ROW_ID, nullable=True),
        sa.Column("role_grant_id", _ROW_ID, nullable=True),
        sa.Column("month", sa.Date(), nullable=True),
        sa.Column("session_id", _ROW_ID, nullable=True),
        sa.Column("paid_minor", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.String(3), nullable=True),
        sa.Column("next_step_at", UTCDateTime(), nullable=True),
        sa.CheckConstraint("minutes_left >= 0", name=op.f("ck_credit_lots_minutes_not_negative")),
        sa.ForeignKeyConstraint(["guild_id"], ["guilds.id"], name=op.f("fk_credit_lots_guild_id")),
        sa.ForeignKeyConstraint(["package_id"], ["packages.id"], name=op.f("fk_credit_lots_package_id")),
        sa.ForeignKeyConstraint(["role_grant_id"], ["role_grants.id"], name=op.f("fk_credit_lots_role_grant_id")),
        sa.ForeignKeyConstraint(["session_id"], ["coaching_sessions.id"], name=op.f("fk_credit_lots_session_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credit_lots")),
    )
    op.create_index("ix_credit_lots_guild_id_user_id", "credit_lots", ["guild_id", "user_id"])
    _create_partial_index("ix_credit_lots_next_step_at", ["next_step_at"])
    _create_partial_index("uq_credit_lots_role_grant_id", ["role_grant_id", "user_id", "month"], unique=True)
    op.create_table(
        "credit_entries",
        sa.Column("id", _ROW_ID, autoincrement=True, nullable=False),
        sa.Column("lot_id", _ROW_ID, nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("session_id", _ROW_ID, nullable=True),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.CheckConstraint(
            "(kind IN ('granted', 'returned') AND minutes > 0) OR (kind = 'charged' AND minutes = 0)"
            " OR (kind IN ('reserved', 'expired', 'revoked') AND minutes < 0)",
            name=op.f("ck_credit_entries_sign_of_kind"),
        ),
        sa.ForeignKeyConstraint(["lot_id"], ["credit_lots.id"], name=op.f("fk_credit_entries_lot_id")),
        sa.ForeignKeyConstraint(
            ["session_id"], ["coaching_sessions.id"], name=op.f("fk_credit_entries_session_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credit_entries")),
    )
    op.create_index("ix_credit_entries_lot_id", "credit_entries", ["lot_id"])
    op.create_index("ix_credit_entries_session_id", "credit_entries", ["session_id"])
    op.create_table(
        "credit_disputes",
        sa.Column("session_id", _ROW_ID, autoincrement=False, nullable=False),
        sa.Column("opened_at", UTCDateTime(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("decided_at", UTCDateTime(), nullable=True),
        sa.Column("decided_by", sa.BigInteger(), nullable=True),
        sa.Column("given_back", sa.Boolean(), nullable=True),
        sa.ForeignKeyConstraint(
            ["session_id"], ["coaching_sessions.id"], name=op.f("fk_credit_disputes_session_id")
        ),
        sa.PrimaryKeyConstraint("session_id", name=op.f("pk_credit_disputes")),
    )


def _create_partial_index(name: str, columns: list[str], *, unique: bool = False) -> None:
    where = sa.text(f"{columns[0]} IS NOT NULL")
    op.create_index(name, "credit_lots", columns, unique=unique, sqlite_where=where, postgresql_where=where)


def _guard_on_sqlite() -> None:
    op.execute(f"CREATE TRIGGER credit_entries_count AFTER INSERT ON credit_entries BEGIN {_COUNT}; END")
    refuse = f"SELECT RAISE(ABORT, '{_NEVER}')"
    # INSERT OR REPLACE deletes a row without running the trigger on DELETE.
    op.execute(
        "CREATE TRIGGER credit_entries_no_replace BEFORE INSERT ON credit_entries"
        f" WHEN EXISTS (SELECT 1 FROM credit_entries WHERE id = NEW.id) BEGIN {refuse}; END"
    )
    op.execute(
        f"CREATE TRIGGER credit_entries_no_update BEFORE UPDATE ON credit_entries WHEN {_CHANGES}"
        f" BEGIN {refuse}; END"
    )
    op.execute(f"CREATE TRIGGER credit_entries_no_delete BEFORE DELETE ON credit_entries BEGIN {refuse}; END")


def _guard_on_postgres() -> None:
    op.execute(
        "CREATE FUNCTION credit_entries_count() RETURNS trigger LANGUAGE plpgsql AS"
        f" $$ BEGIN {_COUNT}; RETURN NULL; END $$"
    )
    op.execute(
        "CREATE TRIGGER credit_entries_count AFTER INSERT ON credit_entries"
        " FOR EACH ROW EXECUTE FUNCTION credit_entries_count()"
    )
    op.execute(
        "CREATE FUNCTION credit_entries_refuse() RETURNS trigger LANGUAGE plpgsql AS"
        f" $$ BEGIN RAISE EXCEPTION '{_NEVER}' USING ERRCODE = 'integrity_constraint_violation'; END $$"
    )
    op.execute(
        "CREATE TRIGGER credit_entries_no_update BEFORE UPDATE ON credit_entries"
        f" FOR EACH ROW WHEN ({_CHANGES}) EXECUTE FUNCTION credit_entries_refuse()"
    )
    op.execute(
        "CREATE TRIGGER credit_entries_no_delete BEFORE DELETE ON credit_entries"
        " FOR EACH ROW EXECUTE FUNCTION credit_entries_refuse()"
    )


def downgrade() -> None:
    raise NotImplementedError("schemas only move forward; restore a backup instead")
