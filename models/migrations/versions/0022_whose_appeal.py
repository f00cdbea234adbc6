"""Give each person's appeal against a no-show a place of its own, and say on messages whose they are about."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from alembic import op

from models.base import UTCDateTime

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

_SESSIONS = sa.table(
    "coaching_sessions",
    *(sa.column(name) for name in ("id", "coach_id", "is_workshop", "coach_absent", "appealed_by")),
    *(sa.column(name) for name in ("appeal_reason", "appeal_decided_by")),
    *(sa.column(name, UTCDateTime()) for name in ("appealed_at", "appeal_decided_at")),
    *(sa.column(name) for name in ("coach_appeal_reason", "coach_appeal_decided_by")),
    *(sa.column(name, UTCDateTime()) for name in ("coach_appealed_at", "coach_appeal_decided_at")),
)
_PARTICIPANTS = sa.table(
    "session_participants",
    *(sa.column(name) for name in ("session_id", "user_id", "status", "appeal_reason", "appeal_decided_by")),
    *(sa.column(name, UTCDateTime()) for name in ("appealed_at", "appeal_decided_at")),
)
_AUDIT = sa.table(
    "audit_entries",
    *(sa.column(name) for name in ("id", "session_id", "action", "actor_id")),
    sa.column("at", UTCDateTime()),
)
_NOTIFICATIONS = sa.table(
    "notifications",
    *(sa.column(name) for name in ("session_id", "kind", "about_user_id")),
    sa.column("created_at", UTCDateTime()),
)
_APPEALED, _DECISIONS = "no_show_appealed", ("appeal_granted", "appeal_refused")


class _Appeal(NamedTuple):
    at: datetime
    reason: str | None = None
    decided_at: datetime | None = None
    decided_by: int | None = None


def upgrade() -> None:
    _add_columns("session_participants", "", "appealed_first")
    _add_columns("coaching_sessions", "coach_", "coach_appealed_first")
    connection = op.get_bind()
    earlier = _in_audit_log(connection)
    for row in connection.execute(sa.select(_SESSIONS).where(_SESSIONS.c.appealed_at.is_not(None))).all():
        newest = _Appeal(row.appealed_at, row.appeal_reason, row.appeal_decided_at, row.appeal_decided_by)
        theirs = earlier.get(row.id, {}) | {_appellant(connection, row): newest}
        in_order = sorted(theirs.items(), key=lambda one: one[1].at)
        for user_id, appeal in in_order:
            _store(connection, row, user_id, appeal)
        _name_on_messages(connection, row.id, in_order)
    for column in ("appealed_at", "appealed_by", "appeal_reason", "appeal_decided_at", "appeal_decided_by"):
        op.drop_column("coaching_sessions", column)
    # There was one dispute a session when its card didn't say whose.
    op.execute(
        "UPDATE notifications SET about_user_id = (SELECT MIN(credit_disputes.user_id) FROM credit_disputes"
        " WHERE credit_disputes.session_id = notifications.session_id)"
        " WHERE kind = 'dispute_card' AND about_user_id IS NULL"
    )


def _add_columns(table: str, prefix: str, check: str) -> None:
    """Add one person's appeal. SQLite can only add a CHECK together with a column."""
    op.add_column(table, sa.Column(f"{prefix}appealed_at", UTCDateTime(), nullable=True))
    op.add_column(table, sa.Column(f"{prefix}appeal_reason", sa.String(), nullable=True))
    instant = "BIGINT" if op.get_bind().dialect.name == "sqlite" else "TIMESTAMP WITH TIME ZONE"
    op.execute(
        f"ALTER TABLE {table} ADD COLUMN {prefix}appeal_decided_at {instant} CONSTRAINT ck_{table}_{check}"
        f" CHECK ({prefix}appeal_decided_at IS NULL OR {prefix}appealed_at IS NOT NULL)"
    )
    op.add_column(table, sa.Column(f"{prefix}appeal_decided_by", sa.BigInteger(), nullable=True))


def _in_audit_log(connection: sa.Connection) -> dict[int, dict[int, _Appeal]]:
    """Return all appeals that the audit log knows, by session and person, without their reasons.

    A session only kept its latest. Since nobody could appeal while another appeal was open, a decision is about
    the one before it.
    """
    entries = (
        sa.select(_AUDIT)
        .where(_AUDIT.c.session_id.is_not(None), _AUDIT.c.action.in_((_APPEALED, *_DECISIONS)))
        .order_by(_AUDIT.c.at, _AUDIT.c.id)
    )
    found: dict[int, dict[int, _Appeal]] = {}
    for entry in connection.execute(entries):
        theirs = found.setdefault(entry.session_id, {})
        if entry.action == _APPEALED:
            theirs[entry.actor_id] = _Appeal(entry.at)
        elif theirs:
            newest = next(reversed(theirs))
            theirs[newest] = theirs[newest]._replace(decided_at=entry.at, decided_by=entry.actor_id)
    return found


def _appellant(connection: sa.Connection, row: Any) -> int:
    """Return whose appeal a session holds, as was assumed where it doesn't say."""
    if row.appealed_by is not None:
        return row.appealed_by
    theirs = connection.execute(sa.select(_PARTICIPANTS).where(_PARTICIPANTS.c.session_id == row.id)).all()
    is_coachs = row.is_workshop or (row.coach_absent and all(one.status != "no_show" for one in theirs))
    return row.coach_id if is_coachs else theirs[0].user_id


def _store(connection: sa.Connection, row: Any, user_id: int, appeal: _Appeal) -> None:
    is_coachs = user_id == row.coach_id
    table, prefix = (_SESSIONS, "coach_") if is_coachs else (_PARTICIPANTS, "")
    theirs = (
        [_SESSIONS.c.id == row.id]
        if is_coachs
        else [_PARTICIPANTS.c.session_id == row.id, _PARTICIPANTS.c.user_id == user_id]
    )
    values = {
        f"{prefix}appealed_at": appeal.at,
        f"{prefix}appeal_reason": appeal.reason,
        f"{prefix}appeal_decided_at": appeal.decided_at,
        f"{prefix}appeal_decided_by": appeal.decided_by,
    }
    connection.execute(sa.update(table).where(*theirs).values(values))


def _name_on_messages(connection: sa.Connection, session_id: int, in_order: Iterable[tuple[int, _Appeal]]) -> None:
    """Say whose appeal a card asks about, and what a decision was about. Each was made at the same instant."""
    for number, (user_id, appeal) in enumerate(in_order):
        about = sa.update(_NOTIFICATIONS).where(_NOTIFICATIONS.c.session_id == session_id)
        named = about.values(about_user_id=user_id)
        since = [_NOTIFICATIONS.c.created_at >= appeal.at] if number else []
        connection.execute(named.where(_NOTIFICATIONS.c.kind == "appeal_card", *since))
        if appeal.decided_at is not None:
            is_news = _NOTIFICATIONS.c.kind == "attendance_changed"
            connection.execute(named.where(is_news, _NOTIFICATIONS.c.created_at == appeal.decided_at))


def downgrade() -> None:
    raise NotImplementedError("schemas only move forward; restore a backup instead")
