"""The database: tables, the guard against double bookings, migrations and the engine."""

from models.alert import Alert
from models.attendance import Attendance
from models.audit import AuditEntry
from models.availability import AvailabilityChange, AvailabilityRule, DateOverride
from models.base import Base, Snowflake, UTCDateTime
from models.block import Block, BlockedFrom
from models.coach import Coach, CoachSpecialty, CoachStatus, Specialty
from models.credit import (
    CreditDispute,
    CreditEntry,
    CreditLot,
    EntryKind,
    LotSource,
    Package,
    PackageOrder,
    RoleGrant,
)
from models.guild import AccessMode, ExtensionPrice, Guild, Member, PaymentMode
from models.job_run import Heartbeat, JobRun
from models.notification import Notification, NotificationKind, Route
from models.payment import (
    UNDECIDED,
    Payment,
    PaymentPurpose,
    PaymentStatus,
    Refund,
    RefundReason,
    RefundStatus,
    StripeEvent,
)
from models.reservation import LONGEST_RESERVATION, Hold, HoldPurpose, Reservation
from models.review import Review
from models.series import Lesson, Series, SeriesPayment, SeriesRule, SeriesStatus, SkipReason
from models.session import (
    AHEAD,
    Absent,
    CoachingSession,
    Participant,
    ParticipantStatus,
    SessionStatus,
    SessionType,
)
from models.time_off import Absence, AbsenceNews, AbsenceOutcome, Closure, Substitution, SubstitutionState
from models.waiting_list import FreedTime, Offer, OfferState, Wish, WishEnd
from models.workshop import MOST_SEATS, Seat, Workshop

__all__ = [
    "AHEAD",
    "LONGEST_RESERVATION",
    "MOST_SEATS",
    "UNDECIDED",
    "Absence",
    "AbsenceNews",
    "AbsenceOutcome",
    "Absent",
    "AccessMode",
    "Alert",
    "Attendance",
    "AuditEntry",
    "AvailabilityChange",
    "AvailabilityRule",
    "Base",
    "Block",
    "BlockedFrom",
    "Closure",
    "Coach",
    "CoachSpecialty",
    "CoachStatus",
    "CoachingSession",
    "CreditDispute",
    "CreditEntry",
    "CreditLot",
    "DateOverride",
    "EntryKind",
    "ExtensionPrice",
    "FreedTime",
    "Guild",
    "Heartbeat",
    "Hold",
    "HoldPurpose",
    "JobRun",
    "Lesson",
    "LotSource",
    "Member",
    "Notification",
    "NotificationKind",
    "Offer",
    "OfferState",
    "Package",
    "PackageOrder",
    "Participant",
    "ParticipantStatus",
    "Payment",
    "PaymentMode",
    "PaymentPurpose",
    "PaymentStatus",
    "Refund",
    "RefundReason",
    "RefundStatus",
    "Reservation",
    "Review",
    "RoleGrant",
    "Route",
    "Seat",
    "Series",
    "SeriesPayment",
    "SeriesRule",
    "SeriesStatus",
    "SessionStatus",
    "SessionType",
    "SkipReason",
    "Snowflake",
    "Specialty",
    "StripeEvent",
    "Substitution",
    "SubstitutionState",
    "UTCDateTime",
    "Wish",
    "WishEnd",
    "Workshop",
]
