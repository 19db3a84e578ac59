"""The names in a prompt: what stands in quotation marks or behind a colon, or all of it where it is a bare list.

OpenAI's `prompt` is prose that a language model continues.  A CTC model has no use for prose, but people put names into
it, and these are told apart; what is left is handed back, so that the answer can say that it was not used.
"""

from __future__ import annotations

import re

QUOTED = re.compile(
    r"\"([^\"\n]{1,200})\"|“([^”\n]{1,200})”|„([^“”\n]{1,200})[“”]|«([^»\n]{1,200})»|「([^」\n]{1,200})」|`([^`\n]{1,200})`"
    r"|(?<!\w)'([^'\n]{1,200})'(?!\w)|(?<!\w)‘([^’\n]{1,200})’(?!\w)"
)
BEHIND_COLON = re.compile(r"(?::\s+|：\s*)([^\n]*?)(?:[.!?](?=\s|$)|\n|$)")
BETWEEN = re.compile(r"\s*[,;、\n]\s*(?:(?:and|or)\s+)?|\s+(?:and|or)\s+")
FEW_WORDS = 5


def names_in(prompt: str) -> tuple[list[str], str]:
    """Its names, in order, and the prose around them.

    >>> names_in('A call with "Marisela Quillfeather". Names: Okonkwo, Siprot and Cape Varennes. Thanks!')
    (['Marisela Quillfeather', 'Okonkwo', 'Siprot', 'Cape Varennes'], 'A call with . Names: . Thanks!')
    >>> names_in("ZyntriQix, Digique Plus, CynapseFive")
    (['ZyntriQix', 'Digique Plus', 'CynapseFive'], '')
    >>> names_in("So, we went home, and then it rained.")
    ([], 'So, we went home, and then it rained.')
    """
    if bare := _bare_list(prompt):
        return bare, ""
    found: list[tuple[int, str]] = []

    def taken(match: re.Match[str]) -> str:
        inside = next(filter(None, match.groups()))
        found.append((match.start(), inside.strip()))
        return " " * len(match[0])

    rest = QUOTED.sub(taken, prompt)
    kept = list(rest)
    for match in BEHIND_COLON.finditer(rest):
        place = match.start(1)
        parts = [part.strip() for part in BETWEEN.split(match[1]) if part.strip()]
        if parts and all(len(part.split()) <= FEW_WORDS for part in parts):
            found += [(place + match[1].find(part), part) for part in parts]
            kept[match.start(1) : match.end(1)] = " " * len(match[1])
    prose = re.sub(r"\s+", " ", "".join(kept)).strip()
    return list(dict.fromkeys(name for _, name in sorted(found) if name)), prose


def _bare_list(prompt: str) -> list[str]:
    """Names of a prompt that is nothing but a list: two or more short parts that each begin as names do."""
    text = prompt.strip().rstrip(".")
    if not re.search("[,;、\n]", text) or QUOTED.search(text) or re.search(r":\s|：", text):
        return []
    parts = [part for part in BETWEEN.split(text) if part]
    alike = len(parts) > 1 and all(len(part.split()) <= FEW_WORDS and part[0].upper() == part[0] for part in parts)
    sentence = any(re.search(r"[.!?]\s+\w", part) for part in parts)
    return parts if alike and not sentence else []
