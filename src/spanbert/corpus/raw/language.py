"""Guessing the language of a document: only on request, because a guess can be wrong."""

from __future__ import annotations

from collections.abc import Sequence

from spanbert.core.errors import InputError
from spanbert.core.missing import how_to_get

_READ = 2000


class LanguageGuesser:
    """Keeps documents that look written in some languages (py3langid, extra `language`).

    Args:
        languages: ISO 639-1 codes, such as `en` and `zh`.

    Raises:
        InputError: An unknown code, or py3langid is not installed.
    """

    def __init__(self, languages: Sequence[str]) -> None:
        try:
            import py3langid
        except ModuleNotFoundError:
            raise InputError(
                "guessing languages needs py3langid", where="--languages", remedy=how_to_get("py3langid")
            ) from None
        self._classify = py3langid.classify
        known = {code for code, _score in py3langid.rank("")}
        for code in languages:
            if code not in known:
                raise InputError(
                    "no such language", where="--languages", got=repr(code), expected=", ".join(sorted(known))
                )
        self._wanted = frozenset(languages)

    def accepts(self, text: str) -> bool:
        """Whether the beginning of the text (2,000 characters) looks written in one of the languages."""
        return self._classify(text[:_READ])[0] in self._wanted
