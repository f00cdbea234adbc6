"""`/credits`: what people have, where it comes from and what became of it, and asking for more."""

from collections.abc import Callable, Mapping, Sequence

from discord import app_commands

from cogs import routes, ui
from cogs.cards.charge import encode_currency
from cogs.credits import lots
from cogs.ui import Interaction
from cogs.ui.answering import answers_command
from cogs.ui.routing import Cog, Route, on
from models import CreditLot, Guild, Package
from scheduler.core.clock import stamp
from scheduler.core.errors import NotFound
from scheduler.credits import orders, packages, role_grants, statements
from scheduler.credits.orders import Ordered
from scheduler.credits.statements import Balance, Facts
from scheduler.parsing.card_amounts import can_charge
from scheduler.parsing.money import write_money
from scheduler.payments.ports import Stripe
from scheduler.payments.ways import requires_cards, takes_cards
from scheduler.servers import settings

MOVEMENTS = Route("credits:movements:{guild_id}:{page}")
PACKAGES = Route("credits:packages:{page}")
BUY = Route("credits:buy:{package_id}")
ORDER = Route("credits:order:{package_id}")

_LOTS_A_PAGE = 6
_FEW_PACKAGES, _PACKAGES_A_PAGE, _MOST_SERVERS = 3, 5, 8


class CreditsCog(Cog):
    """`/credits`."""

    @app_commands.command(name="credits", description="Your credit for sessions, and how to get more")
    @app_commands.allowed_contexts(guilds=True, dms=True)
    @answers_command
    async def credits(self, interaction: Interaction) -> None:
        """Show the person's credit, or in direct messages that of each server."""
        guilds = await self.servers_of(interaction)
        if len(guilds) == 1:
            await self._show(interaction, guilds[0], 0)
        else:
            await ui.show(interaction, await self._servers(interaction, guilds))

    @on(routes.CREDITS)
    async def shown(self, interaction: Interaction, guild_id: int, page: int) -> None:
        """Show the credit in one server."""
        await self._show(interaction, await self._server(interaction, guild_id), page)

    @on(MOVEMENTS)
    async def movements(self, interaction: Interaction, guild_id: int, page: int) -> None:
        """Show what became of it, newest first."""
        guild = await self._server(interaction, guild_id)
        async with self.bot.db.read() as session:
            found, count = await statements.movements(session, guild.id, interaction.user.id, page=page)
            facts = await statements.facts_of(session, guild.id, [one.lot for one in found])
        back = "◀ Your credit", routes.CREDITS.id(guild_id=guild.id, page=0)
        turn = lots.turning(MOVEMENTS, guild_id=guild.id)
        await ui.show(interaction, lots.history("### Your credit: history", found, facts, turn, page, count, back))

    @on(PACKAGES)
    async def packages_listed(self, interaction: Interaction, page: int) -> None:
        """Show what's on sale."""
        async with self.bot.db.read() as session:
            guild = await settings.look_up(session, ui.guild_id_of(interaction), self.bot.defaults)
            offered = await packages.on_sale(session, guild.id)
            specialties = await statements.specialties_of(session, guild.id, offered)
        shown, pager = ui.paged(offered, page, _PACKAGES_A_PAGE, PACKAGES.id)
        sections = [_offer(one, specialties) for one in shown] or [ui.text("There's nothing on sale here.")]
        back = ui.button("◀ Your credit", routes.CREDITS.id(guild_id=guild.id, page=0))
        await ui.show(interaction, ui.Panel(ui.text("### Buy credit"), *sections, *pager, ui.row(back)))

    @on(BUY)
    async def buy_pressed(self, interaction: Interaction, package_id: int) -> None:
        """Say how to pay for a package, with a button to ask for it."""
        async with self.bot.db.read() as session:
            guild = await settings.look_up(session, ui.guild_id_of(interaction), self.bot.defaults)
            package = await packages.find(session, guild.id, package_id)
            specialties = await statements.specialties_of(session, guild.id, [package])
        await ui.show(
            interaction, _how_to_pay(guild, package, lots.package(package, specialties), self.bot.stripe)
        )

    @on(ORDER)
    async def order_pressed(self, interaction: Interaction, package_id: int) -> None:
        """Ask the admins for the package."""
        async with self.bot.db.begin() as session:
            guild, actor = await self.guild_and_actor(session, interaction)
            await orders.place(session, guild, actor, package_id, self.bot.clock())
        self.bot.wake()
        said = "✅ We've asked the admins. You'll get a direct message as soon as they decide."
        await self._show(interaction, guild, 0, said)

    async def _server(self, interaction: Interaction, guild_id: int) -> Guild:
        """Return a server whose credit can be seen here: this one or, in direct messages, one of theirs."""
        for guild in await self.servers_of(interaction):
            if guild.id == guild_id:
                return guild
        raise NotFound("You have no credit to see there. `/credits` shows yours.")

    async def _show(self, interaction: Interaction, guild: Guild, page: int, said: str | None = None) -> None:
        in_server = interaction.guild_id is not None
        async with self.bot.db.begin() as session:
            now = self.bot.clock()
            actor = ui.actor_of(interaction, guild) if in_server else ui.person_of(interaction)
            await role_grants.sync(session, guild, actor, now)
            found = await statements.balance(session, guild.id, actor.user_id, now)
            facts = await statements.facts_of(session, guild.id, found.lots)
            waiting = await orders.list_open(session, guild.id, user_id=actor.user_id)
            offered = await packages.on_sale(session, guild.id) if in_server else []
            specialties = await statements.specialties_of(session, guild.id, offered[:_FEW_PACKAGES])
            _, count = await statements.movements(session, guild.id, actor.user_id)
        where = "" if in_server else f" in {ui.quoted(self.bot.server_name(guild.id))}"
        buttons = [ui.button("History", MOVEMENTS.id(guild_id=guild.id, page=0))] if count else []
        if len(offered) > _FEW_PACKAGES:
            buttons.append(ui.button("All packages", PACKAGES.id(page=0)))
        panel = ui.Panel(
            ui.text(_heading(found, where, is_new=not count, is_sold=bool(offered), in_server=in_server)),
            *_lot_list(found.lots, facts, page, lots.turning(routes.CREDITS, guild_id=guild.id)),
            *([ui.text("\n".join(map(_waiting, waiting)))] if waiting else []),
            *([ui.text("**Buy credit**")] if offered else []),
            *(_offer(one, specialties) for one in offered[:_FEW_PACKAGES]),
            *ui.rows(*buttons),
            said=said,
        )
        await ui.show(interaction, panel)

    async def _servers(self, interaction: Interaction, guilds: Sequence[Guild]) -> ui.Panel:
        """List what the person has in each of their servers."""
        if not guilds:
            return ui.Panel(ui.text("### No credit yet\nUse `/credits` in your server to see how to get some."))
        parts: list[ui.Item] = [ui.text("### Your credit")]
        async with self.bot.db.read() as session:
            for guild in guilds[:_MOST_SERVERS]:
                found = await statements.balance(session, guild.id, interaction.user.id, self.bot.clock())
                words = f"**{ui.quoted(self.bot.server_name(guild.id))}**\n{lots.minutes(found.minutes)}"
                show = ui.button("Show", routes.CREDITS.id(guild_id=guild.id, page=0))
                parts.append(ui.Section(words, accessory=show))
        if (more := len(guilds) - _MOST_SERVERS) > 0:
            parts.append(ui.text(f"You're in {more} more. Use `/credits` there."))
        return ui.Panel(*parts)


