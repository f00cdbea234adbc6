"""The database: tables, the guard against double booking, migrations and the engine."""

from models.audit import AuditEntry
from models.availability import AvailabilityChange, AvailabilityRule, DateOverride
from models.base import Base, Snowflake, UTCDateTime
from models.coach import Coach, CoachSpecialty, CoachStatus, Specialty
from models.guild import Guild, Member
from models.job_run import Heartbeat, JobRun
from models.notice import Notice, NoticeKind
from models.session import (
    LONGEST_RESERVATION,
    CoachingSession,
    Hold,
    Reservation,
    SessionStatus,
    SessionType,
)

__all__ = [
    "LONGEST_RESERVATION",
    "AuditEntry",
    "AvailabilityChange",
    "AvailabilityRule",
    "Base",
    "Coach",
    "CoachSpecialty",
    "CoachStatus",
    "CoachingSession",
    "DateOverride",
    "Guild",
    "Heartbeat",
    "Hold",
    "JobRun",
    "Member",
    "Notice",
    "NoticeKind",
    "Reservation",
    "SessionStatus",
    "SessionType",
    "Snowflake",
    "Specialty",
    "UTCDateTime",
]
