"""Numbers in sentences: with their noun in the right form, and as places in an order."""


def counted(number: int, what: str, several: str = "") -> str:
    """Returns a number and its noun: `1 trial`, `1,000 trials`, and of other plurals `2 classes` where it is given.

    What stands before the noun may be part of `what`, so far as the plural ends in s: `2 training examples`.
    """
    return f"{number:,} {what if number == 1 else several or what + 's'}"


def ordinal(number: int) -> str:
    """Returns a place in an order: `1st`, `2nd`, `3rd`, `4th`, `11th`, `1,002nd`."""
    teens = abs(number) % 100 in (11, 12, 13)
    ending = "th" if teens else {1: "st", 2: "nd", 3: "rd"}.get(abs(number) % 10, "th")
    return f"{number:,}{ending}"


def agreeing(number: int, one: str, several: str) -> str:
    """Returns the form of a word that goes with a number: `is` and `are`, `holds` and `hold`."""
    return one if number == 1 else several


def span(first: int, last: int) -> str:
    """Returns all from the first to the last, as they are named: `1`, `1 to 4`."""
    return f"{first}" if first == last else f"{first} to {last}"
