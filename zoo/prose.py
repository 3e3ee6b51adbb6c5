"""Text for people: singular and plural, lists of names, and foreign text made harmless."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["count", "joined", "plain", "plural", "printable", "quoted"]

_WITH_ES = ("s", "x", "z", "ch", "sh")


def plural(n: float, one: str, many: str | None = None) -> str:
    """Return the form of a word that agrees with a number.

    Parameters
    ----------
    n : float
    one : str
        The form for exactly one: "row", "repeats", "The class".
    many : str, optional
        The other form; by default the regular plural of a noun.

    Examples
    --------
    >>> plural(1, "row"), plural(2, "class"), plural(0, "category"), plural(1, "has", "have")
    ('row', 'classes', 'categories', 'has')
    """
    if n == 1:
        return one
    if many is not None:
        return many
    if one.endswith("y") and one[-2:-1] not in "aeiou":
        return f"{one[:-1]}ies"
    return one + ("es" if one.endswith(_WITH_ES) else "s")


def count(n: int, one: str, many: str | None = None) -> str:
    """Return a number and the noun that agrees with it.

    Examples
    --------
    >>> count(1, "row"), count(1200, "row"), count(0, "training row")
    ('1 row', '1,200 rows', '0 training rows')
    """
    return f"{n:,} {plural(n, one, many)}"


def joined(texts: Sequence[str], *, most: int | None = None) -> str:
    """Return texts as "a, b and c"; what is beyond `most` is counted.

    Examples
    --------
    >>> joined(["a", "b", "c"]), joined(["a", "b", "c"], most=1)
    ('a, b and c', 'a and 2 more')
    """
    if not texts:
        return ""
    shown = [*texts[:most]]
    if len(texts) > len(shown):
        shown.append(f"{len(texts) - len(shown):,} more")
    *others, last = shown
    return f"{', '.join(others)} and {last}" if others else last


def quoted(names: Sequence[str], *, most: int = 5) -> str:
    """Return names in quotation marks, as `joined` does.

    Examples
    --------
    >>> quoted(["a", "b"])
    "'a' and 'b'"
    """
    return joined([f"'{name}'" for name in names], most=most)


def printable(text: object) -> str:
    r"""Return text without control characters, on which a terminal or a page would act.

    Line breaks, escapes, lone surrogates, and marks that reverse or hide text become spaces.

    Examples
    --------
    >>> printable("a\x1b[2Jb\nc")
    'a [2Jb c'
    """
    shown = str(text)
    if shown.isprintable():
        return shown
    return "".join(char if char.isprintable() else " " for char in shown)


def plain(text: object) -> str:
    """Return printable text without spaces at its ends."""
    return printable(text).strip()
