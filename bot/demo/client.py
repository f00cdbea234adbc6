"""What the demo changes in the client that simcord's preview shows, and why."""

from dataclasses import dataclass

from bot.demo.payments.stripe_account import ADDRESS


@dataclass(frozen=True, slots=True)
class Change:
    """A text that a file of the preview contains, and what the demo serves instead."""

    before: str
    after: str


CHANGES: dict[str, tuple[Change, ...]] = {
    "/": (
        Change("<title>SimCord Preview</title>", "<title>Discord</title>"),
        # The channel alone, in the page's colours; and what Discord does after a command.
        Change(
            "</head>",
            '<link rel="stylesheet" href="/demo/discord.css">'
            '<script type="module" src="/demo/discord.js"></script></head>',
        ),
        # The page around it has the heading of the first level and the main landmark.
        Change('<h1 id="channel-name"></h1>', '<h2 id="channel-name"></h2>'),
        Change(
            'role="log" aria-live="polite"', 'role="log" aria-live="polite" aria-label="Messages" tabindex="0"'
        ),
    ),
    # Stripe's pages are the demo's own, at whatever address the visitor has opened.
    "/components.js": (
        Change("link.href = href; link", f"link.href = href.replace({ADDRESS!r}, location.origin); link"),
    ),
    "/selects.js": (
        # Only sliders and the like have a text for their value; this one's is its content anyway.
        Change('"aria-valuetext"', '"data-value"'),
        # The simulator's own words.
        Change('"SimCord selection draft actions"', '"Selection"'),
        Change('actions.append(node("span", "", "SimCord selection draft"));', ""),
        # Discord takes over the defaults of an edited message. Here what another select in the same place had
        # chosen would stay, such as nothing instead of the preselected length.
        Change(
            "if (draftValue(key) === undefined) {",
            "const offered = JSON.stringify([component.custom_id, component.options]);\n"
            "  const isEdited = shown.get(key) !== offered && dropdown?.key !== key;\n"
            "  if (component.type === TYPE.STRING_SELECT && isEdited) {\n"
            "    if (shown.has(key)) options.onReconcileDraft?.(key, optionDefaults(entries));\n"
            "    shown.set(key, offered);\n"
            "  }\n"
            "  if (draftValue(key) === undefined) {",
        ),
        Change("/** @param {string} path */\nfunction safeId", "const shown = new Map();\nfunction safeId"),
    ),
    # The preview drops a command without a word if it's sent while it reports its size or reads the channel.
    "/actions.js": (
        Change(
            "if (pageAction(kind)) pageIntent(kind, extra); return; }",
            "if (pageAction(kind)) pageIntent(kind, extra);\n"
            "      else if (!uncertain) later(kind, extra, metadata);\n"
            "      return;\n"
            "    }",
        ),
        Change(
            "awaitingRevision > context.publishedRevision) return;\n    beforePage",
            "awaitingRevision > context.publishedRevision) {\n"
            "      later(kind, extra, metadata);\n"
            "      return;\n"
            "    }\n"
            "    beforePage",
        ),
        Change(
            "/** @param {string} kind @param {ActionBody} [extra] @param {ActionMetadata | null} [metadata] */\n"
            "  function dispatch(",
            "function later(kind, extra, metadata) {\n"
            '    if (kind === "run_command") setTimeout(() => dispatch(kind, extra, metadata), 50);\n'
            "  }\n"
            "  function dispatch(",
        ),
    ),
    # Enter chooses a command, and Enter again sends it. The open list of options would take the second one.
    "/command-drafts.js": (
        Change(
            "openOptionsOnRender: entry.options.length > 0 && required.length === 0", "openOptionsOnRender: false"
        ),
    ),
    # The message box is a textarea, which has no aria-expanded.
    "/listbox.js": (
        Change(
            'owner.setAttribute("aria-expanded"', 'owner.matches("textarea") || owner.setAttribute("aria-expanded"'
        ),
    ),
    "/commands.js": (
        Change(
            'owner.setAttribute("aria-expanded"', 'owner.matches("textarea") || owner.setAttribute("aria-expanded"'
        ),
        Change(
            'currentPopupOwner?.setAttribute("aria-expanded"',
            'currentPopupOwner?.matches("textarea") || currentPopupOwner?.setAttribute("aria-expanded"',
        ),
    ),
}


def adapt(path: str, body: bytes) -> bytes:
    """Return a file of the preview as the demo shows it."""
    for change in CHANGES.get(path, ()):
        body = body.replace(change.before.encode(), change.after.encode())
    return body
