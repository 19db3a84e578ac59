"""One entry of a bias list: what is recognised, what is written, and how much it counts."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

from nemo_ctcbias.bias_list.report import quoted
from nemo_ctcbias.errors import BiasListError

FIELDS = ("text", "weight", "spoken", "display", "pronunciations", "type")


@dataclass(frozen=True, slots=True)
class Phrase:
    """A listed name or phrase.

    >>> Phrase("Siobhan", spoken=["shivawn"]).forms
    ('shivawn',)

    Attributes:
        text: the phrase; surrounding whitespace is dropped, here as in the other strings.
        weight: how much likelier than others the phrase is taken to be: 1 is normal, 2 twice as likely, 0.5 half, 10 as
            much as makes sense; negative suppresses it, -1 as a rule, 0 switches it off.
        spoken: what is recognised in place of `text`, each in the spelling the model would use.
        display: what is written in the transcript in place of `text`.
        pronunciations: what the phrase sounds like, each in ARPAbet capitals ("S ER SH AH") or respelt in lower case
            ("sersha"); `nemo_ctcbias.phones` reads them.
        type: name of the list it belongs to, such as "places"; adapters made with such `types` tell them apart.
        spoken_costs: what each spoken form gives back of its boost, for forms that are guesses; nothing if empty.

    Raises:
        BiasListError: a field of the wrong type, a weight that is not finite, an empty `display` or `type`.
    """

    text: str
    weight: float = 1.0
    spoken: tuple[str, ...] = ()
    display: str | None = None
    pronunciations: tuple[str, ...] = ()
    type: str | None = None
    spoken_costs: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        # A frozen dataclass is only written through object.__setattr__; done for what differs, lists can be long.
        text = _clean("text", self.text)
        if text is not self.text:
            object.__setattr__(self, "text", text)
        if type(self.weight) is not float or not math.isfinite(self.weight):
            object.__setattr__(self, "weight", _weight(self.weight))
        if self.spoken != ():
            object.__setattr__(self, "spoken", _strings("spoken", self.spoken))
        if self.display is not None:
            object.__setattr__(self, "display", _named("display", self.display, "have the text written"))
        if self.pronunciations != ():
            object.__setattr__(self, "pronunciations", _strings("pronunciations", self.pronunciations))
        if self.type is not None:
            object.__setattr__(self, "type", _named("type", self.type, "belong to no list in particular"))
        if self.spoken_costs and len(self.spoken_costs) != len(self.spoken):
            given = f"{len(self.spoken_costs)} costs for {len(self.spoken)} spoken forms"
            raise BiasListError(f"{given}; give one for each, 0 where there is none")

    @property
    def forms(self) -> tuple[str, ...]:
        """What is recognised: the spoken forms if given, else the text."""
        return self.spoken or (self.text,)

    @property
    def form_costs(self) -> tuple[float, ...]:
        """What each of `forms` gives back of its boost (natural log)."""
        return self.spoken_costs or (0.0,) * len(self.forms)

    @property
    def written(self) -> str:
        """What the transcript shows where the phrase was recognised."""
        return self.text if self.display is None else self.display

    @classmethod
    def of(cls, value: Entry) -> Phrase:
        """The phrase that a string, a (text, weight) pair, a mapping with the fields' names, or a phrase stands for.

        Raises:
            BiasListError: another type, an unknown field, no `text`, or a field the constructor rejects.
        """
        if isinstance(value, Phrase):
            return value
        if isinstance(value, str):
            return cls(value)
        if isinstance(value, (tuple, list)) and len(value) == 2 and isinstance(value[0], str):
            return cls(*value)
        if not isinstance(value, Mapping):
            raise BiasListError(f"a phrase is a string or a mapping with 'text', not {_given(value)}")
        unknown = [str(name) for name in value if name not in FIELDS]
        if unknown:
            raise BiasListError(
                f"unknown field {', '.join(map(quoted, unknown[:5]))}; the fields are {', '.join(FIELDS)}"
            )
        if "text" not in value:
            raise BiasListError("field 'text' is missing; give the phrase as 'text'")
        return cls(**value)


#: What stands for a phrase.
Entry = Phrase | str | Mapping[str, Any] | tuple[str, float]


def entries_of(phrases: Iterable[Entry] | Mapping[str, Any]) -> Iterable[Entry]:
    """What stands for each phrase; of a mapping its keys, with a weight or other fields as their values.

    >>> entries_of({"Okonkwo": 1.5, "Saoirse": {"spoken": ["sersha"]}, "Fremont": None})
    [('Okonkwo', 1.5), {'text': 'Saoirse', 'spoken': ['sersha']}, 'Fremont']
    """
    if not isinstance(phrases, Mapping):
        return phrases
    found: list[Entry] = []
    for text, value in phrases.items():
        if isinstance(value, Mapping):
            found.append({"text": text, **value})
        else:
            found.append(text if value is None else (text, value))
    return found


def _given(value: object) -> str:
    return f"{type(value).__name__} ({quoted(value)})"


def _clean(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise BiasListError(f"{name} must be a string, not {_given(value)}; put it in quotes")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError as error:  # lone surrogates, from a file name or a broken JSON escape
        raise BiasListError(f"{name} {quoted(value)} is not valid Unicode; remove the surrogate escapes") from error
    return value.strip()


def _weight(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, Real):
        raise BiasListError(f"weight must be a number, not {_given(value)}; write for example 2.0")
    try:
        weight = float(value)
    except OverflowError:  # an integer of hundreds of digits
        weight = math.inf
    if not math.isfinite(weight):
        raise BiasListError(f"weight must be finite, got {weight}; use 1 for normal, more to boost, less to suppress")
    return weight


def _strings(name: str, value: object) -> tuple[str, ...]:
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise BiasListError(f"{name} must be a list of strings, not {_given(value)}; write [{quoted(value)}]")
    return tuple(_clean(name, form) for form in value)


def _named(name: str, value: object, otherwise: str) -> str:
    cleaned = _clean(name, value)
    if not cleaned:
        raise BiasListError(f"{name} is empty; leave it out to {otherwise}")
    return cleaned
