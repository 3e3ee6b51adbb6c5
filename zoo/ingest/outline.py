"""Where a table begins and ends among the lines of a file: titles, names, units, rows, totals."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from zoo.encoding.written import MISSING_WORDS, decimal_mark, is_missing
from zoo.ingest.clean_table import Column, Severity, TableWarning, Topic

__all__ = ["Outline", "count_footer", "find_outline", "footer_remark", "is_note", "name_columns"]

_MOST_TITLES = 30  # rows above the header
_MOST_FOOTER = 20  # rows below the table
_FEW = 9  # rows in which filled cells are counted
_BODY = 500  # rows that the first ones are compared with
_NUMBER = re.compile(r"[-+]?(?:\d[\d,']*\.?\d*|\.\d+|\d[\d.]*,\d+)(?:e[-+]?\d+)?", re.IGNORECASE)
_DATE = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([ T].*)?")
_UNIT = re.compile(
    r"[(\[].{1,12}[)\]]|%|[$\u20ac\xa3\xb0][a-z]?|[numk\xb5]?[gmls]|kg|t|[kmc]?m[23\xb2\xb3]?|[mdc]l"
    r"|ft|in|lbs?|oz|mi|mph|[km]?hz|h|hrs?|min|sec|days?|years?|yrs?|[km]?wh?|m?[av]|[kmh]?pa|bar"
    r"|n|k|j|kj|k?cal|mol|m?mol/l|[mnu]g/[dm]?l|g/[dm]?l|g/cm3|kg/m[23]|km/h|m/s|eur|usd|gbp|chf",
    re.IGNORECASE,
)
_SUMMARY = re.compile(
    r"(?:(?:grand|sub|over ?all|column)[ -]?)?(?:totals?|total general|totale|totaal)|sum|summe"
    r"|gesamt(?:summe)?|insgesamt|zwischensumme|suma|somme|soma|totali"
    r"|average|avg|mittelwert|durchschnitt|moyenne|promedio",
    re.IGNORECASE,
)
_PERHAPS_SUMMARY = re.compile(  # or a name, such as Max
    r"mean|mittel|median|media|overall|all|count|anzahl|min(?:imum)?|max(?:imum)?|std(?:ev)?|n",
    re.IGNORECASE,
)
_NOTE = re.compile(
    r"(?:sources?|quellen?|fuente|fonte|notes?|footnotes?|anmerkung(?:en)?|hinweise?|remarks?"
    r"|legend|generated|exported|created|printed|erstellt|copyright|disclaimer|as of|end of"
    r"|total|totals|sum|summe|average|mean|n)\b\s*[:=]?.*"
    r"|[*\u2020\u2021\xa9].*|\(?\d+ (?:rows?|records?|zeilen)\b.*",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Outline:
    """The first rows of a file that are not rows of its table.

    Attributes
    ----------
    header : int or None
        The position of the row of names; None: there is none.
    skipped : tuple of int
        Positions of all rows that are not data: titles, the header, units.
    remarks : tuple of TableWarning
    """

    header: int | None
    skipped: tuple[int, ...]
    remarks: tuple[TableWarning, ...]


def name_columns(names: Sequence[object]) -> list[str]:
    """Return unique names as text: "a", "a (2)"; a column without a name gets its number."""
    texts = [" ".join(str(name).split()) or f"column {i}" for i, name in enumerate(names, 1)]
    taken, unique = set(texts), []
    seen: Counter[str] = Counter()
    for text in texts:
        seen[text] += 1
        name, count = text, seen[text]
        while count > 1 and name in taken:
            name, count = f"{text} ({count})", count + 1
        taken.add(name)
        unique.append(name)
    return unique


def find_outline(
    cells: Sequence[Sequence[str]], lines: Sequence[int], wanted: Collection[str] = ()
) -> Outline:
    """Return where the names and the data begin.

    Parameters
    ----------
    cells : sequence of rows
        The first rows of the file that are not blank.
    lines : sequence of int
        Their line numbers, from 1.
    wanted : collection of str
        Names that the header should hold: of the target, or of the columns of a model.
    """
    rows = [[cell.strip() for cell in row] for row in cells]
    width = Counter(map(len, rows[1:] or rows)).most_common(1)[0][0]
    header, is_sure = _find_names(rows, wanted), True
    if header is None:
        header, is_sure = _find_full(rows, width), False
    below = [row for row in rows[header + 1 : header + 1 + _BODY] if len(row) == width]
    is_data = not is_sure and (_are_numbers(wanted, rows[header]) or _is_data(rows[header], below))
    remarks = []
    if header:
        text = (
            f"The column names were found in line {lines[header]}; what stands above was left out: "
            f"{_quoted(rows[0])}{' and more' if header > 1 else ''}."
        )
        remarks.append(_read(text))
    if is_data:
        text = (
            f"Line {lines[header]} holds data, not names ({_quoted(rows[header])}), so the columns "
            "are named by their number: 'column 1'. Write names in the first line if that is wrong."
        )
        return Outline(None, (*range(header),), (*remarks, _read(text, Severity.SERIOUS)))
    skipped = [*range(header + 1)]
    if len(below) > 1 and len(rows[header + 1]) == width and _is_units(below[0], below[1:]):
        what = "holds units or texts above numbers and was left out"
        remarks.append(_read(f"Line {lines[header + 1]} {what}: {_quoted(below[0])}."))
        skipped.append(header + 1)
    return Outline(header, (*skipped,), (*remarks,))


def _read(text: str, severity: Severity = Severity.MINOR) -> TableWarning:
    return TableWarning(about=Topic.READ, text=text, severity=severity)


def _quoted(cells: Sequence[str], most: int = 4) -> str:
    known = [f"'{cell[:40]}'" for cell in cells if cell]
    return ", ".join(known[:most]) + (", ..." if len(known) > most else "")


def _find_names(rows: list[list[str]], wanted: Collection[str]) -> int | None:
    """Return the first row that holds all wanted names; those of unnamed columns are ignored."""
    names = {name for name in wanted if not re.fullmatch(r"column \d+", name)}
    for i, row in enumerate(rows[: _MOST_TITLES + 1]):
        if names and names <= {*name_columns(row)}:
            return i
    return None


def _are_numbers(wanted: Collection[str], row: list[str]) -> bool:
    """Return whether columns are wanted by their numbers only, although the first row has cells."""
    found = [re.fullmatch(r"column (\d+)", name) for name in wanted]
    numbers = [int(one[1]) for one in found if one]
    is_filled = all(0 < number <= len(row) and row[number - 1] for number in numbers)
    return bool(numbers) and len(numbers) == len(found) and is_filled


def _find_full(rows: list[list[str]], width: int) -> int:
    """Return the first row that may be the header: as long as the others and not mostly empty."""

    def is_full(row: list[str]) -> bool:
        return width - 1 <= len(row) <= width + 1 and 2 * sum(map(bool, row)) >= width

    first = next((i for i, row in enumerate(rows[: _MOST_TITLES + 1]) if is_full(row)), 0)
    body = [row for row in rows[first + 2 :][:_BODY] if len(row) == width]
    full = rows[first + 1] if len(rows) > first + 1 else []
    if not all(rows[first]) and len(full) == width and all(full) and _n_names(full, body):
        return first + 1  # names below those of groups of columns
    is_odd = first > 0 and _n_names(rows[first], body) == 0
    if is_odd and (len(rows[first - 1]) == width or sum(map(bool, rows[first - 1])) > 1):
        return first - 1  # a header that lacks some names
    # a title as long as a header without a name for row names
    is_short = len(rows[first]) == width - 1 and len(rows) > first + 2
    if is_short and len(rows[first + 1]) == width and _n_names(rows[first + 1], body):
        return first + 1
    return first


def _kind(cell: str) -> str:
    if not cell or cell.casefold() in MISSING_WORDS:
        return "missing"
    if _NUMBER.fullmatch(cell):
        return "number"
    return "date" if _DATE.fullmatch(cell) else "text"


def _columns(body: list[list[str]], width: int) -> Iterator[tuple[str, list[str]]]:
    """Yield the kind of nine cells in ten, and the cells that are not missing, of each column."""
    for i in range(width):
        cells = [row[i] for row in body if i < len(row) and _kind(row[i]) != "missing"]
        kinds = Counter(map(_kind, cells))
        kind, count = kinds.most_common(1)[0] if kinds else ("missing", 0)
        yield (kind if count >= 0.9 * len(cells) else "text"), cells


def _n_names(row: list[str], body: list[list[str]]) -> int:
    """Return the number of columns of numbers or dates above which there is a text."""
    kinds = [kind for kind, _ in _columns(body, len(row))]
    return sum(
        kind in {"number", "date"} and _kind(cell) == "text"
        for kind, cell in zip(kinds, row, strict=True)
    )


def _is_data(row: list[str], body: list[list[str]]) -> bool:
    """Return whether the first row is of the same kind as the rows below."""
    if len(body) < 3:
        return False
    n_data = n_decided = 0
    is_repeated = False
    for cell, (kind, cells) in zip(row, _columns(body, len(row)), strict=True):
        what = _kind(cell)
        if kind in {"number", "date"}:
            if what == "text":
                return False
            n_decided += what != "missing"
            n_data += what == kind and (kind == "date" or _is_within(cell, cells))
        elif what != "missing" and cells and len({*cells}) <= 0.5 * len(cells):
            n_decided += 1
            is_known = cells.count(cell) > 1
            n_data += is_known
            is_repeated |= is_known
    if not is_repeated and _is_sequence([cell for cell in row if _kind(cell) == "number"]):
        return False
    return n_data >= max(1, 0.5 * n_decided)


def _is_within(cell: str, cells: list[str]) -> bool:
    """Return whether a number lies among those of its column, or not far outside."""
    value, *others = (float(re.sub(r"[,']", "", one)) for one in [cell, *cells] if _is_float(one))
    low, high = min(others, default=value), max(others, default=value)
    return low - 0.1 * (high - low) <= value <= high + 0.1 * (high - low)


def _is_float(cell: str) -> bool:
    return bool(_NUMBER.fullmatch(cell)) and cell.count(".") < 2


def _is_sequence(cells: list[str]) -> bool:
    """Return whether numbers count: 0, 1 or 1, 2; or three or more in equal steps, as years do."""
    values = [float(re.sub(r"[,']", "", cell)) for cell in cells if _is_float(cell)]
    steps = {*np.diff(values).round(9)}
    if len(steps) != 1 or steps == {0.0}:
        return False
    return len(values) >= 3 or (values[0] in {0.0, 1.0} and steps == {1.0})


def _is_units(row: list[str], body: list[list[str]]) -> bool:
    """Return whether the row below the names holds units, or other texts above all numbers."""
    n_units = n_known = n_without = n_new = n_other = 0
    for cell, (kind, cells) in zip(row, _columns(body, len(row)), strict=True):
        is_amount, is_blank = kind in {"number", "date"}, _kind(cell) == "missing"
        if not is_blank and (_kind(cell) in {"number", "date"} or cell in cells):
            return False
        is_unit = bool(_UNIT.fullmatch(cell))
        n_units += is_amount and not is_blank
        n_without += is_amount and is_blank
        n_known += is_amount and is_unit
        if not (is_amount or is_blank or is_unit):
            n_other += 1
            n_new += len({*cells}) <= 0.5 * len(cells)  # a category that no row has
    if 0 < n_units <= 2 * n_known and not n_other:
        return True
    return not n_without and (n_units > 1 or (n_units == 1 and n_new > 0))


def count_footer(frame: pd.DataFrame) -> int:
    """Return how many of the last rows are no rows of the table: totals, sources, notes."""
    n_found = 0
    for k in range(1, min(_MOST_FOOTER, len(frame) - 1) + 1):
        row = _cells(frame.iloc[-k])
        if not any(row):
            continue
        if not _is_footer(row, frame.iloc[: max(1, len(frame) - k)].iloc[:2000]):
            break
        n_found = k
    while n_found < len(frame) - 1 and not any(_cells(frame.iloc[-n_found - 1])):
        n_found += 1  # blank rows above the total, or at the end
    return n_found


def _cells(row: Iterable[object]) -> list[str]:
    return ["" if pd.isna(cell) else str(cell).strip() for cell in row]


def footer_remark(frame: pd.DataFrame, count: int) -> TableWarning:
    """Return the warning about the last rows of a frame, which are left out."""
    shown = [_quoted(_cells(frame.iloc[-k])) for k in range(count, 0, -1)]
    return footer_warning([one for one in shown if one])


def footer_warning(shown: Sequence[str]) -> TableWarning:
    """Return the warning about rows that are left out, given as text."""
    if not shown:
        text = "Rows without content at the end were left out."
        return TableWarning(about=Topic.DROPPED, text=text)
    what = "The last row was" if len(shown) == 1 else f"The last {len(shown)} rows were"
    more = f" and {len(shown) - 3} more" if len(shown) > 3 else ""
    text = f"{what} left out as no row of the table, but a total or a note: "
    return TableWarning(about=Topic.DROPPED, text=f"{text}{'; '.join(shown[:3])}{more}.")


def is_note(text: str) -> bool:
    """Return whether a text begins like a total or a note below a table."""
    return bool(_NOTE.fullmatch(text.strip()))


def _is_footer(row: list[str], body: pd.DataFrame) -> bool:
    """Return whether a row is none of the table whose first rows are `body`."""
    filled = [i for i, cell in enumerate(row) if cell]
    first, column = row[filled[0]], body.iloc[:, filled[0]]
    is_amount = _holds_amounts(column)
    is_new = is_amount or not _contains(column, first)
    some = body.iloc[:_FEW].astype(object).to_numpy()
    n_typical = float(np.median([sum(map(bool, _cells(cells))) for cells in some]))
    is_sparse = len(filled) <= max(1.0, n_typical / 2) and len(filled) < n_typical
    word = first.rstrip(" :.")
    if is_new and (filled[0] < 2 or is_sparse) and _SUMMARY.fullmatch(word):
        return True
    if (is_amount or (is_new and is_sparse)) and _PERHAPS_SUMMARY.fullmatch(word):
        return True
    if is_new and is_sparse and _is_text(first) and is_note(first):
        return True
    if len(filled) == 1 and is_sparse and len(row) > 2:
        if is_amount:
            return _is_text(first)
        longest = column.dropna().astype(str).str.len().quantile(0.95)
        return is_new and len(first.split()) >= 3 and len(first) > longest
    return _are_odd((row[i], body.iloc[:, i]) for i in filled)


def _are_odd(cells: Iterable[tuple[str, Column]]) -> bool:
    """Return whether two or more cells, and all that are known, are of another kind than theirs."""
    n_odd = 0
    for cell, column in cells:
        if cell.casefold() in MISSING_WORDS:
            continue
        if not (_holds_amounts(column) if _is_text(cell) else _holds_words(column)):
            return False
        n_odd += 1
    return n_odd >= 2


def _is_text(cell: str) -> bool:
    return not _NUMBER.fullmatch(cell) and not _DATE.fullmatch(cell)


def _texts(column: Column) -> Column:
    texts = column.dropna().astype("str").str.strip()
    return texts[~is_missing(texts)].drop_duplicates()


def _holds_amounts(column: Column) -> bool:
    """Return whether a column holds numbers, as such or as text."""
    if column.dtype.kind in "iuf":
        return True
    texts = _texts(column)
    return bool(len(texts)) and bool(decimal_mark(texts)[1].mean() >= 0.95)


def _holds_words(column: Column) -> bool:
    """Return whether a column holds no number at all."""
    texts = _texts(column)
    return bool(len(texts)) and not decimal_mark(texts)[1].any()


def _contains(column: Column, text: str) -> bool:
    return bool((column.dropna().astype("str").str.strip().str.casefold() == text.casefold()).any())
