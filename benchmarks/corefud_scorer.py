"""Our scores of CorefUD files beside those of the official scorer, on real documents with changed clusters.

python benchmarks/corefud_scorer.py scores SCORER DATA.conllu [BUNDLE]
python benchmarks/corefud_scorer.py gum en_gum-ud-dev.conllu gum.conllu     GUM's brackets as CorefUD has them;
udapy -s corefud.MoveHead < gum.conllu > DATA.conllu                        heads by Udapi, as CorefUD's are

SCORER is a checkout of github.com/ufal/corefud-scorer, with its requirements installed for PYTHON (the environment
variable, else this interpreter). Each system drops, moves, joins and invents mentions of the gold clusters; with a
BUNDLE, what it predicts is one more.
"""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from common import write_result

import spanbert
from spanbert.core.predictions import Coreference
from spanbert.core.types import Document, Span
from spanbert.corpus.formats.registry import open_data, write_data
from spanbert.tasks.coref.scoring import CorefDocumentScorer

METRICS = {"muc": "muc", "bcub": "b_cubed", "ceafe": "ceaf", "lea": "lea"}
MATCHES = {"exact": "", "head": "head_"}
CHANGES = {"some": 0.1, "many": 0.4}  # share of the mentions that are changed
Clusters = Sequence[Sequence[Span]]


def changed(document: Document, share: float, seed: int) -> Clusters:
    """The gold clusters with some mentions dropped, moved by a word, in other clusters, and invented."""
    random_ = random.Random(f"{seed} {document.id}")
    words = document.words or ()
    place_of = {word.start: place for place, word in enumerate(words)}
    end_of = {word.end: place for place, word in enumerate(words)}
    sentence_of = {place: bounds for bounds in document.sentences for place in range(*bounds)}
    clusters: list[set[tuple[int, int]]] = []
    taken: set[tuple[int, int]] = set()
    for cluster in document.clusters or ():
        clusters.append(set())
        for mention in cluster:
            first, last = place_of[mention.start], end_of[mention.end]
            low, high = sentence_of[first]
            own = len(clusters) - 1
            if random_.random() < share:
                kind = random_.choice(["dropped", "longer", "shorter", "elsewhere"])
                if kind == "dropped":
                    continue
                if kind == "longer":
                    first, last = max(low, first - random_.randrange(2)), min(high - 1, last + random_.randrange(3))
                if kind == "shorter":
                    first = min(last, first + 1)
                if kind == "elsewhere":
                    own = random_.randrange(len(clusters))
            if last < high and (first, last) not in taken:
                taken.add((first, last))
                clusters[own].add((first, last))
    for _ in range(int(share * len(taken) / 3)):
        first = random_.randrange(len(words))
        if (first, first) not in taken and clusters:
            taken.add((first, first))
            random_.choice(clusters).add((first, first))
    kept = [_without_crossings(one) for one in clusters if one]
    return [[Span(start=words[low].start, end=words[high].end) for low, high in one] for one in kept]


def _without_crossings(cluster: set[tuple[int, int]]) -> list[tuple[int, int]]:
    """Brackets cannot express mentions of one cluster that cross."""
    kept: list[tuple[int, int]] = []
    for low, high in sorted(cluster):
        if not any(one < low <= other < high for one, other in kept):
            kept.append((low, high))
    return kept


def ours(documents: Sequence[Document], systems: Sequence[Clusters], singletons: str) -> dict[str, float]:
    """F1 in percent, by match and metric."""
    scorer = CorefDocumentScorer(singletons="keep" if singletons == "keep" else "drop")
    for document, clusters in zip(documents, systems, strict=True):
        scorer.add(document, Coreference(clusters=tuple(tuple(one) for one in clusters), links=(), heads=(), words=()))
    found = scorer.scores()
    return {
        f"{match} {name}": 100 * found[f"{prefix}{metric}_f1"]
        for match, prefix in MATCHES.items()
        for name, metric in [*METRICS.items(), ("conll", "conll")]
    }


