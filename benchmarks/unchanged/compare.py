"""Checks that a change of structure changed nothing that users see.

    python benchmarks/unchanged/compare.py REVISION [--model NAME ...]

Runs `facts.py` in a checkout of REVISION and in the working tree, on this machine, and compares:

- the predictions of every model and task on a small fixed table, to the last bit;
- every command, its flags and its exit codes for unusable arguments;
- the public names of the package;
- the cells that `zoo bench quick` would still measure in a copy of results/quick.

Prints one line a difference. Exit code 0 if there is none, 1 otherwise.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
FACTS = Path(__file__).with_name("facts.py")


def facts(tree: Path, out: Path, models: list[str]) -> dict:
    command = [sys.executable, str(FACTS), str(out), *models]
    environment = os.environ | {"PYTHONPATH": str(tree), "TF_CPP_MIN_LOG_LEVEL": "3"}
    subprocess.run(command, cwd=tree, env=environment, check=True)
    return json.loads(out.read_text(encoding="utf-8"))


def differences(before: dict, after: dict, path: str = "") -> list[str]:
    lines = []
    for key in sorted(before.keys() | after.keys()):
        old, new = before.get(key), after.get(key)
        if isinstance(old, dict) and isinstance(new, dict):
            lines += differences(old, new, f"{path}{key} ")
        elif old != new:
            lines.append(f"{path}{key}: {old} before, {new} after")
    return lines


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("revision", help="the commit to compare with, e.g. main or HEAD~3")
    parser.add_argument("--model", nargs="*", default=[], help="only these models")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        git = ["git", "-C", str(ROOT), "worktree"]
        subprocess.run([*git, "add", "-q", "--detach", str(tree), options.revision], check=True)
        try:
            before = facts(tree, Path(folder) / "before.json", options.model)
        finally:
            subprocess.run([*git, "remove", "--force", str(tree)], check=True)
        after = facts(ROOT, Path(folder) / "after.json", options.model)
    lines = differences(before, after)
    print("\n".join(lines) if lines else f"no difference in {len(before['predictions'])} fits")
    return int(bool(lines))


if __name__ == "__main__":
    sys.exit(main())
