"""Takes the README's pictures, and pictures of every screen, from the demo in a browser.

`python -m tests.support.screenshots` updates `.github/screens`. Run it when a screen has changed, and look at each
picture before you commit it. `--all FOLDER` takes pictures of what every command and button shows, to compare
before and after a change.
"""

import argparse
import asyncio
import contextlib
import io
import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

from PIL import Image, ImageOps
from playwright.async_api import FrameLocator, Locator, Page, async_playwright, expect

from tests.bot.demo.program import PATIENCE_MILLISECONDS, PATIENCE_TO_START_MILLISECONDS, ROOT, demo

SCREENS = ROOT / ".github" / "screens"
COLOURS = (128, 64)
"""The second if a picture would be too large with the first."""
LARGEST_BYTES = 100_000
MARGIN, BACKGROUND = 16, "#323339"
WIDTH, HEIGHT = 960, 1900
"""High enough for the tallest message."""
TIME_OF_DAY = re.compile(r"^\d{1,2}:\d{2}")
COMMANDS = {
    "Stu": ("/book", "/sessions", "/credits", "/timezone", "/coach apply", "/coach profile"),
    "Ben": ("/availability", "/sessions", "/coach profile", "/coach edit"),
    "Ada": (
        "/coach approve",
        "/coaching setup",
        "/coaching health",
        "/coaching stats",
        "/coaching run",
        "/coaching sessions",
        "/coaching coaches",
        "/coaching blocked",
        "/coaching closures",
        "/coaching defaults",
        "/coaching specialties",
        "/coaching credits",
        "/coaching payments",
        "/coaching audit",
        "/coaching reviews",
        "/coaching post",
    ),
}
"""Who runs which commands for `--all`. Buttons open the forms that need an option."""
JUMPS = 16
"""Presses of Next event: from the visitor's arrival past everyone's next session."""


class Photographer:
    """Plays the demo and takes pictures of the last message."""

    def __init__(self, page: Page, folder: Path) -> None:
        self.page, self.folder = page, folder
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def discord(self) -> FrameLocator:
        return self.page.frame_locator("#discord")

    @property
    def messages(self) -> Locator:
        return self.discord.locator("#channel-message-list article")

    @property
    def message(self) -> Locator:
        return self.messages.last

    @property
    def form(self) -> Locator:
        return self.discord.get_by_role("dialog")

    async def become(self, name: str, place: str = "lobby") -> None:
        """Become this person, in this channel."""
        async with self.answered("/demo/person"):
            await self.page.get_by_role("radio", name=re.compile(rf"^{name}\b")).click()
        async with self.answered("/demo/place"):
            await self.page.locator(f".channels button.open:has(.name:text-is('{place}'))").click()
        await expect(self.discord.locator(".channel-heading, .channel-header").first).to_contain_text(place)
        await expect(self.discord.locator("#preview-app")).to_have_attribute("aria-busy", "false")
        await self.settle()

    async def send(self, command: str) -> None:
        """Use a command without options, and wait for its answer."""
        await self.close_form()  # one that opened after its picture was due, on a busy machine
        before = await self.message.get_attribute("data-message-id")
        box = self.discord.locator("#channel-composer-input")
        await box.click()
        await box.press_sequentially(command)
        await expect(self.discord.get_by_role("option", name=command).first).to_be_visible()
        await box.press("Enter")
        async with self.answered("/api/action"):
            await self.page.keyboard.press("Enter")
        last = f"#channel-message-list article:last-of-type:not([data-message-id='{before}'])"
        await expect(self.discord.locator(last).or_(self.form).first).to_be_visible()
        await self.settle()

    async def press(self, button: Locator) -> None:
        """Press a button, and wait for its effect."""
        async with self.answered("/api/action"):
            await button.click()
        await self.settle()

    async def begin_to_pay(self, coach: str) -> Page:
        """Choose a time with this coach, and return the tab of the page to pay on."""
        await self.send("/book")
        await self.press(self.message.locator(".component-section", has_text=f"@{coach}").get_by_role("button"))
        await self.press(self.message.get_by_role("button", name=TIME_OF_DAY).first)
        await self.press(self.message.get_by_role("button", name="Pay €"))
        return await self.follow("Pay €")

    async def follow(self, label: str) -> Page:
        """Press a link, and return the tab that it opens."""
        async with self.page.context.expect_page() as opening:
            await self.message.get_by_role("link", name=label).click()
        tab = await opening.value
        await tab.wait_for_load_state()
        return tab

    @contextlib.asynccontextmanager
    async def answered(self, path: str) -> AsyncIterator[None]:
        """Wait until the block's request to this path has been answered."""
        async with self.page.expect_response(lambda answer: answer.url.endswith(path)):
            yield

    async def settle(self) -> None:
        """Wait until nothing changes and all pictures are loaded."""
        seen = now = ""
        while not now or now != seen:
            seen = now
            await asyncio.sleep(0.4)  # the frame polls several times in that time
            loaded = await self.message.locator("img").evaluate_all("all => all.every(one => one.complete)")
            now = await self.discord.locator("body").inner_html() if loaded else ""

    async def take(self, name: str, what: Locator | None = None) -> None:
        """Take a picture of the last message, or of `what`."""
        shown = what or self.message
        await self.page.mouse.move(0, 0)
        if what is None:  # a focused or hovered message shows a toolbar
            await self.discord.locator("body").evaluate("() => document.activeElement.blur()")
        await shown.scroll_into_view_if_needed()  # and the bar that leads to the newest message disappears
        await self.settle()
        self.save(name, await shown.screenshot(animations="disabled"), MARGIN)

    async def take_and_close(self, name: str) -> None:
        """Take a picture of the open form and close it, or of the last message."""
        if await self.form.count():
            await self.take(name, self.form)
            await self.close_form()
        else:
            await self.take(name)

    async def close_form(self) -> None:
        """Close the open form, if there is one."""
        if await self.form.count():
            await self.form.get_by_role("button", name="Cancel", exact=True).click()
            await expect(self.form).to_have_count(0)

    async def take_page(self, name: str) -> None:
        """Take a picture of the whole page, at a laptop's size."""
        await self.page.set_viewport_size({"width": 1280, "height": 800})
        await self.settle()
        self.save(name, await self.page.screenshot(animations="disabled"))
        await self.page.set_viewport_size({"width": WIDTH, "height": HEIGHT})

    def save(self, name: str, png: bytes, margin: int = 0) -> None:
        """Save a picture with few colours, so that it's small, and this margin below."""
        picture = Image.open(io.BytesIO(png)).convert("RGB")
        picture = ImageOps.expand(picture, (0, 0, 0, margin), fill=BACKGROUND)
        path = self.folder / f"{name}.png"
        for colours in COLOURS:
            picture.quantize(colours, dither=Image.Dither.NONE).save(path, optimize=True)
            if path.stat().st_size <= LARGEST_BYTES:
                break


