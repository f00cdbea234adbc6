"""The overhead of any bot of this kind; `tests.bench.process` compares ours with it.

discord.py with one command that only defers, SQLite through SQLAlchemy, and a scheduler without jobs.
"""

import asyncio
import os
import sys

import discord
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from discord.ext import commands
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

bot = commands.Bot(
    "!", help_command=None, intents=discord.Intents(guilds=True, voice_states=True), chunk_guilds_at_startup=False
)


@bot.tree.command()
async def book(interaction: discord.Interaction) -> None:
    await interaction.response.defer(ephemeral=True, thinking=True)


@bot.event
async def on_ready() -> None:
    print("connected as", bot.user and bot.user.id, file=sys.stderr, flush=True)  # noqa: T201  (the benchmark reads it)


async def main() -> None:
    engine = create_async_engine("sqlite+aiosqlite:///bare.db")
    async with engine.connect() as connection:
        await connection.execute(text("SELECT 1"))
    AsyncIOScheduler(timezone="UTC").start()
    async with bot:
        await bot.start(os.environ["DISCORD_BOT_TOKEN"])


if __name__ == "__main__":
    discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False
    asyncio.run(main())
