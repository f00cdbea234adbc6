"""What a coach who's away sees: the sessions then, what can be done with each, and who could take one over."""

from collections.abc import Sequence

from cogs import cards, routes, ui
from cogs.ui.routing import Route
from models import Absence, Coach, CoachingSession, Substitution
from scheduler.core.clock import stamp
from scheduler.parsing.dates import write_dates
from scheduler.time_off.absences import Affected, Away

BACK = Route("away:back:{absence_id}")
TIMES = Route("away:times:{absence_id}:{session_id}:{page}")
MOVE = Route("away:move:{absence_id}:{session_id}:{start}:{page}")
CANCEL = Route("away:cancel:{absence_id}:{session_id}:{page}")
KEEP = Route("away:keep:{absence_id}:{session_id}:{page}")
CANCEL_LEFT = Route("away:cancelleft:{absence_id}")
KEEP_LEFT = Route("away:keepleft:{absence_id}")
SUBSTITUTES = Route("away:who:{absence_id}:{session_id}:{page}")
ASK = Route("away:ask:{absence_id}:{session_id}:{page}")

_A_PAGE = 4


def away_panel(away: Away, page: int, said: str | None) -> ui.Panel:
    """Show a page of the sessions in an absence that are still to be decided about."""
    absence, to = away.absence, away.absence.id
    shown, pager = ui.paged(away.sessions, page, _A_PAGE, lambda page: routes.ABSENCE.id(absence_id=to, page=page))
    parts: list[ui.Item] = [ui.text(_head(away))]
    for one in shown:
        parts += _session(absence, one, page)
    buttons: list[ui.Button] = []
    if left := len(away.left):
        buttons.append(
            ui.button(
                f"Cancel all {left}…" if left > 1 else "Cancel it…", CANCEL_LEFT.id(absence_id=to), ui.DANGER
            )
        )
        buttons.append(ui.button(f"Keep all {left}" if left > 1 else "Keep it", KEEP_LEFT.id(absence_id=to)))
    buttons.append(ui.button("I'm back", BACK.id(absence_id=to)))
    buttons.append(ui.button("◀ Back", routes.AVAILABILITY.id(week=0, days=0)))
    return ui.Panel(*parts, *pager, ui.row(*buttons), said=said)


def _head(away: Away) -> str:
    absence = away.absence
    lines = [f"### Away {write_dates(absence.first, absence.last)}", "Nobody can book you on these days."]
    if absence.reason:
        lines[1] += f" Your students read: {ui.quoted(absence.reason)}"
    asked = len(away.sessions) - len(away.left)
    if left := len(away.left):
        these = "This session stays" if left == 1 else f"These {left} sessions stay"
        lines.append(f"{these} booked until you decide. Each person gets one message about all that you change.")
    elif not asked:
        lines.append("✅ There's nothing to decide.")
    if asked:
        lines.append(f"{asked} more wait{'s' if asked == 1 else ''} for an answer.")
    return "\n".join(lines)


def _session(absence: Absence, one: Affected, page: int) -> list[ui.Item]:
    row, numbers = one.session, {"absence_id": absence.id, "session_id": one.session.id, "page": page}
    words = f"{stamp(row.starts_at)} · {cards.length(row.duration)} · {_with_whom(row)}"
    if one.question is not None:
        words += f"\n{waiting_for(one.question, row)}"
    buttons = [] if row.is_workshop else [ui.button("Reschedule…", TIMES.id(**numbers))]
    if one.question is None:
        buttons.append(ui.button("Substitute…", SUBSTITUTES.id(**numbers)))
    buttons += [ui.button("Keep", KEEP.id(**numbers)), ui.button("Cancel…", CANCEL.id(**numbers))]
    return [ui.text(words), ui.row(*buttons)]


def _with_whom(row: CoachingSession) -> str:
    if not row.is_workshop:
        return f"<@{row.student_id}>"
    count = len(row.taking_part)
    return f"a workshop with {count} participant{'' if count == 1 else 's'}"


def waiting_for(question: Substitution, row: CoachingSession) -> str:
    """Say who still has to answer, and until when."""
    substitute = f"<@{question.substitute_id}>"
    until = f"until {stamp(question.expires_at)}"
    if question.substitute_accepted_at is not None:
        return f"⏳ {substitute} takes it over if <@{row.student_id}> agrees, {until}."
    if question.student_accepted_at is not None:
        return f"⏳ Your student agrees. {substitute} is asked {until}."
    return f"⏳ {substitute} is asked to take it over, {until}."


def substitutes_panel(absence_id: int, row: CoachingSession, found: Sequence[Coach], page: int) -> ui.Panel:
    """Ask who's to take a session over."""
    numbers = {"absence_id": absence_id, "session_id": row.id, "page": page}
    back = ui.row(ui.button("◀ Back", routes.ABSENCE.id(absence_id=absence_id, page=page)))
    agree = (
        "Participants are told, and can give their seats back."
        if row.is_workshop
        else "Your student has to agree, too."
    )
    lines = [
        "### Who should take this session over?",
        f"{stamp(row.starts_at)} · {cards.length(row.duration)} · {_with_whom(row)}",
        f"These coaches teach what you do and are free then. We ask whom you pick. {agree} The price stays, and "
        "it's only about this session.",
    ]
    options = ((one.display_name or str(one.user_id), str(one.user_id), False) for one in found)
    picked = ui.select(ASK.id(**numbers), options, placeholder="Pick a coach")
    return ui.Panel(ui.text("\n".join(lines)), ui.row(picked), back)
