"""The colours of all pictures.

Colour-blind people can tell blue from amber, and everyone can tell dark from bright.
"""

CARD, CARD_EDGE, TODAY = "#16181d", "#3a3e48", "#20242d"
TEXT, QUIET, LINE, HATCH = "#f2f3f5", "#a9afbb", "#2e323c", "#4a505d"
NOW, NOW_TEXT = "#ff7a8a", "#2b0610"

# Of the week: free time invites, taken and paused time steps back, one's own sessions stand out.
OPEN, OPEN_LINE, OPEN_TEXT = "#5bb8ff", "#3f97dd", "#04182b"
TAKEN, PAUSED, PAUSED_LINE = "#3f4451", "#626a78", "#535a67"
OWN, OWN_EDGE, OWN_TEXT = "#f7bd52", "#b8741a", "#241804"
CHOSEN = "#222733"

# Of the statistics.
TILE, OFFERED, COUNTED = "#20242d", "#24507c", "#f7bd52"
COMPLETED, NO_SHOW, CANCELLED = "#4d9de0", "#ff7a8a", "#747b89"
