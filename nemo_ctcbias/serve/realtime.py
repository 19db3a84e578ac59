"""`/v1/realtime`: live speech over a websocket, in the events of OpenAI's realtime transcription."""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import numpy as np
from fastapi import FastAPI, WebSocket, WebSocketDisconnect
from starlette.concurrency import run_in_threadpool
from starlette.websockets import WebSocketState

from nemo_ctcbias.bias_list import BiasList
from nemo_ctcbias.data_files import parse_json
from nemo_ctcbias.errors import BiasingError
from nemo_ctcbias.serve.live import LiveSpeech, News
from nemo_ctcbias.serve.problem import Problem
from nemo_ctcbias.serve.service import Service

USUAL_RATE, LOWEST_RATE, HIGHEST_RATE = 24_000, 8_000, 48_000  # Hz; the first is OpenAI's
LONGEST = 5.0  # seconds of audio in one message
ENDING, BUSY = 1001, 1013  # a websocket's codes
ITEM = "conversation.item.input_audio_transcription"  # what is told of an utterance


def add_realtime(app: FastAPI, service: Service, sessions: set[RealtimeSession]) -> None:
    """The route; `sessions` holds those that are open."""

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
        self._bias_list: BiasList | None = None
        self._live = LiveSpeech(service.stream, service.listed(None))
        self._rate, self._partial, self._counted = USUAL_RATE, "", 0.0
        self._events = count(1)
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
            await self._told(await run_in_threadpool(self._live.commit))
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
            await self._told(await run_in_threadpool(self._live.commit))
            await self._tell("input_audio_buffer.committed")
        elif kind == "input_audio_buffer.clear":
            await run_in_threadpool(self._live.clear)
            await self._tell("input_audio_buffer.cleared")
        else:
            known = "session.update, input_audio_buffer.append, input_audio_buffer.commit, input_audio_buffer.clear"
            raise Problem(400, f"{str(kind)[:60]!r} is no event; there are {known}", "type")

    async def _append(self, audio: bytes) -> None:
        if len(audio) % 2 or len(audio) > 2 * LONGEST * self._rate:
            raise Problem(400, f"audio is 16 bits a sample, up to {LONGEST:g} s a message", "audio")
        samples = np.frombuffer(audio, dtype="<i2")
        await self._told(await run_in_threadpool(self._live.feed, samples, self._rate))

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
            self._rate = rate
        if {"hotwords", "list"} & set(session):
            bias_list = await run_in_threadpool(self._listed, session.get("hotwords"), session.get("list"))
            await self._service.checked(bias_list)
            await run_in_threadpool(self._live.relist, self._service.listed(bias_list))
            self._bias_list = bias_list
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
        use = await self._service.checked(self._bias_list)
        state = {"type": "transcription", "model": self._service.name, "sample_rate": self._rate}
        return {**state, "bias_list": use.as_dict()}

    async def _told(self, news: News) -> None:
        """Tell it: words that stand, utterances that have ended, and what may still change, if that is new."""
        for number, word in news.words:
            await self._tell(f"{ITEM}.delta", **_item(number), delta=f"{word} ")
        for number, one in news.ended:
            await self._tell(
                f"{ITEM}.completed",
                **_item(number),
                transcript=one.text,
                start=one.words[0].start,
                end=one.words[-1].end,
                words=[{"word": word.text, "start": word.start, "end": word.end} for word in one.words],
                hits=[hit.as_dict() for hit in one.hits],
            )
        if news.partial != self._partial:
            self._partial = news.partial
            await self._tell(f"{ITEM}.partial", transcript=news.partial)
        if news.ended:
            use = await self._service.checked(self._bias_list)
            seconds, self._counted = self._live.seconds - self._counted, self._live.seconds
            self._service.metrics.add(use, sum(len(one.hits) for _, one in news.ended), seconds)

    async def _tell(self, kind: str, **fields: Any) -> None:
        await self._socket.send_json({"type": kind, "event_id": f"event_{next(self._events)}", **fields})


def _item(number: int) -> dict[str, Any]:
    return {"item_id": f"item_{number}", "content_index": 0}


def _decoded(audio: Any) -> bytes:
    try:
        return base64.b64decode(audio, validate=True)
    except (TypeError, ValueError, binascii.Error) as error:
        raise Problem(400, "audio is base64 of 16-bit samples", "audio") from error
