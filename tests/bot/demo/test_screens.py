"""The demo's screens in a real browser: accessible to everybody, also on a phone and with the keyboard."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import axe_playwright_python
import pytest
from playwright.async_api import Frame, Locator, Page, Route, ViewportSize, expect

from tests.bot.demo.program import PATIENCE_MILLISECONDS, ROOT, browser_page, demo
from tests.support.screenshots import HEIGHT, SCREENS, WIDTH, Photographer, main_screens

expect.set_options(timeout=PATIENCE_MILLISECONDS)

AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js").read_text("utf-8")
RULES = """levels => axe.run(
    {exclude: [['iframe']]}, {resultTypes: ['violations'], runOnly: levels}
).then(found => found.violations.flatMap(rule => rule.nodes.map(
    node => `${rule.id}: ${node.target} ${node.html.slice(0, 200)} ${node.failureSummary}`)))"""
LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
DESKTOP, PHONE = ViewportSize(width=1440, height=900), ViewportSize(width=390, height=844)
NARROWEST = ViewportSize(width=360, height=740)
SMALLEST_TARGET = 40
TOO_SMALL = f"""all => all.filter(one => one.checkVisibility()).map(one => [one, one.getBoundingClientRect()])
    .filter(([, box]) => box.width && (box.width < {SMALLEST_TARGET} || box.height < {SMALLEST_TARGET}))
    .map(([one, box]) => `${{one.outerHTML.slice(0, 120)}} ${{box.width}} × ${{box.height}}`)"""
COLOUR = "one => getComputedStyle(one).backgroundColor.match(/\\d+/g).map(Number)"
CUT_OFF = """all => all.filter(one => one.checkVisibility() && one.scrollWidth > one.clientWidth + 1)
    .map(one => one.outerHTML.slice(0, 120))"""

COUNT_REPLACED = """() => {
    window.replaced = 0;
    new MutationObserver(all => { window.replaced += all.length; })
        .observe(document.querySelector("#discord").parentNode, {childList: true});
}"""


class Inspector(Photographer):
    """Looks at each picture's screen at both widths and in both colour schemes."""

    def __init__(self, page: Page, folder: Path) -> None:
        super().__init__(page, folder)
        self.taken: list[str] = []
        self.faults: list[str] = []

    async def take(self, name: str, what: Locator | None = None) -> None:
        await super().take(name, what)
        self.taken.append(name)
        for size in (DESKTOP, PHONE):
            await self.page.set_viewport_size(size)
            for scheme in ("light", "dark"):
                await self.page.emulate_media(color_scheme=scheme)
                for frame in self.page.frames:
                    found = await violations(frame)
                    self.faults += [f"{name}, {size['width']} px, {scheme}: {one}" for one in found]
        await self.page.set_viewport_size({"width": WIDTH, "height": HEIGHT})

    async def take_page(self, name: str) -> None:
        await super().take_page(name)
        self.taken.append(name)


async def violations(frame: Frame) -> list[str]:
    await frame.evaluate(AXE)
    return await frame.evaluate(RULES, LEVELS)


async def violations_in_both_schemes(page: Page) -> list[str]:
    found: list[str] = []
    for scheme in ("light", "dark"):
        await page.emulate_media(color_scheme=scheme)
        found += [f"{scheme}: {one}" for frame in page.frames for one in await violations(frame)]
    return found


@pytest.fixture
async def page(chromium: str) -> AsyncIterator[Page]:
    async with demo("--no-open") as (_, address), browser_page(chromium, address) as opened:
        yield opened
        await expect(opened.locator("#faults")).to_be_hidden()


@pytest.mark.slow
async def test_the_readmes_pictures_can_be_taken_and_their_screens_are_accessible(
    page: Page, tmp_path: Path
) -> None:
    await page.set_viewport_size({"width": WIDTH, "height": HEIGHT})
    inspector = Inspector(page, tmp_path)

    await main_screens(inspector)

    shown = re.findall(r"\.github/screens/(.+?)\.png", (ROOT / "README.md").read_text("utf-8"))
    assert sorted(inspector.taken) == sorted(shown) == sorted(one.stem for one in SCREENS.iterdir())
    assert all((tmp_path / f"{name}.png").stat().st_size > 2_000 for name in shown)
    assert len(inspector.taken) >= 10
    assert inspector.faults == []


@pytest.mark.slow
async def test_a_phone_shows_clock_person_and_unread_and_its_drawer_closes(page: Page) -> None:
    await page.set_viewport_size(PHONE)
    side, menu = page.locator("#side"), page.locator("#menu")

    await expect(page.locator("#bar-clock")).to_have_text("Mon 2 Mar, 9:00 AM")
    await expect(menu).to_have_text(re.compile(r"Ada\s+1"))
    await menu.click()
    await expect(side).to_be_visible()
    assert await violations(page.main_frame) == []
    assert await page.locator("button, summary, .skip").evaluate_all(TOO_SMALL) == []
    await page.keyboard.press("Escape")
    await expect(side).to_be_hidden()
    await expect(menu).to_be_focused()
    await menu.click()
    await page.locator("#person-student").click()
    await expect(side).to_be_hidden()
    await expect(menu).to_have_text(re.compile("Stu"))
    await menu.click()
    await page.locator(".channels button.open", has_text="Coaching").click()
    await expect(side).to_be_hidden()

    channel = page.frame_locator("#discord")
    await expect(channel.get_by_text("How was it?").last).to_be_visible()
    assert "<@" not in await channel.locator("#channel-message-list").inner_text()
    assert await channel.locator("#channel-layout button").evaluate_all(TOO_SMALL) == []
    assert await channel.locator(".component-button, .text-display").evaluate_all(CUT_OFF) == []


