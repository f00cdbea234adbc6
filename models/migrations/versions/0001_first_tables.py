"""Create the first tables: servers, coaches, hours, sessions, guarded reservations, notices."""

import sqlalchemy as sa
from alembic import op

from models.base import UTCDateTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "guilds",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("time_zone", sa.String(length=64), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("admin_role_id", sa.BigInteger(), nullable=True),
        sa.Column("coach_role_id", sa.BigInteger(), nullable=True),
        sa.Column("review_channel_id", sa.BigInteger(), nullable=True),
        sa.Column("room_category_id", sa.BigInteger(), nullable=True),
        sa.Column("room_lead_minutes", sa.Integer(), nullable=False),
        sa.Column("access_lead_minutes", sa.Integer(), nullable=False),
        sa.Column("linger_minutes", sa.Integer(), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.CheckConstraint("access_lead_minutes >= 0", name=op.f("ck_guilds_access_lead_not_negative")),
        sa.CheckConstraint("linger_minutes >= 0", name=op.f("ck_guilds_linger_not_negative")),
        sa.CheckConstraint("room_lead_minutes >= access_lead_minutes", name=op.f("ck_guilds_room_before_access")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_guilds")),
    )
    op.create_table(
        "heartbeats",
        sa.Column("job", sa.String(length=32), nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("job", name=op.f("pk_heartbeats")),
    )
    op.create_table(
        "job_runs",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("started_at", UTCDateTime(), nullable=False),
        sa.Column("finished_at", UTCDateTime(), nullable=False),
        sa.Column("steps", sa.Integer(), nullable=False),
        sa.Column("roles", sa.Integer(), nullable=False),
        sa.Column("notices", sa.Integer(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job_runs")),
    )
    op.create_index("ix_job_runs_started_at", "job_runs", ["started_at"], unique=False)

    op.create_table(
        "members",
        sa.Column("user_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("dms_closed_at", UTCDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_members")),
    )
    op.create_table(
        "coaches",
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("display_name", sa.String(length=100), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "PENDING",
                "APPROVED",
                "REJECTED",
                "SUSPENDED",
                name="coachstatus",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("bio", sa.String(), nullable=False),
        sa.Column("experience", sa.String(), nullable=False),
        sa.Column("portfolio", sa.String(), nullable=False),
        sa.Column("rate_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("time_zone", sa.String(length=64), nullable=False),
        sa.Column("accepting", sa.Boolean(), nullable=False),
        sa.Column(
            "session_type",
            sa.Enum("voice", "video", name="sessiontype", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("durations_minutes", sa.JSON(), nullable=False),
        sa.Column("slot_step_minutes", sa.Integer(), nullable=False),
        sa.Column("buffer_before_minutes", sa.Integer(), nullable=False),
        sa.Column("buffer_after_minutes", sa.Integer(), nullable=False),
        sa.Column("minimum_notice_minutes", sa.Integer(), nullable=False),
        sa.Column("horizon_days", sa.Integer(), nullable=False),
        sa.Column("applied_at", UTCDateTime(), nullable=False),
        sa.Column("decided_by", sa.BigInteger(), nullable=True),
        sa.Column("decided_at", UTCDateTime(), nullable=True),
        sa.Column("decision_reason", sa.String(), nullable=True),
        sa.Column("role_due_at", UTCDateTime(), nullable=True),
        sa.Column("role_attempts", sa.Integer(), nullable=False),
        sa.Column("role_error", sa.String(), nullable=True),
        sa.CheckConstraint(
            "buffer_before_minutes >= 0 AND buffer_after_minutes >= 0",
            name=op.f("ck_coaches_buffers_not_negative"),
        ),
        sa.CheckConstraint("horizon_days > 0", name=op.f("ck_coaches_horizon_positive")),
        sa.CheckConstraint("minimum_notice_minutes >= 0", name=op.f("ck_coaches_notice_not_negative")),
        sa.CheckConstraint("rate_minor >= 0", name=op.f("ck_coaches_rate_not_negative")),
        sa.CheckConstraint("slot_step_minutes > 0", name=op.f("ck_coaches_slot_step_positive")),
        sa.ForeignKeyConstraint(["guild_id"], ["guilds.id"], name=op.f("fk_coaches_guild_id")),
        sa.PrimaryKeyConstraint("guild_id", "user_id", name=op.f("pk_coaches")),
    )
    op.create_index("ix_coaches_guild_id_status", "coaches", ["guild_id", "status"], unique=False)
    op.create_index(
        "ix_coaches_role_due_at",
        "coaches",
        ["role_due_at"],
        unique=False,
        sqlite_where=sa.text("role_due_at IS NOT NULL"),
        postgresql_where=sa.text("role_due_at IS NOT NULL"),
    )

    op.create_table(
        "specialties",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.ForeignKeyConstraint(["guild_id"], ["guilds.id"], name=op.f("fk_specialties_guild_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_specialties")),
    )
    op.create_index("uq_specialties_guild_id_name", "specialties", ["guild_id", "name"], unique=True)

    op.create_table(
        "availability_rules",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("coach_id", sa.BigInteger(), nullable=False),
        sa.Column("weekday", sa.Integer(), nullable=False),
        sa.Column("start_minute", sa.Integer(), nullable=False),
        sa.Column("end_minute", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "start_minute >= 0 AND start_minute < end_minute AND end_minute <= 1440",
            name=op.f("ck_availability_rules_minutes"),
        ),
        sa.CheckConstraint("weekday BETWEEN 0 AND 6", name=op.f("ck_availability_rules_weekday")),
        sa.ForeignKeyConstraint(
            ["guild_id", "coach_id"],
            ["coaches.guild_id", "coaches.user_id"],
            name=op.f("fk_availability_rules_guild_id_coach_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_availability_rules")),
    )
    op.create_index(
        "ix_availability_rules_guild_id_coach_id",
        "availability_rules",
        ["guild_id", "coach_id"],
        unique=False,
    )

    op.create_table(
        "coach_specialties",
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("coach_id", sa.BigInteger(), nullable=False),
        sa.Column("specialty_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["guild_id", "coach_id"],
            ["coaches.guild_id", "coaches.user_id"],
            name=op.f("fk_coach_specialties_guild_id_coach_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["specialty_id"],
            ["specialties.id"],
            name=op.f("fk_coach_specialties_specialty_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("guild_id", "coach_id", "specialty_id", name=op.f("pk_coach_specialties")),
    )
    op.create_table(
        "coaching_sessions",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.String(length=12), nullable=False),
        sa.Column("coach_id", sa.BigInteger(), nullable=False),
        sa.Column("student_id", sa.BigInteger(), nullable=False),
        sa.Column("starts_at", UTCDateTime(), nullable=False),
        sa.Column("ends_at", UTCDateTime(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "SCHEDULED",
                "IN_PROGRESS",
                "COMPLETED",
                "CANCELLED",
                "NO_SHOW",
                name="sessionstatus",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("notes", sa.String(), nullable=True),
        sa.Column(
            "session_type",
            sa.Enum("voice", "video", name="sessiontype", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("total_cost_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("discord_channel_id", sa.BigInteger(), nullable=True),
        sa.Column("discord_role_id", sa.BigInteger(), nullable=True),
        sa.Column("discord_setup_complete", sa.Boolean(), nullable=False),
        sa.Column("reminder_sent", sa.Boolean(), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("updated_at", UTCDateTime(), nullable=False),
        sa.Column("room_intended_at", UTCDateTime(), nullable=True),
        sa.Column("access_granted_at", UTCDateTime(), nullable=True),
        sa.Column("room_removed_at", UTCDateTime(), nullable=True),
        sa.Column("cancelled_at", UTCDateTime(), nullable=True),
        sa.Column("cancelled_by", sa.BigInteger(), nullable=True),
        sa.Column("cancel_reason", sa.String(), nullable=True),
        sa.Column("next_step_at", UTCDateTime(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.String(), nullable=True),
        sa.CheckConstraint("coach_id <> student_id", name=op.f("ck_coaching_sessions_two_people")),
        sa.CheckConstraint("ends_at > starts_at", name=op.f("ck_coaching_sessions_ends_after_start")),
        sa.CheckConstraint("total_cost_minor >= 0", name=op.f("ck_coaching_sessions_cost_not_negative")),
        sa.ForeignKeyConstraint(
            ["guild_id", "coach_id"],
            ["coaches.guild_id", "coaches.user_id"],
            name=op.f("fk_coaching_sessions_guild_id_coach_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_coaching_sessions")),
        sa.UniqueConstraint("code", name=op.f("uq_coaching_sessions_code")),
    )
    op.create_index(
        "ix_coaching_sessions_guild_id_coach_id",
        "coaching_sessions",
        ["guild_id", "coach_id", "starts_at"],
        unique=False,
    )
    op.create_index(
        "ix_coaching_sessions_guild_id_student_id",
        "coaching_sessions",
        ["guild_id", "student_id", "starts_at"],
        unique=False,
    )
    op.create_index(
        "ix_coaching_sessions_next_step_at",
        "coaching_sessions",
        ["next_step_at"],
        unique=False,
        sqlite_where=sa.text("next_step_at IS NOT NULL"),
        postgresql_where=sa.text("next_step_at IS NOT NULL"),
    )

    op.create_table(
        "audit_entries",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.Column("actor_id", sa.BigInteger(), nullable=True),
        sa.Column("action", sa.String(length=48), nullable=False),
        sa.Column("coach_id", sa.BigInteger(), nullable=True),
        sa.Column("session_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["guild_id"], ["guilds.id"], name=op.f("fk_audit_entries_guild_id")),
        sa.ForeignKeyConstraint(
            ["session_id"], ["coaching_sessions.id"], name=op.f("fk_audit_entries_session_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_entries")),
    )
    op.create_index("ix_audit_entries_guild_id_at", "audit_entries", ["guild_id", "at"], unique=False)
    op.create_index("ix_audit_entries_session_id", "audit_entries", ["session_id"], unique=False)

    op.create_table(
        "notices",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=True),
        sa.Column("coach_id", sa.BigInteger(), nullable=True),
        sa.Column("session_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("due_at", UTCDateTime(), nullable=True),
        sa.Column("tried_at", UTCDateTime(), nullable=True),
        sa.Column("sent_at", UTCDateTime(), nullable=True),
        sa.Column("given_up_at", UTCDateTime(), nullable=True),
        sa.Column("channel_id", sa.BigInteger(), nullable=True),
        sa.Column("message_id", sa.BigInteger(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["guild_id", "coach_id"],
            ["coaches.guild_id", "coaches.user_id"],
            name=op.f("fk_notices_guild_id_coach_id"),
        ),
        sa.ForeignKeyConstraint(["guild_id"], ["guilds.id"], name=op.f("fk_notices_guild_id")),
        sa.ForeignKeyConstraint(["session_id"], ["coaching_sessions.id"], name=op.f("fk_notices_session_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notices")),
    )
    op.create_index(
        "ix_notices_due_at",
        "notices",
        ["due_at"],
        unique=False,
        sqlite_where=sa.text("due_at IS NOT NULL"),
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )
    op.create_index("ix_notices_guild_id_coach_id_kind", "notices", ["guild_id", "coach_id", "kind"], unique=False)
    op.create_index("ix_notices_session_id", "notices", ["session_id"], unique=False)

    op.create_table(
        "reservations",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("starts_at", UTCDateTime(), nullable=False),
        sa.Column("ends_at", UTCDateTime(), nullable=False),
        sa.Column("session_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint("ends_at > starts_at", name=op.f("ck_reservations_ends_after_start")),
        longest_reservation(),
        sa.ForeignKeyConstraint(["session_id"], ["coaching_sessions.id"], name=op.f("fk_reservations_session_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reservations")),
    )
    op.create_index("ix_reservations_session_id", "reservations", ["session_id"], unique=False)
    op.create_index("ix_reservations_user_id_starts_at", "reservations", ["user_id", "starts_at"], unique=False)

    guard_reservations()


def longest_reservation() -> sa.CheckConstraint:
    """Limit a reservation to a day, in the engine's own arithmetic (SQLite stores microseconds)."""
    day = "86400000000" if op.get_bind().dialect.name == "sqlite" else "interval '24 hours'"
    return sa.CheckConstraint(f"ends_at - starts_at <= {day}", name=op.f("ck_reservations_longest"))


def guard_reservations() -> None:
    """Prevent two overlapping reservations of one person.

    SQLite has no exclusion constraint. Its triggers only check reservations that begin less than a day before the
    new one, which is enough because none is longer, and is a range of the index.
    """
    if op.get_bind().dialect.name == "postgresql":
        # int8range, because `user_id WITH =` would need the extension btree_gist.
        op.execute(
            "ALTER TABLE reservations ADD CONSTRAINT reservations_no_overlap EXCLUDE USING gist"
            " (int8range(user_id, user_id, '[]') WITH &&, tstzrange(starts_at, ends_at) WITH &&)"
        )
        return
    overlaps = (
        "SELECT RAISE(ABORT, 'reservations_no_overlap') WHERE EXISTS (SELECT 1 FROM reservations"
        " WHERE user_id = NEW.user_id AND starts_at < NEW.ends_at"
        " AND starts_at > NEW.starts_at - 86400000000 AND ends_at > NEW.starts_at"
    )
    op.execute(
        f"CREATE TRIGGER reservations_no_overlap_insert BEFORE INSERT ON reservations BEGIN {overlaps}); END"
    )
    op.execute(
        "CREATE TRIGGER reservations_no_overlap_update BEFORE UPDATE ON reservations"
        f" BEGIN {overlaps} AND id <> OLD.id); END"
    )


def downgrade() -> None:
    raise NotImplementedError("schemas only move forward; restore a backup instead")
