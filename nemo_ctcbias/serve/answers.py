"""Answers in the forms that OpenAI's clients ask for; what they have no field for stands beside theirs."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from starlette.responses import JSONResponse, PlainTextResponse, Response

from nemo_ctcbias.commands.formats import FORMATS, subtitles
from nemo_ctcbias.commands.transcripts import Transcript
from nemo_ctcbias.serve.list_use import ListUse

PLAIN = {"text": "txt", "srt": "srt", "vtt": "vtt"}  # response_format: of our own formats
RESPONSE_FORMATS = ("json", "verbose_json", *PLAIN)
TYPES = {"text": "text/plain", "srt": "application/x-subrip", "vtt": "text/vtt"}
USE_HEADER = "X-Bias-List"


@dataclass(frozen=True)
class Answer:
    """All that is known of a request's recording.

    Attributes:
        transcript: of it.
        use: what became of the list.
        model: the model's name.
        language: as the request said.
        ignored: fields of the request that did nothing, and why.
        attention: of the adapter, for those who ask.
    """

    transcript: Transcript
    use: ListUse
    model: str
    language: str | None = None
    ignored: dict[str, str] = field(default_factory=dict)
    attention: dict[str, Any] | None = None

    def response(self, form: str) -> Response:
        """In one of `RESPONSE_FORMATS`; text and subtitles say in a header what became of the list."""
        if form in PLAIN:
            written = FORMATS[PLAIN[form]]
            told = {**self.use.counts(), "see": "response_format=json"}
            return PlainTextResponse(
                written.header + written.write(self.transcript, False),
                media_type=TYPES[form],
                headers={USE_HEADER: json.dumps(told)},
            )
        return JSONResponse(self.as_dict(verbose=form == "verbose_json"))

    def as_dict(self, verbose: bool = False) -> dict[str, Any]:
        """For JSON."""
        one = self.transcript
        found: dict[str, Any] = {"text": one.text}
        if verbose:
            found |= {"task": "transcribe", "language": self.language, "duration": round(one.recording.seconds, 3)}
            found["words"] = [{"word": word.text, "start": word.start, "end": word.end} for word in one.words]
            found["segments"] = [
                {"id": number, "start": start, "end": end, "text": text}
                for number, (start, end, text) in enumerate(subtitles(one.words))
            ]
        found |= {"hits": [hit.as_dict() for hit in one.hits], "bias_list": self.use.as_dict(), "model": self.model}
        if len(one.nbest) > 1:
            found["alternatives"] = [{"text": text, "score": round(score, 3)} for text, score in one.nbest]
        if self.attention is not None:
            found["attention"] = self.attention
        if self.ignored:
            found["ignored"] = self.ignored
        return found
