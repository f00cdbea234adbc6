"""Draw smooth shapes, text that fits, and small PNGs with Pillow.

Boxes are half-open: `(left, top, right, bottom)` excludes the right column and the bottom row of pixels.
Everything here is thread-safe: the shared fonts are only used while Pillow holds the GIL.
"""

import unicodedata
from functools import lru_cache
from io import BytesIO

from PIL import Image, ImageColor, ImageDraw, ImageFont

Box = tuple[int, int, int, int]

_STEPS = 7
"""Shades between two colours that meet at a smooth edge; more wouldn't be noticeable."""
_ALPHAS = 16
_SUBSTITUTES = str.maketrans(
    {"ß": "ss", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "æ": "ae", "Æ": "Ae", "ð": "d"}
    | {"œ": "oe", "Œ": "Oe", "ı": "i", "þ": "th", "Þ": "Th", "–": "-", "—": "-", "−": "-", "•": "·"}
)


def fill(image: Image.Image, box: Box, colour: str, radius: int = 0) -> None:
    """Draw a rectangle with smooth round corners, or nothing if the box is empty."""
    left, top, right, bottom = box
    if left >= right or top >= bottom:
        return
    pen = ImageDraw.Draw(image)
    radius = min(radius, (right - left) // 2, (bottom - top) // 2)
    # Pillow's boxes include their last pixel, and Pillow rejects inverted boxes.
    if right - left > 2 * radius:
        pen.rectangle((left + radius, top, right - radius - 1, bottom - 1), colour)
    if radius and bottom - top > 2 * radius:
        pen.rectangle((left, top + radius, right - 1, bottom - radius - 1), colour)
    for corner, (x, y) in _corners(box, radius):
        image.paste(colour, (x, y, x + radius, y + radius), corner)


def hatch(image: Image.Image, box: Box, colour: str, *, crossed: bool) -> None:
    """Draw smooth diagonal lines over the box, in both directions if `crossed`."""
    image.paste(colour, box, _diagonals(box[2] - box[0], box[3] - box[1], crossed))


def write(
    image: Image.Image, at: tuple[float, float], text: str, size: int, colour: str, anchor: str, bold: float = 0
) -> None:
    """Write a line of text at the point given by a Pillow anchor. `bold` thickens it by that many pixels."""
    ImageDraw.Draw(image).text(at, text, colour, _font(size), anchor, stroke_width=bold)


def text_width(text: str, size: int) -> int:
    """Return the width of the text in pixels."""
    return round(_font(size).getlength(text))


def fit_lines(text: str, size: int, width: int, most: int = 1) -> list[str]:
    """Wrap text into at most `most` lines, leaving out what the font can't draw and truncating long lines.

    Returns an empty list if nothing can be drawn or some line has no room for two letters.
    """
    lines: list[str] = []
    for word in _drawable_words(text):
        if lines and (len(lines) >= most or text_width(f"{lines[-1]} {word}", size) <= width):
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    cut = [_truncated(line, size, width) for line in lines[: max(0, most)]]
    return cut if all(cut) else []


def png(image: Image.Image, meetings: tuple[tuple[str, str], ...], edge: str, radius: int) -> bytes:
    """Encode the picture with a small palette and transparent round corners.

    `meetings` are the pairs of colours that touch; the palette holds only these and the shades between them.
    """
    colours = _shades(meetings, edge)
    palette = Image.new("P", (1, 1))
    palette.putpalette([part for colour in colours for part in colour])
    flat = image.quantize(palette=palette, dither=Image.Dither.NONE)
    first_alpha = len(colours) - _ALPHAS
    for corner, place in _corners((0, 0, *image.size), radius):
        outside = corner.point([255] * 255 + [0])
        flat.paste(corner.point([first_alpha + value * _ALPHAS // 256 for value in range(256)]), place, outside)
    alphas = [number * 255 // (_ALPHAS - 1) for number in range(_ALPHAS)]
    written = BytesIO()
    flat.save(written, "PNG", transparency=bytes([255] * first_alpha + alphas))
    return written.getvalue()


@lru_cache(maxsize=4)
def _shades(meetings: tuple[tuple[str, str], ...], edge: str) -> tuple[tuple[int, ...], ...]:
    """Return the palette: pure colours, mixed ones, then the edge colour once per level of transparency."""
    pure = [ImageColor.getrgb(colour) for pair in meetings for colour in pair]
    mixed = [
        tuple(round(a + (b - a) * step / (_STEPS + 1)) for a, b in zip(one, other, strict=True))
        for one, other in zip(pure[::2], pure[1::2], strict=True)
        for step in range(1, _STEPS + 1)
    ]
    opaque = list(dict.fromkeys([ImageColor.getrgb(edge), *pure, *mixed]))
    assert len(opaque) + _ALPHAS <= 256, "a PNG's palette is full"
    return (*opaque, *[ImageColor.getrgb(edge)] * _ALPHAS)


def _corners(box: Box, radius: int) -> list[tuple[Image.Image, tuple[int, int]]]:
    """Return masks of the four round corners, each with its top left position."""
    if not radius:
        return []
    left, top, right, bottom = box
    places = [(x, y) for y in (top, bottom - radius) for x in (left, right - radius)]
    return list(zip(_quarters(radius), places, strict=True))


@lru_cache(maxsize=64)
def _quarters(radius: int) -> tuple[Image.Image, ...]:
    """Return a smooth disc in quarters, drawn at eight times the size because Pillow's shapes have hard edges."""
    large = Image.new("L", (radius * 16, radius * 16))
    ImageDraw.Draw(large).ellipse((0, 0, radius * 16 - 1, radius * 16 - 1), 255)
    disc = large.reduce(8)
    return tuple(disc.crop((x, y, x + radius, y + radius)) for y in (0, radius) for x in (0, radius))


@lru_cache(maxsize=32)
def _diagonals(width: int, height: int, crossed: bool) -> Image.Image:
    """Return a mask of diagonal lines, drawn at four times the size to make them smooth."""
    large = Image.new("L", (width * 4, height * 4))
    pen = ImageDraw.Draw(large)
    for x in range(-height * 4, (width + height) * 4, 52 if crossed else 88):
        pen.line((x, height * 4, x + height * 4, 0), 255, 9)
        if crossed:
            pen.line((x, 0, x + height * 4, height * 4), 255, 9)
    return large.reduce(4)


@lru_cache(maxsize=8)
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def _truncated(text: str, size: int, width: int) -> str:
    """Truncate text with an ellipsis, or return nothing if fewer than two letters would be left."""
    if text_width(text, size) <= width:
        return text
    kept = text
    while kept and text_width(f"{kept}…", size) > width:
        kept = kept[:-1].rstrip()
    return f"{kept}…" if len(kept) > 1 else ""


def _drawable_words(text: str) -> list[str]:
    """Return the words without accents and symbols the font lacks. Drops whole words with missing letters."""
    words: list[str] = []
    for word in unicodedata.normalize("NFKD", text.translate(_SUBSTITUTES)).split():
        if all(_has_glyph(letter) for letter in word if unicodedata.category(letter)[0] in "LN"):
            words.append("".join(letter for letter in word if _has_glyph(letter)))
    return [word for word in words if word]


@lru_cache(maxsize=4096)
def _has_glyph(letter: str) -> bool:
    # A font draws everything it lacks as the same box, and no font has a glyph for U+FFFF.
    return letter.isprintable() and _pixels(letter) != _pixels("\uffff")


def _pixels(letter: str) -> bytes:
    image = Image.new("L", (60, 60))
    write(image, (10, 30), letter, 30, "white", "lm")
    return image.tobytes()
