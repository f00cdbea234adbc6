"""Everything handlers need to talk to people: messages, forms and replies."""

# First, because importing a module named `text` sets `ui.text`, which the component below must replace.
from cogs.ui.text import block

# isort: split
from cogs.bot_base import Interaction
from cogs.ui.actors import actor_of, guild_id_of, hour_cycle_of, person_of
from cogs.ui.components import (
    DANGER,
    PRIMARY,
    SECONDARY,
    SUCCESS,
    Attachment,
    Button,
    Container,
    Item,
    Panel,
    Section,
    Separator,
    attachment,
    button,
    link,
    newer_and_older,
    paged,
    picture,
    row,
    rows,
    select,
    text,
    user_select,
)
from cogs.ui.errors import FIX, show_as
from cogs.ui.forms import (
    CHOICES,
    LONGEST_FIELD,
    PICK,
    Form,
    Typed,
    choice,
    chosen_in,
    field,
    store_field,
    stored_fields,
    typed_in,
)
from cogs.ui.replies import (
    NO_MENTIONS,
    acknowledge,
    acknowledge_beside,
    acknowledge_keeping,
    reply_privately,
    show,
)
from scheduler.core.markup import quoted
