"""`/v1/realtime`: live speech over a websocket, in the events of OpenAI's realtime transcription."""

from __future__ import annotations

import asyncio
import base64
import binascii
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import numpy as np
import soxr
from fastapi import FastAPI, WebSocket, WebSocketDisconnect
from starlette.concurrency import run_in_threadpool
from starlette.websockets import WebSocketState

from nemo_ctcbias.bias_list import BiasList
from nemo_ctcbias.data_files import parse_json
from nemo_ctcbias.errors import BiasingError
from nemo_ctcbias.serve.live import LiveSpeech, Samples, Update
from nemo_ctcbias.serve.problem import Problem
from nemo_ctcbias.serve.service import Service

USUAL_RATE, LOWEST_RATE, HIGHEST_RATE = 24_000, 8_000, 48_000  # Hz; the first is OpenAI's
BETWEEN = 0.4  # seconds from one partial text to the next
LONGEST = 5.0  # seconds of audio in one message
ENDING, BUSY = 1001, 1013  # a websocket's codes
COMPLETED = "conversation.item.input_audio_transcription.completed"
PARTIAL = "conversation.item.input_audio_transcription.partial"


def add_realtime(app: FastAPI, service: Service, sessions: set[RealtimeSession]) -> None:
    """The route.

    Args:
        app: of the server.
        service: behind it.
        sessions: those that are open are in there.
    """

    @app.websocket("/v1/realtime")
    async def realtime(socket: WebSocket) -> None:
        offered = socket.scope.get("subprotocols", [])
        await socket.accept("realtime" if "realtime" in offered else None)
        if service.draining or len(sessions) >= service.options.queue:
            await socket.close(BUSY, "no more live sessions are taken now; try again later")
            return
        session = RealtimeSession(socket, service)
        async with _counted(session, service, sessions):
            await session.run()


@asynccontextmanager
async def _counted(session: RealtimeSession, service: Service, sessions: set[RealtimeSession]) -> AsyncIterator[None]:
    sessions.add(session)
    service.metrics.live.set(len(sessions))
    try:
        yield
    finally:
        sessions.discard(session)
        service.metrics.live.set(len(sessions))


