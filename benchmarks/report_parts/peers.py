"""spanbert side by side with its peers: `spanbert bench`."""

from __future__ import annotations

from typing import Any

from report_parts.text import measured_with, table


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
