"""Writes docs/BENCHMARKS.md from benchmarks/results/*.json; with --check, says whether it is up to date.

python benchmarks/report.py [--check]
"""

from __future__ import annotations

import json
import sys
from typing import Any

from common import RESULTS, ROOT


def table(head: list[str], rows: list[list[str]]) -> str:
    lines = [f"| {' | '.join(row)} |" for row in [head, ["---"] * len(head), *rows]]
    return "\n".join(lines)


def measured_with(result: dict[str, Any]) -> str:
    facts = result["environment"]
    return (
        f"Measured with spanbert {facts['spanbert']}, torch {facts['torch']}, Python {facts['python']}, "
        f"on {facts['cores']} cores of {facts['cpu']}."
    )


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


def pretraining_tables(result: dict[str, Any], picture: str) -> list[str]:
    """Picture, held-out figures over time, and fills of a run of `spanbert pretrain`."""
    rows = [
        [f"{one['seconds'] / 60:.1f}", f"{one['tokens'] / 1e6:.2f} M", f"{one['mlm_loss']:.3f}", f"{one['sbo_loss']:.3f}",
         f"{one['unigram_loss']:.3f}", f"{one['mlm_accuracy']:.1%}", f"{one['sbo_accuracy']:.1%}", f"{one['exact_match']:.1%}"]
        for one in result["evaluations"]
    ]  # fmt: skip
    last = min(result["evaluations"][1:], key=lambda one: one["mlm_loss"] + one["sbo_loss"])
    exact = [[words, f"{last['spans_by_words'][words]:,}", f"{share:.1%}"]
             for words, share in last["exact_match_by_words"].items()]  # fmt: skip
    fills = [
        [one["text"], "<br>".join(f"{f['text']} ({f['score']:.2f})" for f in one["fillings"])]
        for one in result["fills"]
    ]
    head = ["minutes", "tokens", "MLM loss", "SBO loss", "unigram loss", "MLM accuracy", "SBO accuracy", "whole spans right"]  # fmt: skip
    return [
        f"![Training and held-out losses over tokens](images/{picture}.png)",
        table(head, rows),
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


def bench_pretrain(result: dict[str, Any]) -> str:
    def speed(side: str, length: int) -> str:
        return f"{result[f'tokens_per_second_{length}'][side]:,}"

    def ratio(key: str, length: int) -> str:
        one = result[f"spread_{length}"][key or "_tuned"]
        return f"**{one['median']:.2f}** ({one['min']:.2f} to {one['max']:.2f})"

    sides = [
        ["spanbert: MLM + SBO, as it runs", "ours", None],
        ["transformers, attention dropout 0", "peer", ""],
        ["transformers, attention dropout 0.1 (its default)", "peer_default", "_default"],
        ["transformers, attention dropout 0, with our allocator settings", "peer_same_allocator", "_same_allocator"],
        ["spanbert without its allocator settings (against the second line)", "ours_glibc", "_both_glibc"],
    ]
    rows = [
        [str(label), *(speed(str(side), n) for n in (128, 512)),
         *("" if key is None else ratio(str(key), n) for n in (128, 512))]
        for label, side, key in sides
    ]  # fmt: skip
    fractions = ", ".join(f"{result[f'gemm_fraction_{n}']:.0%} at {n}" for n in (128, 512))
    work = ", ".join(f"{result[f'arithmetic_{n}']:.2f} at {n}" for n in (128, 512))
    return "\n\n".join([
        "## A pre-training step against `transformers` (`spanbert bench pretrain`)",
        f"MiniLM-L6 on {result['text']}, float32, {result['tokens_per_step']:,} tokens a step in blocks without padding, 15 % "
        "masked, hidden dropout 0.1, fused AdamW, gradient clip 1, denormals flushed; batches and masks are made inside the "
        f"timing. {result['rounds']} rounds of {result['steps_per_round']} steps, the sides in turn, each in a process of its "
        "own. Ours computes one objective more. As they run, ours sets glibc's allocator thresholds (`encoder/hardware.py`) and "
        "the peer keeps the defaults; the last two lines give both sides the same.",
        table(["", "tokens/s at 128", "tokens/s at 512", "ours is faster at 128", "at 512"], rows),
        f"Our model FLOPs a second are {fractions} of those of a large float32 matrix product in the same run. The matrix "
        f"products of the peer's step are this many times ours: {work} (logits of every row once, against those of the "
        "target rows twice). A ratio above that comes from what is not a matrix product: softmax and memory traffic of the "
        "full logits, and with glibc's defaults the page faults of tensors of hundreds of megabytes.",
        measured_with(result),
    ])  # fmt: skip


def bench_finetune(result: dict[str, Any]) -> str:
    tasks = {"sst2": "SST-2, accuracy", "wnut17": "WNUT-17, entity F1", "squadshifts": "SQuADShifts, answer F1"}

    def interval(low: float, high: float) -> str:
        return f"({low:+.2%} to {high:+.2%})"

    def seeds(values: list[float]) -> str:
        around = f" ({min(values):.2%} to {max(values):.2%})" if len(values) > 1 else ""
        return f"{sum(values) / len(values):.2%}{around}"

    def ratio(one: dict[str, float]) -> str:
        around = "" if one["min"] == one["max"] else f" ({one['min']:.2f} to {one['max']:.2f})"
        return f"**{one['median']:.2f}**{around}"

    def times(one: dict[str, Any]) -> list[str]:
        return [ratio(one["train_spread"][f"train_time_ratio{key}"])
                for key in ("", "_default_dropout", "_same_allocator")]  # fmt: skip

    def speeds(label: str, one: dict[str, Any], side: str) -> list[str]:
        per_second, suffix = one["predicted_per_second"], side.removeprefix("ours")
        return [f"{label}{suffix.replace('_', ', ours in ')}", f"{one['examples_predicted']:,}", f"{per_second[side]:,.1f}",
                *(f"{per_second[way]:,.1f}; {ratio(one['predict_spread'][f'predict_ratio_{way}{suffix}'])}"
                  for way in ("pipeline", "batched"))]  # fmt: skip

    found = {label: result[name] for name, label in tasks.items()}
    scores = [
        [label, f"{one['steps']:,}", *(seeds(one["scores_by_seed"][side]) for side in ("ours", "peer", "peer_default_dropout")),
         f"{one['difference']:+.2%} {interval(*one['difference_interval'])}"]
        for label, one in found.items()
    ]  # fmt: skip
    training = [[label, f"{one['train_seconds']['ours']['median']:.0f} s", *times(one)] for label, one in found.items()]
    prediction = [
        speeds(label, one, side)
        for side in ("ours", "ours_bfloat16")
        for label, one in found.items()
        if side in one["predicted_per_second"]
    ]
    answers = result["squadshifts"]
    quick = (
        "**A quick run: parts of the data and one seed, so that the scores mean little.** " if result["quick"] else ""
    )
    return "\n\n".join([
        "## Fine-tuning and prediction against `transformers` (`spanbert bench finetune`)",
        f"{quick}{result['model']}, float32, {result['peer']} in a plain loop with the same files, steps, batches of "
        f"{result['batch']}, rate {result['lr']:g} (heads too), warm-up, decay and clip, fused AdamW, hidden dropout 0.1 and "
        "attention dropout 0, padded to the longest of a batch. The sides in turn, each training in a process of its own; ours "
        "sets glibc's allocator thresholds (`encoder/hardware.py`). Scores: mean and range over seeds on held-out data, both "
        "sides by one scorer; the difference with the 95% interval of a paired bootstrap over the held-out examples.",
        table(["", "steps", "spanbert", "transformers", "with attention dropout 0.1", "difference"], scores),
        f"Exact match of the answers: {answers['em']:.2%}, the peer's {answers['peer_em']:.2%}.",
        "Training time, ours over the peer's (less is better; median and range over seeds): tokenising, batching and all "
        "steps, without reading and saving weights. Ours also reads the training file and writes its logs. The last two "
        "columns are of the first seed.",
        table(["", "spanbert", "over the peer's", "with attention dropout 0.1, its default", "with our allocator settings"],
              training),
        f"Prediction from raw texts to typed results, {result['rounds']} rounds in turn after one to warm up: examples a second, "
        "and how many times as fast ours is. *One by one* is `transformers.pipeline` as its documentation shows it, and for "
        "questions, which `transformers` 5 has no pipeline for, one window after the other; *batched* sorts by length "
        "(32 texts, 16 windows). The peer is float32 on every line.",
        table(["", "examples", "spanbert", "one by one; ratio", "batched; ratio"], prediction),
        measured_with(result),
    ])  # fmt: skip


def bench_masking(result: dict[str, Any]) -> str:
    rows = [
        [f"n = {n}", *(f"{one['median'] / 1e6:.2f} M ({one['min'] / 1e6:.2f} to {one['max'] / 1e6:.2f})"
                       for key in (f"pieces_per_second_{n}", f"pieces_per_second_{n}_all_cores") for one in [result[key]])]
        for n in (126, 510)
    ]  # fmt: skip
    return "\n\n".join([
        "## Speed of span masking (`spanbert bench masking`)",
        table(["pieces a second", "one core", f"{result['cores']} cores"], rows),
        measured_with(result),
    ])  # fmt: skip


def bench_prepare(result: dict[str, Any]) -> str:
    ratio, speeds = result["speed_ratio_spread"], result["megabytes_per_second"]
    rows = [[label, f"{speeds[name]['median']:.2f}"]
            for name, label in (("ours", "spanbert prepare"), ("peer", "tokenizers.encode_batch alone"))]  # fmt: skip
    return "\n\n".join([
        "## Preparing text (`spanbert bench prepare`)",
        f"{result['megabytes']:.0f} MB of {result['text']}, MiniLM's tokenizer, all cores. `prepare` reads "
        "files, finds documents and word starts, writes the store and its checksums; the peer only turns texts in memory into "
        "ids.",
        table(["", "MB/s"], rows),
        f"`prepare` reaches {ratio['median']:.0%} of the peer's speed ({ratio['min']:.0%} to {ratio['max']:.0%}).",
        "Peak memory above an idle process, median and range of three; it is that of a batch of a million characters and of the "
        "longest documents, not of the text:",
        table(["MB of text", "MB of memory"],
              [[size, f"{one['median']:.0f} ({one['min']:.0f} to {one['max']:.0f})"]
               for size, one in result["peak_megabytes"].items()]),
        measured_with(result),
    ])  # fmt: skip


def bench_attention(result: dict[str, Any]) -> str:
    rows = [
        [f"{int(length):,}", *(f"{result['milliseconds'][kind][length]['median']:.1f}" for kind in result["milliseconds"]),
         *(f"{result['peak_megabytes'][kind][length]:.0f}" for kind in result["peak_megabytes"])]
        for length in result["milliseconds"]["full"]
    ]  # fmt: skip
    growth = result["growth"]
    return "\n\n".join([
        "## Full against span-wise attention (`spanbert bench attention`)",
        f"One segment, 12 heads of 32 units, spans of {result['span']} tokens moved by half a span, forward and backward, "
        f"medians of {result['rounds']} rounds in turn.",
        table(["tokens", "full, ms", "span-wise, ms", "full, MB", "span-wise, MB"], rows),
        f"Time grows with the length to the power of {growth['full']} (full) and {growth['span-wise']} (span-wise); at 8,192 "
        f"tokens span-wise is {result['speedup']:.1f} times as fast. Both kernels need memory linear in the length, since "
        f"neither keeps the weights. Largest difference to the dense mask: {result['largest_difference']:.1e}.",
        measured_with(result),
    ])  # fmt: skip


def bench_encoders(result: dict[str, Any]) -> str:
    contenders = result["contenders"]
    unigram = next(iter(contenders.values()))["held_out"]["unigram_loss"]
    trained = [
        [name, f"{one['parameters'] / 1e6:.1f} M", f"{one['held_out']['tokens'] / 1e6:.2f} M",
         f"{one['held_out']['mlm_loss']:.3f}", f"{one['held_out']['sbo_loss']:.3f}", f"{one['held_out']['mlm_accuracy']:.1%}"]
        for name, one in contenders.items()
    ]  # fmt: skip
    lengths = list(next(iter(contenders.values()))["milliseconds"])
    costs = [
        [f"{int(length):,}", *(f"{one['milliseconds'][length]['median']:,.0f} ms, {one['peak_megabytes'][length]:,} MB"
                               for one in contenders.values())]
        for length in lengths
    ]  # fmt: skip
    return "\n\n".join([
        "## Transformer, span-wise Transformer, RNN or CNN? (`spanbert bench encoders`)",
        f"Size {result['size']}, from scratch on {result['text']} with the same loop, heads and settings, {result['minutes']:g} "
        f"minutes each, segments of {result['segment_length']:,} tokens; scored on held-out documents (unigram model "
        f"{unigram:.3f}). One seed and a few minutes: this shows what learns fastest at the start, not what ends best.",
        "![Held-out loss over time, time and memory over length](images/bench_encoders.png)",
        table(["", "weights", "tokens seen", "MLM loss", "SBO loss", "MLM accuracy"], trained),
        f"Forward and backward pass of a step of {result['tokens_per_step']:,} tokens in {result['precision']} by tokens a "
        "segment, medians of five:",
        table(["tokens", *contenders], costs),
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


def main_figure(one: dict[str, Any], name: str | None = None) -> str:
    """A score with its interval."""
    name = name or one["main"]
    low, high = one["interval"][name]
    return f"{one[name]:.2%} ({low:.2%} to {high:.2%})"


def tasks_heads(result: dict[str, Any]) -> str:
    labels = {
        "ner": "WNUT-17, entity F1",
        "pos": "English-EWT, accuracy of parts of speech",
        "sentiment": "SST-2, accuracy",
    }
    rows = [[labels[name], *(main_figure(one[side]) for side in ("alone", "together")), f"{one['alone']['steps']:,}"]
            for name, one in result["scores"].items()]  # fmt: skip
    together = next(iter(result["scores"].values()))["together"]
    cost = result["cost"]
    return "\n\n".join([
        "## Several heads, one encoder (`python benchmarks/tasks.py heads`)",
        "Entities, parts of speech and sentiment from MiniLM-L6, 2 epochs at rate 1e-4, one seed: each alone, and together in one "
        f"bundle, mixed by temperature ({together['steps']:,} steps). Held-out data, 95% bootstrap intervals.",
        table(["", "alone", "together", "steps alone"], rows),
        f"From {cost['texts']:,} raw sentences of SST-2 to typed results the bundle of three takes "
        f"**{cost['ratio']['median']:.2f}** times ({cost['ratio']['min']:.2f} to {cost['ratio']['max']:.2f}) as long as the one for "
        "entities alone: the encoder runs once.",
        measured_with(result),
    ])  # fmt: skip


def tasks_long(result: dict[str, Any]) -> str:
    rows = [[label, main_figure(result[name]), f"{result[name]['ece']:.3f}", f"{result[name]['steps']:,}"]
            for name, label in (("windows", "windows of 512, averaged"), ("truncate", "the first 512 tokens alone"))]  # fmt: skip
    answers = [[label, f"{result[name]['questions']:,}", *(main_figure(result[name], figure) for figure in ("em", "f1"))]
               for name, label in (("squadshifts_dev", "SQuADShifts, other texts of the same kind"),
                                   ("covidqa", "COVID-QA, whole papers"))]  # fmt: skip
    return "\n\n".join([
        "## Long documents (`python benchmarks/tasks.py long`)",
        f"Film reviews (movie_reviews_2k, {result['windows']['examples']} held out), MiniLM-L6, 2 epochs at rate 1e-4, one seed: "
        "accuracy with its 95% bootstrap interval, calibration error, steps (windows are examples, so that two epochs are more of them).",
        table(["", "accuracy", "ECE", "steps"], rows),
        "Questions: trained on 3,000 of SQuADShifts (2 epochs, rate 1e-4), whose contexts are paragraphs, and asked about other "
        "paragraphs and about whole papers of thousands of words that it never saw the like of:",
        table(["", "questions", "exact match", "F1"], answers),
        measured_with(result),
    ])  # fmt: skip


def tasks_chinese(result: dict[str, Any]) -> str:
    labels = {"ner": "UNER GSD simplified, entity F1", "sentiment": "ChnSentiCorp hotels, accuracy",
              "qa": "2,000 questions of DRCD dev to CMRC 2018, F1"}  # fmt: skip
    scores = result["scores"]
    rows = [[label, *(main_figure(scores[f"{name}_{start}"]) for start in ("random", "checkpoint"))]
            for name, label in labels.items()]  # fmt: skip
    answers = [main_figure(scores[f"qa_{start}"], "em") for start in ("random", "checkpoint")]
    return "\n\n".join([
        "## Chinese (`python benchmarks/tasks.py chinese`)",
        f"From the checkpoint of `make zh-checkpoint` ({result['base']['seconds'] / 60:.0f} minutes of pre-training, "
        f"{result['base']['tokens'] / 1e6:.0f} M tokens of Chinese Wikipedia), and from the same encoder with new weights: 2 epochs at "
        "rate 2e-4, one seed, held-out data, 95% bootstrap intervals.",
        table(["", "from new weights", "from the checkpoint"], [*rows, ["exact match of the answers", *answers]]),
        "What limits them: the minutes of pre-training are worth little beside new weights, the intervals overlap; the encoder has "
        "seen a few thousandths of the text of published Chinese encoders and is a tenth of "
        "their size. Entities and sentiment can be learned from characters; questions need a model that has read much more, and "
        "DRCD's paragraphs are in traditional script, CMRC's in simplified, which share few characters where they differ.",
        measured_with(result),
    ])  # fmt: skip


def coref_data(result: dict[str, Any], title: str, what: str, limit: str) -> str:
    names = {
        "conll_f1": "CoNLL F1",
        "muc_f1": "MUC",
        "b_cubed_f1": "B-cubed",
        "ceaf_f1": "CEAF",
        "lea_f1": "LEA",
        "mention_f1": "mentions",
    }
    runs = result["runs"]
    rows = [
        [f"seed {run['seed']}", *(f"{100 * run[figure]:.1f}" for figure in names), f"{run['weights_of_step']:,} of {run['steps']:,}"]
        for run in runs
    ]  # fmt: skip
    rows += [
        [f"seed {run['seed']}, test documents", *(f"{100 * run['test'][figure]:.1f}" for figure in names), ""]
        for run in runs if run["test"]
    ]  # fmt: skip
    for name, label in (("own", "equal words, mentions that the model links"), ("all", "equal words, all mentions of the model"),
                        ("gold", "equal words, gold mentions")):  # fmt: skip
        means = [sum(run["same_string"][name][figure] for run in runs) / len(runs) for figure in names]
        rows.append([label, *(f"{100 * mean:.1f}" for mean in means), ""])
    low, high = runs[0]["interval"]
    cost = runs[0]["seconds_a_thousand_words"]
    curve, losses = runs[0]["curve"], runs[0]["losses"]
    return "\n\n".join([
        title,
        f"{what} From MiniLM-L6; {result['documents']} held-out documents of {result['words']:,} words, F1 in percent; the weights "
        f"are those of the best of ten evaluations on the documents that are scored. 95% bootstrap interval over documents for seed {runs[0]['seed']}: {100 * low:.1f} to {100 * high:.1f}. The rule "
        "beside it takes mentions of equal lower-cased words for the same thing.",
        table(["", *names.values(), "weights of step"], rows),
        f"CoNLL F1 after each tenth of the {runs[0]['epochs']} epochs: {', '.join(f'{100 * one:.1f}' for one in curve)}. The training loss "
        f"meanwhile fell from {losses[0]:.1f} to {losses[-1]:.1f}: what limits the score is not the time, but {limit}.",
        f"From documents of words to clusters: {cost['median']:.2f} ({cost['min']:.2f} to {cost['max']:.2f}) seconds a thousand words. `{runs[0]['signature']}`",
        measured_with(result),
    ])  # fmt: skip


def coref_litbank(result: dict[str, Any]) -> str:
    return coref_data(
        result, "## Coreference: LitBank (`python benchmarks/coref.py litbank`)",
        "80 documents to train on, 10 to choose weights by and to score, 10 to score alone (benchmarks/litbank_split.json); clusters "
        "of one mention count.",
        "an encoder of 22.7 M weights and 80 documents",
    )  # fmt: skip


def coref_ontogum(result: dict[str, Any]) -> str:
    return coref_data(
        result, "## Coreference: OntoGUM (`python benchmarks/coref.py ontogum`)",
        "177 documents to train on; the dev documents choose the weights and are scored. Seven mentions stand in two clusters (one "
        "of them in the dev documents) and were left in the first.",
        "an encoder of 22.7 M weights and 177 documents of many genres",
    )  # fmt: skip


# the paper's table of resolvers off the shelf, development part: F1, masculine, feminine, bias
GAP_PUBLISHED = (
    ("Lee et al. 2013, rules", 50.5, 55.4, 45.5, 0.82),
    ("Clark and Manning 2015", 55.0, 58.5, 51.3, 0.88),
    ("Wiseman et al. 2016", 64.2, 68.4, 59.9, 0.88),
    ("Lee et al. 2017, end to end", 64.7, 67.2, 62.2, 0.92),
)


def coref_gap(result: dict[str, Any]) -> str:
    head = ["model", "pronouns", "F1", "masculine", "feminine", "bias (f/m)"]
    rows = [
        [name, f"{one['pronouns']:,}", *(f"{100 * one[key]:.1f}" for key in ("gap_f1", "masculine_f1", "feminine_f1")), f"{one['bias']:.2f}"]
        for name, one in result.items() if isinstance(one, dict) and "gap_f1" in one
    ]  # fmt: skip
    rows += [[f"{name} (published)", "2,000", *(f"{one:.1f}" for one in figures), f"{bias:.2f}"]
             for name, *figures, bias in GAP_PUBLISHED]  # fmt: skip
    return "\n\n".join([
        "## Coreference: GAP (`python benchmarks/coref.py gap`)",
        "Which of two names an ambiguous pronoun stands for (Webster et al. 2018), by the models above, which never saw GAP; model, "
        "part of GAP, seed. Published: the resolvers that the paper took off the shelf, on the development part (its table of them; "
        "the last row was checked against another paper that repeats it, the other three are from memory and still to be looked up).",
        table(head, rows), measured_with(result),
    ])  # fmt: skip


def coref_memory(result: dict[str, Any]) -> str:
    rows = [[f"{row['words']:,}", f"{row['seconds']:.1f}", f"{row['megabytes']:,}"] for row in result["rows"]]
    return "\n\n".join([
        "## Coreference: long documents (`python benchmarks/coref.py memory`)",
        "One document of so many words, from text to clusters, each in a process of its own: seconds, and megabytes by which the "
        "process grew at its peak, the model among them.",
        table(["words", "seconds", "MB"], rows), measured_with(result),
    ])  # fmt: skip


def relation_data(result: dict[str, Any], title: str, what: str) -> str:
    names = {"ours": "ours", "ours_cls": "ours, from [CLS]", "peer": "peer"}
    rows = []
    for row in result["rows"]:
        low, high = row["interval"]
        score = f"{100 * row['score']:.1f} ({100 * low:.1f} to {100 * high:.1f})"
        minutes = "" if row["side"] == "ours_cls" else f"{row['seconds'] / 60:.1f}"
        rows.append([str(row["seed"]), names[row["side"]], f"{row['rate']:g}", str(row["epochs"]), score, minutes])
    ratio = result["train_time_ratio"]
    return "\n\n".join([
        title,
        f"{what} MiniLM-L6 with the same four markers as new tokens on both sides, batch 16, hidden dropout 0.1, attention dropout 0; "
        "ours reads the markers at which the entities begin, the peer, `AutoModelForSequenceClassification` in a plain loop, [CLS]. "
        "Percent with 95% bootstrap intervals.",
        table(["seed", "", "rate", "epochs", "score", "minutes of training"], rows),
        f"Training time, tokenising among it, against the peer's: **{ratio['median']:.2f}** ({ratio['min']:.2f} to {ratio['max']:.2f}).",
        measured_with(result),
    ])  # fmt: skip


def relation_semeval(result: dict[str, Any]) -> str:
    title = "## Relations: SemEval-2010 Task 8 (`python benchmarks/relation.py semeval`)"
    return relation_data(result, title, "Official macro F1 over nine directed relations, on the test data.")


def relation_tune_ours(result: dict[str, Any]) -> str:
    return relation_tune(result, "ours")


def relation_tune_peer(result: dict[str, Any]) -> str:
    return relation_tune(result, "peer")


def relation_tune(result: dict[str, Any], side: str) -> str:
    rows = [[f"{row['rate']:g}", str(row["epochs"]), f"{100 * row['score']:.1f}"] for row in result["rows"]]
    return "\n\n".join([
        f"## Relations: rate and epochs (`python benchmarks/relation.py tune-{side}`)",
        f"{'The peer' if side == 'peer' else 'Ours'}, trained on nine tenths of SemEval-2010 Task 8's training data and scored on "
        "the last tenth, one seed. The rates of the comparisons were chosen by it; KBP37's, with twice the examples, are the same.",
        table(["rate", "epochs", "macro F1"], rows), measured_with(result),
    ])  # fmt: skip


def relation_kbp37(result: dict[str, Any]) -> str:
    title = "## Relations: KBP37 (`python benchmarks/relation.py kbp37`)"
    return relation_data(result, title, "Micro F1 without `no_relation`, on the test data.")


def relation_throughput(result: dict[str, Any]) -> str:
    ratio = result["ratio"]
    return "\n\n".join([
        "## Relations: all pairs of a sentence at once (`python benchmarks/relation.py throughput`)",
        f"{result['pairs']} pairs of five entities in one sentence: {result['pairs_a_second']:,.0f} pairs a second in one packed batch, "
        f"**{ratio['median']:.1f}** times ({ratio['min']:.1f} to {ratio['max']:.1f}) as many as one pair at a time.",
        measured_with(result),
    ])  # fmt: skip


SECTIONS = {
    "pretrain_enwiki": pretrain_enwiki,
    "zh_checkpoint": zh_checkpoint,
    "bench_pretrain": bench_pretrain,
    "bench_finetune": bench_finetune,
    "tasks_heads": tasks_heads,
    "tasks_long": tasks_long,
    "tasks_chinese": tasks_chinese,
    "coref_ontogum": coref_ontogum,
    "coref_litbank": coref_litbank,
    "coref_gap": coref_gap,
    "coref_memory": coref_memory,
    "relation_semeval": relation_semeval,
    "relation_tune_ours": relation_tune_ours,
    "relation_tune_peer": relation_tune_peer,
    "relation_kbp37": relation_kbp37,
    "relation_throughput": relation_throughput,
    "bench_encoders": bench_encoders,
    "bench_attention": bench_attention,
    "ablation": ablation,
    "masking": masking,
    "bench_masking": bench_masking,
    "bench_prepare": bench_prepare,
}


def render() -> str:
    parts = ["# Benchmarks", "Generated by `python benchmarks/report.py` from `benchmarks/results`; do not edit."]
    for name, section in SECTIONS.items():
        path = RESULTS / f"{name}.json"
        if path.is_file():
            parts.append(section(json.loads(path.read_text(encoding="utf-8"))))
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    target = ROOT / "docs" / "BENCHMARKS.md"
    if "--check" in sys.argv[1:]:
        sys.exit(
            0 if target.read_text(encoding="utf-8") == render() else "docs/BENCHMARKS.md is out of date: make bench"
        )
    target.write_text(render(), encoding="utf-8")
