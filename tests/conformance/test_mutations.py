import copy
import datetime
import json
import random
import tomllib
from pathlib import Path

import pytest

import zoo.data
from zoo import definitions
from zoo.bench.plan import make_plan
from zoo.bench.store import read
from zoo.bench.suite import load_suite, suites
from zoo.curves.aggregate import cell_frame, current_cells
from zoo.data.cards import read_card
from zoo.errors import ZooError

ROOT = Path(__file__).parents[2]
VALUES = [
    0, -1, 7, 10**30, 10**400, 10**4200, 0.5, 1e308, float("inf"), float("nan"), True,
    "", "word", "x" * 300, "two\nlines", [], [1],
    ["a", "a"], [["a"]], [{}], {}, {"a": 1}, {"a": {"b": ["c"]}},
    datetime.date(2020, 1, 1), datetime.datetime(2020, 1, 1, 12, tzinfo=datetime.UTC),
]  # fmt: skip
N_OF_EACH = 80
DEFINITIONS = [definitions.find("datasets", name) for name in zoo.data.datasets()]
DEFINITIONS += [definitions.find("benchmarks", name) for name in suites()]


def as_toml(value):
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(k)} = {as_toml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(as_toml, value)) + "]"
    if isinstance(value, (datetime.date, datetime.datetime)):
        return value.isoformat()
    if isinstance(value, float):
        return str(value)
    return json.dumps(value)


def tables(value):
    """Yield every table and list within a definition."""
    if isinstance(value, (dict, list)):
        yield value
        for inner in value.values() if isinstance(value, dict) else value:
            yield from tables(inner)


def mutate(raw, rng):
    table = rng.choice([one for one in tables(raw) if one])
    key = rng.choice(list(table) if isinstance(table, dict) else range(len(table)))
    match rng.randrange(5):
        case 0:
            del table[key]
        case 1 if isinstance(table, dict):
            table[rng.choice([f"{key}s", "odd key\n"])] = table.pop(key)
        case 2:
            table[key] = {"inner": table[key]}
        case 3:
            table[key] = [table[key]]
        case _:
            table[key] = copy.deepcopy(rng.choice(VALUES))


@pytest.mark.parametrize("path", DEFINITIONS, ids=lambda path: path.stem)
def test_a_mutated_definition_is_read_or_refused_in_one_line_that_names_the_file(path, tmp_path):
    rng, raw = random.Random(path.stem), tomllib.loads(path.read_text())
    mutated, refused = tmp_path / path.name, 0
    for _ in range(N_OF_EACH):
        changed = copy.deepcopy(raw)
        mutate(changed, rng)
        mutated.write_text(
            "\n".join(f"{json.dumps(key)} = {as_toml(value)}" for key, value in changed.items())
        )
        try:
            if path.parent.name == "datasets":
                read_card(mutated)
            else:
                make_plan(load_suite(path.stem, [tmp_path]))
        except ZooError as error:
            refused += 1
            assert "\n" not in str(error)
            assert len(str(error)) < 700
    assert refused > N_OF_EACH / 4


def test_a_mutated_record_is_read_or_left_out_in_one_line_that_names_file_and_line(tmp_path):
    rng, left_out = random.Random(0), 0
    lines = (ROOT / "results" / "quick" / "cells.jsonl").read_text().splitlines()[:60]
    for line in lines * 10:
        record = json.loads(line)
        mutate(record, rng)
        try:
            text = json.dumps(record)
        except (TypeError, ValueError):  # a date, or more digits than JSON readers take
            continue
        (tmp_path / "cells.jsonl").write_text(text + "\n")
        results = read(tmp_path)
        cell_frame(current_cells(results.cells))
        for warning in results.warnings():
            left_out += 1
            assert warning.startswith(f"{tmp_path / 'cells.jsonl'}, line 1: ")
            assert "\n" not in warning
    assert left_out > 100
