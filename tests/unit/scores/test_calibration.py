from __future__ import annotations

import numpy as np
import pytest

from spanbert.scores.calibration import Calibration


def test_hand_worked():
    calibration = Calibration(bins=2)
    calibration.add([0.6, 0.8, 1.0], [True, False, True])
    calibration.add([0.2], [True])
    assert calibration.ece() == pytest.approx((3 * abs(0.8 - 2 / 3) + 1 * abs(0.2 - 1.0)) / 4)
    low, high = calibration.diagram()
    assert low == {"low": 0.0, "high": 0.5, "count": 1, "confidence": 0.2, "accuracy": 1.0}
    assert (high["low"], high["high"], high["count"]) == (0.5, 1.0, 3)
    assert (high["confidence"], high["accuracy"]) == pytest.approx((0.8, 2 / 3))


def test_bounds_belong_to_the_bin_below():
    calibration = Calibration(bins=4)
    calibration.add([0.0, 0.25, 0.5, 0.75, 1.0], [False] * 5)
    assert [one["count"] for one in calibration.diagram()] == [2, 1, 1, 1]


def test_nothing_and_empty_bins():
    calibration = Calibration()
    assert (calibration.ece(), calibration.diagram()) == (0.0, [])
    calibration.add([], [])
    calibration.add([0.99], [True])
    assert len(calibration.diagram()) == 1


def test_every_confidence_needs_an_outcome():
    with pytest.raises(ValueError, match="confidences for"):
        Calibration().add([0.5, 0.6], [True])


def test_equal_to_torchmetrics_however_it_arrives():
    torch = pytest.importorskip("torch")
    metrics = pytest.importorskip("torchmetrics.classification")
    draw = np.random.default_rng(0)
    confidences = draw.random(3000).astype(np.float32)
    right = draw.random(3000) < confidences**2
    whole, pieces = Calibration(), Calibration()
    whole.add(confidences, right)
    for part in np.array_split(np.arange(3000), 7):
        pieces.add(confidences[part], right[part])
    theirs = metrics.BinaryCalibrationError(n_bins=15, norm="l1")
    theirs.update(torch.from_numpy(confidences), torch.from_numpy(right).int())
    assert whole.ece() == pytest.approx(float(theirs.compute()), abs=1e-5)
    assert pieces.ece() == pytest.approx(whole.ece())
    assert whole.ece() > 0.1
