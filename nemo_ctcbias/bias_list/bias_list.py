"""A bias list: an immutable sequence of phrases, read from and written to text or JSON-lines files."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping, Sequence
from os import PathLike, fspath
from pathlib import Path
from typing import overload

from nemo_ctcbias.bias_list.list_file import JSON_SUFFIXES, json_line, kind_of, read_list, text_line
from nemo_ctcbias.bias_list.list_text import several_in, unquoted
from nemo_ctcbias.bias_list.phrase import Entry, Phrase, entries_of
from nemo_ctcbias.bias_list.report import Note, quoted
from nemo_ctcbias.data_files import exists, read_text
from nemo_ctcbias.errors import BiasListError
from nemo_ctcbias.whole_files import written_whole

SETTLED = ("weight", "written", "pronunciations", "type")  # by the first of two entries for one phrase
MOST_CHARACTERS = 1000


class BiasList(Sequence[Phrase]):
    """Phrases in the order listed, each once; what was left out on the way is in `notes`.

    Two entries with the same text and the same spoken forms are one phrase: the first is kept, and a note says so
    if the other had another weight or display. Empty entries and those of more than
    1,000 characters are left out with a note. Equality and hash look at
    the phrases only.

    >>> BiasList(["Zelenskyy", {"text": "Fremont", "weight": 2}, "Zelenskyy"])
    BiasList(2 phrases: 'Zelenskyy', 'Fremont')

    Args:
        phrases: strings, (text, weight) pairs, mappings with the fields' names, or phrases; or a mapping of phrases to
            weights (or to their other fields).
        source: where they come from, for messages; a file's path if `lines` is given.
        lines: line number of each phrase in that file, or where it is as a text.
        shown: whether messages may show phrases; not those of a file that somebody else's manifest named.

    Attributes:
        counts_as: how many phrases it is taken for where its length matters, if not for its own: decoys stand for those
            of another list.

    Raises:
        BiasListError: an entry that is no phrase; the message says which.
    """

    counts_as: int | None = None

    def __init__(
        self,
        phrases: Iterable[Entry] = (),
        source: str | None = None,
        *,
        lines: Sequence[int | str] | None = None,
        shown: bool = True,
    ) -> None:
        if isinstance(phrases, (str, Phrase)) or (isinstance(phrases, Mapping) and "text" in phrases):
            raise BiasListError(f"a bias list needs a list of phrases, got the single {phrases!r}; put it in a list")
        self._source, self.shown = source, shown
        self._numbered = lines is not None
        entries = list(entries_of(phrases))
        kept, positions, notes = self._collect(entries, range(len(entries)) if lines is None else lines)
        self._phrases: tuple[Phrase, ...] = tuple(kept)
        self._positions: tuple[int | str, ...] = tuple(positions)  # lines of the file, or indices of the list given
        self._notes: tuple[Note, ...] = tuple(notes)
        self._hash: int | None = None

    def _collect(
        self, entries: list[Entry], positions: Sequence[int | str]
    ) -> tuple[list[Phrase], list[int | str], list[Note]]:
        kept: dict[tuple[str, tuple[str, ...]], tuple[Phrase, int | str]] = {}
        notes: list[Note] = []
        for entry, position in zip(entries, positions, strict=True):
            try:
                phrase, change = unquoted(Phrase.of(entry))
            except BiasListError as error:
                raise BiasListError(f"{self._place(position)}: {error}") from error
            if change:
                notes.append(Note(self._place(position), phrase.text, "changed", *change))
            if not phrase.text:
                notes.append(Note(self._place(position), "", "dropped", "is empty", "remove it or give its text"))
                continue
            longest = max(map(len, (phrase.text, *phrase.spoken, phrase.written, *phrase.pronunciations)))
            if longest > MOST_CHARACTERS:  # no model has tokens for it, and to find that out takes long
                reason = f"is {longest} characters long, more than the {MOST_CHARACTERS} of a phrase"
                notes.append(Note(self._place(position), phrase.text, "dropped", reason, "list the names in it"))
                continue
            if isinstance(entry, str) and (risk := several_in(entry)):
                notes.append(Note(self._place(position), phrase.text, "warning", *risk))
            first, at = kept.setdefault((phrase.text, phrase.forms), (phrase, position))
            if first is not phrase and any(getattr(first, name) != getattr(phrase, name) for name in SETTLED):
                notes.append(self._repeated(phrase, position, first, at))
        return [phrase for phrase, _ in kept.values()], [position for _, position in kept.values()], notes

    def _repeated(self, phrase: Phrase, position: int | str, first: Phrase, at: int | str) -> Note:
        differs = [
            f"{name} {getattr(phrase, name)!r} is ignored for {getattr(first, name)!r}"
            for name in SETTLED
            if getattr(phrase, name) != getattr(first, name)
        ]
        reason = f"is already listed at {self._place(at)} ({' and '.join(differs)})"
        return Note(self._place(position), phrase.text, "dropped", reason, "keep one of the two")

    def _place(self, position: int | str) -> str:
        if isinstance(position, str):
            return position
        return f"{self._source}:{position}" if self._numbered else f"{self._source or 'bias list'}[{position}]"

    @classmethod
    def load(cls, path: str | PathLike[str], shown: bool = True) -> BiasList:
        """Read a list from a text file, a table (CSV, TSV) or JSON; see `list_file.read_list`.

        Three names or more with commas between them on a line of text are phrases of their own, and
        `word_spelling1_spelling2`, as NeMo's word spotter reads it, is a word with spoken forms; notes say so. With a
        weight a line is one phrase.

        Raises:
            BiasListError: no such file, not UTF-8 text, or a line that cannot be read; names the file and the line.
        """
        name = fspath(path)
        return cls.read(read_text(name, "bias list file", BiasListError), name, shown)

    @classmethod
    def read(cls, text: str, name: str, shown: bool = True) -> BiasList:
        """Read a list from the text of such a file.

        Args:
            name: of the file, whose suffix may say what it is; messages begin with it.

        Raises:
            BiasListError: a line that cannot be read.
        """
        phrases: list[Phrase] = []
        lines: list[int] = []
        notes: list[Note] = []
        for line in read_list(text, name, shown):
            phrases += line.phrases
            lines += [line.number] * len(line.phrases)
            if line.change:
                text = line.phrases[0].text if len(line.phrases) == 1 else ", ".join(p.text for p in line.phrases)
                notes.append(Note(f"{name}:{line.number}", text, "changed", *line.change))
        found = cls(phrases, source=name, lines=lines, shown=shown)
        return found.with_notes(notes)

    @classmethod
    def joined(cls, lists: Sequence[BiasList]) -> BiasList:
        """One list of several; each phrase still says where it was listed."""
        if len(lists) == 1:
            return lists[0]
        places = [one.where(index) for one in lists for index in range(len(one))]
        names = " and ".join(dict.fromkeys(one.source for one in lists if one.source))
        found = cls([phrase for one in lists for phrase in one], names or None, lines=places)
        return found.with_notes([note for one in lists for note in one.notes])

    def save(self, path: str | PathLike[str]) -> None:
        """Write the list in the format that the suffix says, so that `load` gives an equal list back.

        Raises:
            BiasListError: the text format cannot hold a phrase (the message names it).
            OutputError: the file cannot be written.
        """
        name = fspath(path)
        write = json_line if Path(name).suffix.lower() in JSON_SUFFIXES else text_line
        lines = [write(phrase) + "\n" for phrase in self._phrases]
        if lines and write is text_line and kind_of(name, lines[0].strip()) != "text":
            raise BiasListError(f"{name}: would be read as another format than text; save the list as .jsonl")
        with written_whole(name) as file:
            file.write_text("".join(lines), encoding="utf-8", newline="\n")

    @classmethod
    def of(cls, value: BiasList | Iterable[Entry] | str | PathLike[str] | None) -> BiasList:
        """The list that `value` stands for: itself, its phrases, the file of that path, or nothing for None.

        Raises:
            BiasListError: as the constructor and `load`; for a missing file the message says how to list one phrase.
        """
        if value is None:
            return cls()
        if isinstance(value, BiasList):
            return value
        if isinstance(value, PathLike):
            return cls.load(value)
        if isinstance(value, str):
            if not exists(value):
                hint = f"to bias towards this one phrase, pass a list: [{quoted(value)}]"
                raise BiasListError(f"{value}: no such bias list file; {hint}")
            return cls.load(value)
        if not isinstance(value, Iterable):
            raise BiasListError(f"a bias list is a list of phrases or a file path, not {value!r}")
        return cls(value)

    def with_phrases(self, phrases: Sequence[Phrase]) -> BiasList:
        """A list with other phrases in the places of these, so that messages still say where each was listed."""
        lines = self._positions if self._numbered else None
        return BiasList(phrases, self._source, lines=lines, shown=self.shown)

    def with_notes(self, notes: Iterable[Note]) -> BiasList:
        """The same list with these notes before its own: what was done to it before it became one."""
        found = copy.copy(self)
        found._notes = (*notes, *self._notes)
        return found

    @property
    def notes(self) -> tuple[Note, ...]:
        """What was left out while the list was read, and why."""
        return self._notes

    @property
    def source(self) -> str | None:
        """The file the list was read from, or what the constructor was told."""
        return self._source

    def where(self, index: int) -> str:
        """Where phrase `index` was listed: "names.txt:17", or "bias list[3]" (its index in the list given)."""
        return self._place(self._positions[index])

    def __len__(self) -> int:
        return len(self._phrases)

    def __iter__(self) -> Iterator[Phrase]:
        return iter(self._phrases)

    @overload
    def __getitem__(self, index: int) -> Phrase: ...
    @overload
    def __getitem__(self, index: slice) -> BiasList: ...
    def __getitem__(self, index: int | slice) -> Phrase | BiasList:
        if isinstance(index, slice):
            lines = self._positions[index] if self._numbered else None
            return BiasList(self._phrases[index], self._source, lines=lines, shown=self.shown)
        return self._phrases[index]

    def __eq__(self, other: object) -> bool:
        return self._phrases == other._phrases if isinstance(other, BiasList) else NotImplemented

    def __hash__(self) -> int:
        if self._hash is None:  # long lists are looked up once an utterance
            self._hash = hash(self._phrases)
        return self._hash

    def __repr__(self) -> str:
        count = f"{len(self)} phrase{'' if len(self) == 1 else 's'}"
        origin = f" from {self._source}" if self._source else ""
        shown = ", ".join([*(quoted(phrase.text) for phrase in self._phrases[:3]), *(["..."] if len(self) > 3 else [])])
        return f"BiasList({count}{origin}{': ' if shown else ''}{shown})"
