"""What the line breaks of a text mean: lines that were wrapped, or ends that somebody meant.

Ends are meant before the entries of a list, after a heading, and before a speech (`ANN: I saw him.`). All other lines
were wrapped. A list is known by two entries of one kind, so that a line of prose that happens to begin with `- ` or
`12. ` is none; a heading by its place, its few words, and room for the next word in its line; a dialogue by two
speeches, and one speech alone by the end of the line before it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from spanbert.core.pronouns import word_set

_BULLET = re.compile(r"\s*([-*+•‣◦·●○▪▫■□☐☑☒✓✔–—])\s+")
_NUMBER = re.compile(r"\s*\(?(\d{1,3})[.)]\s+")
_HEADING = re.compile(r"\s*#{1,6}\s")
_BEFORE_SPEECH = r"\s*(?:\[[\d/.:, APMapm-]{3,30}\] ?)?(?P<mark>\*\*|__)?"  # the time, and what makes a name bold
_SPEECH = re.compile(
    _BEFORE_SPEECH + r"(?P<name>[A-Z][\w.'’-]*(?: [\w.'’-]+){0,3}|[^\s*:：]{1,8})(?: ?\([^()\n]{1,40}\))?"
    r"(?:(?(mark)(?P=mark)):(?=\s|$)|:(?(mark)(?P=mark))(?=\s|$)|(?(mark)(?P=mark))：)"
)
_HEADERS = word_set(
    "note notes nb warning caution attention tip hint important info example examples from to cc bcc reply-to subject",
    "re fwd date sent time place summary abstract keywords source sources figure table update todo",
    "注 注意 注释 备注 警告 提示 说明 重要 例 例如 示例 发件人 收件人 抄送 主题 日期 时间 地点 摘要 关键词 来源",
)
_MOST_WORDS = 8  # of a heading
_FINAL = tuple(".!?…\"'”’»)]。！？")
_ROOM = 0.8  # of the longest line
_NEAR = 6  # lines from one entry of a list to the next
_NARROWEST = 30  # characters of lines that may have one above them
_BLANK = re.compile(r"\n[ \t\r]*\n")


@dataclass(frozen=True, kw_only=True, slots=True)
class LineBreaks:
    """The line breaks of a text that are not part of blank lines, by the places of their characters.

    Attributes:
        wrapped: Those that stand for a blank.
        meant: Those at which something ends.
    """

    wrapped: frozenset[int]
    meant: frozenset[int]


def line_breaks(text: str) -> LineBreaks:
    """What the line breaks of a text mean.

    Args:
        text: Any text.
    """
    wrapped: set[int] = set()
    meant: set[int] = set()
    for start, block in _blocks(text):
        place = start
        lines = block.split("\n")
        ends = _meant_ends(lines)
        for number, line in enumerate(lines[:-1]):
            place += len(line) + 1
            (meant if number in ends else wrapped).add(place - 1)
    return LineBreaks(wrapped=frozenset(wrapped), meant=frozenset(meant))


def _meant_ends(lines: Sequence[str]) -> set[int]:
    """The lines of a block whose ends are meant."""
    entries, width = _entries(lines), _width(lines)
    speeches = [_SPEECH.match(line) is not None for line in lines]
    is_dialogue = sum(speeches) > 1
    found: set[int] = set()
    in_list = False
    for number, (line, following) in enumerate(pairwise(lines)):
        in_list = in_list or number in entries
        leaves_list = in_list and not following[:1].isspace() and _begins(following)
        leaves_list = leaves_list and _fits(line, following, max(width, len(following.rstrip())))
        if (
            number + 1 in entries
            or leaves_list
            or _HEADING.match(line)
            or _HEADING.match(following)
            or (number == 0 and _is_heading(line, following, width))
            or (
                speeches[number + 1]
                and (is_dialogue or line.rstrip().endswith(_FINAL) or _fits(line, following, width))
            )
        ):
            found.add(number)
            in_list = in_list and not leaves_list
    return found


def _is_heading(line: str, following: str, width: int) -> bool:
    """Whether the first line of a block stands above it."""
    few = len(line.split()) <= _MOST_WORDS
    return width >= _NARROWEST and few and not _ended(line) and _begins(following) and _fits(line, following, width)


def _width(lines: Sequence[str]) -> int:
    """The longest line of several words, of many the second: what cannot be broken, or was not, may reach further."""
    lengths = sorted(len(line.rstrip()) for line in lines if len(line.split()) > 1)
    return lengths[-2] if len(lengths) > 3 else max(lengths, default=0)


def number_of_entry(line: str) -> int:
    """Characters of the number before an entry of a list, as `2. `; 0 without one."""
    match = _NUMBER.match(line)
    return match.end() if match else 0


def speaker_of_line(line: str) -> str | None:
    """The name at the beginning of a speech, as `ANN: I saw him.` has it; None: there is none.

    `**ANN:** I saw him.` and `[10:05] ANN: I saw him.` are speeches too; `Note: ...` and `From: ...` are none.

    Args:
        line: A line of a text.
    """
    match = _SPEECH.match(line)
    return match["name"] if match and match["name"].lower() not in _HEADERS else None


def speaker_of_entry(line: str) -> str | None:
    """The same for an entry of a list with a bullet, `- ANN: I saw him.`, which may as well be `- Milk: two litres`."""
    bullet = _BULLET.match(line)
    return speaker_of_line(line[bullet.end() :]) if bullet else None


def _blocks(text: str) -> Iterator[tuple[int, str]]:
    start = 0
    for match in _BLANK.finditer(text):
        yield start, text[start : match.start()]
        start = match.end()
    yield start, text[start:]


def _entries(lines: Sequence[str]) -> frozenset[int]:
    """The lines at which entries of a list begin: two bullets of one kind, or a number and the next one, nearby."""
    bullets: dict[str, list[int]] = {}
    numbers: dict[int, list[int]] = {}
    for place, line in enumerate(lines):
        if (bullet := _BULLET.match(line)) is not None:
            bullets.setdefault(bullet[1], []).append(place)
        elif (counted := _NUMBER.match(line)) is not None:
            numbers.setdefault(int(counted[1]), []).append(place)
    beside = [(places, places) for places in bullets.values()]
    beside += [(places, numbers.get(one + step, [])) for one, places in numbers.items() for step in (-1, 1)]
    return frozenset(
        place for places, others in beside for place in places if any(0 < abs(place - one) <= _NEAR for one in others)
    )


def _fits(line: str, following: str, width: int) -> bool:
    """Whether the next word would clearly have had room in the line."""
    word = following.split(maxsplit=1)[:1]
    return bool(word) and len(line.rstrip()) + 1 + len(word[0]) <= _ROOM * width


def _begins(line: str) -> bool:
    """Whether a line begins as a sentence does: not in lower case, with a figure, or with a mark that goes on."""
    first = line.lstrip()[:1]
    return bool(first) and not first.islower() and not first.isdigit() and first not in ",;.:!?)]}"


def _ended(line: str) -> bool:
    return line.rstrip().endswith((*_FINAL, *":;,-–—："))
