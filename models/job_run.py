"""The ticks that did something, and heartbeats."""

from datetime import datetime

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, RowId

TICK = "tick"
"""The job whose heartbeat says when a tick last finished."""


class JobRun(Base):
    """One tick that did something or failed."""

    __tablename__ = "job_runs"
    __table_args__ = (Index("ix_job_runs_started_at", "started_at"),)

    id: Mapped[RowId]
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime]
    trigger: Mapped[str] = mapped_column(String(16), default="interval", server_default="interval")
    """Why it ran: the interval, the next due time, a wake-up, a start, a request, or a manual run."""
    due: Mapped[int] = mapped_column(default=0, server_default="0")
    """Sessions and notifications that were due when it began."""
    steps: Mapped[int]
    roles: Mapped[int]
    notifications: Mapped[int]
    failures: Mapped[int]


class Heartbeat(Base):
    """When a job last finished, even if it had nothing to do. One row per job."""

    __tablename__ = "heartbeats"

    job: Mapped[str] = mapped_column(String(32), primary_key=True)
    at: Mapped[datetime]
