"""How amounts of money and measured quantities are said: $5, £3.50, 50%, 20 °C, 5 km."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal

MONEY = {"$": "USD", "€": "EUR", "£": "GBP", "¥": "JPY", "₹": "INR"}
# In English: one and several, and their parts; num2words, for other languages, has "twenty euro", "pounds sterling".
ENGLISH_MONEY = {
    "USD": ("dollar", "dollars", "cent", "cents"),
    "EUR": ("euro", "euros", "cent", "cents"),
    "GBP": ("pound", "pounds", "penny", "pence"),
    "JPY": ("yen", "yen", "sen", "sen"),
    "INR": ("rupee", "rupees", "paisa", "paise"),
}
# Behind a number only, and in this case: `3M` is no length.
UNITS = {
    **{"%": "concentr-percent", "‰": "concentr-permille"},
    **{"°": "angle-degree", "°C": "temperature-celsius", "°F": "temperature-fahrenheit"},
    **{"km": "length-kilometer", "m": "length-meter", "cm": "length-centimeter", "mm": "length-millimeter"},
    **{"mi": "length-mile", "ft": "length-foot", "kg": "mass-kilogram", "g": "mass-gram", "mg": "mass-milligram"},
    **{"µg": "mass-microgram", "μg": "mass-microgram", "lb": "mass-pound", "oz": "mass-ounce"},
    **{"l": "volume-liter", "L": "volume-liter", "ml": "volume-milliliter", "mL": "volume-milliliter"},
    **{"km/h": "speed-kilometer-per-hour", "mph": "speed-mile-per-hour", "m/s": "speed-meter-per-second"},
    **{"kB": "digital-kilobyte", "MB": "digital-megabyte", "GB": "digital-gigabyte", "TB": "digital-terabyte"},
    **{"Hz": "frequency-hertz", "kHz": "frequency-kilohertz", "MHz": "frequency-megahertz"},
    **{"GHz": "frequency-gigahertz", "W": "power-watt", "kW": "power-kilowatt", "MW": "power-megawatt"},
    **{"kWh": "energy-kilowatt-hour", "V": "electric-volt", "kcal": "energy-kilocalorie"},
}
SCALES = r"\s(?:thousand|million|billion|trillion)\b"  # of English, before the currency where that is said
# The same in short, behind an amount of money only ($3.5m, £20bn): behind any other number they may be anything.
SHORT_SCALES = {
    **{"k": "thousand", "m": "million", "mn": "million", "bn": "billion", "b": "billion"},
    **{"tn": "trillion", "t": "trillion"},
}
SEPARATOR = " |"  # what num2words is to put between an amount and its parts
LONGEST_FIRST = sorted([*UNITS, *MONEY], key=len, reverse=True)
BEFORE = rf"(?:(?P<before>[{''.join(MONEY)}])\s?)?"
SIGNS = "|".join(map(re.escape, LONGEST_FIRST)).replace("°", r"°\s?")
SHORT = "|".join(sorted(SHORT_SCALES, key=len, reverse=True))
BEHIND = (
    rf"(?P<scale>{SCALES})?"
    rf"(?(before)(?:\s?(?P<short>(?i:{SHORT}))(?![\w-]))?|(?:\s?(?P<behind>{SIGNS})(?![^\W_]))?)"
)

Say = Callable[..., str]


def measured(
    number: Decimal, ways: Sequence[str], found: dict[str, str | None], say: Say, language: str
) -> Iterator[str]:
    """Ways to say a number with the sign that stands before or behind it; with letters also as they are written.

    Args:
        number: its value.
        ways: to say it alone.
        found: groups of `BEFORE` and `BEHIND`, and `fraction`, the decimals.
        say: says numbers, see `readings`.
        language: by its ISO code.
    """
    sign, scale = "".join((found["before"] or found["behind"] or "").split()), found["scale"] or ""
    short, rest = found["short"] or "", ""
    if short and language == "en":
        scale = f" {SHORT_SCALES[short.lower()]}"
    elif short:
        rest = f" {short}"
    ways = [way + scale for way in ways]
    known: list[str] = []
    if sign in MONEY:
        fraction = "" if scale else found["fraction"] or ""
        known += _money(number, ways, fraction, MONEY[sign], say, language)
    elif sign and not scale:
        known += _quantity(number, ways[0], UNITS[sign], language)
    yield from (way + rest for way in known)
    if not known or sign.isalpha():
        yield from (f"{way} {sign}{rest}" if sign else way for way in ways)


def _money(number: Decimal, ways: Sequence[str], fraction: str, code: str, say: Say, language: str) -> Iterator[str]:
    """Three dollars fifty, three dollars and fifty cents."""
    parts = int(number % 1 * 100)
    if language == "en":
        one, several, piece, pieces = ENGLISH_MONEY[code]
        if len(fraction) != 2:  # digit by digit, the last of the ways, nobody says it
            yield from (f"{way} {one if way == say(1) else several}" for way in ways[:-1] or ways)
            return
        whole = f"{say(int(number))} {one if 1 <= number < 2 else several}"
        rest = f" and {say(parts)} {piece if parts == 1 else pieces}"
    else:
        told = say(number.quantize(Decimal("0.01")), to="currency", currency=code, separator=SEPARATOR)
        whole, known, rest = told.partition(SEPARATOR)
        if not known:
            return
    yield from (f"{whole} {say(parts)}", whole + rest) if parts else (whole,)


def _quantity(number: Decimal, way: str, unit: str, language: str) -> Iterator[str]:
    """Five kilometers, five kilometres."""
    try:
        from babel import UnknownLocaleError
        from babel.numbers import format_decimal
        from babel.units import format_unit
    except ImportError:
        return
    for locale in ("en", "en_GB") if language == "en" else (language,):
        try:
            told, digits = format_unit(number, unit, "long", locale=locale), format_decimal(number, locale=locale)
        except UnknownLocaleError:
            return
        yield " ".join(told.replace(digits, way).split())