def _heading(found: Balance, where: str, *, is_new: bool, is_sold: bool, in_server: bool) -> str:
    lines = [f"### Your credit{where}: {lots.minutes(found.minutes)}"]
    if found.reserved:
        lines.append(f"{lots.minutes(found.reserved)} more are reserved for upcoming sessions.")
    if found.minutes:
        lines.append("Use it when you confirm a session in `/book`." if in_server else "Use it in `/book` there.")
    elif not is_new:
        lines.append("You've used it all." if not found.reserved else "")
    if not found.minutes and is_new:
        lines.append("Credit is coaching time you pay for in advance. You spend it when you book.")
    if not found.minutes and in_server:
        lines.append(
            "Pick a package below to get some." if is_sold else "To get some, ask an admin of this server."
        )
    if not found.minutes and not in_server:
        lines.append("Use `/credits` in the server to see how to get some.")
    return "\n".join(filter(None, lines))


def _lot_list(found: Sequence[CreditLot], facts: Facts, page: int, to: Callable[..., str]) -> list[ui.Item]:
    if not found:
        return []
    shown, pager = ui.paged(found, page, _LOTS_A_PAGE, to)
    return [ui.text("\n".join(f"- {lots.lot(one, facts)}" for one in shown)), *pager]


def _waiting(one: Ordered) -> str:
    asked = stamp(one.order.ordered_at, "f")
    return f"⏳ You asked for **{ui.quoted(one.package.name, 100)}** {asked}. An admin will decide."


def _offer(one: Package, specialties: Mapping[int, str]) -> ui.Section:
    buy = ui.button("Buy…", BUY.id(package_id=one.id))
    return ui.Section(lots.package(one, specialties), accessory=buy)


def _how_to_pay(guild: Guild, package: Package, terms: str, stripe: Stripe | None) -> ui.Panel:
    by_card = takes_cards(guild, stripe) and can_charge(package.price_minor, package.currency)
    label = "I've paid" if package.price_minor and guild.payment_instructions else "Ask for it"
    ask = ui.button(label, ORDER.id(package_id=package.id), ui.SECONDARY if by_card else ui.PRIMARY)
    return ui.Panel(
        ui.text(f"### Buy credit\n{terms}"),
        ui.text(_ways_to_pay(guild, package, stripe if by_card else None)),
        ui.row(
            *([_pay(package)] if by_card else []),
            *([] if by_card and requires_cards(guild, stripe) else [ask]),
            _back(guild),
        ),
    )


def _ways_to_pay(guild: Guild, package: Package, stripe: Stripe | None) -> str:
    """Write how a package can be paid for, by card only if `stripe` is given."""
    if not package.price_minor:
        return "It's free. Ask for it, and an admin will give it to you."
    instructions = ui.quoted(guild.payment_instructions or "")
    if stripe is None:
        if instructions:
            return f"**How to pay**\n{instructions}\nOnce you've paid, tell the admins:"
        return "Ask for it, and an admin will tell you how to pay."
    test = "" if stripe.livemode else " **TEST: no money moves.**"
    card = f"**How to pay**\nBy card, on Stripe's page. The credit is yours once it's paid.{test}"
    if requires_cards(guild, stripe):
        return card
    if instructions:
        return f"{card}\nOr pay another way, and press **I've paid** to tell the admins:\n{instructions}"
    return f"{card}\nOr ask for it, and an admin will tell you how else to pay."


def _pay(package: Package) -> ui.Button:
    price = {"cost": package.price_minor, "currency": encode_currency(package.currency)}
    label = f"Pay {write_money(package.price_minor, package.currency)} by card"
    return ui.button(label, routes.PAY_PACKAGE.id(package_id=package.id, **price), ui.PRIMARY)


def _back(guild: Guild) -> ui.Button:
    return ui.button("◀ Back", routes.CREDITS.id(guild_id=guild.id, page=0))
