"""What a request listens for: named lists, `hotwords`, `keywords`, `speech_contexts`, and the names in its prompt."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nemo_ctcbias.bias_list import BiasList, Note, Phrase
from nemo_ctcbias.bias_list.phrase import entries_of
from nemo_ctcbias.commands.bias_options import weighted
from nemo_ctcbias.data_files import parse_json
from nemo_ctcbias.errors import BiasListError
from nemo_ctcbias.serve.prompt_names import names_in

USUAL_BOOST = 20.0  # of Riva's and Google's contexts: what their documentation begins with; our weight 1
SEVERAL = re.compile(r"\s*[,;、\n]\s*")
ONE_PHRASE = 'give it as JSON, ["…"], if it is one phrase'


@dataclass(frozen=True)
class RequestList:
    """The list of a request.

    Attributes:
        bias_list: what is listened for; None where the request says nothing of it, and the model's own list acts.
        prose: of the prompt, which is not used.
    """

    bias_list: BiasList | None
    prose: str = ""


def request_list(
    named: Sequence[str],
    hotwords: Sequence[str],
    keywords: Sequence[str],
    speech_contexts: Sequence[str],
    prompt: str | None,
    lookup: Callable[[str], BiasList],
) -> RequestList:
    """The lists of a request's fields, joined; each phrase says where it was given.

    >>> request_list([], ["Okonkwo, Siprot"], ["Fremont:1.5"], [], None, BiasList.load).bias_list
    BiasList(3 phrases from hotwords and keywords: 'Okonkwo', 'Siprot', 'Fremont')

    Args:
        hotwords: JSON of phrases as `BiasList` takes them, or text: phrases with commas between them, or the lines of
            a list file.
        keywords: phrases with commas or line ends between them, a weight behind a colon; or JSON.
        speech_contexts: JSON of {"phrases": [...], "boost": 20}, or a list of them.
        lookup: gives a named list.

    Raises:
        BiasListError: a field that cannot be read, which the message begins with.
    """
    lists = [lookup(name) for name in named]
    lists += [_hotwords(value) for value in hotwords]
    lists += [_phrases(value, "keywords", weighted) for value in keywords]
    lists += [_contexts(value) for value in speech_contexts]
    names, prose = names_in(prompt or "")
    if names:
        lists.append(BiasList(names, "prompt"))
    return RequestList(BiasList.joined(lists) if lists else None, prose)


def _hotwords(value: str) -> BiasList:
    """Several lines are a list file's."""
    is_file = "\n" in value and value.lstrip()[:1] not in ("[", "{")
    return BiasList.read(value, "hotwords") if is_file else _phrases(value, "hotwords", Phrase)


def _phrases(value: str, field: str, read: Callable[[str], Phrase]) -> BiasList:
    if value.lstrip()[:1] in ("[", "{"):
        return _listed(_json(value, field), field)
    parts = [part for part in SEVERAL.split(value.strip()) if part]
    found = BiasList([_placed(field, read, part) for part in parts], field)
    if len(parts) < 2 or not re.search("[,;、]", value):
        return found
    told = f"is read as {len(parts)} phrases"
    return found.with_notes([Note(field, value.strip(), "changed", told, ONE_PHRASE)])


def _listed(value: Any, field: str) -> BiasList:
    if isinstance(value, Mapping) and "text" in value:
        value = [value]
    return BiasList(entries_of(value), field)


def _contexts(value: str) -> BiasList:
    field = "speech_contexts"
    contexts = _json(value, field)
    phrases, places = [], []
    for number, context in enumerate(contexts if isinstance(contexts, list) else [contexts]):
        for at, phrase in enumerate(_context(context, f"{field}[{number}]")):
            phrases.append(phrase)
            places.append(f"{field}[{number}].phrases[{at}]")
    return BiasList(phrases, field, lines=places)


def _context(context: Any, where: str) -> Iterator[Phrase]:
    """Phrases of one of Riva's speech contexts; no boost, or 0, is the usual one."""
    if not isinstance(context, Mapping) or not isinstance(context.get("phrases"), list):
        raise BiasListError(f'{where}: is no speech context; write {{"phrases": ["Okonkwo"], "boost": 20}}')
    if unknown := set(context) - {"phrases", "boost"}:
        raise BiasListError(f"{where}: unknown field {min(map(str, unknown))!r}; the fields are phrases and boost")
    boost = context.get("boost") or USUAL_BOOST
    for phrase in context["phrases"]:
        if not isinstance(phrase, str):
            raise BiasListError(f"{where}: phrases are strings, got {str(phrase)[:60]!r}")
        yield _placed(where, lambda text: Phrase(text, _scaled(boost)), phrase)


def _scaled(boost: Any) -> Any:
    return boost / USUAL_BOOST if isinstance(boost, (int, float)) and abs(boost) < 1e9 else boost


def _json(value: str, field: str) -> Any:
    try:
        return parse_json(value)
    except ValueError as error:
        raise BiasListError(f"{field}: is not valid JSON ({error}); give an array of phrases") from error


def _placed(where: str, read: Callable[[str], Phrase], text: str) -> Phrase:
    try:
        return read(text)
    except BiasListError as error:
        raise BiasListError(f"{where}: {error}") from error
