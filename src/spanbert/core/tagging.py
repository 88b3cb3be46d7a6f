"""Label sequences and spans: BIO, IOB1, BIOES, BMES and BILOU to spans of words and back.

IOB2 ("BIO")  every span begins with B-
IOB1          B- only where a span touches another of its label before it
BIOES         S- for one word, E- for the last
BMES          M- for I-; BILOU: L- for E-, U- for S-
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

Scheme = Literal["BIO", "IOB1", "BIOES", "BMES", "BILOU"]
Repair = Literal["conlleval", "discard"]
SCHEMES: tuple[Scheme, ...] = get_args(Scheme)
WordSpan = tuple[int, int, str]
_LETTERS: dict[Scheme, tuple[str, str, str, str]] = {  # of the first word, of inner ones, of the last, of a single one
    "BIO": ("B", "I", "-", "-"),
    "IOB1": ("B", "I", "-", "-"),
    "BIOES": ("B", "I", "E", "S"),
    "BMES": ("B", "M", "E", "S"),
    "BILOU": ("B", "I", "L", "U"),
}


def split_tag(tag: str) -> tuple[str, str]:
    """`B-PER` as ("B", "PER"); `O` as ("O", "")."""
    letter, _, label = tag.partition("-")
    return letter, label


def encode_tags(spans: Sequence[WordSpan], words: int, scheme: Scheme) -> list[str]:
    """Tags of a sentence from its spans.

    Args:
        spans: Half-open spans of words with labels; none may overlap.
        words: Words of the sentence.
        scheme: How to write them.

    Raises:
        ValueError: Spans that overlap, are empty or reach past the sentence.
    """
    begin, inside, end, single = _LETTERS[scheme]
    tags = ["O"] * words
    last_end, last_label = -1, ""
    for start, stop, label in sorted(spans):
        if not 0 <= start < stop <= words or start < last_end:
            raise ValueError(f"span {start}..{stop} of {words} words is empty, outside, or overlaps another")
        if scheme == "IOB1":
            letters = [inside] * (stop - start)
            if start == last_end and label == last_label:
                letters[0] = begin
        elif scheme == "BIO":
            letters = [begin] + [inside] * (stop - start - 1)
        else:
            letters = [single] if stop - start == 1 else [begin] + [inside] * (stop - start - 2) + [end]
        tags[start:stop] = [f"{letter}-{label}" for letter in letters]
        last_end, last_label = stop, label
    return tags


def is_legal_step(before: str, after: str, scheme: Scheme) -> bool:
    """Whether a tag may follow another; the sides of a sentence are `O`."""
    (letter_before, label_before), (letter, label) = split_tag(before), split_tag(after)
    begin, inside, end, _ = _LETTERS[scheme]
    if scheme == "IOB1":
        return letter != begin or (letter_before in (begin, inside) and label == label_before)
    if scheme == "BIO":
        return letter != inside or (letter_before in (begin, inside) and label == label_before)
    within = letter_before in (begin, inside)
    if letter in (inside, end):
        return within and label == label_before
    return not within


def illegal_tags(tags: Sequence[str], scheme: Scheme) -> list[int]:
    """Places whose tag may not follow the one before it; the place after the last word where a span is left open."""
    steps = zip(["O", *tags], [*tags, "O"], strict=True)
    return [place for place, (before, after) in enumerate(steps) if not is_legal_step(before, after, scheme)]


def decode_tags(tags: Sequence[str], scheme: Scheme, *, repair: Repair = "conlleval") -> list[WordSpan]:
    """Spans of a sentence from its tags.

    Args:
        tags: A tag a word.
        scheme: How they are written.
        repair: What an illegal tag does: begin a new span, as the scorer of CoNLL-2000 reads it, or lose its span.

    Returns:
        Half-open spans with labels, in order.
    """
    _, inside, end, single = _LETTERS[scheme]
    spans: list[WordSpan] = []
    start, open_label, sound = 0, "", True

    def close(stop: int, whole: bool) -> None:
        nonlocal open_label
        if open_label and (repair == "conlleval" or (sound and whole)):
            spans.append((start, stop, open_label))
        open_label = ""

    for place, tag in enumerate(tags):
        letter, label = split_tag(tag)
        before = tags[place - 1] if place else "O"
        legal = is_legal_step(before, tag, scheme)
        goes_on = letter in (inside, end) and open_label == label and label != ""
        if not goes_on:
            close(place, scheme in ("BIO", "IOB1"))
            if letter != "O":
                start, open_label, sound = place, label, legal
        if letter in (end, single) and scheme not in ("BIO", "IOB1"):
            close(place + 1, True)
    close(len(tags), scheme in ("BIO", "IOB1"))
    return spans


def guess_scheme(tags: Sequence[Sequence[str]]) -> Scheme:
    """The scheme in which some sentences' tags are written: the first that makes all of them legal.

    BIO comes before IOB1, so that tags that fit both are BIO; where none fits, BIO is assumed and repaired.
    """
    letters = {split_tag(tag)[0] for sentence in tags for tag in sentence} - {"O"}
    for scheme in SCHEMES:
        if letters <= set(_LETTERS[scheme]) and not any(illegal_tags(sentence, scheme) for sentence in tags):
            return scheme
    for scheme in SCHEMES[2:]:
        if letters - {"B", "I"} and letters <= set(_LETTERS[scheme]):
            return scheme
    return "BIO"


def scheme_of_tags(tags: Sequence[str]) -> Scheme | None:
    """The scheme that a model's set of tags belongs to; None if they are not tags of spans (parts of speech)."""
    letters = {split_tag(tag)[0] for tag in tags if tag != "O"}
    if not letters or any(tag != "O" and not split_tag(tag)[1] for tag in tags):
        return None
    labels = {letter: {split_tag(tag)[1] for tag in tags if split_tag(tag)[0] == letter} for letter in letters}
    if letters <= {"B", "I"} and labels.get("I", set()) - labels.get("B", set()):
        return "IOB1"  # in BIO a span of such a label could not begin
    return next((scheme for scheme in SCHEMES if letters <= set(_LETTERS[scheme]) - {"-"}), None)
