"""The panel of `/coaching setup`: problems first, each with its fix, then the settings."""

from collections.abc import Iterable, Sequence

import discord

from cogs import ui
from cogs.server_limits import limits_ahead
from cogs.setup import settings
from cogs.ui.routing import Route
from models import Coach, Guild
from scheduler.parsing.lists import all_of
from scheduler.servers.declarations import Form
from scheduler.servers.resources import CREATABLE, Flaw, ServerResource, SetupIssue
from scheduler.servers.settings import CLEARED

SHOW = Route("setup:show")
CHANGE = Route("setup:change")
DEFAULTS = Route("setup:defaults")
MAKE = Route("setup:make:{place}")
PICK = Route("setup:pick:{place}")
PICKED = Route("setup:picked:{place}")
CLEAR = Route("setup:clear:{place}")
FORM = Route("setup:form:{form}")
ASK_RATES = Route("setup:rates")

PLACES = tuple(ServerResource)
"""By their number in a `custom_id`, also on panels from before an upgrade: add new ones at the end."""
FORMS = tuple(Form)
"""By their number in a `custom_id`."""
_USES = {
    ServerResource.REVIEW_CHANNEL: "Applications are posted here for admins to decide.",
    ServerResource.COACH_ROLE: "Given to approved coaches. It must be below my own role and yours.",
    ServerResource.ROOM_CATEGORY: "Private rooms are created here.",
    ServerResource.LOG_CHANNEL: "Alerts for admins are posted here.",
    ServerResource.FALLBACK_CHANNEL: "People whose direct messages are closed are mentioned here, in public.",
    ServerResource.ADMIN_ROLE: "Members with it decide applications and change settings, except the two roles.",
    ServerResource.WORKSHOP_CHANNEL: "Workshops are announced here, with buttons to take a seat.",
}
_WITHOUT = {
    ServerResource.REVIEW_CHANNEL: "nobody sees new applications",
    ServerResource.COACH_ROLE: "coaches get no role",
    ServerResource.ROOM_CATEGORY: "rooms are created outside any category, or in one of my own",
    ServerResource.LOG_CHANNEL: "alerts go to the system channel or the owner",
    ServerResource.FALLBACK_CHANNEL: "admins are told instead",
    ServerResource.ADMIN_ROLE: "only members with Manage Server are admins",
    ServerResource.WORKSHOP_CHANNEL: "workshops can't be announced",
}
_LISTED = 10
_MOST_WITH_BUTTONS = 5
"""How many problems have buttons, so that the panel keeps to 40 components. The list below changes the others."""
_OPTIONAL = (ServerResource.FALLBACK_CHANNEL, ServerResource.ADMIN_ROLE, ServerResource.WORKSHOP_CHANNEL)
_GOOD, _NOTE, _BAD = "✅", "⚠️", "❌"
_UNCHECKED = (
    f"{_NOTE} Discord didn't answer, so I couldn't check my permissions. Press **Check again** in a minute."
)

Items = list[ui.Item]


def overview(
    guild: Guild,
    server: discord.Guild | None,
    found: Sequence[SetupIssue] | None,
    invitation: str,
    said: str | None = None,
    *,
    elsewhere: Sequence[Coach] = (),
) -> ui.Panel:
    """Build the panel. `found` is None if Discord didn't answer; `elsewhere` are coaches with another currency."""
    problems = [one for one in found or () if not (one.flaw is Flaw.UNSET and one.place in _OPTIONAL)]
    ahead = [f"{_NOTE} {line}" for line in limits_ahead(server)]
    count = None if found is None else len(problems) + len(ahead) + bool(elsewhere)
    items: Items = [ui.text("\n".join([_head(count), *ahead]))]
    worst_first = sorted(problems, key=lambda one: not one.is_severe)
    for one in worst_first[:_MOST_WITH_BUTTONS]:
        items += _problem(guild, one, invitation)
    if others := worst_first[_MOST_WITH_BUTTONS:]:
        items.append(ui.text("\n".join(_described(guild, one) for one in others)))
    if elsewhere:
        items += _other_currencies(guild, elsewhere)
    buttons = [
        *(ui.button(f"{form.value}…", FORM.id(form=number)) for number, form in enumerate(FORMS)),
        ui.button("For new coaches", DEFAULTS.id()),
        ui.button("Check again", SHOW.id(), ui.PRIMARY),
    ]
    settings_shown = [f"**{title}**\n" + "\n".join(lines) for title, lines in settings.groups(guild).items()]
    places = [(place.label, str(number), False) for number, place in enumerate(PLACES)]
    return ui.Panel(
        *items,
        ui.Separator(),
        ui.text("\n".join(["**Channels and roles**", *_places(guild, found)])),
        ui.row(ui.select(CHANGE.id(), places, placeholder="Change a channel, category or role…")),
        ui.Separator(),
        ui.text("\n\n".join(settings_shown)),
        *ui.rows(*buttons),
        said=said,
    )