async def main_screens(camera: Photographer) -> None:
    """Take the README's pictures."""
    await camera.become("Ada", "coach-applications")
    await camera.take("application")
    await camera.press(camera.message.get_by_role("button", name="Approve"))
    await camera.become("Cara")
    await camera.send("/availability")
    await camera.press(camera.message.get_by_role("button", name="Morning"))
    await camera.become("Ben")
    await camera.send("/availability")
    await camera.take("availability")
    await camera.become("Stu")
    await camera.send("/book")
    await camera.take("browse")
    await camera.press(camera.message.locator(".component-section", has_text="@Ben").get_by_role("button"))
    await camera.take("pick-a-time")
    await camera.press(camera.message.get_by_role("button", name=TIME_OF_DAY).nth(3))
    await camera.take("confirm")
    await camera.press(camera.message.get_by_role("button", name="Confirm"))
    await camera.take("booked")
    await camera.take_page("demo")
    await camera.send("/sessions")
    await camera.take("sessions")
    await camera.become("Sam")
    for coach in ("Theo", "Nora"):
        tab = await camera.begin_to_pay(coach)
        await tab.get_by_role("button", name="Pay €").click()
        await expect(tab.get_by_role("heading", name="Paid")).to_be_visible()
        await tab.close()
    await camera.become("Ada")
    for name in ("payments", "setup", "health", "stats"):
        await camera.send(f"/coaching {name}")
        await camera.take(name)


async def every_screen(camera: Photographer) -> None:
    """Take what each command and each of its buttons shows, then everyone's direct messages."""
    for person, commands in COMMANDS.items():
        await camera.become(person)
        for command in commands:
            name = f"{person} {command[1:]}".lower().replace(" ", "-")
            await camera.send(command)
            await camera.take_and_close(name)
            number = 0
            while await press_one(camera, command, number, name):
                number += 1
    for _ in range(JUMPS):
        await camera.page.get_by_role("button", name="Next event").click()
        await expect(camera.page.get_by_role("button", name="Next event")).to_be_enabled()
    for person in ("Stu", "Sam", "Cara", "Ben", "Ada"):
        await take_all(camera, person, "Coaching")
    await take_all(camera, "Ada", "coach-applications")


async def take_all(camera: Photographer, person: str, place: str) -> None:
    """Take every message that someone sees in a channel."""
    await camera.become(person, place)
    for number, message in enumerate(await camera.messages.all()):
        await camera.take(f"{person}-in-{place}.{number:02}".lower(), message)


async def press_one(camera: Photographer, command: str, number: int, name: str) -> bool:
    """Run the command again and press its nth button. Returns False if there aren't that many."""
    await camera.send(command)
    if await camera.form.count():
        await camera.take_and_close(name)
        return False
    buttons = camera.message.locator("button.component-button")
    if number >= await buttons.count():
        return False
    button = buttons.nth(number)
    if await button.is_enabled() and await button.get_attribute("aria-disabled") != "true":
        label = re.sub(r"\W+", "-", (await button.inner_text()).lower()).strip("-")
        await camera.press(button)
        await camera.take_and_close(f"{name}.{number:02}-{label}")
    return True


@contextlib.asynccontextmanager
async def opened(folder: Path, scale: float) -> AsyncIterator[Photographer]:
    """Open a new demo in a browser."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    async with demo("--no-open") as (_, address), async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        page = await browser.new_page(
            viewport={"width": WIDTH, "height": HEIGHT}, device_scale_factor=scale, color_scheme="dark"
        )
        page.set_default_timeout(PATIENCE_MILLISECONDS)
        await page.goto(address)
        await expect(page.locator("#clock")).not_to_be_empty(timeout=PATIENCE_TO_START_MILLISECONDS)
        yield Photographer(page, folder)
        await expect(page.locator("#faults")).to_be_hidden()
        await browser.close()


async def main() -> None:
    """Take the README's pictures, or with `--all` one of every screen."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--all", type=Path, metavar="FOLDER", help="photograph every screen, into this folder")
    folder = parser.parse_args().all
    expect.set_options(timeout=PATIENCE_MILLISECONDS)
    async with opened(folder or SCREENS, scale=1 if folder else 1.5) as camera:
        await (every_screen if folder else main_screens)(camera)


if __name__ == "__main__":
    asyncio.run(main())
