"""Cleaning of raw text: an option, because it changes the text that character offsets refer to."""

from __future__ import annotations

import unicodedata

import ftfy

_KEPT_CONTROLS = "\t\n"


def clean_text(text: str) -> str:
    """Repairs mojibake (ftfy), normalises to NFC and drops control and private characters except tab and newline.

    Args:
        text: One document.

    Returns:
        The cleaned text; applying the function again changes nothing more.
    """
    config = ftfy.TextFixerConfig(uncurl_quotes=False, unescape_html=False, normalization="NFC")
    fixed = ftfy.fix_text(text, config)
    kept = "".join(
        character
        for character in fixed
        if character in _KEPT_CONTROLS or unicodedata.category(character) not in ("Cc", "Co", "Cs", "Cn")
    )
    return unicodedata.normalize("NFC", kept)
