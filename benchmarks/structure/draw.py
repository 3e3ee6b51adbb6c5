"""Draws the rooms of `zoo/` and their imports, read from the code.

    python benchmarks/structure/draw.py

Writes `docs/architecture.svg` and, between the markers of `docs/ARCHITECTURE.md`, a table of rooms
and a list of files with the first line of each docstring. `tests/test_architecture.py` checks that
rooms and imports still match the code.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Collection
from itertools import accumulate, pairwise
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "zoo"
PAGE = ROOT / "docs" / "ARCHITECTURE.md"
DRAWING = ROOT / "docs" / "architecture.svg"
MARKERS = {
    what: (f"<!-- {what}: written by benchmarks/structure/draw.py -->", f"<!-- end of {what} -->")
    for what in ("rooms", "files")
}
# Single files next to the rooms, which every room may import.
SHARED = tuple(sorted({path.stem for path in PACKAGE.glob("*.py")} - {"__init__"}))

WIDTH, BOX_WIDTH, BOX_HEIGHT, FLOOR_HEIGHT, MARGIN = 960, 150, 56, 124, 24


def module_of(path: Path) -> str:
    """Return the dotted name of a file of the package."""
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def room_of(module: str) -> str:
    """Return the room of a module: "zoo.data.cards" is in "data", "zoo" itself in "zoo"."""
    return [*module.split("."), "zoo"][1]


def read_imports() -> dict[str, set[str]]:
    """Return the modules of zoo that each module imports, anywhere in its file."""
    files = {module_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}
    found: dict[str, set[str]] = {module: set() for module in files}
    for module, path in files.items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module in files:
                names = (f"{node.module}.{alias.name}" for alias in node.names)
                found[module] |= {name if name in files else node.module for name in names}
            elif isinstance(node, ast.Import):
                found[module] |= {alias.name for alias in node.names} & files.keys()
    return {module: targets - {module} for module, targets in found.items()}


def room_imports(imports: dict[str, set[str]]) -> dict[str, list[str]]:
    """Return the rooms that each room imports, without the shared files."""
    rooms: dict[str, set[str]] = {}
    for module, targets in imports.items():
        room = room_of(module)
        if room not in ("zoo", *SHARED):
            others = {room_of(target) for target in targets} - {room, "zoo", *SHARED}
            rooms[room] = rooms.get(room, set()) | others
    return {room: sorted(others) for room, others in sorted(rooms.items())}


def floors(rooms: dict[str, list[str]]) -> list[list[str]]:
    """Return the rooms by floor, the lowest first: a room is above all that it imports.

    Raises
    ------
    ValueError
        If rooms import each other in a circle.
    """
    floor: dict[str, int] = {}
    while len(floor) < len(rooms):
        ready = [
            room for room in rooms if room not in floor and all(one in floor for one in rooms[room])
        ]
        if not ready:
            raise ValueError(f"a circle of imports among {sorted(rooms.keys() - floor.keys())}")
        floor |= {room: 1 + max((floor[one] for one in rooms[room]), default=-1) for room in ready}
    return [
        [room for room in rooms if floor[room] == level] for level in range(max(floor.values()) + 1)
    ]


def is_indirect(rooms: dict[str, list[str]], room: str, target: str) -> bool:
    """Return whether `room` also reaches `target` through another room that it imports."""

    def reaches(start: str) -> bool:
        return target in rooms[start] or any(reaches(one) for one in rooms[start])

    return any(reaches(one) for one in rooms[room] if one != target)


def routes(rooms: dict[str, list[str]]) -> dict[tuple[str, str], list[str]]:
    """Return the stops of each arrow; one that passes a floor has a stop of its own there.

    An import that follows from others has no arrow.
    """
    levels = {room: n for n, level in enumerate(floors(rooms)) for room in level}
    return {
        (room, target): [
            room,
            *(f"{room}>{target}@{n}" for n in range(levels[room] - 1, levels[target], -1)),
            target,
        ]
        for room in rooms
        for target in rooms[room]
        if not is_indirect(rooms, room, target)
    }


def positions(
    rooms: dict[str, list[str]], arrows: Collection[list[str]]
) -> dict[str, tuple[float, float]]:
    """Return the centre of each box and stop; each stands near those that it is joined to."""
    levels = [list(level) for level in floors(rooms)]
    for stop in (stop for stops in arrows for stop in stops[1:-1]):
        levels[int(stop.partition("@")[2])].append(stop)
    pairs = [pair for stops in arrows for pair in pairwise(stops)]
    x = {stop: (i + 0.5) / len(level) for level in levels for i, stop in enumerate(level)}
    for step in range(25):
        for level in levels if step % 2 else reversed(levels):
            means = {}
            for stop in level:
                near = [x[pair[step % 2]] for pair in pairs if pair[1 - step % 2] == stop]
                means[stop] = sum(near) / len(near) if near else x[stop]
            level.sort(key=lambda stop: (means[stop], stop))
            widths = [1.0 if stop in rooms else 0.3 for stop in level]
            for stop, end, width in zip(level, accumulate(widths), widths, strict=True):
                x[stop] = (end - width / 2) / sum(widths)
    top = MARGIN + BOX_HEIGHT / 2
    return {
        stop: (x[stop] * WIDTH, top + (len(levels) - 1 - number) * FLOOR_HEIGHT)
        for number, level in enumerate(levels)
        for stop in level
    }


def sizes() -> tuple[Counter[str], Counter[str]]:
    """Return the number of Python files and of their lines for each room."""
    n_files, n_lines = Counter[str](), Counter[str]()
    for path in PACKAGE.rglob("*.py"):
        room = room_of(module_of(path))
        n_files[room] += 1
        n_lines[room] += len(path.read_text(encoding="utf-8").splitlines())
    return n_files, n_lines


def as_svg(rooms: dict[str, list[str]]) -> str:
    """Return the drawing: a box for each room, on the floor above all that it imports."""
    n_files, n_lines = sizes()
    arrows = routes(rooms)
    centre = positions(rooms, arrows.values())
    height = round(max(y for _, y in centre.values()) + BOX_HEIGHT * 2.4)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        'font-family="sans-serif" font-size="13" text-anchor="middle">',
        "<title>Rooms of zoo and their imports</title>",
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="5" '
        'markerHeight="5" orient="auto"><path d="M0 0L8 4L0 8z" fill="#35618f"/></marker></defs>',
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
    ]
    for (room, target), stops in arrows.items():
        lines.append(
            f'<path d="{_curve(stops, centre)}" fill="none" stroke="#35618f" stroke-width="2" '
            f'marker-end="url(#tip)"><title>{room} imports {target}</title></path>'
        )
    for room in rooms:
        text = f"{n_files[room]} files, {n_lines[room]:,} lines"
        lines += _box(room, *centre[room], BOX_WIDTH, text)
    shared = "every room may import " + ", ".join(f"{name}.py" for name in SHARED)
    n_shared = sum(n_lines[name] for name in SHARED)
    y = height - MARGIN - BOX_HEIGHT / 2
    lines += _box("zoo", WIDTH / 2, y, WIDTH - 2 * MARGIN, f"{shared} ({n_shared:,} lines)")
    return "\n".join([*lines, "</svg>", ""])


def _curve(stops: list[str], centre: dict[str, tuple[float, float]]) -> str:
    """Return the path from the bottom of the first box to the top of the last one."""
    half = BOX_HEIGHT / 2
    x, y = centre[stops[0]]
    y += half
    path = f"M{x:.0f} {y:.0f}"
    for stop in stops[1:]:
        x1, y1 = centre[stop][0], centre[stop][1] - half
        middle = (y + y1) / 2
        path += f"C{x:.0f} {middle:.0f} {x1:.0f} {middle:.0f} {x1:.0f} {y1:.0f}"
        if stop != stops[-1]:
            path += f"V{y1 + BOX_HEIGHT:.0f}"
        x, y = x1, y1 + BOX_HEIGHT
    return path


def _box(name: str, x: float, y: float, width: float, text: str) -> list[str]:
    left, top = x - width / 2, y - BOX_HEIGHT / 2
    return [
        f'<rect x="{left:.0f}" y="{top:.0f}" width="{width:.0f}" height="{BOX_HEIGHT}" rx="6" '
        'fill="#eef3f8" stroke="#35618f"/>',
        f'<text x="{x:.0f}" y="{y - 5:.0f}" font-size="16" font-weight="bold">{name}</text>',
        f'<text x="{x:.0f}" y="{y + 16:.0f}" fill="#444">{text}</text>',
    ]


def as_table(rooms: dict[str, list[str]]) -> str:
    """Return the rooms as a Markdown table, from the command line down."""
    n_files, n_lines = sizes()
    lines = ["| room | files | lines | imports |", "|---|---|---|---|"]
    for room in (room for level in reversed(floors(rooms)) for room in level):
        names = ", ".join(f"`{name}`" for name in rooms[room]) or "none"
        lines.append(f"| `{room}` | {n_files[room]} | {n_lines[room]:,} | {names} |")
    return "\n".join(lines)


def as_list(rooms: dict[str, list[str]]) -> str:
    """Return every file with the first line of its docstring, room by room."""
    lines: list[str] = []
    for room in (room for level in reversed(floors(rooms)) for room in level):
        lines += ["", f"### `{room}/`", ""]
        for path in sorted((PACKAGE / room).rglob("*.py")):
            text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
            name = path.relative_to(PACKAGE / room).as_posix()
            if path.name != "__init__.py":
                lines.append(f"- `{name}`: {text.partition(chr(10))[0]}")
    return "\n".join([*lines, ""])


def main() -> None:
    rooms = room_imports(read_imports())
    DRAWING.write_text(as_svg(rooms), encoding="utf-8")
    page = PAGE.read_text(encoding="utf-8")
    for what, text in (("rooms", as_table(rooms)), ("files", as_list(rooms))):
        start, end = MARKERS[what]
        before, _, rest = page.partition(start)
        page = f"{before}{start}\n\n{text.strip()}\n\n{end}{rest.partition(end)[2]}"
    PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
