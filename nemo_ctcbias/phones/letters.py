"""How letters are called in English: initials and acronyms are said by their names."""

from __future__ import annotations

from nemo_ctcbias.phones.phones import Pronunciation

_NAMES = """
a EY | b B IY | c S IY | d D IY | e IY | f EH F | g JH IY | h EY CH | i AY | j JH EY | k K EY | l EH L | m EH M
| n EH N | o OW | p P IY | q K Y UW | r AA R | s EH S | t T IY | u Y UW | v V IY | w D AH B AH L Y UW | x EH K S
| y W AY | z Z IY
"""

LETTER_NAMES: dict[str, Pronunciation] = {
    letter: tuple(phones) for letter, *phones in (entry.split() for entry in _NAMES.split("|"))
}
