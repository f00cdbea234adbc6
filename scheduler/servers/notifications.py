"""The notification to a server the bot has just joined."""

from models import NotificationKind
from scheduler.notifications.kinds import Audience, Declaration

KINDS = (Declaration(NotificationKind.WELCOME, Audience.NEW_SERVER),)
