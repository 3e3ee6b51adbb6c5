"""Draws the rooms of `zoo/` and their imports, read from the code.

    python benchmarks/structure/draw.py

Writes `docs/architecture.svg` and the table between the markers of `docs/ARCHITECTURE.md`.
`tests/test_architecture.py` checks that both still match the code.
"""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "zoo"
PAGE = ROOT / "docs" / "ARCHITECTURE.md"
DRAWING = ROOT / "docs" / "architecture.svg"
MARKERS = ("<!-- rooms: made by benchmarks/structure/draw.py -->", "<!-- end of rooms -->")
SHARED = ("canonical", "definitions", "errors", "metrics")  # single files that every room may import

WIDTH, BOX_WIDTH, BOX_HEIGHT, FLOOR_HEIGHT, MARGIN = 960, 150, 56, 124, 24


def module_of(path: Path) -> str:
    """Return the dotted name of a file of the package."""
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def room_of(module: str) -> str:
    """Return the room of a module: "zoo.data.cards" is in "data", "zoo" itself in "zoo"."""
    return (module.split(".") + ["zoo"])[1]


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


def positions(rooms: dict[str, list[str]]) -> dict[str, tuple[float, float]]:
    """Return the centre of each room's box; rooms stand near the rooms that they import."""
    levels = floors(rooms)
    order = {room: i / len(level) for level in levels for i, room in enumerate(level)}
    importers = {room: [one for one in rooms if room in rooms[one]] for room in rooms}
    for step in range(24):
        for level in levels if step % 2 else reversed(levels):
            near = {room: (rooms if step % 2 else importers)[room] or [room] for room in level}
            means = {
                room: sum(order[one] for one in near[room]) / len(near[room]) for room in level
            }
            for i, room in enumerate(sorted(level, key=lambda room: (means[room], room))):
                order[room] = (i + 0.5) / len(level)
    top = MARGIN + BOX_HEIGHT / 2
    return {
        room: (order[room] * WIDTH, top + (len(levels) - 1 - number) * FLOOR_HEIGHT)
        for number, level in enumerate(levels)
        for room in level
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
    """Return the drawing: boxes on floors; an import that others imply is a thin line."""
    n_files, n_lines = sizes()
    centre = positions(rooms)
    height = round(max(y for _, y in centre.values()) + BOX_HEIGHT * 2.4)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        'font-family="sans-serif" font-size="13" text-anchor="middle">',
        "<title>Rooms of zoo and their imports</title>",
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" '
        'markerHeight="8" orient="auto"><path d="M0 0L8 4L0 8z" fill="#35618f"/></marker></defs>',
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
    ]
    arrows = sorted(
        ((not is_indirect(rooms, room, target), room, target) for room in rooms for target in rooms[room])
    )
    for is_direct, room, target in arrows:
        (x0, y0), (x1, y1) = centre[room], centre[target]
        y0, y1 = y0 + BOX_HEIGHT / 2, y1 - BOX_HEIGHT / 2
        bend = (y1 - y0) / 2
        style = 'stroke="#35618f" stroke-width="2"' if is_direct else 'stroke="#c9d3dd"'
        lines.append(
            f'<path d="M{x0:.0f} {y0:.0f}C{x0:.0f} {y0 + bend:.0f} {x1:.0f} {y1 - bend:.0f} '
            f'{x1:.0f} {y1:.0f}" fill="none" {style}{" marker-end=" if is_direct else ""}'
            f'{chr(34) + "url(#tip)" + chr(34) if is_direct else ""}>'
            f"<title>{room} imports {target}</title></path>"
        )
    for room, (x, y) in centre.items():
        lines += _box(room, x, y, BOX_WIDTH, f"{n_files[room]} files, {n_lines[room]:,} lines")
    shared = "every room may import " + ", ".join(f"{name}.py" for name in SHARED)
    n_shared = sum(n_lines[name] for name in SHARED)
    y = height - MARGIN - BOX_HEIGHT / 2
    lines += _box("zoo", WIDTH / 2, y, WIDTH - 2 * MARGIN, f"{shared} ({n_shared:,} lines)")
    return "\n".join([*lines, "</svg>", ""])


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


def main() -> None:
    rooms = room_imports(read_imports())
    DRAWING.write_text(as_svg(rooms), encoding="utf-8")
    page = PAGE.read_text(encoding="utf-8")
    before, _, rest = page.partition(MARKERS[0])
    after = rest.partition(MARKERS[1])[2]
    table = f"{MARKERS[0]}\n{as_table(rooms)}\n{MARKERS[1]}"
    PAGE.write_text(f"{before}{table}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