def of_place(guild: Guild, place: ServerResource) -> ui.Panel:
    """Build the panel for choosing this channel, category or role."""
    number, id_ = PLACES.index(place), place.id_in(guild)
    now = _mention(place, id_) if id_ else f"not set ({_WITHOUT[place]})"
    buttons = [_make_button(place)] if place in CREATABLE and id_ is None else []
    if place.column in CLEARED and id_ is not None:
        buttons.append(ui.button("Clear", CLEAR.id(place=number)))
    return ui.Panel(
        ui.text(f"### {place.label}\n{_USES[place]}\n**Now** {now}"),
        ui.row(_picker(place, PICKED.id(place=number))),
        ui.row(*buttons, ui.button("◀ Back", SHOW.id())),
    )


def _head(count: int | None) -> str:
    if count is None:
        return f"### Coaching setup\n{_UNCHECKED}"
    if not count:
        return f"### Coaching setup\n{_GOOD} Nothing to fix."
    return f"### Coaching setup: {count} {'thing' if count == 1 else 'things'} to fix"


def _problem(guild: Guild, finding: SetupIssue, invitation: str) -> Items:
    text = ui.text(_described(guild, finding))
    if finding.place is None:
        return [text, ui.row(ui.link("Invite me again", invitation))]
    buttons = [ui.button("Pick…", PICK.id(place=PLACES.index(finding.place)))]
    if finding.place in CREATABLE and finding.flaw in (Flaw.UNSET, Flaw.GONE):
        buttons.insert(0, _make_button(finding.place))
    return [text, ui.row(*buttons)]


def _described(guild: Guild, finding: SetupIssue) -> str:
    return f"{_BAD if finding.is_severe else _NOTE} {describe_issue(guild, finding)}"


def _other_currencies(guild: Guild, coaches: Sequence[Coach]) -> Items:
    count = len(coaches)
    who = "1 coach doesn't" if count == 1 else f"{count} coaches don't"
    named = all_of((f"<@{coach.user_id}> ({coach.currency})" for coach in coaches), most=_LISTED)
    return [
        ui.text(
            f"{_NOTE} **Currency** {who} charge in {guild.currency}: {named}. We never convert rates. Ask "
            "them for a new one, or set it yourself in `/coaching coaches`. Booked sessions keep their price."
        ),
        ui.row(ui.button("Ask them", ASK_RATES.id())),
    ]


def describe_issue(guild: Guild, finding: SetupIssue) -> str:
    """Say what's wrong and where to fix it."""
    place, missing = finding.place, all_of(f"**{name}**" for name in finding.missing)
    if place is None:
        return (
            f"**Permissions** I'm missing {missing} in the server. Open **Server Settings → Roles**, my role, "
            "**Permissions** and turn that on. Or invite me again: nothing else changes."
        )
    chosen, without = _mention(place, place.id_in(guild)), _WITHOUT[place]
    without = f"{without[:1].upper()}{without[1:]}."
    match finding.flaw:
        case Flaw.UNSET:
            said = f"not set. {without}"
        case Flaw.GONE:
            said = f"no longer exists. {without}"
        case Flaw.LACKING:
            kind = "Category" if place is ServerResource.ROOM_CATEGORY else "Channel"
            said = (
                f"I'm missing {missing} in {chosen}. Right-click it → **Edit {kind} → Permissions**, choose my "
                "role (add it if it isn't there) and allow that."
            )
        case Flaw.MANAGED:
            said = f"{chosen} belongs to an app, so nobody can give it. Pick another one."
        case Flaw.TOO_HIGH:
            said = (
                f"{chosen} is above my own role, so I can't give it. Open **Server Settings → Roles** and drag my "
                "role above it."
            )
    return f"**{place.label}** {said}"


def _places(guild: Guild, found: Sequence[SetupIssue] | None) -> Iterable[str]:
    """Yield a line for each channel and role that isn't a problem. Ticked only if it was checked."""
    wrong = {one.place for one in found or ()}
    tick = "" if found is None else f"{_GOOD} "
    if tick and None not in wrong:
        yield f"{tick}Permissions: all granted"
    for place in PLACES:
        id_ = place.id_in(guild)
        if id_ is None and (place not in wrong or place in _OPTIONAL):
            yield f"➖ {place.label}: not set ({_WITHOUT[place]})"
        elif place not in wrong:
            yield f"{tick}{place.label}: {_mention(place, id_)}"


def _mention(place: ServerResource, id_: int | None) -> str:
    return f"<@&{id_}>" if place.is_role else f"<#{id_}>"


def _make_button(place: ServerResource) -> ui.Button:
    return ui.button("Create", MAKE.id(place=PLACES.index(place)))


def _picker(place: ServerResource, custom_id: str) -> ui.Item:
    if place.is_role:
        return discord.ui.RoleSelect(custom_id=custom_id, placeholder="Pick a role")
    if place is ServerResource.ROOM_CATEGORY:
        kind, placeholder = discord.ChannelType.category, "Pick a category"
    else:
        kind, placeholder = discord.ChannelType.text, "Pick a text channel"
    return discord.ui.ChannelSelect(custom_id=custom_id, channel_types=[kind], placeholder=placeholder)
