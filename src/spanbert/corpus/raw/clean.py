"""Cleaning of raw text: an option, because it changes the text that character offsets refer to."""

from __future__ import annotations

import unicodedata

import ftfy

_KEPT_CONTROLS = "\t\n"
_DROPPED = ("Cc", "Co", "Cs")  # control, private use, surrogates
_REPAIRS = ftfy.TextFixerConfig(
    uncurl_quotes=False,
    unescape_html=False,
    fix_character_width=False,  # full-width punctuation is right in Chinese
    fix_latin_ligatures=False,
    normalization="NFC",
)
_MOST_ROUNDS = 8


def clean_text(text: str) -> str:
    """Drops control and private characters except tab and newline, repairs mojibake (ftfy), normalises to NFC.

    Args:
        text: One document.

    Returns:
        The cleaned text; cleaning it again changes nothing.
    """
    for _ in range(_MOST_ROUNDS):  # a repair can uncover another; two rounds are the rule
        kept = "".join(one for one in text if one in _KEPT_CONTROLS or unicodedata.category(one) not in _DROPPED)
        cleaned = unicodedata.normalize("NFC", ftfy.fix_text(kept, _REPAIRS))
        if cleaned == text:
            break
        text = cleaned
    return text
