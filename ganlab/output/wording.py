"""Numbers in sentences: with the right form of their noun, and as ordinals."""


def counted(number: int, what: str, several: str = "") -> str:
    """Returns a number and its noun: `1 trial`, `1,000 trials`, `2 classes` if `several` is given.

    Words before the noun may be part of `what` if the plural ends in s: `2 training examples`.
    """
    return f"{number:,} {what if number == 1 else several or what + 's'}"


def ordinal(number: int) -> str:
    """Returns an ordinal: `1st`, `2nd`, `3rd`, `4th`, `11th`, `1,002nd`."""
    teens = abs(number) % 100 in (11, 12, 13)
    ending = "th" if teens else {1: "st", 2: "nd", 3: "rd"}.get(abs(number) % 10, "th")
    return f"{number:,}{ending}"


def agreeing(number: int, one: str, several: str) -> str:
    """Returns the form of a word that agrees with a number: `is` or `are`, `holds` or `hold`."""
    return one if number == 1 else several


def span(first: int, last: int) -> str:
    """Returns a range of numbers in words: `1`, `1 to 4`."""
    return f"{first}" if first == last else f"{first} to {last}"
