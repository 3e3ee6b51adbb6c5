"""A worker process: reads jobs as JSON lines, measures each, answers with JSON lines.

It is started as ``python -m zoo.bench.worker`` by `zoo.bench.pool`. Answers go to the stream that
was its standard output; whatever a library prints goes to its standard error.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
import warnings
from pathlib import Path
from typing import IO, Any


def _follow_parent(parent: int) -> None:
    """End this process when the one that started it is gone, even in the middle of a fit."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


def _reason(error: BaseException) -> str:
    said = " ".join(str(error).split())
    return f"{type(error).__name__}: {said}"[:500]


def _answer(job: dict[str, Any], out: IO[str]) -> dict[str, Any]:
    from zoo.bench.cell import run_cell
    from zoo.errors import DataError, MissingExtraError

    def began() -> None:
        out.write('{"began":true}\n')
        out.flush()

    try:
        return run_cell(
            job["key"],
            tuple(job["metrics"]),
            threads=job["threads"],
            folders=tuple(Path(folder) for folder in job["folders"]),
            began=began,
        )
    except MemoryError as error:
        return {"status": "out_of_memory", "reason": _reason(error)}
    except (DataError, MissingExtraError) as error:
        return {"status": "failed", "reason": _reason(error), "has_no_data": True}
    except Exception as error:  # noqa: BLE001 (whatever a model raises is a failed cell)
        return {"status": "failed", "reason": _reason(error)}


def main() -> None:
    """Serve jobs until standard input ends."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    threading.Thread(target=_follow_parent, args=(os.getppid(),), daemon=True).start()
    warnings.simplefilter("ignore")
    for line in sys.stdin:
        answer = _answer(json.loads(line), out)
        out.write(json.dumps(answer) + "\n")
        out.flush()


if __name__ == "__main__":
    main()
