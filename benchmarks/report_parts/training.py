"""Pre-training on real text, ablations and masking."""

from __future__ import annotations

from typing import Any

from report_parts.text import measured_with, table


def masking(result: dict[str, Any]) -> str:
    rows = [
        [str(words + 1), f"{result['law'][words]:.1%}",
         *(f"{result[n][kind][words]:.1%}" for n in ("126", "510") for kind in ("drawn", "realised", "reference"))]
        for words in range(10)
    ]  # fmt: skip
    head = ["words", "law", "drawn 126", "realised 126", "reference 126", "drawn 510", "realised 510", "reference 510"]
    facts = [
        [f"n = {n}", f"{one['segments']:,}", f"{one['share_masked']:.2%}",
         *(f"{one['fates'][fate]:.1%}" for fate in ("mask", "random", "keep")),
         str(one["broken_words"]), str(one["touching_spans"]),
         f"{one['mean_realised']:.2f} / {one['mean_reference']:.2f}"]
        for n in ("126", "510") for one in [result[n]]
    ]  # fmt: skip
    fact_head = ["", "segments", "masked", "[MASK]", "random", "kept", "broken words", "touching spans",
                 "mean words / reference"]  # fmt: skip
    return "\n\n".join([
        "## Span masking on real segments",
        "Segments of enwiki_core without specials. *Drawn* lengths follow the law; *realised* lengths are shorter, because "
        "spans are cut to the budget and long ones fit less often; the *reference* is a slow implementation of the "
        "papers that shares no code (`tests/reference.py`). Shares of spans by their fate: 80/10/10.",
        table(fact_head, facts),
        table(head, rows),
        measured_with(result),
    ])  # fmt: skip


def curve_tables(result: dict[str, Any], picture: str) -> list[str]:
    """Picture and held-out figures over time of a run of `spanbert pretrain`."""
    rows = [
        [f"{one['seconds'] / 60:.1f}", f"{one['tokens'] / 1e6:.2f} M", f"{one['mlm_loss']:.3f}", f"{one['sbo_loss']:.3f}",
         f"{one['unigram_loss']:.3f}", f"{one['mlm_accuracy']:.1%}", f"{one['sbo_accuracy']:.1%}", f"{one['exact_match']:.1%}"]
        for one in result["evaluations"]
    ]  # fmt: skip
    head = ["minutes", "tokens", "MLM loss", "SBO loss", "unigram loss", "MLM accuracy", "SBO accuracy", "whole spans right"]  # fmt: skip
    return [f"![Training and held-out losses over tokens](images/{picture}.png)", table(head, rows)]


def pretraining_tables(result: dict[str, Any], picture: str) -> list[str]:
    """Picture, held-out figures over time, and fills of a run of `spanbert pretrain`."""
    last = min(result["evaluations"][1:], key=lambda one: one["mlm_loss"] + one["sbo_loss"])
    exact = [[words, f"{last['spans_by_words'][words]:,}", f"{share:.1%}"]
             for words, share in last["exact_match_by_words"].items()]  # fmt: skip
    fills = [
        [one["text"], "<br>".join(f"{f['text']} ({f['score']:.2f})" for f in one["fillings"])]
        for one in result["fills"]
    ]
    return [
        *curve_tables(result, picture),
        "Whole spans right at the best evaluation, by length in words:",
        table(["words", "spans", "right"], exact),
        f"{len(fills)} blanks, the three best fillings of each with their scores (mean log probability a piece plus length "
        "prior); none was chosen for its result:",
        table(["text", "fillings"], fills),
    ]


def pretrain_enwiki(result: dict[str, Any]) -> str:
    return "\n\n".join([
        f"## {result['minutes']:.0f} minutes of span pre-training from MiniLM-L6",
        f"`spanbert pretrain` with its default batches and optimiser on {result['pieces']:,} pieces of enwiki_core "
        f"({result['training']['step']:,} steps, {result['training']['tokens'] / 1e6:.2f} million tokens); new heads, "
        "evaluated on documents that were held out. Products in float32. The unigram model knows no context: success is the gap below it.",
        *pretraining_tables(result, "pretrain_enwiki"),
        measured_with(result),
    ])  # fmt: skip


def zh_checkpoint(result: dict[str, Any]) -> str:
    sentences = "\n".join(f"- {line}" for line in result["masked"])
    return "\n\n".join([
        f"## Chinese from scratch: {result['minutes']:.0f} minutes (`make zh-checkpoint`)",
        f"Vocabulary and encoder (`--size mini`, 4 layers of 256 units) trained on {result['pieces']:,} pieces of Chinese "
        f"Wikipedia alone ({result['training']['step']:,} steps, {result['training']['tokens'] / 1e6:.2f} million tokens), "
        "simplified and traditional script mixed, segments of up to 512 tokens.",
        *pretraining_tables(result, "zh_checkpoint"),
        "Whole words are masked: the first sentence of every 300th article (Chinese Wikipedia contributors, CC BY-SA), "
        "words as rjieba cuts them, masked spans in brackets:",
        sentences,
        measured_with(result),
    ])  # fmt: skip


def ablation(result: dict[str, Any]) -> str:
    rows = [
        [scheme, f"{last['tokens'] / 1e6:.2f} M", f"{runs[0]['mlm_loss']:.3f}", f"{last['mlm_loss']:.3f}",
         f"{last['unigram_loss']:.3f}", f"{last['mlm_accuracy']:.1%}"]
        for scheme, runs in result["runs"].items() for last in [runs[-1]]
    ]  # fmt: skip
    minutes = max(run[-1]["seconds"] for run in result["runs"].values()) / 60
    return "\n\n".join([
        "## Four masking schemes (`make ablation`)",
        f"{minutes:.0f} minutes each from MiniLM-L6 and one seed, without SBO, on BC5CDR abstracts (CC BY 4.0) whose chemicals and "
        "diseases serve the scheme `entity`. Each is scored under its own masks, so that losses of different schemes cannot be "
        "compared: single pieces are easier to guess than whole spans. No claim is made; the plumbing is shown.",
        "![Held-out loss of four schemes](images/ablation.png)",
        table(["scheme", "tokens", "MLM loss before", "after", "unigram loss", "MLM accuracy"], rows),
        measured_with(result),
    ])  # fmt: skip
