"""Points this process's discord.py at a test's address. Only on the path of child processes.

The product has no such setting, so that no operator can send a token to a stranger.
"""

import os
from functools import partialmethod

import discord.gateway
import discord.http
import discord.state
import yarl

discord.http.Route.BASE = os.environ["TEST_DISCORD_API"]
discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(os.environ["TEST_DISCORD_GATEWAY"])

# Its only server follows READY at once; discord.py would wait 2 s for more.
discord.state.ConnectionState.__init__ = partialmethod(  # pyright: ignore[reportAttributeAccessIssue]  (a partial method in the place of one)
    discord.state.ConnectionState.__init__, guild_ready_timeout=0.2
)
