"""Which language a model writes, as far as the letters of its vocabulary tell.

On it hangs what may follow a phrase within its word (`word_ends`) and how numbers and signs are said (`readings`).
"""

from __future__ import annotations

from collections.abc import Iterable

USUAL = "en"  # where the letters tell nothing: those of English are all of them in every alphabet of Latin letters
# Letters besides a to z, or besides the Cyrillic ones of Russian, without which no text of the language can be written;
# of Korean, whose vocabularies may lack syllables, those of its particles.
LETTERS = {
    "da": "æøå",
    "de": "äöüß",
    "es": "áéíñóú",
    "fr": "àâçèéêîô",
    "hr": "čćđšž",
    "hu": "áéíóöőúüű",
    "it": "àèéìòù",
    "ko": "가고과는도로를서에와은을의이",
    "pl": "ąćęłńóśźż",
    "pt": "áâãçéêíóôõú",
    "ru": "бгдёжийлпуфцчшщъыьэюя",
    "sv": "åäö",
    "tr": "çğıöşü",
    "uk": "бгдєжийіїлпуфцчшщьюя",
}


def language_of(characters: Iterable[str]) -> str:
    """The language all of whose letters are there; the usual one where that holds for none, or for several.

    >>> [language_of(letters) for letters in ("abcé", "abcäöüß", "abcäöüßáéíñóú")]
    ['en', 'de', 'en']
    """
    there = {letter.lower() for letter in characters}
    found = {language: set(letters) for language, letters in LETTERS.items() if there.issuperset(letters)}
    # What the letters of another one include tells nothing: Portuguese has most of the Spanish ones.
    fullest = [one for one, letters in found.items() if not any(letters < others for others in found.values())]
    return fullest[0] if len(fullest) == 1 else USUAL
