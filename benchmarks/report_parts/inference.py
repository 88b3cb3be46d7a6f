"""Prediction, exported and not: `spanbert bench inference`."""

from __future__ import annotations

from typing import Any

from report_parts.text import measured_with, table

_RUNTIMES = {"torch": "torch", "onnx": "onnxruntime", "openvino": "OpenVINO"}
_PRECISIONS = ("float32", "bfloat16", "int8")


def bench_inference(result: dict[str, Any]) -> str:
    """The section."""
    quick = (
        "**A quick run: parts of the data and models of a few steps, so that the scores mean nothing.** "
        if result["quick"]
        else ""
    )
    left_out = "; ".join(f"{_named(side)}: {why}" for side, why in result["left_out"].items())
    return "\n\n".join([
        "## Prediction in float32, bfloat16 and int8 (`spanbert bench inference`)",
        f"{quick}From raw texts to typed results on {result['threads']} threads, {result['rounds']} rounds in turn after one to "
        "warm up, in processes that stay; medians, and the range of the rounds. int8 is as `spanbert export` makes it, by "
        "texts that are not scored. *Pipeline* is `transformers.pipeline`, one text after the other and in its best batch of 4, "
        "8, 16 and 32; for questions, which `transformers` 5 has no pipeline for, one window after the other and sorted "
        "batches. *Sorted loop* is a plain loop over batches of like length around its model, and around OpenVINO's int8 by "
        f"NNCF. Peers: {result['peer']}.",
        *([f"Left out: {left_out}."] if left_out else []),
        *(part for one in result["sets"].values() for part in _of_set(one)),
        *([_together(result["together"])] if "together" in result else []),
        measured_with(result),
    ])  # fmt: skip


def _together(one: dict[str, Any]) -> str:
    speed = one["words_per_second"]
    memory = one["cold_start"].get("peak_megabytes")
    held = "" if memory is None else f"; a process without torch takes {memory['median']:.0f} MB at its peak"
    lost = ", ".join(
        f"{name} {found['drop']:.2f} ({found['interval'][0]:.2f} to {found['interval'][1]:.2f})"
        for name, found in one.get("drops", {}).items()
    )
    of_score = f" Points lost on dev data (95%): {lost}." if lost else ""
    return (
        f"All tasks of a model together ({', '.join(one['tasks'])}), {_named(one['model'])}, {one['megabytes']:.1f} MB: "
        f"{speed['median']:,.0f} words a second ({speed['min']:,.0f} to {speed['max']:,.0f}) of {one['words']:,} words of "
        f"whole texts{held}.{of_score}"
    )


def _of_set(one: dict[str, Any]) -> list[str]:
    things = {"tag": "sentences", "classify": "sentences", "qa": "questions", "coref": "texts"}[one["kind"]]
    parts = [
        f"### {one['title']}",
        table([f"{one['answered']:,} {things}", f"{things} a second"], _speeds(one)),
        _ratios(one),
        table(
            ["int8", "MB", "score", "drop in points (95%)", "same predictions", "in float32 all the same", "gate"],
            _costs(one),
        ),
    ]
    if one["latency"]:
        rows = [
            [_named(side), f"{found['p50_ms']:.1f} ms", f"{found['p99_ms']:.1f} ms"]
            for side, found in one["latency"].items()
        ]
        parts.append(table(["one sentence of 25 words", "p50", "p99"], rows))
    if one["cold_start"]:
        rows = [
            [_named(side), *(f"{found[key]['median']:.2f} s" for key in ("import_seconds", "load_seconds", "first_answer_seconds")),
             f"{found['peak_megabytes']['median']:.0f}" if "peak_megabytes" in found else ""]
            for side, found in one["cold_start"].items()
        ]  # fmt: skip
        parts.append(table(["without torch", "import", "load", "first answer", "MB at the peak"], rows))
    return parts


def _speeds(one: dict[str, Any]) -> list[list[str]]:
    rows = []
    for side, found in one["per_second"].items():
        chosen = " (its best batch)" if side == one.get("pipeline") else ""
        rows.append([f"{_named(side)}{chosen}", f"{found['median']:,.1f} ({found['min']:,.1f} to {found['max']:,.1f})"])
    return rows


def _ratios(one: dict[str, Any]) -> str:
    def ratio(key: str) -> str:
        found = one["spread"][key]
        return f"**{found['median']:.2f}** ({found['min']:.2f} to {found['max']:.2f})"

    said = [
        f"{precision} ({_named(one[f'quickest_{precision}'])}) {ratio(key)} times the pipeline's best batch"
        for precision in _PRECISIONS
        if (key := f"ratio_pipeline_{precision}") in one["spread"]
    ]
    if "ratio_openvino_int8" in one["spread"]:
        said.append(f"int8 {ratio('ratio_openvino_int8')} times OpenVINO's int8 by NNCF in a sorted loop")
    if "ratio_float32_int8" in one["spread"]:
        said.append(f"int8 {ratio('ratio_float32_int8')} times our float32")
    return f"Ours: {'; '.join(said)}."


def _costs(one: dict[str, Any]) -> list[list[str]]:
    rows = []
    for side, found in one["scores"].items():
        if "after" not in found:
            rows.append([_named(side), f"{found['megabytes']:.1f}", "", "", "", "", ""])
            continue
        low, high = found["drop_interval"]
        gate = {None: "", True: "passed", False: "not passed"}[found["passes_gate"]]
        rows.append([
            _named(side), f"{found['megabytes']:.1f}", f"{found['metric']} {found['before']:.4f} -> {found['after']:.4f}",
            f"{found['drop']:+.2f} ({low:+.2f} to {high:+.2f})",
            "" if found["agreement"] is None else f"{found['agreement']:.1%}", str(found["kept_float32"]), gate,
        ])  # fmt: skip
    return rows


def _named(side: str) -> str:
    """A side for people."""
    if side.startswith("pipeline_"):
        batch = side.removeprefix("pipeline_")
        return "pipeline, one by one" if batch == "1" else f"pipeline, batches of {batch}"
    if side in ("sorted_loop", "openvino_nncf_int8"):
        return {"sorted_loop": "sorted loop", "openvino_nncf_int8": "sorted loop, OpenVINO int8 (NNCF)"}[side]
    precision, _, runtime = side.partition("_")
    return f"spanbert {precision}, {_RUNTIMES[runtime]}"
