"""Sends this process' discord.py to the address that a test names; on the path of its child processes only.

The product has no setting for it, so that no operator can send a token to a stranger.
"""

import os

import discord.gateway
import discord.http
import yarl

discord.http.Route.BASE = os.environ["TEST_DISCORD_API"]
discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(os.environ["TEST_DISCORD_GATEWAY"])