def official(scorer: Path, key: Path, system: Path, singletons: str) -> dict[str, float]:
    """The same of the official scorer."""
    found = {}
    for match in MATCHES:
        more = ["-s"] if singletons == "keep" else []
        command = [
            os.environ.get("PYTHON", sys.executable),
            "corefud-scorer.py",
            "-a",
            match,
            *more,
            str(key),
            str(system),
        ]
        said = subprocess.run(command, cwd=scorer, capture_output=True, text=True, check=True).stdout
        f1 = dict(re.findall(r"^(\w+)\nRecall:.*F1: *([\d.]+)", said, flags=re.MULTILINE))
        found |= {f"{match} {name}": float(f1[name]) for name in METRICS}
        found[f"{match} conll"] = float(re.search(r"CoNLL score: *([\d.]+)", said)[1])
    return found


def from_gum(source: Path, target: Path) -> None:
    """UD English-GUM with the fields of CorefUD 1.0, and names of clusters that no two documents share."""
    opening = re.compile(r"\((\d+)-([^-()]*)-[^-()]*-[^-()]*-[^-()]*-(\d+)[\d,]*-[^()]*?(?=[()]|$)")
    number, lines = 0, []
    for line in source.read_text(encoding="utf-8").splitlines():
        number += line.startswith("# newdoc id")
        cells = line.split("\t")
        if len(cells) == 10:
            misc = [one for one in cells[9].split("|") if one.startswith("Entity=") or one == "SpaceAfter=No"]
            for place, one in enumerate(misc):
                if one.startswith("Entity="):
                    begun = opening.sub(rf"(d{number}e\1-\2-\3-", one.removeprefix("Entity="))
                    misc[place] = "Entity=" + re.sub(r"(?<![\w(-])(\d+)\)", rf"d{number}e\1)", begun)
            line = "\t".join([*cells[:9], "|".join(misc) or "_"])
        elif line.startswith("# global.Entity"):
            line = "# global.Entity = eid-etype-head-other"
        elif line and not re.match(r"# (newdoc|sent_id|text|speaker)\b|\d", line):
            continue
        lines.append(line + "\n")
    target.write_text("".join(lines), encoding="utf-8")


def main(scorer: Path, data: Path, bundle: str | None) -> None:
    """Writes the figures of both."""
    documents = list(open_data(data, among=("corefud",)).documents())
    systems: dict[str, list[Clusters]] = {
        f"{name} {seed}": [changed(one, share, seed) for one in documents]
        for name, share in CHANGES.items()
        for seed in range(2)
    }
    if bundle:
        nlp = spanbert.load(bundle)
        found = nlp.predict([one.without_gold(keep=("columns",)) for one in documents])
        systems["a model"] = [[[Span(start=m.start, end=m.end) for m in one] for one in doc.clusters] for doc in found]
    rows = {}
    with tempfile.TemporaryDirectory() as folder:
        key, path = data.resolve(), Path(folder) / "system.conllu"
        for name, clusters in systems.items():
            predicted = [
                replace(one, clusters=tuple(map(tuple, own)), origin=replace(one.origin, opened={}))
                for one, own in zip(documents, clusters, strict=True)
            ]
            write_data(predicted, path, to="corefud")
            for singletons in ("drop", "keep"):
                rows[f"{name}, singletons {singletons}"] = {
                    "ours": ours(documents, clusters, singletons),
                    "official": official(scorer, key, path, singletons),
                }
    for name, row in rows.items():
        worst = max(abs(row["ours"][key] - row["official"][key]) for key in row["official"])
        print(
            name,
            f"CoNLL by heads {row['ours']['head conll']:.2f} ({row['official']['head conll']:.2f})",
            f"{worst:.3f}",
        )
    write_result("corefud_scorer", {"data": data.name, "documents": len(documents), "systems": rows})


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["scores", scorer, data, *bundle]:
            main(Path(scorer), Path(data), bundle[0] if bundle else None)
        case ["gum", source, target]:
            from_gum(Path(source), Path(target))
        case _:
            sys.exit(__doc__)
