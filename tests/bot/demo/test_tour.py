"""The guided tour, played in a real browser from the first page to the last tick mark."""

import asyncio
import re
import signal

import pytest
from playwright.async_api import FrameLocator, Page, expect

from tests.bot.demo.program import PATIENCE_MILLISECONDS, ROOT, browser_page, demo

SCREENSHOTS = ROOT / "screenshots"

expect.set_options(timeout=PATIENCE_MILLISECONDS)


class Visitor:
    """Someone who follows the tour."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self._shots = 0

    @property
    def channel(self) -> FrameLocator:
        return self.page.frame_locator("#discord")

    def said(self, words: str) -> object:
        return self.channel.locator("#channel-message-list").get_by_text(words).last

    async def is_now(self, name: str) -> None:
        person = self.page.get_by_role("radio", name=re.compile(rf"^{name}\b"))
        async with self.page.expect_response(lambda answer: answer.url.endswith("/demo/person")):
            await person.click()
        await expect(person).to_be_checked()

    async def opens(self, place: str) -> None:
        await self.page.locator(".channels button.open", has_text=place).click()
        await expect(self.channel.locator(".channel-heading, .channel-header").first).to_contain_text(place)

    async def types(self, command: str) -> None:
        box = self.channel.locator("#channel-composer-input")
        await box.click()
        await box.press_sequentially(command)
        await expect(self.channel.get_by_role("option", name=command)).to_be_visible()
        await box.press("Enter")
        await self.page.keyboard.press("Enter")
        await expect(self.channel.locator("#channel-message-list article").last).to_be_in_viewport()

    async def presses(self, label: str, about: str | None = None) -> None:
        """Press a button, or the one in the card or line that contains these words."""
        within = self.channel.locator("body")
        if about is not None:
            within = self.channel.locator(".component-section, .component-container", has_text=about).last
        await within.get_by_role("button", name=label).last.click()

    async def follows(self, label: str) -> Page:
        """Press a link, and return the tab that it opens."""
        async with self.page.context.expect_page() as opening:
            await self.channel.get_by_role("link", name=label).last.click()
        return await opening.value

    async def jumps_until(self, condition: str) -> None:
        """Press "Next event" until the page matches the CSS selector."""
        for _ in range(20):
            if await self.page.locator(condition).count():
                return
            await self.page.get_by_role("button", name="Next event").click()
            await expect(self.page.get_by_role("button", name="Next event")).to_be_enabled()
        raise AssertionError(f"{condition} never came")

    async def jumps_until_counted(self, steps: int) -> None:
        """Press "Next event" until this many steps are done."""
        await self.jumps_until(f"#tour-count:text-is('{steps} of 29')")

    async def has_done(self, steps: int) -> None:
        await expect(self.page.locator("#tour-count")).to_have_text(f"{steps} of 29")
        await self.looks(f"done-{steps}")

    async def looks(self, name: str) -> None:
        SCREENSHOTS.mkdir(exist_ok=True)
        self._shots += 1
        await self.page.screenshot(path=SCREENSHOTS / f"{self._shots:02}-{name}.png")


@pytest.mark.slow
async def test_the_tour_can_be_played_to_its_end(chromium: str) -> None:
    async with demo("--no-open") as (process, address), browser_page(chromium, address) as page:
        visitor = Visitor(page)
        await expect(visitor.channel.get_by_text("Welcome to the academy!").last).to_be_visible()
        await visitor.has_done(0)

        # Ada approves, Cara sets her hours, Stu books her.
        await visitor.opens("coach-applications")
        await visitor.presses("Approve")
        await visitor.has_done(1)
        await visitor.is_now("Cara")
        await visitor.types("/availability")
        await visitor.presses("Morning 8 AM–12 PM")
        await visitor.has_done(2)
        await visitor.is_now("Stu")
        await visitor.types("/book")
        cara = visitor.channel.locator(".component-section", has_text="@Cara")
        await expect(cara).to_be_visible()
        await visitor.looks("browse")
        await cara.get_by_role("button", name="Book").click()
        await expect(visitor.channel.get_by_role("button", name="11:00").last).to_be_visible()
        await expect(visitor.channel.locator(".select-trigger", has_text="60 min ·").last).to_be_visible()
        await visitor.looks("times")
        await visitor.presses("11:00")
        await visitor.presses("Confirm")
        await visitor.has_done(3)

        # Stu is reminded; the room exists for Stu but not for Olaf; its message.
        await visitor.opens("Coaching")
        await visitor.jumps_until_counted(4)
        await visitor.has_done(4)
        await visitor.jumps_until(".join")
        await page.get_by_role("button", name="Join").click()
        await expect(page.locator(".inside")).to_have_text(re.compile("Stu"))
        await visitor.has_done(5)
        await visitor.opens("coaching-session-")
        await expect(visitor.channel.get_by_role("button", name="+15 minutes").last).to_be_visible()
        await visitor.has_done(6)
        await visitor.is_now("Olaf")
        await expect(page.get_by_text("coaching-session-")).to_have_count(0)
        await visitor.has_done(7)

        # It starts, nobody can say any more that they're late, they're warned, it ends; the room is deleted when
        # both have left.
        await visitor.is_now("Stu")
        await expect(page.get_by_text("coaching-session-")).to_have_count(1)
        for clock in ("11:00 AM", "11:15 AM", "11:55 AM", "12:00 PM"):
            await page.get_by_role("button", name="Next event").click()
            await expect(page.get_by_text(f"Mon 2 Mar 2026, {clock}")).to_be_visible()
        await page.get_by_role("button", name="Leave").click()
        await visitor.has_done(8)

        # Cara sees who was there, Stu leaves a review.
        await visitor.is_now("Cara")
        await visitor.types("/sessions")
        await expect(visitor.channel.get_by_text("min inside").last).to_be_visible()
        await visitor.has_done(9)
        await visitor.is_now("Stu")
        await visitor.opens("Coaching")
        await expect(visitor.channel.get_by_text("How was it?").last).to_be_visible()
        await visitor.looks("stars")
        await visitor.presses("5★")
        await expect(visitor.channel.get_by_text("★★★★★ Thank you").last).to_be_visible()
        await visitor.has_done(10)
        await visitor.opens("lobby")

        # Sam pays Theo by card, looks at the receipt, cancels, and is told of the refund; Ada sees it.
        await visitor.is_now("Sam")
        await visitor.types("/book")
        theo = visitor.channel.locator(".component-section", has_text="@Theo")
        await theo.get_by_role("button", name="Book").click()
        await visitor.presses("6:00")
        await visitor.presses("Pay €70.00")
        await expect(visitor.channel.get_by_text("We book it as soon as you've paid.")).to_be_visible()
        pay_page = await visitor.follows("Pay €70.00")
        await pay_page.get_by_role("button", name="Pay €70.00").click()
        await expect(pay_page.get_by_role("heading", name="Paid")).to_be_visible()
        await visitor.has_done(11)
        async with pay_page.expect_event("close"):
            await pay_page.get_by_role("link", name="Back to Discord").click()
        await visitor.opens("Coaching")
        receipt = await visitor.follows("Receipt")
        await expect(receipt.get_by_role("heading", name="Receipt")).to_be_visible()
        await receipt.close()
        await visitor.has_done(12)
        await visitor.opens("lobby")
        await visitor.types("/sessions")
        await visitor.looks("paid")
        await visitor.presses("Cancel…", "With @Theo")
        await visitor.channel.get_by_role("button", name="Submit").click()
        await visitor.has_done(13)
        await visitor.opens("Coaching")
        await expect(visitor.channel.get_by_text("Refunded", exact=True).last).to_be_visible()
        await visitor.looks("refunded")
        await visitor.has_done(14)
        await visitor.opens("lobby")
        await visitor.is_now("Ada")
        await visitor.types("/coaching payments")
        await visitor.has_done(15)

        # Ben cancels, and Stu reads the message.
        await visitor.is_now("Ben")
        await visitor.types("/sessions")
        await visitor.channel.get_by_role("button", name="Cancel…").nth(1).click()
        await visitor.channel.get_by_role("textbox", name="Reason").fill("My studio is under water.")
        await visitor.looks("reason")
        await visitor.channel.get_by_role("button", name="Submit").click()
        await visitor.has_done(16)
        await visitor.is_now("Stu")
        await visitor.opens("Coaching")
        await expect(visitor.channel.get_by_text("My studio is under water.").last).to_be_visible()
        await visitor.has_done(17)

        # Stu waits for Vera, who has nothing free; Sam cancels, and Stu takes the time.
        await visitor.opens("lobby")
        await visitor.types("/book")
        await visitor.presses("Tell me when…", "@Vera")
        await visitor.looks("tell-me-when")
        await visitor.channel.get_by_role("button", name="Submit").click()
        await visitor.has_done(18)
        await visitor.is_now("Sam")
        await visitor.types("/sessions")
        await visitor.presses("Cancel…", "With @Vera")
        await visitor.channel.get_by_role("button", name="Submit").click()
        await visitor.has_done(19)
        await visitor.is_now("Stu")
        await visitor.opens("Coaching")
        await expect(visitor.channel.get_by_text("A time is free").last).to_be_visible()
        await visitor.looks("offer")
        await visitor.presses("Take it")
        await visitor.presses("Use 60 minutes of credit")
        await expect(visitor.channel.get_by_text("You've booked it.").last).to_be_visible()
        await visitor.has_done(20)

        # Stu takes a seat in Ben's workshop and finds it; Ben sees who takes part; Stu leaves.
        await visitor.opens("workshops")
        await visitor.presses("Take a seat (3 left)")
        await visitor.presses("Pay €20.00 another way")
        await visitor.has_done(21)
        await visitor.opens("lobby")
        await visitor.types("/sessions")
        await visitor.has_done(22)
        await visitor.is_now("Ben")
        await visitor.opens("workshops")
        await visitor.presses("Details")
        await expect(visitor.channel.get_by_text("Participants (4)").last).to_be_visible()
        await visitor.has_done(23)
        await visitor.is_now("Stu")
        await visitor.presses("Leave")
        await expect(visitor.channel.get_by_text("Leave “Mix your song").last).to_be_visible()
        await visitor.presses("Leave")
        await visitor.has_done(24)

        # Ben goes away, and cancels what he has then with one press.
        await visitor.is_now("Ben")
        await visitor.opens("lobby")
        await visitor.types("/availability")
        await visitor.presses("Away…")
        await visitor.channel.get_by_role("textbox", name="From").fill("3 March")
        await visitor.channel.get_by_role("textbox", name="To (optional)").fill("4 March")
        await visitor.channel.get_by_role("button", name="Submit").click()
        await visitor.has_done(25)
        await visitor.looks("away")
        await visitor.presses("Cancel all 2…")
        await visitor.channel.get_by_role("button", name="Submit").click()
        await visitor.has_done(26)

        # Stu asks Ben for weekly lessons, Ben accepts, and Stu reads about it.
        await visitor.is_now("Stu")
        await visitor.opens("lobby")
        await visitor.types("/book")
        ben = visitor.channel.locator(".component-section", has_text="@Ben")
        await ben.get_by_role("button", name="Book").click()
        await expect(visitor.channel.locator(".select-trigger", has_text="60 min ·").last).to_be_visible()
        await visitor.looks("bens-times")
        await visitor.channel.get_by_role("button", name=re.compile(r"\d:00")).last.click()
        await visitor.channel.locator(".select-trigger", has_text="Once").last.click()
        await visitor.channel.get_by_role("option", name="Every week…").last.click()
        await visitor.looks("weekly")
        await visitor.presses("Ask Ben")
        await visitor.has_done(27)
        await visitor.is_now("Ben")
        await visitor.opens("Coaching")
        await visitor.presses("Accept")
        await visitor.has_done(28)
        await visitor.is_now("Stu")
        await visitor.opens("Coaching")
        await expect(visitor.channel.get_by_text("accepted: you have weekly lessons").last).to_be_visible()
        await visitor.looks("lessons")
        await visitor.has_done(29)
        await expect(page.locator("#faults")).to_be_hidden()

        await page.close()  # or its console would say that the demo is gone
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(10):
            assert await process.wait() == 0
