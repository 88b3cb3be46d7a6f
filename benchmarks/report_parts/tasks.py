"""Tasks on real data."""

from __future__ import annotations

from typing import Any

from report_parts.text import measured_with, table

_ALL = 10**6  # a depth that no text here reaches


def main_figure(one: dict[str, Any], name: str | None = None) -> str:
    """A score with its interval."""
    name = name or one["main"]
    low, high = one["interval"][name]
    return f"{one[name]:.2%} ({low:.2%} to {high:.2%})"


def corefud_scorer(result: dict[str, Any]) -> str:
    def cell(row: dict[str, Any], name: str) -> str:
        return f"{row['ours'][name]:.2f} / {row['official'][name]:.2f}"

    systems = result["systems"]
    worst = max(abs(one["ours"][key] - one["official"][key]) for one in systems.values() for key in one["official"])
    rows = [[name, *(cell(one, key) for key in ("exact conll", "head conll", "head muc", "head bcub", "head ceafe", "head lea"))]
            for name, one in systems.items()]  # fmt: skip
    return "\n\n".join([
        "## CorefUD: our scores beside the official scorer's (`python benchmarks/corefud_scorer.py`)",
        f"{result['documents']} documents of UD English-GUM's dev part with heads by Udapi. The systems drop, move, join and invent "
        "some (10 %) or many (40 %) of the gold mentions, two seeds each. F1 in percent, ours / official; official scorer 1.2.",
        table(["system", "CoNLL, exact", "CoNLL, heads", "MUC, heads", "B-cubed, heads", "CEAF-e, heads", "LEA, heads"], rows),
        f"The largest difference of all {sum(len(one['official']) for one in systems.values())} figures is {worst:.3f}: what the "
        "official scorer's rounding to two places comes to.",
        measured_with(result),
    ])  # fmt: skip


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


def coref_books(result: dict[str, Any]) -> str:
    rows = [
        [
            f"{row['words']:,}", f"{row['user_seconds']:.0f}", f"{row['seconds']:.0f}", f"{row['load']:.0f}",
            f"{row['megabytes']:,}", f"{row['mentions']:,}", f"{100 * row['pronouns'] / row['mentions']:.0f}",
        ]
        for row in sorted(result.get("rows", []), key=lambda row: row["words"])
    ]  # fmt: skip
    scored = [
        [
            row["data"], f"{row['words']:,}", "all" if row["depth"] >= _ALL else f"{row['depth']:,}",
            *(f"{100 * row[figure]:.2f}" for figure in ("conll_f1", "muc_f1", "b_cubed_f1", "ceaf_f1")),
        ]
        for row in result.get("scores", [])
    ]  # fmt: skip
    one, largest = "", max(result.get("rows", []), key=lambda row: row["words"], default=None)
    if largest is not None:
        one = f"The largest clusters of the longest, by the name that each is given most often: {', '.join(largest['largest'])}."
    return "\n\n".join([
        "## Coreference: books (`python benchmarks/books.py`)",
        f"A novel (Sinclair, Modern Flirtations, 187,164 words) and beginnings of it, from text to clusters, each in a process of "
        f"its own, threads: {result['threads']}. CPU: seconds of user time, which other work on the machine does not add to; "
        f"seconds: on the clock, beside so many other running programs (load); MB: by which the process grew at its peak, the model "
        f"among them. The model is MiniLM-L6 after {result['steps']} steps on LitBank, of the 810 of the recipe above: it is enough "
        "to compare ways of linking, and no more.",
        table(["words", "CPU", "seconds", "load", "MB", "mentions", "% pronouns"], rows), one,
        "What it costs to look at fewer antecedents: F1 of held-out documents with the same outputs of the model, by how many of the "
        "nearest mentions are looked at; what lies further back is remembered by its names and descriptions. The usual depth is 1,000. "
        "\"As one text\" are the same documents end to end, of which none speaks of what another does.",
        table(["documents", "words", "depth", "CoNLL F1", "MUC", "B-cubed", "CEAF"], scored), measured_with(result),
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


def relation_raw(result: dict[str, Any]) -> str:
    named = {"before": "as the data lists them, subject first", "after": "reversed pairs too, the default"}
    names = {side: f"{named[side]}; {one['steps']:,} steps" for side, one in result["sides"].items()}

    def figures(one: dict[str, Any], level: str) -> str:
        low, high = one["interval"][f"{level}_f1"]
        shown = " / ".join(f"{100 * one[f'{level}_{figure}']:.1f}" for figure in ("precision", "recall"))
        return f"{shown} / **{100 * one[f'{level}_f1']:.1f}** ({100 * low:.1f} to {100 * high:.1f})"

    rows = []
    for side, one in result["sides"].items():
        rows += [
            [names[side], "found", *(figures(one["found"], f"relation_{level}") for level in ("boundary", "strict"))],
            [names[side], "gold", *(figures(one["gold"], f"relation_{level}") for level in ("boundary", "strict"))],
        ]
    after = result["sides"].get("after", next(iter(result["sides"].values())))
    listed = {side: one["listed"]["micro_f1"] for side, one in result["sides"].items()}
    shown = ", ".join(f"{100 * value:.1f} ({names[side]})" for side, value in listed.items())
    found = after["found"]
    return "\n\n".join([
        "## Relations from raw text: SciERC (`python benchmarks/relation_raw.py after`)",
        "Entities and relations by one bundle from MiniLM-L6, trained on SciERC's sentences and on pairs of which those that are not "
        f"related stand in text order (one seed; 5,800 steps of 16 examples read the pairs four times), and asked about the "
        f"{found['texts']:,} raw sentences of the test documents (`evaluate --end-to-end`). Precision / recall / F1 in percent, with "
        "95% bootstrap intervals of F1 over sentences; boundary: both places and the label are right; strict: both types too. Gold: "
        "the pairs of the data's entities.",
        table(["unrelated pairs in training", "entities", "relations, boundary", "relations, strict"], rows),
        f"Entities: {100 * found['entity_boundary_f1']:.1f} F1 by boundary, {100 * found['entity_strict_f1']:.1f} strict. Of the same "
        f"bundles, the micro F1 of the pairs that the data lists, which says nothing of this: {shown}.",
        measured_with(result),
    ])  # fmt: skip
