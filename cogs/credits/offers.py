"""`/coaching credits`: the packages a server sells, and the minutes that come with roles."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import discord

from cogs import routes, ui
from cogs.credits import lots
from cogs.credits.orders import ORDERS
from cogs.credits.people import PICK_PERSON
from cogs.ui import Interaction, Typed
from cogs.ui.routing import Cog, Route, group_command, on, opens
from models import Guild, Package, RoleGrant
from scheduler.availability import coach_search
from scheduler.credits import grants, orders, packages
from scheduler.credits.packages import LONGEST_NAME, MOST_PACKAGES, USUAL_VALIDITY, PackageTerms
from scheduler.parsing.fields import Fields
from scheduler.parsing.money import parse_price, write_amount, write_money

PICK = Route("credits:package:pick")
ADD = Route("credits:package:add")
SHOW = Route("credits:package:{package_id}")
CHANGE = Route("credits:package:{package_id}:change")
REMOVE = Route("credits:package:{package_id}:remove")
COACHES = Route("credits:package:{package_id}:coaches")
SPECIALTIES = Route("credits:package:{package_id}:specialties")
PICK_ROLE = Route("credits:role:pick")
ROLE_MINUTES = Route("credits:role:{role_id}:minutes")
REMOVE_ROLE = Route("credits:role:{role_id}:remove")

_NAME, _MINUTES, _PRICE, _DAYS = "Name", "Minutes", "Price", "Days valid"
_A_MONTH = "Minutes each month"
_MOST_OPTIONS = 25
_SHORT_NAME = 50  # characters, so that 25 packages and 25 roles fit into a message's 4,000


class OffersCog(Cog):
    """`/coaching credits`."""

    @group_command("coaching", name="credits", description="Sell packages, give roles credit, and look up credit")
    async def credits(self, interaction: Interaction) -> None:
        """Show what the server offers, with buttons to change it."""
        await self._show(interaction)

    @on(routes.CREDIT_ADMIN)
    async def opened(self, interaction: Interaction) -> None:
        """Go back to what the server offers."""
        await self._show(interaction)

    @on(PICK)
    async def picked(self, interaction: Interaction) -> None:
        """Show the package that was picked."""
        await self._show_package(interaction, ui.chosen_in(interaction)[0])

    @on(SHOW)
    async def package_pressed(self, interaction: Interaction, package_id: int) -> None:
        """Show a package."""
        await self._show_package(interaction, package_id)

    @on(ADD)
    async def added(self, interaction: Interaction) -> None:
        """Offer a new package."""
        async with self.bot.db.begin() as session:
            guild, actor, now = await self.guild_to_change(session, interaction)
            terms = PackageTerms(**_read(ui.typed_in(interaction), guild))
            package = await packages.save(session, guild, actor, terms, now)
        await self._show_package(interaction, package.id, "✅ Added. Everybody sees it in `/credits`.")

    @opens(ADD)
    async def add_form(self, interaction: Interaction, typed: Typed) -> ui.Form:
        """Ask for the terms."""
        guild = await self.guild_for_admin(interaction)
        return _form("Add a package", ADD.id(), typed or {_DAYS: str(USUAL_VALIDITY)}, guild)

    @on(CHANGE)
    async def changed(self, interaction: Interaction, package_id: int) -> None:
        """Change name, minutes, price or validity."""
        async with self.bot.db.begin() as session:
            guild, actor, now = await self.guild_to_change(session, interaction)
            terms = packages.terms_of(await packages.find(session, guild.id, package_id))
            new = replace(terms, **_read(ui.typed_in(interaction), guild))
            package = await packages.save(session, guild, actor, new, now, package_id=package_id)
        await self._show_package(
            interaction, package.id, "✅ Saved. What's been sold or asked for stays as it was."
        )

    @opens(CHANGE)
    async def change_form(self, interaction: Interaction, typed: Typed, package_id: int) -> ui.Form:
        """Ask for the terms, filled in with the present ones."""
        guild = await self.guild_for_admin(interaction)
        async with self.bot.db.read() as session:
            package = await packages.find(session, guild.id, package_id)
        return _form(
            "Change the package", CHANGE.id(package_id=package_id), typed or _filled(package, guild), guild
        )

    @on(COACHES)
    async def coaches_picked(self, interaction: Interaction, package_id: int) -> None:
        """Choose the only coaches it's for."""
        await self._set_scope(interaction, package_id, coach_ids=ui.chosen_in(interaction, least=0) or None)

    @on(SPECIALTIES)
    async def specialties_picked(self, interaction: Interaction, package_id: int) -> None:
        """Choose the only specialties it's for."""
        await self._set_scope(interaction, package_id, specialty_ids=ui.chosen_in(interaction, least=0) or None)

    @on(REMOVE)
    async def removed(self, interaction: Interaction, package_id: int) -> None:
        """Take a package off sale."""
        async with self.bot.db.begin() as session:
            guild, actor, now = await self.guild_to_change(session, interaction)
            await packages.retire(session, guild, actor, package_id, now)
        await self._show(interaction, "✅ Removed. Whoever bought it keeps what they have.")

    @on(PICK_ROLE)
    async def role_picked(self, interaction: Interaction) -> None:
        """Show what a role gives."""
        role_id = ui.chosen_in(interaction)[0]
        guild = await self.guild_for_admin(interaction)
        async with self.bot.db.read() as session:
            given = await packages.role_grants(session, guild.id)
        found = next((one for one in given if one.role_id == role_id), None)
        await ui.show(interaction, _role_panel(role_id, found))

    @on(ROLE_MINUTES)
    async def role_set(self, interaction: Interaction, role_id: int) -> None:
        """Say how many minutes a role gives."""
        with Fields() as fields:
            minutes = fields.read(_A_MONTH, grants.read_minutes, ui.typed_in(interaction).get(_A_MONTH, ""))
        said = f"✅ <@&{role_id}> now gives {lots.minutes(minutes)} a month. Who has had this month's keeps them."
        await self._set_role(interaction, role_id, minutes, said)

    @opens(ROLE_MINUTES)
    async def role_form(self, interaction: Interaction, typed: Typed, role_id: int) -> ui.Form:
        """Ask how many minutes."""
        guild = await self.guild_for_admin(interaction)
        async with self.bot.db.read() as session:
            given = await packages.role_grants(session, guild.id)
        before = next((str(one.minutes) for one in given if one.role_id == role_id), "")
        about = "What's left at the end of a month is gone."
        field = ui.field(_A_MONTH, typed or {_A_MONTH: before}, description=about, placeholder="120", most=20)
        return ui.Form("Credit with a role", ROLE_MINUTES.id(role_id=role_id), field)

    @on(REMOVE_ROLE)
    async def role_removed(self, interaction: Interaction, role_id: int) -> None:
        """Let a role give nothing any more."""
        said = f"✅ <@&{role_id}> gives no more credit. Booked sessions stay."
        await self._set_role(interaction, role_id, 0, said)

    async def _set_role(self, interaction: Interaction, role_id: int, minutes: int, said: str | None) -> None:
        async with self.bot.db.begin() as session:
            guild, actor, now = await self.guild_to_change(session, interaction)
            await packages.set_role_grant(session, guild, actor, role_id, minutes, now)
        await self._show(interaction, said)

    async def _set_scope(self, interaction: Interaction, package_id: int, **scope: list[int] | None) -> None:
        async with self.bot.db.begin() as session:
            guild, actor, now = await self.guild_to_change(session, interaction)
            terms = packages.terms_of(await packages.find(session, guild.id, package_id))
            new = replace(terms, **scope)
            package = await packages.save(session, guild, actor, new, now, package_id=package_id)
        await self._show_package(
            interaction, package.id, "✅ Saved. What's been sold or asked for stays as it was."
        )

    async def _show(self, interaction: Interaction, said: str | None = None) -> None:
        guild = await self.guild_for_admin(interaction)
        async with self.bot.db.read() as session:
            offered = await packages.on_sale(session, guild.id)
            given = await packages.role_grants(session, guild.id)
            waiting = len(await orders.list_open(session, guild.id))
        await ui.show(interaction, _panel(offered, given, waiting, said))

    async def _show_package(self, interaction: Interaction, package_id: int, said: str | None = None) -> None:
        guild = await self.guild_for_admin(interaction)
        async with self.bot.db.read() as session:
            package = await packages.find(session, guild.id, package_id)
            taught = await coach_search.specialties(session, guild.id)
        await ui.show(interaction, _package_panel(package, taught, said))


