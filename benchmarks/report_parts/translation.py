"""Translation and sentences."""

from __future__ import annotations

from typing import Any

from report_parts.text import measured_with, table

NAMES = {"scratch": "from scratch, 4 + 4 layers of 128", "minilm": "from MiniLM-L6, decoder of 3 layers of 384"}


def bleu(one: dict[str, Any], name: str = "bleu") -> str:
    low, high = one["interval"][name]
    return f"{one[name]:.2f} ({low:.2f} to {high:.2f})"


def translate_multi30k(result: dict[str, Any]) -> str:
    rows = [
        [NAMES[which], f"{point['step']:,}", f"{point['minutes']:.0f}", f"{point['dev_bleu']:.2f}",
         bleu(point["test"]) if "test" in point else ""]
        for which, run in result["runs"].items() for point in run["curve"]
    ]  # fmt: skip
    best = [
        [NAMES[which], bleu(run["test"]), bleu(run["test"], "chrf"), f"{run['test']['ppl']:.2f}",
         f"{run['test']['lowercased_tokenised']:.2f}"]
        for which, run in result["runs"].items()
    ]  # fmt: skip
    return "\n\n".join([
        "## Translation: Multi30k, English to German (`python benchmarks/translate.py curve`, `collect`)",
        "29,000 pairs, text alone; test2016, cased, detokenised, by sacreBLEU (13a), beam 5; minutes of one core (two cores take "
        "half of them), evaluations included, beside other work. The model from scratch has the sizes of the text-only Transformer "
        "of Wu et al. 2021, who report 41.02 after 8,000 updates, counted on lower-cased and tokenised text: the last column is ours "
        "counted so. Test scores are those of the best weights on val up to that step.",
        table(["", "BLEU", "chrF++", "perplexity", "BLEU, lower-cased and tokenised"], best),
        "![BLEU against minutes](images/translate_multi30k.png)",
        table(["", "steps", "minutes", "BLEU on val", "BLEU on test2016"], rows),
        *(f"{NAMES[which]}: {run['note']}" for which, run in result["runs"].items() if "note" in run),
        measured_with(result),
    ])  # fmt: skip


def translate_chinese(result: dict[str, Any]) -> str:
    names = {"minilm": "from MiniLM-L6", "scratch": "from scratch, 4 + 4 layers of 128"}
    rows = [[names[which], bleu(one), bleu(one, "chrf"), f"{one['ppl']:.2f}", f"{one['minutes']:.0f}"]
            for which, one in result["scores"].items()]  # fmt: skip
    return "\n\n".join([
        "## Translation: Tatoeba, English to Chinese (`python benchmarks/translate.py chinese`)",
        "18,119 pairs, our split; 1,000 test sentences, BLEU on Chinese characters (sacreBLEU's `zh`, chosen by the data).",
        table(["", "BLEU", "chrF++", "perplexity", "minutes of one core"], rows),
        measured_with(result),
    ])  # fmt: skip


def _shape(one: dict[str, Any]) -> str:
    return f"{one['encoder']} + {one['decoder']} layers of {one['width']}"


def translate_train(result: dict[str, Any]) -> str:
    rows = [[_shape(one["shape"]), f"{one['tokens_a_step']:,}", one["precision"],
             *(f"{one['target_tokens_a_second'][side]['median']:,.0f}" for side in ("ours", "peer")),
             f"**{one['ratio']['median']:.2f}** ({one['ratio']['min']:.2f} to {one['ratio']['max']:.2f})"]
            for one in result["shapes"]]  # fmt: skip
    return "\n\n".join([
        "## Training of translation against torch's Transformer (`python benchmarks/translate_speed.py train`)",
        "Target tokens a second on Multi30k, ends included, padding not: the same steps for both, of about equally long pairs (the "
        "peer pads them), tied output of 8,000 pieces, label smoothing, no attention dropout, fused AdamW, clipping; in turn.",
        table(["shape", "tokens a step", "precision", "ours", "`torch.nn.Transformer`", "ratio"], rows),
        "The wider model is bound by its products, which are the same for both: dropout, loss and padding are what is left.",
        measured_with(result),
    ])  # fmt: skip


def translate_decode(result: dict[str, Any]) -> str:
    rows = []
    for name in ("reference", "20"):
        one = result[f"length {name}"]
        shown = "as long as its reference" if name == "reference" else "20 pieces"
        for side, own in one["sentences_a_second"].items():
            rows.append([shown, side, f"{own['median']:.1f} ({own['min']:.1f} to {own['max']:.1f})"])
    own, fixed = (result[f"length {name}"] for name in ("reference", "20"))
    said = [
        f"Over Marian in its best batch size: **{own['over_marian']['median']:.2f}** times as many sentences where each ends as its "
        f"reference does, {fixed['over_marian']['median']:.2f} times where all have 20 pieces."
    ]
    if "over_ctranslate2" in fixed:
        said.append(f"Over CTranslate2: {fixed['over_ctranslate2']['median']:.2f}.")
    return "\n\n".join([
        "## Beam search against Marian and CTranslate2 (`python benchmarks/translate_speed.py decode`)",
        f"Beam {result['beam']}, {result['sentences']} sentences of Multi30k sorted by length, {_shape(result['shape'])}, random weights, "
        "float32, every translation of a given length; sentences a second, median and range, in turn.",
        table(["translations", "", "sentences a second"], rows),
        " ".join(said) + " Both sides are bound by the same float32 products, which alone take most of our time: on a processor that "
        "multiplies faster, more of the peer's time is its own.",
        measured_with(result),
    ])  # fmt: skip


def translate_memory(result: dict[str, Any]) -> str:
    shown = ", ".join(f"{one:,}" for one in result["megabytes_after_each_thousand"])
    return "\n\n".join([
        "## Memory of translation (`python benchmarks/translate_speed.py memory`)",
        f"{result['sentences']:,} sentences, among them empty ones, 2,000 words in a line, other scripts: resident megabytes of the process "
        f"after each thousand: {shown}.",
        measured_with(result),
    ])  # fmt: skip


def mentions_in_lines(result: dict[str, Any]) -> list[str]:
    said = "; ".join(
        f"at {columns} columns {one['over_ends']:.2%} and {one['over_lines']:.1%}" for columns, one in result.items()
    )
    if not said:
        return []
    return [
        "Mentions of OntoGUM's wrapped texts that reach over a found end, which coreference could never find, and over the end of a "
        f"line, which it could not find where each line is read as a document: {said}."
    ]


def sentences(result: dict[str, Any]) -> str:
    rows = [[name, f"{one['ours']['ends']:,}",
             *(f"{one[side]['precision']:.1%} / {one[side]['recall']:.1%} / **{one[side]['f1']:.1%}**" for side in ("ours", "sentencex"))]
            for name, one in result["sets"].items()]  # fmt: skip
    head = ["", "ends", "ours: sentencex and Chinese marks", "sentencex alone"]
    return "\n\n".join([
        "## Ends of sentences (`python benchmarks/sentences.py`)",
        "Precision, recall and F1 of the ends of sentences in raw text, the last of a text not counted. OntoGUM is tokenised; wrapped: "
        "lines of at most 72 characters. Many ends in English-EWT have no mark.",
        table(head, rows),
        *mentions_in_lines(result.get("mentions", {})),
        measured_with(result),
    ])  # fmt: skip
