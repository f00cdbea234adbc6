"""Sends this process' discord.py to the address that a test names; on the path of its child processes only.

The product has no setting for it, so that no operator can send a token to a stranger.
"""

import os
from functools import partialmethod

import discord.gateway
import discord.http
import discord.state
import yarl

discord.http.Route.BASE = os.environ["TEST_DISCORD_API"]
discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(os.environ["TEST_DISCORD_GATEWAY"])

# Its one server comes right after READY; discord.py would wait 2 s in case that there are more.
discord.state.ConnectionState.__init__ = partialmethod(  # pyright: ignore[reportAttributeAccessIssue]  (a partial method in the place of one)
    discord.state.ConnectionState.__init__, guild_ready_timeout=0.2
)
