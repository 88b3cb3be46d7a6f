"""How many floating-point operations a second the makers of graphics cards state, for model-FLOP utilisation.

Dense matrix products: data sheets often state twice as much, for matrices half of whose numbers are zeros.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from spanbert.encoder.config import Precision

_TERA = 1e12
_OTHER_CARDS = frozenset({"mig", "laptop", "max", "ti", "super", "d"})  # slower ones, and parts of one


@dataclass(frozen=True, kw_only=True)
class Card:
    """A card, or all that are equally fast.

    Attributes:
        name: Words that the name of the device has, as CUDA says it.
        bfloat16: Tera-operations a second with sums in float32; None: it does not multiply bfloat16 (T4 and V100 have
            float16 alone, in which nothing is trained here).
        float32: The same, in TF32 where the card has it.
        source: What states both.
    """

    name: str
    bfloat16: float | None
    float32: float
    source: str


_HOPPER = "NVIDIA H100 and H200 data sheets: half of what they state with sparsity"
_AMPERE_GAMING = "NVIDIA Ampere GA102 whitepaper, appendix A"
CARDS = (  # of two that a name fits, the first
    Card(name="B200", bfloat16=2250, float32=1125, source="NVIDIA DGX B200 data sheet, an eighth, without sparsity"),
    Card(name="H200 NVL", bfloat16=835.5, float32=417.5, source=_HOPPER),
    Card(name="H200", bfloat16=989.5, float32=494.5, source=_HOPPER),
    Card(name="GH200", bfloat16=989.5, float32=494.5, source="NVIDIA GH200 data sheet, without sparsity"),
    Card(name="H100 NVL", bfloat16=835.5, float32=417.5, source=_HOPPER),
    Card(name="H100 PCIe", bfloat16=756.5, float32=378.0, source=_HOPPER),
    Card(name="H100", bfloat16=989.5, float32=494.5, source=_HOPPER),
    Card(name="A100", bfloat16=312, float32=156, source="NVIDIA A100 data sheet"),
    Card(name="A40", bfloat16=149.7, float32=74.8, source="NVIDIA A40 data sheet"),
    Card(name="A30", bfloat16=165, float32=82, source="NVIDIA A30 data sheet"),
    Card(name="A10G", bfloat16=70, float32=35, source="NVIDIA A10G data sheet (the A10 of AWS G5)"),
    Card(name="A10", bfloat16=125, float32=62.5, source="NVIDIA A10 data sheet"),
    Card(name="L40S", bfloat16=362, float32=183, source="NVIDIA L40S data sheet"),
    Card(name="L40", bfloat16=181, float32=90.5, source="NVIDIA L40 data sheet"),
    Card(name="L4", bfloat16=121, float32=60, source="NVIDIA L4 data sheet: half of what it states with sparsity"),
    Card(name="RTX A6000", bfloat16=154.8, float32=77.4, source="NVIDIA RTX A6000 data sheet, without sparsity"),
    Card(name="RTX 4090", bfloat16=165.2, float32=82.6, source="NVIDIA Ada GPU architecture whitepaper, appendix A"),
    Card(name="RTX 3090", bfloat16=71, float32=35.6, source=_AMPERE_GAMING),
    Card(name="V100 SXM2", bfloat16=None, float32=15.7, source="NVIDIA V100 data sheet"),
    Card(name="V100 PCIe", bfloat16=None, float32=14, source="NVIDIA V100 data sheet"),
    Card(name="T4", bfloat16=None, float32=8.1, source="NVIDIA T4 data sheet"),
)


def peak_flops(device_name: str, precision: Precision = "bfloat16") -> float | None:
    """Operations a second that a card can do in matrix products, as its maker states; None: not known.

    Args:
        device_name: As `torch.cuda.get_device_name` says it: `NVIDIA H100 80GB HBM3`.
        precision: Of the products.
    """
    card = card_named(device_name)
    stated = None if card is None else card.bfloat16 if precision == "bfloat16" else card.float32
    return None if stated is None else stated * _TERA


def card_named(device_name: str) -> Card | None:
    """The card of a device; None: it is not in the table, or is a part or a slower kind of one that is."""
    words = _words(device_name)
    if words & _OTHER_CARDS:
        return None
    return next((card for card in CARDS if _words(card.name) <= words), None)


def _words(name: str) -> set[str]:
    return set(re.findall(r"[a-z0-9]+", name.lower()))
