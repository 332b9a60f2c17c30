"""Durations in ISO 8601, as results have them."""

import re

_DURATION = re.compile(
    r"P(?=\d|T\d)(?:(\d+(?:\.\d+)?)Y)?(?:(\d+(?:\.\d+)?)M)?(?:(\d+(?:\.\d+)?)W)?"
    r"(?:(\d+(?:\.\d+)?)D)?"
    r"(?:T(?=\d)(?:(\d+(?:\.\d+)?)H)?(?:(\d+(?:\.\d+)?)M)?(?:(\d+(?:\.\d+)?)S)?)?"
)
_SECONDS = (604_800, 86_400, 3_600, 60, 1)


def seconds(text: str) -> float | None:
    """Return the length of a duration to a hundredth of a second.

    Returns:
        None if it is no duration, or has years or months, which are of no fixed length.
    """
    match = _DURATION.fullmatch(text)
    if match is None:
        return None
    years, months, *parts = match.groups()
    if years or months:
        return None
    return round(
        sum(float(part or 0) * each for part, each in zip(parts, _SECONDS, strict=True)), 2
    )