def _panel(offered: Sequence[Package], given: Sequence[RoleGrant], waiting: int, said: str | None) -> ui.Panel:
    lines = [f"- {_short(one)}" for one in offered] or [
        "Nothing is on sale. Add a package, and people can ask for it."
    ]
    roles = [f"- <@&{one.role_id}>: {lots.minutes(one.minutes)} a month" for one in given]
    picks = [(lots.package_label(one), str(one.id), False) for one in offered]
    is_full = len(offered) >= MOST_PACKAGES
    asked = [ui.button(f"Requests ({waiting})", ORDERS.id(page=0), ui.PRIMARY)] if waiting else []
    return ui.Panel(
        ui.text(
            "### Credit\nStudents pay for credit in advance, or get it from you, and spend it when they book."
        ),
        ui.text("\n".join(["**Packages on sale**", *lines])),
        *([ui.row(ui.select(PICK.id(), picks, placeholder="Change or remove a package"))] if picks else []),
        ui.row(ui.button("Add a package…", ADD.id(), disabled=is_full), *asked),
        ui.text("\n".join(["**Credit with a role**", *(roles or ["No role gives credit."])])),
        ui.row(discord.ui.RoleSelect(custom_id=PICK_ROLE.id(), placeholder="Give a role credit each month")),
        ui.row(discord.ui.UserSelect(custom_id=PICK_PERSON.id(), placeholder="See or give someone's credit")),
        said=said,
    )


