"""Show an application to admins, with its history, blocks and the buttons for what comes next."""

import itertools
from collections.abc import Sequence

from cogs import routes, ui
from cogs.cards.coach import decision, rate, taught
from models import AuditEntry, Block, BlockedFrom, Coach, CoachStatus
from scheduler.coaches.history import DECISIONS
from scheduler.core.clock import stamp
from scheduler.time.abbreviations import show_zone

_GREEN, _RED, _YELLOW, _GREY = 0x3BA55D, 0xD83C3E, 0xF0B232, 0x80848E
_APPLICATION_COLOURS = {
    CoachStatus.PENDING: _YELLOW,
    CoachStatus.APPROVED: _GREEN,
    CoachStatus.REJECTED: _RED,
    CoachStatus.SUSPENDED: _GREY,
}
_HISTORY_WORDS = {
    "application_made": "applied",
    "application_edited": "edited the application",
    "profile_edited": "edited the profile",
    "application_approved": "approved",
    "application_rejected": "rejected",
    "coach_suspended": "suspended",
    "coach_reinstated": "reinstated",
}
_MOST_HISTORY = 6
_LONGEST_APPLICATION = 3600
"""In characters. A message holds 4,000, and the text around the card needs some of them."""


def of_application(
    coach: Coach, specialties: list[str], history: Sequence[AuditEntry] = (), blocked: Sequence[Block] = ()
) -> ui.Container:
    """Show what was written, what happened so far, and buttons for what comes next."""
    head = f"### Coach application of <@{coach.user_id}>\nApplied {stamp(coach.applied_at, 'f')}"
    terms = (
        f"**Teaches** {taught(specialties)}\n**Rate** {rate(coach)}\n**Time zone** {show_zone(coach.time_zone)}"
    )
    ends = [part for part in (decision(coach), _history(coach, history), blocks(blocked)) if part]
    most = min(1300, (_LONGEST_APPLICATION - sum(map(len, (head, terms, *ends)))) // 2)
    return ui.Container(
        ui.text(head),
        ui.Separator(),
        ui.text(f"**About**\n{ui.quoted(coach.bio, most)}"),
        ui.text(f"**Experience and links**\n{ui.quoted(coach.experience, most)}"),
        ui.Separator(),
        ui.text(terms),
        *map(ui.text, ends),
        *ui.rows(*_next_decisions(coach, blocked)),
        accent_colour=_APPLICATION_COLOURS[coach.status],
    )


def blocks(blocked: Sequence[Block], name: str = "") -> str:
    """List what someone is blocked from, by whom and since when, a line each. Empty if they aren't blocked."""
    who = f"{name} blocked".strip().capitalize()
    return "\n".join(
        f"🚫 **{who} from {one.blocked_from}** by <@{one.blocked_by}> {stamp(one.blocked_at, 'f')}"
        for one in blocked
    )


def block_button(user_id: int, what: BlockedFrom, blocked: Sequence[Block], name: str = "") -> ui.Button:
    """Make the button that blocks someone from this, or unblocks them."""
    ids = {
        "user_id": user_id,
        "what": routes.FROM_BOOKING if what is BlockedFrom.BOOKING else routes.FROM_APPLYING,
    }
    if any(one.blocked_from is what for one in blocked):
        return ui.button(f"Unblock {name}".strip(), routes.UNBLOCK.id(**ids))
    return ui.button(f"Block {name or f'from {what}'}…", routes.BLOCK.id(**ids))


def _next_decisions(coach: Coach, blocked: Sequence[Block]) -> list[ui.Button]:
    match coach.status:
        case CoachStatus.PENDING:
            return [
                ui.button("Approve", routes.APPROVE.id(user_id=coach.user_id), ui.SUCCESS),
                ui.button("Reject…", routes.REJECT.id(user_id=coach.user_id), ui.DANGER),
            ]
        case CoachStatus.APPROVED:
            return [ui.button("Suspend…", routes.SUSPEND.id(user_id=coach.user_id))]
        case CoachStatus.SUSPENDED:
            return [ui.button("Reinstate", routes.REINSTATE.id(user_id=coach.user_id), ui.SUCCESS)]
        case CoachStatus.REJECTED:
            return [block_button(coach.user_id, BlockedFrom.APPLYING, blocked)]


def _history(coach: Coach, entries: Sequence[AuditEntry]) -> str:
    """List what happened before the current decision, oldest first. Empty for a first application."""
    earlier = list(entries)
    decided = [place for place, entry in enumerate(earlier) if entry.action in DECISIONS]
    if coach.decided_at is not None and decided:
        del earlier[decided[-1]]
    if len(earlier) < 2:
        return ""
    # Repeated edits share a line.
    runs = [list(run) for _, run in itertools.groupby(earlier, lambda entry: (entry.action, entry.actor_id))]
    lines = [_history_line(run[-1], len(run)) for run in runs[-_MOST_HISTORY:]]
    left_out = len(runs) - len(lines)
    return "\n".join(["**History**", *([f"… {left_out} earlier"] if left_out else []), *lines])


def _history_line(entry: AuditEntry, times: int) -> str:
    by = f" by <@{entry.actor_id}>" if entry.action in DECISIONS else ""
    reason = " ".join(str(entry.details.get("reason", "")).split())
    why = f": {ui.quoted(reason, 100)}" if reason else ""
    again = f" ({times} times)" if times > 1 else ""
    return f"{stamp(entry.at, 'f')} {_HISTORY_WORDS[entry.action]}{by}{why}{again}"
