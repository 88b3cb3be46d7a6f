from __future__ import annotations

import pytest

from spanbert import __version__
from spanbert.scores.signature import signature


def test_task_first_then_the_order_given():
    made = signature(scheme="BIO", repair="conlleval", task="tag")
    assert made == f"spanbert:{__version__}|task:tag|scheme:BIO|repair:conlleval"


def test_none_is_left_out_and_truth_values_are_words():
    made = signature(task="qa", threshold=None, windows=128, stride=0.5, nulls=True, case=False)
    assert made == f"spanbert:{__version__}|task:qa|windows:128|stride:0.5|nulls:yes|case:no"


@pytest.mark.parametrize("value", ["a|b", "a:b"])
def test_dividers_are_refused(value: str):
    with pytest.raises(ValueError, match="cannot hold data="):
        signature(task="tag", data=value)
    with pytest.raises(ValueError, match="cannot hold task="):
        signature(task=value)
