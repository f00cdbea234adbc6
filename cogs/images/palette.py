"""The colours of all pictures.

Colour-blind people can tell blue from amber, and everyone can tell dark from bright.
"""

CARD, CARD_EDGE, TODAY = "#16181d", "#3a3e48", "#20242d"
TEXT, QUIET, LINE, HATCH = "#f2f3f5", "#a9afbb", "#2e323c", "#4a505d"
FREE, FREE_EDGE, FREE_LINE = "#173a5e", "#4d9de0", "#24507c"
BOOKED, BOOKED_EDGE, BOOKED_TEXT = "#f7bd52", "#b8741a", "#241804"
NOW, NOW_TEXT = "#ff7a8a", "#2b0610"