class RealtimeSession:
    """One websocket.  Its messages are worked on one after the other."""

    def __init__(self, socket: WebSocket, service: Service):
        self._socket, self._service = socket, service
        self._live = LiveSpeech(service.transcribed, service.sample_rate)
        self._rate, self._resampler = USUAL_RATE, self._new_resampler(USUAL_RATE)
        self._items, self._events, self._partial_at = count(1), count(1), 0.0
        self._ending = asyncio.Event()
        self.ended = asyncio.Event()

    def end(self) -> None:
        """Finish what was said so far, tell it, and close."""
        self._ending.set()

    async def run(self) -> None:
        """Until either side ends it."""
        try:
            await self._tell("session.created", session=await self._state())
            while (message := await self._next()) is not None:
                try:
                    await self._handle(message)
                except BiasingError as error:
                    await self._tell("error", **Problem.of(error).body())
                except Problem as problem:
                    await self._tell("error", **problem.body())
            await self._told(await self._live.commit())
            await self._socket.close(ENDING, "the server is about to end, or has waited long enough")
        except WebSocketDisconnect:
            pass
        except RuntimeError:  # starlette's, where the other side has gone meanwhile
            if self._socket.client_state == self._socket.application_state == WebSocketState.CONNECTED:
                raise
        finally:
            self.ended.set()

    async def _next(self) -> Mapping[str, Any] | None:
        """The next message; None when the session is to end."""
        receive, ending = asyncio.ensure_future(self._socket.receive()), asyncio.ensure_future(self._ending.wait())
        try:
            done, _ = await asyncio.wait(
                (receive, ending), timeout=self._service.options.timeout, return_when=asyncio.FIRST_COMPLETED
            )
            if receive not in done:
                return None
            message = receive.result()
            if message["type"] == "websocket.disconnect":
                raise WebSocketDisconnect(message.get("code", 1000))
            return message
        finally:
            receive.cancel()
            ending.cancel()

    async def _handle(self, message: Mapping[str, Any]) -> None:
        if message.get("bytes") is not None:
            await self._append(message["bytes"])
            return
        try:
            event = parse_json(message.get("text") or "")
        except ValueError as error:
            raise Problem(400, f"no JSON ({error}); send events, or audio as binary messages") from error
        kind = event.get("type") if isinstance(event, dict) else None
        if kind in ("session.update", "transcription_session.update"):
            await self._update(event.get("session"))
        elif kind == "input_audio_buffer.append":
            await self._append(_decoded(event.get("audio")))
        elif kind == "input_audio_buffer.commit":
            await self._told(await self._live.commit())
            await self._tell("input_audio_buffer.committed")
        elif kind == "input_audio_buffer.clear":
            self._live.clear()
            await self._tell("input_audio_buffer.cleared")
        else:
            known = "session.update, input_audio_buffer.append, input_audio_buffer.commit, input_audio_buffer.clear"
            raise Problem(400, f"{str(kind)[:60]!r} is no event; there are {known}", "type")

    async def _append(self, audio: bytes) -> None:
        if len(audio) % 2 or len(audio) > 2 * LONGEST * self._rate:
            raise Problem(400, f"audio is 16 bits a sample, up to {LONGEST:g} s a message", "audio")
        samples = np.frombuffer(audio, dtype="<i2").astype(np.float32) / 32768
        if self._resampler is not None:
            samples = self._resampler.resample_chunk(samples)
        await self._hear(samples)

    async def _hear(self, samples: Samples) -> None:
        now = time.monotonic()
        update = await self._live.add(samples, partials=now - self._partial_at >= BETWEEN)
        if update.partial is not None:
            self._partial_at = time.monotonic()
        await self._told(update)

    async def _update(self, session: Any) -> None:
        """Another rate, or another list; the list acts at once."""
        if not isinstance(session, dict):
            raise Problem(
                400, "session.update needs a session: an object with sample_rate, hotwords or list", "session"
            )
        if unknown := set(session) - {"type", "sample_rate", "hotwords", "list"}:
            told = f"{min(map(str, unknown))[:60]!r} is not known; there are sample_rate, hotwords and list"
            raise Problem(400, told, "session")
        if "sample_rate" in session:
            rate = session["sample_rate"]
            if type(rate) is not int or not LOWEST_RATE <= rate <= HIGHEST_RATE:
                raise Problem(400, f"sample_rate is a whole number from {LOWEST_RATE} to {HIGHEST_RATE}", "sample_rate")
            self._rate, self._resampler = rate, self._new_resampler(rate)
        if {"hotwords", "list"} & set(session):
            bias_list = await run_in_threadpool(self._listed, session.get("hotwords"), session.get("list"))
            await self._service.checked(bias_list)
            self._live.bias_list = bias_list
        await self._tell("session.updated", session=await self._state())

    def _listed(self, hotwords: Any, named: Any) -> BiasList | None:
        if hotwords is None and named is None:
            return None
        if not (named is None or isinstance(named, str)) or not isinstance(hotwords, (list, dict, type(None))):
            raise Problem(
                400, "hotwords is an array of phrases, list the name of one that the server keeps", "hotwords"
            )
        lists = [] if named is None else [self._service.lists.get(named)]
        return BiasList.joined([*lists, *([] if hotwords is None else [BiasList(hotwords, "hotwords")])])

    async def _state(self) -> dict[str, Any]:
        use = await self._service.checked(self._live.bias_list)
        state = {"type": "transcription", "model": self._service.name, "sample_rate": self._rate}
        return {**state, "bias_list": use.as_dict()}

    async def _told(self, update: Update) -> None:
        use = await self._service.checked(self._live.bias_list) if update.final else None
        for one in update.final:
            self._service.metrics.add(use, len(one.hits), one.recording.seconds)
            begin = one.recording.offset
            await self._tell(
                COMPLETED,
                item_id=f"item_{next(self._items)}",
                content_index=0,
                transcript=one.text,
                start=round(begin, 3),
                end=round(begin + one.recording.seconds, 3),
                words=[{"word": word.text, "start": word.start, "end": word.end} for word in one.words],
                hits=[hit.as_dict() for hit in one.hits],
            )
        if update.partial is not None:
            await self._tell(PARTIAL, transcript=update.partial)

    async def _tell(self, kind: str, **fields: Any) -> None:
        await self._socket.send_json({"type": kind, "event_id": f"event_{next(self._events)}", **fields})

    def _new_resampler(self, rate: int) -> soxr.ResampleStream | None:
        if rate == self._service.sample_rate:
            return None
        return soxr.ResampleStream(rate, self._service.sample_rate, 1, dtype="float32")


def _decoded(audio: Any) -> bytes:
    try:
        return base64.b64decode(audio, validate=True)
    except (TypeError, ValueError, binascii.Error) as error:
        raise Problem(400, "audio is base64 of 16-bit samples", "audio") from error
