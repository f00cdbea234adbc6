"""What people type is shown as typed, and nothing else."""

import re
from urllib.parse import unquote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scheduler.core.markup import quoted, unformatted, visible, with_names
from tests.support.discord_markdown import Piece, shown

MARKUP = [
    *("# ", "## ", "-# ", "- ", "* ", "+ ", "1. ", "2) ", "> ", ">>> ", "```", "`", "``", "**", "*", "__", "_"),
    *("~~", "||", "[", "](", ")", "]", "(", "<", ">", "\\", "\n", " ", "\u2028", "a", "Approve", "1", ".", "!"),
    *("·", "\u200b", "https://evil.example", "steam://a", "http://a/b_c", "<https://evil.example/*>", "<x:/"),
    *("<@123>", "<@!123>", "<@&123>", "<#123>", "@everyone", "@here", "</book:123>", "<t:1:R>", "<id:customize>"),
    *("<:smile:123>", "<a:wave:123>", "<x:/[Approve·here](https://evil.example)>", "[a\nb](https://evil.example)"),
    "[a](https://evil.example)",
]
TYPED = st.text(max_size=40) | st.lists(st.sampled_from(MARKUP), max_size=12).map("".join)
AROUND = [
    "{}",
    "{}\nafter",
    "**About**\n{}\n**After**",
    "### {}\nafter",
    "- {} (2 coaches)",
    "-# {} · no. 7",
    "**{}** after",
    "before {} then **bold**",
    '"{}" is not taught here.',
]


@pytest.mark.parametrize(
    ("source", "pieces"),
    [
        ("**a** b", [("strong", "("), ("text", "a"), ("strong", ")"), ("text", " b")]),
        ("\\*a\\*", [("text", "*a*")]),
        ("# a\nb", [("heading", "("), ("text", "a"), ("heading", ")"), ("text", "\nb")]),
        ("a # b", [("text", "a # b")]),
        ("- # a", [("list", "("), ("heading", "("), ("text", "a"), ("heading", ")"), ("list", ")")]),
        ("[a](https://b.c)", [("link", "a → https://b.c")]),
        ("[a\nb](https://b.c)", [("link", "a\nb → https://b.c")]),
        ("\\[a](https://b.c)", [("text", "[a]("), ("address", "https://b.c)")]),
        ("<x:/[a](https://b.c)>", [("address", "<x:/[a](https://b.c)>")]),
        ("<@1>", [("mention", "<@1>")]),
        ("\\<@1>", [("text", "<@1>")]),
        ("</book:1>", [("command", "</book:1>")]),
        ("<t:1:R>", [("time", "<t:1:R>")]),
        ("<id:browse>", [("place", "<id:browse>")]),
        ("<a:b:1>", [("emoji", "<a:b:1>")]),
        ("`a`", [("code", "`a`")]),
        ("https://a.b/c_d_e.", [("address", "https://a.b/c_d_e"), ("text", ".")]),
        ("**https://a.b/**c", [("strong", "("), ("address", "https://a.b/"), ("strong", ")"), ("text", "c")]),
    ],
)
def test_our_reader_of_markdown_knows_discords_rules(source: str, pieces: list[tuple[str, str]]) -> None:
    assert shown(source) == [Piece(*one) for one in pieces]


@pytest.mark.parametrize(
    ("typed", "written"),
    [
        ("Plain words, 3.5 hours - or so.", "Plain words, 3.5 hours - or so."),
        ("<x:/[Approve·here](https://e.example)>", "\\<x:/\\[Approve·here\\](https://e.example)>"),
        ("[a\nb](https://e.example)", "\\[a\nb\\](https://e.example)"),
        ("https://a.example/b_c?d=e*f", "https://a.example/b_c?d=e%2Af"),
        ("<https://a.example/b_c>", "<https://a.example/b_c>"),
        ("# One\n 1. two\n-# three", "\\# One\n 1\\. two\n\\-# three"),
        ("a\\*b", "a\\\\\\*b"),
    ],
)
def test_markdown_is_escaped(typed: str, written: str) -> None:
    assert unformatted(typed) == written
    assert quoted(typed) == written


def read(pieces: list[Piece]) -> str:
    """Return the readable text without formatting and white space, which headings drop."""
    return squeezed("".join(one.shown for one in pieces if one.kind in ("text", "address")))


def squeezed(text: str) -> str:
    return "".join(unquote(text).split())


def kinds(pieces: list[Piece]) -> set[str]:
    return {one.kind for one in pieces} - {"text", "address"}


@given(TYPED, st.sampled_from(AROUND))
@example("<x:/[Approve·here](https://evil.example)>", "**About**\n{}\n**After**")
@example("[a\nb](https://evil.example)", "{}")
@example("https://evil.example/**", "**{}** after")
@example("\u2028# a", "{}")
@example("\\", "**{}** after")
def test_nothing_typed_becomes_formatting_or_ends_it(typed: str, around: str) -> None:
    harmless = shown(around.format("x"))

    pieces = shown(around.format(quoted(typed, most=4000)))

    before, after = read(harmless).split("x")
    assert kinds(pieces) == kinds(harmless) or not visible(typed).strip()
    assert read(pieces) == before + squeezed(visible(typed)) + after or not visible(typed).strip()
    assert all(re.match(r"<?\w+://", one.shown) for one in pieces if one.kind == "address")


@given(TYPED, st.integers(2, 60))
def test_a_cut_text_is_as_harmless_as_the_whole(typed: str, most: int) -> None:
    cut = quoted(typed, most)

    assert len(cut) <= most
    assert kinds(shown(f"**About**\n{cut}\n**After**")) == {"strong"}
    assert shown(f"{cut} **After**")[-3:] == [Piece("strong", "("), Piece("text", "After"), Piece("strong", ")")]


def test_long_texts_are_escaped_in_linear_time() -> None:
    for piece in ("\n", " ", "<", "https://", "1", "\\", "[a](", "@everyone"):
        unformatted(piece * (400_000 // len(piece)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("With <@1>.", "With Cara."),
        ("<@!1> in <#2>, <@&3>", r"Cara in \#lobby, @Coach"),
        ("<@7> in <#8>, <@&9>", "someone in #unknown, @unknown-role"),
        (r"\<@1> as typed", r"\<@1> as typed"),
        ("<@4>", r"\*Star\*"),
    ],
)
def test_names_take_the_place_of_our_own_mentions(text: str, expected: str) -> None:
    names = {1: "Cara", 2: "#lobby", 3: "@Coach", 4: "*Star*"}

    assert with_names(text, names) == expected
