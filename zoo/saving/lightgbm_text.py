"""LightGBM's text, read into a structure by its own rules and written anew from it.

The library skips what it does not know, takes the first numbers of a line and follows them, so that
a changed file can end the process. It gets text in which every line was read and checked here.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.saving.sizes import MAX_CATEGORIES, Sizes, check_branches, check_unless

__all__ = ["checked_lightgbm"]

_HEADER = (
    "version", "num_class", "num_tree_per_iteration", "label_index", "max_feature_idx", "objective",
    "feature_names", "feature_infos", "tree_sizes",
)  # fmt: skip
_INNER = {  # lists of a tree with an item for each inner node, and the form of an item
    "split_feature": "whole", "split_gain": "bound", "threshold": "bound",
    "decision_type": "whole", "left_child": "whole", "right_child": "whole",
    "internal_value": "number", "internal_weight": "number", "internal_count": "whole",
}  # fmt: skip
_LEAVES = {"leaf_value": "number", "leaf_weight": "number", "leaf_count": "whole"}
_BEFORE = ("split_feature", "split_gain", "threshold", "decision_type", "left_child", "right_child")
_AFTER = ("internal_value", "internal_weight", "internal_count")
_NUMBER = r"-?[0-9]{1,400}(?:\.[0-9]{1,400})?(?:e[+-]?[0-9]{1,3})?"
_FORMS = {
    "whole": re.compile(r"-?[0-9]{1,10}"),
    "number": re.compile(_NUMBER),
    "bound": re.compile(rf"{_NUMBER}|-?inf"),  # where only missing values go to one side
    "info": re.compile(rf"none|\[{_NUMBER}:{_NUMBER}\]|-?[0-9]{{1,5}}(?::-?[0-9]{{1,5}})*"),
}
_LARGEST = 1e300  # of a number
# what follows the trees is for people; the library wants the marks
_END = (
    "end of trees\n\nfeature_importances:\n\nparameters:\n\nend of parameters\n\n"
    "pandas_categorical:null\n"
)


def checked_lightgbm(data: bytes, max_leaves: int, sizes: Sizes) -> str:
    """Return a model in LightGBM's text, written anew from its checked parts.

    Raises
    ------
    ValueError, KeyError
        If a part is missing, unknown, or does not fit the others or the columns and classes.
    """
    text = data.decode("ascii")
    body, mark, _ = text.partition("\nend of trees\n")
    check_unless(bool(mark) and body.startswith("tree\n"), "trees and end")
    head, *blocks = re.split(r"(?m)^(?=Tree=)", f"{body}\n".removeprefix("tree\n"))
    header = _lines(head)
    n_groups = sizes.n_classes if sizes.n_classes > 2 else 1
    _check_header(header, n_groups, sizes)
    check_unless(len(blocks) > 0 and len(blocks) % n_groups == 0, "trees and classes")
    trees = [_tree(block, number, max_leaves, sizes) for number, block in enumerate(blocks)]
    header["tree_sizes"] = " ".join(str(len(tree)) for tree in trees)
    lines = [f"{name}={header[name]}" for name in _HEADER]
    return "\n".join(["tree", *lines, "", "".join(trees) + _END])


def _lines(block: str) -> dict[str, str]:
    """Return the lines ``name=value`` of a block by name."""
    pairs = [line.partition("=")[::2] for line in block.split("\n") if line]
    found = dict(pairs)
    check_unless(len(found) == len(pairs), "lines and names that come twice")
    return found


def _check_header(header: dict[str, str], n_groups: int, sizes: Sizes) -> None:
    """Check the lines before the trees."""
    check_unless(tuple(header) == _HEADER, "lines and names")
    objective = "regression"
    if sizes.n_classes:
        objective = f"multiclass num_class:{n_groups}" if n_groups > 1 else "binary sigmoid:1"
    expected = {
        "version": "v4",
        "num_class": str(n_groups),
        "num_tree_per_iteration": str(n_groups),
        "label_index": "0",
        "max_feature_idx": str(sizes.n_columns - 1),
        "objective": objective,
        "feature_names": " ".join(f"Column_{i}" for i in range(sizes.n_columns)),
    }
    check_unless(
        all(header[name] == value for name, value in expected.items()),
        "objective, columns and classes",
    )
    _items(header["feature_infos"], sizes.n_columns, "info")


def _items(line: str, n: int, form: str) -> list[str]:
    """Return the n items of a line."""
    items = line.split(" ") if line else []
    fits = _FORMS[form].fullmatch
    check_unless(
        len(items) == n and all(fits(item) is not None for item in items), "a tree's lists"
    )
    return items


def _whole(items: list[str], low: int, high: int, what: str) -> NDArray[np.int64]:
    """Return items as integers from low to high."""
    numbers = np.array(items, np.int64)
    check_unless(bool(((numbers >= low) & (numbers <= high)).all()), what)
    return numbers


def _whole_line(line: str, low: int, high: int, what: str) -> int:
    return int(_whole(_items(line, 1, "whole"), low, high, what)[0])


def _tree(block: str, number: int, max_leaves: int, sizes: Sizes) -> str:
    """Return one tree's text, written anew from its checked lines.

    The library measures depth by calls of a function in itself: leaves are bounded.
    """
    lines = _lines(block)
    check_unless(lines.pop("Tree", "") == str(number), "trees and their numbers")
    n_leaves = _whole_line(lines["num_leaves"], 1, max_leaves, "a tree's leaves")
    n_sets = _whole_line(lines["num_cat"], 0, n_leaves - 1, "a tree's sets of categories")
    names = ["num_leaves", "num_cat", *_BEFORE, *_LEAVES, *_AFTER]
    names += ["cat_boundaries", "cat_threshold"] * (n_sets > 0) + ["is_linear", "shrinkage"]
    check_unless(list(lines) == names, "lines and names")
    parts: dict[str, list[str]] = {}
    for name, form in {**_INNER, **_LEAVES}.items():
        n = n_leaves - 1 if name in _INNER else n_leaves
        if n_leaves == 1 and name in {"leaf_weight", "leaf_count"} and not lines[name]:
            n = 0  # the library may leave them out
        parts[name] = _items(lines[name], n, form)
        if form == "number":
            _check_numbers(parts[name])
    check_unless(lines["is_linear"] == "0", "a tree's leaves")
    _check_numbers(_items(lines["shrinkage"], 1, "number"))
    _check_structure(parts, n_leaves, sizes)
    _check_sets(lines, parts, n_sets, sizes)
    written = "".join(f"{name}={lines[name]}\n" for name in names)
    return f"Tree={number}\n{written}\n\n"


def _check_numbers(items: list[str]) -> None:
    numbers = np.array(items, np.float64)
    check_unless(bool((np.abs(numbers) <= _LARGEST).all()), "a tree's numbers")


def _check_structure(parts: dict[str, Any], n_leaves: int, sizes: Sizes) -> None:
    """Check branches and columns of a tree."""
    n_inner, what = n_leaves - 1, "a tree's branches and columns"
    children = np.stack(
        [_whole(parts[f"{side}_child"], -n_leaves, n_inner - 1, what) for side in ("left", "right")]
    )
    # a leaf is written as ~number; here, leaves are numbered after the inner nodes
    left, right = np.where(children < 0, n_inner + ~children, children)
    n_nodes = n_inner + n_leaves
    padding = np.zeros(n_leaves, np.int64)
    check_branches(
        np.array([0]),
        np.array([n_nodes]),
        np.concatenate([left, padding]),
        np.concatenate([right, padding]),
        np.arange(n_nodes) < n_inner,
    )
    for name in ("internal_count", "leaf_count"):
        _whole(parts[name], 0, 2**31 - 1, "a tree's counts")


def _check_sets(lines: dict[str, str], parts: dict[str, Any], n_sets: int, sizes: Sizes) -> None:
    """Check on which columns a tree splits, how, and its sets of categories."""
    what = "a tree's sets of categories"
    features = _whole(parts["split_feature"], 0, sizes.n_columns - 1, what)
    kinds = _whole(parts["decision_type"], 0, 11, what)  # bits: categories, missing left, which
    is_set = kinds & 1 == 1
    check_unless(np.array_equal(is_set, sizes.is_categorical[features]), what)
    chosen = [parts["threshold"][i] for i in np.flatnonzero(is_set)]
    check_unless(all(_FORMS["whole"].fullmatch(item) is not None for item in chosen), what)
    numbers = _whole(chosen, 0, max(0, n_sets - 1), what)
    check_unless(np.array_equal(np.sort(numbers), np.arange(n_sets)), what)
    if n_sets:
        words = lines["cat_threshold"].count(" ") + 1
        _whole(_items(lines["cat_threshold"], words, "whole"), 0, 2**32 - 1, what)
        bounds = _whole(_items(lines["cat_boundaries"], n_sets + 1, "whole"), 0, words, what)
        lengths = np.diff(bounds)
        longest = MAX_CATEGORIES // 32 + 1
        check_unless(
            bounds[0] == 0
            and bounds[-1] == words
            and bool(((lengths > 0) & (lengths <= longest)).all()),
            what,
        )
