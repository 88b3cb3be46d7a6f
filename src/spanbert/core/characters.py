"""Classes of characters, as the inside of a regular expression's brackets."""

from __future__ import annotations

HAN = r"\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
UNSPACED = HAN + r"\u3000-\u303f\uff00-\uffef"  # Han characters and Chinese punctuation: no blanks around them
