"""What Prometheus asks for: how much is asked, how long it takes, and what becomes of lists."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from nemo_ctcbias.serve.list_use import ListUse

SECONDS = (0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300)
SIZES = (1, 2, 4, 8, 16, 32, 64)


class Metrics:
    """The measures of a server, in a registry of its own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        kept = {"registry": self._registry, "namespace": "nemo_ctcbias"}
        self.requests = Counter("requests", "Answers, by route and status", ["route", "status"], **kept)
        self.seconds = Histogram("request_seconds", "From request to answer", ["route"], buckets=SECONDS, **kept)
        self.busy = Gauge("requests_in_progress", "Transcriptions that are worked on or wait", **kept)
        self.refused = Counter("requests_refused", "Transcriptions refused because the queue was full", **kept)
        self.batch = Histogram("batch_recordings", "Recordings, or pieces of them, a batch", buckets=SIZES, **kept)
        self.audio = Counter("audio_seconds", "Seconds of audio transcribed", **kept)
        self.phrases = Counter("phrases", "Listed phrases, by what became of them", ["outcome"], **kept)
        self.hits = Counter("hits", "Listed phrases that were written", **kept)
        self.live = Gauge("live_sessions", "Websockets that are open", **kept)

    def add(self, use: ListUse, hits: int, seconds: float) -> None:
        """A recording that was transcribed."""
        counts = use.counts()
        self.phrases.labels("used").inc(counts["used"])
        self.phrases.labels("dropped").inc(counts["dropped"])
        self.hits.inc(hits)
        self.audio.inc(seconds)

    def page(self) -> bytes:
        """In Prometheus' text format."""
        return generate_latest(self._registry)