def _short(one: Package) -> str:
    only = " · limited" if one.coach_ids or one.specialty_ids else ""
    price = write_money(one.price_minor, one.currency)
    return f"**{ui.quoted(one.name, _SHORT_NAME)}** · {one.minutes:,} min · {price}{only}"


def _package_panel(one: Package, taught: Mapping[int, str], said: str | None) -> ui.Panel:
    chosen = one.specialty_ids or []
    # What isn't taught any more can't be picked, but stays until something else is picked.
    options = [(name, str(id_), id_ in chosen) for id_, name in taught.items()][:_MOST_OPTIONS]
    everyone = ui.user_select(
        COACHES.id(package_id=one.id), one.coach_ids or (), placeholder="For all coaches", most=_MOST_OPTIONS
    )
    only = ui.select(
        SPECIALTIES.id(package_id=one.id),
        options,
        placeholder="For all specialties",
        least=0,
        most=_MOST_OPTIONS,
    )
    return ui.Panel(
        ui.text(f"### Package\n{lots.package(one, taught)}"),
        ui.text("**Only for these coaches.** Pick nobody for all."),
        ui.row(everyone),
        *(
            [ui.text("**Only for coaches of these specialties.** Pick none for all."), ui.row(only)]
            if options
            else []
        ),
        ui.row(
            ui.button("Change…", CHANGE.id(package_id=one.id)),
            ui.button("Remove", REMOVE.id(package_id=one.id), ui.DANGER),
            ui.button("◀ Credit", routes.CREDIT_ADMIN.id()),
        ),
        said=said,
    )


def _role_panel(role_id: int, found: RoleGrant | None) -> ui.Panel:
    gives = f"gives {lots.minutes(found.minutes)} a month" if found else "gives no credit"
    remove = [ui.button("Give none", REMOVE_ROLE.id(role_id=role_id), ui.DANGER)] if found else []
    return ui.Panel(
        ui.text(
            f"### Credit with a role\n<@&{role_id}> {gives}. People get it when they first use `/credits` or "
            "`/book` in a month. What's left at its end is gone."
        ),
        ui.row(
            ui.button("Set minutes…", ROLE_MINUTES.id(role_id=role_id)),
            *remove,
            ui.button("◀ Credit", routes.CREDIT_ADMIN.id()),
        ),
    )


def _form(title: str, custom_id: str, typed: Typed, guild: Guild) -> ui.Form:
    return ui.Form(
        title,
        custom_id,
        ui.field(_NAME, typed, placeholder="Five lessons", most=LONGEST_NAME),
        ui.field(_MINUTES, typed, description='In minutes, or like "5 hours".', placeholder="300", most=20),
        ui.field(_PRICE, typed, description=f"In {guild.currency}; 0 if it's free.", placeholder="250", most=20),
        ui.field(
            _DAYS, typed, description="How long it can be used after it's bought.", placeholder="180", most=10
        ),
    )


def _filled(one: Package, guild: Guild) -> Typed:
    """Fill the fields. The price stays empty if it's in another currency."""
    return {
        _NAME: one.name,
        _MINUTES: str(one.minutes),
        _PRICE: write_amount(one.price_minor, one.currency) if one.currency == guild.currency else "",
        _DAYS: str(one.days_valid),
    }


def _read(typed: Typed, guild: Guild) -> dict[str, Any]:
    """Read the fields, by the names of `PackageTerms`."""
    with Fields() as fields:
        name = fields.read(_NAME, packages.read_name, typed.get(_NAME, ""))
        minutes = fields.read(_MINUTES, grants.read_minutes, typed.get(_MINUTES, ""))
        price = fields.read(_PRICE, parse_price, typed.get(_PRICE, ""), guild.currency)
        days = fields.read(_DAYS, grants.read_days, typed.get(_DAYS, ""))
    return {"name": name, "minutes": minutes, "price_minor": price, "currency": guild.currency, "days_valid": days}
