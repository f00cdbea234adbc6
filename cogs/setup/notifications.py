"""Texts of messages to admins: the bot's welcome message, and alerts."""

from cogs import routes, ui
from cogs.notifications import Extra, Words
from models import NotificationKind
from scheduler.loop import retries
from scheduler.notifications.kinds import NotificationContext


def _welcome(context: NotificationContext) -> ui.Item:
    how = "press the button or use" if context.notification.route is None else "go to the server and use"
    return ui.text(
        "### Hello! I run coaching sessions 👋\nPeople apply as coaches, students book them, and each session "
        f"gets a private room.\n**To start**, someone with Manage Server should {how} `/coaching setup`. It shows "
        "what's missing and creates most of it with one press."
    )


def _setup_button(_context: NotificationContext, _server: str) -> Extra:
    return Extra([ui.row(ui.button("Set up coaching", routes.OPEN_SETUP.id(), ui.PRIMARY))])


def _alert(context: NotificationContext) -> ui.Item:
    trying = "\n-# I'll keep trying." if retries.is_retried(context.about_alert) else ""
    return ui.text(f"### ⚠️ Coaching needs an admin\n{_problem(context)}{trying}")


def _resolved(context: NotificationContext) -> ui.Item:
    return ui.text(f"### ✅ Solved\n{_problem(context)}")


def _problem(context: NotificationContext) -> str:
    text = context.about_alert.text
    return text[:1].upper() + text[1:]


WORDS = {
    NotificationKind.WELCOME: Words(_welcome, _setup_button),
    NotificationKind.ALERT: Words(_alert),
    NotificationKind.ALERT_RESOLVED: Words(_resolved),
}
