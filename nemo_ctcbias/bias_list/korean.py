"""Korean particles, which follow a name within its word: 서울에서는, 김철수의, 민지씨가."""

from __future__ import annotations

from itertools import product

# By the last syllables that they follow: those that end in a vowel (V), in ㄹ (L), in another consonant (C).
SIMPLE = {
    "LC": "이 은 을 과 이랑 이나 아 이라 이라고 이라는 이란 이었다",
    "V": "가 는 를 와 랑 나 야 라 라고 라는 란 였다",
    "C": "으로 으로서 으로써",
    "VL": "로 로서 로써",
    "VLC": "의 에 에서 에게 에게서 한테 한테서 께 께서 도 만 뿐 까지 부터 보다 처럼 마다 조차 마저 하고 이다 입니다",
}
NOUNS = "씨 님 들"  # Mr or Ms, a title's honour, the plural: nouns by themselves
# What follows particles, and what follows nouns.
BEHIND = {
    "은 는 도 만 의": "과 와 으로 로 에 에서 에게 한테 께서 까지 부터 보다 하고",
    "이 가 은 는 을 를 과 와 도 의": f"만 {NOUNS}",
}
FIRST, LAST, FINALS, RIEUL = 0xAC00, 0xD7A3, 28, 8  # syllables, and how many ways each has to end


def fits(before: str, particle: str) -> bool:
    """Whether a particle may follow a character: 한국은, 서하는; behind letters of others any.

    >>> fits("국", "은"), fits("하", "은"), fits("울", "으로"), fits("G", "는")
    (True, False, False, True)
    """
    return _end_of(before) in PARTICLES[particle]


def is_hangul(character: str) -> bool:
    """Whether a character is a syllable of Korean."""
    return FIRST <= ord(character) <= LAST


def _end_of(before: str) -> str:
    if not is_hangul(before):
        return ""
    final = (ord(before) - FIRST) % FINALS
    return "L" if final == RIEUL else "C" if final else "V"


def _particles() -> dict[str, str]:
    """All particles, alone and behind each other, with the ends of the syllables that they follow."""
    found = {particle: ends for ends, some in SIMPLE.items() for particle in some.split()}
    found |= dict.fromkeys(NOUNS.split(), "VLC")
    for seconds, firsts in BEHIND.items():
        pairs = product(firsts.split(), seconds.split())
        found |= {first + second: found[first] for first, second in pairs if _end_of(first[-1]) in found[second]}
    return found


PARTICLES = _particles()
