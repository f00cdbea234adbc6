"""Routes of buttons that several features show, so that no feature imports another.

Never change a template, because messages keep their buttons for years. Add a new route instead.
"""

from cogs.ui.routing import Route

APPROVE = Route("coach:approve:{user_id}")
REJECT = Route("coach:reject:{user_id}")
SUSPEND = Route("coach:suspend:{user_id}")
REINSTATE = Route("coach:reinstate:{user_id}")

BLOCK = Route("block:person:{user_id}:{what}")
UNBLOCK = Route("block:lift:{user_id}:{what}")
FROM_BOOKING, FROM_APPLYING, FROM_BOTH = 1, 2, 3
"""Values of {what} in BLOCK and UNBLOCK."""

SESSION_LIST = Route("session:list:{page}")
SESSION_DETAILS = Route("story:show:{session_id}")
CANCEL = Route("session:cancel:{session_id}")
CALENDAR = Route("session:calendar:{session_id}")
MARK_NO_SHOW = Route("session:noshow:{session_id}")
WAS_HERE = Route("session:washere:{session_id}")
ATTENDANCE = Route("session:attendance:{session_id}:{page}")
APPEAL = Route("session:appeal:{session_id}")
RUNNING_LATE = Route("session:late:{session_id}")
END_SESSION = Route("room:end:{session_id}")
WAIVE_CHARGE = Route("session:charge:{session_id}:waive")
DISPUTE_CHARGE = Route("session:charge:{session_id}:dispute")
# {until} is the new end in whole minutes since 1970, {cost} what it adds to the price, in minor units.
ASK_EXTENSION = Route("room:longer:{session_id}:{until}:{cost}")

RESCHEDULE = Route("session:move:{session_id}")
# {day} is a date's ordinal (0: the first free one), {start} whole minutes since 1970.
RESCHEDULE_TIMES = Route("move:show:{session_id}:{day}:{page}")
RESCHEDULE_TO = Route("move:time:{session_id}:{start}")

# {minutes} is the length (0: the usual one).
BOOK_COACH = Route("book:coach:{coach_id}:{minutes}:{day}:{page}")
# With the session's id, because one page can show two sessions of the same coach and length.
BOOK_AGAIN = Route("book:again:{coach_id}:{minutes}:{session_id}")

BOOK_ONCE = Route("book:way:{coach_id}:{minutes}:{start}:{way}")
"""Shows what's about to be booked. {way} is a number of `cards.booking.Way`."""
REPEAT = Route("series:repeat:{coach_id}:{minutes}:{start}:{way}")
"""A select of how often: the number of weeks between two lessons, 0 for once."""
SERIES_REQUESTS = Route("series:requests")

# {coach_id} is 0 for any coach, {minutes} 0 if no length was chosen.
WAIT = Route("wait:new:{coach_id}:{minutes}")
WAIT_FOR_SEAT = Route("wait:seat:{session_id}")
"""On a workshop that's full."""
WISHES = Route("wait:list")
PAY_OFFER = Route("pay:offer:{offer_id}")

CREDITS = Route("credits:show:{guild_id}:{page}")

# {cost} is the price that they saw, in minor units of {currency}: see `cards.booking`.
PAY_SESSION = Route("pay:session:{coach_id}:{minutes}:{start}:{cost}:{currency}")
PAY_LESSON = Route("pay:lesson:{session_id}:{cost}:{currency}")
PAY_SEAT = Route("pay:seat:{session_id}:{cost}:{currency}")
PAY_PACKAGE = Route("pay:package:{package_id}:{cost}:{currency}")
PAYMENTS = Route("payments:list:{page}")
CHECK_PAYMENT = Route("pay:check:{payment_id}")
CLOSE_PAYMENT = Route("pay:close:{payment_id}")
KEEP_AS_CREDIT = Route("pay:keep:{payment_id}")
REFUND_NOW = Route("pay:back:{payment_id}")

WORKSHOP = Route("workshop:show:{session_id}")
TAKE_SEAT = Route("workshop:take:{session_id}")
LEAVE_WORKSHOP = Route("workshop:leave:{session_id}")
WORKSHOPS = Route("workshop:list:{page}")

SERIES_LIST = Route("series:list")
SERIES = Route("series:show:{series_id}:{page}")
SERIES_ZONES = Route("series:zones")
"""Of a coach: weekly lessons on the clock of another zone than theirs."""

REVIEW = Route("review:open:{session_id}")
GIVE_STARS = Route("review:stars:{session_id}:{count}")
READ_REVIEWS = Route("review:read:{coach_id}")

ADMIN = Route("admin:open")
HEALTH = Route("health:refresh")
STATISTICS = Route("stats:show")
EXPORT = Route("records:export")
# {status} is an index of the list of statuses; {user_id} is 0 for everyone.
ALL_SESSIONS = Route("records:sessions:{status}:{user_id}:{page}")
AUDIT_LOG = Route("records:audit:{user_id}:{page}")
FIND_SESSION = Route("story:find")
APPLICATIONS = Route("coach:queue:{position}")
COACHES = Route("roster:list:{page}")
COACH = Route("roster:profile:{user_id}")
# {coach_id} is 0 for the reviews of all coaches.
ALL_REVIEWS = Route("review:list:{coach_id}:{page}")
BLOCKED = Route("block:list:{page}")
SPECIALTIES = Route("specialty:list")
CLOSURES = Route("closure:list:{page}")
# {week} and {days} as in `/availability`: see `PanelState`.
AVAILABILITY = Route("availability:show:{week}:{days}")
GO_AWAY = Route("away:new")
ABSENCE = Route("away:show:{absence_id}:{page}")
CREDIT_ADMIN = Route("credits:admin")
CREDIT_OF = Route("credits:person:{user_id}:{page}")

OPEN_SETUP = Route("setup:open")
PANEL_BOOK = Route("panel:book")
PANEL_SESSIONS = Route("panel:sessions")
PANEL_APPLY = Route("panel:apply")
