"""What a panel about to be confirmed carries: the price in its buttons, and the notes in its text."""

NOTES_NAME = "Notes for your coach"


def encode_currency(code: str) -> int:
    """Encode a currency for a `custom_id`, which only holds numbers. `decode_currency` decodes it."""
    return int.from_bytes(code.encode()[:7], "big")


def decode_currency(number: int) -> str:
    """Decode a currency that `encode_currency` encoded."""
    return number.to_bytes(8, "big").lstrip(b"\0").decode(errors="replace")
