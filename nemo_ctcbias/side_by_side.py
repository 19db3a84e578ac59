"""Utterances recognised side by side, on all cores and while this process does something else.

Threads would wait for each other, as most of the work is Python.  The processes are forked from this one: compiled
lists, language model and pronunciations are theirs at no cost, and the first utterance has been recognised before, so
that all of that is there.  What is sent to them is log-probs, what comes back are hypotheses without these.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

import numpy as np

from nemo_ctcbias.bias_list import BiasList
from nemo_ctcbias.compiled_list import CompiledList, CompiledLists
from nemo_ctcbias.errors import WorkerError
from nemo_ctcbias.recognizer import Adapt, Listened, Recognizer, Utterance
from nemo_ctcbias.search.result import BiasedBeam, PackedBeam

#: Gives the hypotheses of a batch, waiting for them if need be.
Waited = Callable[[], list[list[BiasedBeam]]]

WATCHED = 2.0  # seconds after which a process notices that the one that it was forked from is gone


def cores() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def can_fork() -> bool:
    """Whether processes can be forked here safely: on Linux, and not from what is a helper itself."""
    return sys.platform == "linux" and not multiprocessing.current_process().daemon


class SideBySide:
    """Processes that recognise the utterances of batches, forked when the first batch comes; `close` ends them.

    Results are those of the recognizer itself, whatever the number of processes.
    """

    def __init__(self, recognizer: Recognizer, lists: CompiledLists, number: int):
        self._recognizer, self._lists, self._number = recognizer, lists, number
        self._pool: ProcessPoolExecutor | None = None
        self._known: dict[int, int] = {}  # numbers of the lists that the processes have, by identity
        self._kept: list[CompiledList] = []  # these lists, so that nothing else gets their identity

    def recognize(
        self, utterances: Sequence[Utterance], lists: Sequence[CompiledList], adapt: Adapt | None = None, nbest: int = 1
    ) -> Waited:
        """As `Recognizer.recognize`, begun now; call what is returned for the hypotheses.

        Raises:
            WorkerError: a process ended, as when the memory is used up; also by what is returned.
        """
        first: list[list[BiasedBeam]] = []
        if self._pool is None:
            if adapt is None:
                first = self._recognizer.recognize(utterances[:1], lists[:1], nbest=nbest)
            else:
                self._recognizer.recognize(utterances[:1], lists[:1])
            self._fork(lists)
        rest = range(len(first), len(utterances))
        which = [self._known.get(id(listed), listed.bias_list) for listed in lists]
        if adapt is None or not any(map(len, lists)):
            begun = [self._submit(_recognized, utterances[k], which[k], nbest) for k in rest]
            adapted: Sequence[np.ndarray | None] = [None] * len(utterances)
        else:
            listening = [self._submit(_listened, utterances[k], which[k]) for k in rest]
            heard: list[Listened] = [_waited(one) for one in listening]
            adapted = self._recognizer.adapted(utterances, lists, heard, adapt)
            begun = [self._submit(_decoded, utterances[k], which[k], heard[k], adapted[k], nbest) for k in rest]
        pieces = self._recognizer.vocabulary.texts

        def waited() -> list[list[BiasedBeam]]:
            found = list(first)
            for place, one in zip(rest, begun, strict=True):
                base = utterances[place].log_probs
                sound = (base, None) if adapted[place] is None else (adapted[place], base)
                found.append([BiasedBeam.unpacked(beam, pieces, *sound) for beam in _waited(one)])
            return found

        return waited

    def _fork(self, lists: Sequence[CompiledList]) -> None:
        self._kept = list({id(one): one for one in lists}.values())
        for listed in self._kept:
            self._recognizer.prepare(listed)
        self._known = {id(one): number for number, one in enumerate(self._kept)}
        begin = self._recognizer, self._kept, self._lists, os.getpid()
        context = multiprocessing.get_context("fork")
        self._pool = ProcessPoolExecutor(self._number, context, initializer=_begin, initargs=begin)

    def _submit(self, act: Callable, *given: object) -> Future:
        try:
            return self._pool.submit(act, *given)
        except BrokenProcessPool as error:
            raise _ended() from error

    def close(self) -> None:
        """End the processes, once each has ended its utterance.

        A pool that nobody waits for may still be closing when Python ends, which then complains of a closed pipe.
        """
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool, self._known, self._kept = None, {}, []


def _waited(future: Future):
    try:
        return future.result()
    except BrokenProcessPool as error:
        raise _ended() from error


def _ended() -> WorkerError:
    reason = "a process that recognises utterances was ended from outside, most likely because the memory is used up"
    return WorkerError(f"biasing.workers: {reason}; set fewer of them, 1 for none")


# --- in the processes

_recognizer: Recognizer
_known_lists: list[CompiledList]
_new_lists: CompiledLists


def _begin(recognizer: Recognizer, known: list[CompiledList], lists: CompiledLists, parent: int) -> None:
    global _recognizer, _known_lists, _new_lists
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that waits for the results says what becomes of them
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    for listed in known:
        listed.lock = threading.RLock()  # no other thread is at work here, whatever it looked like in the parent
    _recognizer, _known_lists = recognizer, known
    _new_lists = CompiledLists(lists.sources, lists.most_bytes)


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(WATCHED)
    os._exit(1)


def _list_of(which: int | BiasList) -> CompiledList:
    if isinstance(which, int):
        return _known_lists[which]
    listed = _new_lists.of(which)
    listed.tell(tuple)  # what there is to say of it is said elsewhere
    return listed


def _recognized(utterance: Utterance, which: int | BiasList, nbest: int) -> list[PackedBeam]:
    (beams,) = _recognizer.recognize([utterance], [_list_of(which)], nbest=nbest)
    return [beam.packed() for beam in beams]


def _listened(utterance: Utterance, which: int | BiasList) -> Listened:
    return _recognizer.listened(utterance, _list_of(which))


def _decoded(
    utterance: Utterance, which: int | BiasList, heard: Listened, adapted: np.ndarray, nbest: int
) -> list[PackedBeam]:
    return [beam.packed() for beam in _recognizer.decoded(utterance, _list_of(which), heard, adapted, nbest)]
