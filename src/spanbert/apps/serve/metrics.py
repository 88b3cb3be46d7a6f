"""Figures of the service for Prometheus, added up over all worker processes.

Where `PROMETHEUS_MULTIPROC_DIR` is set, which the supervisor does before workers start, each worker keeps its figures
in files there, and whoever is asked reads those of all.
"""

from __future__ import annotations

import os

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
_TEXTS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
_TOKENS = (64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384)


class Metrics:
    """The figures of one app."""

    def __init__(self) -> None:
        own = self._registry = CollectorRegistry()
        self._requests = Counter(
            "spanbert_requests", "Requests by route and status.", ["route", "status"], registry=own
        )
        self._seconds = Histogram(
            "spanbert_request_seconds", "From the first byte to the last.", ["route"], buckets=_SECONDS, registry=own
        )
        self._batch_texts = Histogram(
            "spanbert_batch_texts", "Inputs of a batch.", ["model"], buckets=_TEXTS, registry=own
        )
        self._batch_tokens = Histogram(
            "spanbert_batch_tokens", "Tokens of a batch, about.", ["model"], buckets=_TOKENS, registry=own
        )
        self._batch_seconds = Histogram(
            "spanbert_batch_seconds", "Computing a batch.", ["model"], buckets=_SECONDS, registry=own
        )
        self._queue_texts = Gauge(
            "spanbert_queue_texts", "Inputs that wait.", ["model"], registry=own, multiprocess_mode="livesum"
        )
        self._queue_tokens = Gauge(
            "spanbert_queue_tokens", "Tokens that wait, about.", ["model"], registry=own, multiprocess_mode="livesum"
        )
        self._dropped = Counter(
            "spanbert_dropped_texts", "Inputs that were not computed, and why.", ["model", "why"], registry=own
        )
        self._reloads = Counter("spanbert_reloads", "Reloads of a model.", ["model", "outcome"], registry=own)
        self._starts = Counter("spanbert_worker_starts", "Workers that began to load their models.", registry=own)

    def request(self, route: str, status: int, seconds: float) -> None:
        """A request was answered."""
        self._requests.labels(route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def starting(self) -> None:
        """A worker process begins to load its models."""
        self._starts.inc()

    def reloaded(self, model: str, outcome: str) -> None:
        """A model was loaded again: `swapped`, or `failed`."""
        self._reloads.labels(model, outcome).inc()

    def of_model(self, model: str) -> ModelMetrics:
        """The figures of one model."""
        return ModelMetrics(self, model)

    def text(self) -> bytes:
        """All figures, in Prometheus' text format."""
        if FOLDER not in os.environ:
            return generate_latest(self._registry)
        every = CollectorRegistry()
        MultiProcessCollector(every)  # type: ignore[no-untyped-call]
        return generate_latest(every)


class ModelMetrics:
    """The figures of one model; a `Watcher` of its batcher.

    Args:
        metrics: Those of the app.
        model: Its name.
    """

    def __init__(self, metrics: Metrics, model: str) -> None:
        self._model, self._dropped = model, metrics._dropped
        self._texts, self._tokens = metrics._batch_texts.labels(model), metrics._batch_tokens.labels(model)
        self._seconds = metrics._batch_seconds.labels(model)
        self._queue_texts, self._queue_tokens = metrics._queue_texts.labels(model), metrics._queue_tokens.labels(model)

    def batch(self, texts: int, tokens: int, seconds: float) -> None:
        """See `Watcher`."""
        self._texts.observe(texts)
        self._tokens.observe(tokens)
        self._seconds.observe(seconds)

    def waiting(self, texts: int, tokens: int) -> None:
        """See `Watcher`."""
        self._queue_texts.set(texts)
        self._queue_tokens.set(tokens)

    def dropped(self, why: str, texts: int) -> None:
        """See `Watcher`."""
        self._dropped.labels(self._model, why).inc(texts)
