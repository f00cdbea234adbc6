"""The question whether a session is taken over, as the substitute and the student read it."""

from cogs import cards, ui
from cogs.ui.routing import Route
from models import CoachingSession, SubstitutionState, Workshop
from scheduler.core.clock import stamp
from scheduler.time_off.notifications import QuestionDetails

ACCEPT = Route("away:accept:{question_id}")
DECLINE = Route("away:decline:{question_id}")


def substitute_card(details: QuestionDetails, row: CoachingSession, workshop: Workshop | None) -> ui.Item:
    """Ask a coach to take over a session, then say what became of that."""
    question = details.question
    title = "Can you take over this workshop?" if row.is_workshop else "Can you take over this session?"
    lines = [f"**{title}**", cards.when(question.starts_at)]
    if workshop is not None:
        lines.append(f"**{ui.quoted(workshop.title)}** · {cards.seats_taken(row, workshop)}")
    else:
        lines.append(f"{cards.length(row.duration)} with <@{row.student_id}> · {cards.charge.price(row)}")
    lines.append(_why(details))
    if question.state is not SubstitutionState.OPEN:
        return ui.Container(ui.text("\n".join([*lines, outcome(details, row, question.substitute_id)])))
    if question.substitute_accepted_at is not None:
        lines.append(_accepted(details, row, question.substitute_id))
        return ui.Container(ui.text("\n".join(lines)), _buttons(question.id, accepted=True))
    then = (
        "It's yours as soon as you accept."
        if row.is_workshop or question.student_accepted_at is not None
        else "It's yours once your student agrees, too."
    )
    lines.append(
        f"{then} The price stays as it is. We keep the time free for you until {stamp(question.expires_at)}."
    )
    return ui.Container(ui.text("\n".join(lines)), _buttons(question.id))


def student_card(details: QuestionDetails, row: CoachingSession) -> ui.Item:
    """Ask a student whether another coach may take over their session, then say what became of that."""
    question, substitute = details.question, ui.quoted(details.substitute)
    title = (
        f"{substitute} can take over your session"
        if question.substitute_accepted_at is not None
        else f"May {substitute} take over your session?"
    )
    lines = [f"**{title}**", cards.when(question.starts_at), _why(details)]
    if question.state is not SubstitutionState.OPEN:
        return ui.Container(ui.text("\n".join([*lines, outcome(details, row, row.student_id)])))
    if question.student_accepted_at is not None:
        lines.append(_accepted(details, row, row.student_id))
        return ui.Container(ui.text("\n".join(lines)), _buttons(question.id, accepted=True))
    if question.substitute_accepted_at is None:
        lines.append(f"We've asked {substitute}, too. It's settled once you both accept.")
    coach = ui.quoted(details.coach)
    lines.append(
        f"The price stays as it is. If you decline, or don't answer until {stamp(question.expires_at)}, {coach} "
        "reschedules or cancels the session."
    )
    return ui.Container(ui.text("\n".join(lines)), _buttons(question.id))


def _buttons(question_id: int, *, accepted: bool = False) -> ui.Item:
    decline = ui.button("Decline", DECLINE.id(question_id=question_id))
    if accepted:
        return ui.row(decline)
    return ui.row(ui.button("Accept", ACCEPT.id(question_id=question_id), ui.SUCCESS), decline)


def _why(details: QuestionDetails) -> str:
    reason = f": {ui.quoted(details.reason)}" if details.reason else "."
    return f"{ui.quoted(details.coach)} is away then{reason}"


def answered(details: QuestionDetails, row: CoachingSession, reader_id: int) -> str:
    """Answer a press."""
    if details.question.state is SubstitutionState.OPEN:
        return _accepted(details, row, reader_id)
    return outcome(details, row, reader_id)


def _accepted(details: QuestionDetails, row: CoachingSession, reader_id: int) -> str:
    is_substitute = reader_id == details.question.substitute_id
    other = "your student" if is_substitute else ui.quoted(details.substitute)
    until = stamp(details.question.expires_at)
    return f"✅ You've accepted. Now {other} is asked, until {until}. We'll tell you what comes of it."


def outcome(details: QuestionDetails, row: CoachingSession, reader_id: int) -> str:
    """Say to substitute or student what became of the question."""
    question, coach = details.question, ui.quoted(details.coach)
    is_substitute, substitute = reader_id == question.substitute_id, ui.quoted(details.substitute)
    match question.state:
        case SubstitutionState.TAKEN_OVER if is_substitute:
            return "✅ It's yours now. `/sessions` shows it."
        case SubstitutionState.TAKEN_OVER:
            return f"✅ {substitute} takes it over, at the same price. `/sessions` shows it."
        case SubstitutionState.DECLINED if is_substitute:
            return f"You've declined. {coach} decides what to do instead."
        case SubstitutionState.REFUSED if not is_substitute:
            return f"You've declined. {coach} decides what to do instead."
        case SubstitutionState.DECLINED:
            return f"{substitute} can't take it over. {coach} decides what to do instead."
        case SubstitutionState.REFUSED:
            return f"The student would rather not. {coach} decides what to do instead."
        case SubstitutionState.LAPSED:
            return f"The time to answer is over. {coach} decides what to do instead."
        case _:
            return "This is no longer asked. You needn't do anything."