@pytest.mark.slow
async def test_the_keyboard_reaches_the_message_box_and_enter_sends_a_command(page: Page) -> None:
    channel = page.frame_locator("#discord")
    box = channel.locator("#channel-composer-input")
    await expect(box).to_be_visible()

    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Write a message")).to_be_in_viewport()
    await page.keyboard.press("Enter")
    await expect(box).to_be_focused()
    await page.keyboard.type("/coaching health")
    await expect(channel.get_by_role("option", name="/coaching health")).to_be_visible()
    await page.keyboard.press("Enter")
    await page.keyboard.press("Enter")

    answer = channel.locator("#channel-message-list article").last
    await expect(answer).to_contain_text("Coaching health")
    grey = answer.locator(".component-button.button-style-2").last
    await expect(grey).to_be_in_viewport()
    await grey.hover()
    red, _, blue = await grey.evaluate(COLOUR)
    assert abs(red - blue) < 20, "a grey button stays grey under the pointer"


@pytest.mark.slow
async def test_commands_in_a_text_can_be_read_and_forms_do_not_count_options(page: Page, tmp_path: Path) -> None:
    await page.set_viewport_size(DESKTOP)
    visitor = Photographer(page, tmp_path)
    await visitor.become("Olaf")
    await visitor.send("/sessions")

    await expect(visitor.message.locator(".command-mention")).to_have_text("/book")
    assert await violations_in_both_schemes(page) == []

    await visitor.send("/coach apply")
    choice = visitor.form.locator(".select-guidance")
    await expect(choice).to_have_text("0 selected. Choose 1–12 options.")  # for screen readers
    assert await choice.evaluate("one => one.offsetHeight") <= 1
    await visitor.form.locator(".select-trigger").click()
    await visitor.form.get_by_role("option", name="Mixing").click()
    assert await violations_in_both_schemes(page) == []


@pytest.mark.slow
async def test_the_page_to_pay_on_and_the_receipt_are_for_everybody(page: Page, tmp_path: Path) -> None:
    visitor = Photographer(page, tmp_path)
    await visitor.become("Sam")
    tab = await visitor.begin_to_pay("Theo")

    assert await faults_of(tab) == []
    await tab.keyboard.press("Tab")
    await expect(tab.get_by_role("button", name="Pay €70.00")).to_be_focused()
    await tab.keyboard.press("Enter")
    await expect(tab.get_by_role("heading", name="Paid")).to_be_visible()
    assert await faults_of(tab) == []
    await tab.get_by_role("link", name="Receipt").click()
    await expect(tab.get_by_role("heading", name="Receipt")).to_be_visible()
    assert await faults_of(tab) == []
    async with tab.expect_event("close"):
        await tab.get_by_role("link", name="Back to Discord").click()
    await visitor.press(visitor.message.get_by_role("button", name="I've paid"))
    await expect(visitor.message).to_contain_text("paid by card (TEST)")


async def faults_of(tab: Page) -> list[str]:
    """Return what keeps people out of this page, on a desktop and on the narrowest phone."""
    found: list[str] = []
    for size in (DESKTOP, NARROWEST):
        await tab.set_viewport_size(size)
        found += await violations_in_both_schemes(tab)
        found += await tab.locator("a, button").evaluate_all(TOO_SMALL)
        found += await tab.locator("body *").evaluate_all(CUT_OFF)
    return found


@pytest.mark.slow
async def test_a_second_tab_is_told_that_it_shows_the_same_person(page: Page) -> None:
    banner = page.locator("#tabs")
    await expect(banner).to_be_hidden()

    assert page.context.browser is not None
    second = await page.context.browser.new_page()
    await second.goto(page.url)

    await expect(banner).to_have_text(re.compile("open in 2 tabs"))
    await expect(second.locator("#tabs")).to_be_visible()
    await second.close()
    await expect(banner).to_be_hidden()


@pytest.mark.slow
async def test_an_answer_from_before_a_switch_of_persons_changes_nothing(page: Page) -> None:
    await page.set_viewport_size(DESKTOP)
    is_held, goes_on = asyncio.Event(), asyncio.Event()

    async def hold(route: Route) -> None:
        before = await route.fetch()
        is_held.set()
        await goes_on.wait()
        await route.fulfill(response=before)

    await page.route("**/demo/world*", hold, times=1)
    await is_held.wait()
    await page.locator("#person-student").click()
    await expect(page.locator("#menu-you")).to_have_text("Stu")
    await page.evaluate(COUNT_REPLACED)

    goes_on.set()
    for _ in range(2):  # the late answer, then the next one
        await page.wait_for_event("response", lambda answer: "/demo/world" in answer.url)

    assert await page.evaluate("() => window.replaced") == 0
    await expect(page.locator("#menu-you")).to_have_text("Stu")
