"""The pages that Stripe would show: where to pay, and the receipt. Only what Stripe was told is on them."""

import datetime as dt
import math
from html import escape
from string import Template
from zoneinfo import ZoneInfo

from aiohttp import web

from bot.demo import academy
from bot.demo.front import OWN_HEADERS, STATIC
from bot.demo.payments.stripe_account import Json
from bot.demo.stage import Stage
from scheduler.parsing import card_amounts
from scheduler.parsing.money import write_money

PAY, RECEIPT = "/pay/", "/receipt/"
_HEADERS = OWN_HEADERS | {"Referrer-Policy": "same-origin"}
"""With no-referrer, browsers wouldn't say that the form comes from this page."""


async def answer(stage: Stage, request: web.Request) -> web.Response:
    """Show a page, or take the payment of its form."""
    _, kind, token = request.path.split("/", 2)
    if f"/{kind}/" == RECEIPT:
        return _receipt(stage, token)
    if request.method == "POST":
        await stage.pay(f"cs_{token}")  # if it's closed, the page says so
        raise web.HTTPSeeOther(request.path, headers=_HEADERS)
    return _checkout(stage, token)


def _checkout(stage: Stage, token: str) -> web.Response:
    one = stage.stripe.checkout(f"cs_{token}")
    if one is None:
        return _unknown(stage)
    if one["status"] == "expired":
        said = "Nothing was paid, and nothing is booked. Choose again in Discord."
        return _page(stage, "This page is closed", _said(said), _back("Back to Discord"))
    amount = _amount(one)
    if one["status"] == "complete":
        receipt = one["payment_intent"].removeprefix("pi_")
        link = f'<a class="button" href="{RECEIPT}{receipt}">Receipt</a>'
        return _page(stage, "Paid ✓", _order(one), _back("Back to Discord", "primary button"), link)
    pay = f'<form method="post"><button class="primary">Pay {escape(amount)}</button></form>'
    minutes = math.ceil((one["expires_at"] - stage.now.timestamp()) / 60)
    left = f"Stripe would ask for your card here. You have {minutes} minute{'' if minutes == 1 else 's'} to pay."
    return _page(stage, "Pay by card", _order(one), pay, _back("Back"), _said(left, "left"))


def _receipt(stage: Stage, token: str) -> web.Response:
    intent_id = f"pi_{token}"
    bought = [one for one in stage.stripe.checkouts.values() if one["payment_intent"] == intent_id]
    if not bought:
        return _unknown(stage)
    stage.receipts_seen.add(intent_id)
    paid = stage.stripe.intents[intent_id]
    facts = [("Paid", _date(paid["created"])), ("Code", bought[0]["client_reference_id"])]
    for back in stage.stripe.refunds_of(intent_id):
        facts.append(("Refunded", f"{_amount(bought[0], back['amount'])}, {_date(back['created'])}"))
    rows = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in facts)
    return _page(stage, "Receipt", _order(bought[0]), f"<dl>{rows}</dl>", _back("Back to Discord"))


def _unknown(stage: Stage) -> web.Response:
    said = "There's no such payment in this demo. Choose again in Discord."
    return _page(stage, "Nothing to pay here", _said(said), _back("Back to Discord"), status=404)


def _page(stage: Stage, title: str, *parts: str, status: int = 200) -> web.Response:
    template = Template((STATIC / "pay.html").read_text("utf-8"))
    shown = template.substitute(
        title=escape(title), seller=escape(stage.world.guild.name), content="\n      ".join(parts)
    )
    return web.Response(text=shown, status=status, content_type="text/html", headers=_HEADERS)


def _order(checkout: Json) -> str:
    product = checkout["line_items"][0]["price_data"]["product_data"]
    return (
        f'<p class="amount">{escape(_amount(checkout))}</p>\n'
        f'      <p class="what">{escape(product["name"])}</p>\n'
        f'      <p class="when">{escape(product.get("description", ""))}</p>'
    )


def _said(text: str, kind: str = "said") -> str:
    return f'<p class="{kind}">{escape(text)}</p>'


def _back(label: str, kind: str = "button") -> str:
    """Make the button that closes this tab. Where a browser doesn't let it, it leads to the demo."""
    return f'<a class="{kind}" href="/" data-close>{label}</a>'


def _amount(checkout: Json, amount: int | None = None) -> str:
    currency = checkout["currency"].upper()
    minor = card_amounts.from_stripe(checkout["amount_total"] if amount is None else amount, currency)
    return write_money(minor, currency)


def _date(seconds: int) -> str:
    local = dt.datetime.fromtimestamp(seconds, ZoneInfo(academy.ZONE))
    return f"{local.day} {local:%B %Y}, {local:%H:%M}"
