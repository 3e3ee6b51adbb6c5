"""Mutations of saved models: one changed part, with digests that are right again."""

import contextlib
import copy
import hashlib
import io
import json
import re
import zipfile

import numpy as np

__all__ = ["mutated", "packed", "signed"]

VALUES = [
    None, True, False, -1, 0, 1, 2, 3, 7, 255, 256, 4097, 65535, 10**6, 2**31 - 1, 2**31, 2**32,
    2**63, -(2**31), 10**18, 0.5, 1e-320, 1e38, 1e39, 1e300, -1e308, "", "x", "0", "-1", "999",
    "65535", "0_1", "1e5", "nan", "\ud800", "é\n", [], {}, [[]], [0], {"dict": []}, {"tuple": []},
    {"float": "nan"}, {"float": "inf"}, {"objects": [1, None]}, {"dict": [["a", 1]]}, [1] * 1000,
]  # fmt: skip
NUMBERS = [
    0, 1, -1, 2, 3, 255, 256, 2**31 - 1, -(2**31), 2**62, 1e-320, 1e38, -1e38, 1e300, np.nan,
    np.inf, -np.inf,
]  # fmt: skip
DTYPES = ["<i4", "<i8", "<u4", "u1", "i1", "<f4", "<f8", ">f8", ">i8", "?", "<U3", "S3", "<M8[s]"]
TEXTS = [
    "0", "1", "-1", "2", "31", "99999", "2147483647", "-2147483648", "4294967296", "nan", "inf",
    "1e999", "0x10", "x", "", "1_0", "1.5", "1 2", "-0", "1e-400",
]  # fmt: skip


def packed(members):
    """Return the bytes of a file with these members."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return stream.getvalue()


def signed(members):
    """Return the members with digests in the header that are right."""
    members = dict(members)
    header = json.loads(members.pop("model.json"))
    if isinstance(header, dict):
        header["members"] = {key: hashlib.sha256(data).hexdigest() for key, data in members.items()}
    return {"model.json": json.dumps(header).encode(), **members}


def mutated(members, rng):
    """Return what was changed, and the bytes of a file with one to three changes."""
    members, said = dict(members), []
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        kinds = ["header", "header"]
        kinds += ["array"] * 3 * any(name.endswith(".npy") for name in members)
        kinds += ["library"] * 5 * any(name.startswith("library/") for name in members)
        kinds += ["table"] * 6 * ("table.json" in members)
        kind = rng.choice(kinds)
        # what an earlier change broke cannot be changed with sense again
        with contextlib.suppress(Exception):
            said.append(f"{kind}: {_CHANGES[kind](members, rng)}")
    data = packed(signed(members))
    if rng.random() < 0.03:
        said.append("bytes of the file")
        data = _bytes(data, rng)
    return "; ".join(said), data


def _header(members, rng):
    header = json.loads(members["model.json"])
    part = rng.choice(["params", "state", "state", "state", "all"])
    said = _json(header if part == "all" else header[part], rng, members)
    members["model.json"] = json.dumps(header).encode()
    return f"{part} {said}"


def _json(node, rng, members=()):
    """Change one place of plain data in place; return the path and what was done."""
    path = []
    while True:
        keys = list(node) if isinstance(node, dict) else list(range(len(node)))
        if not keys:
            if isinstance(node, list):
                node.append(_value(rng, members))
            else:
                node["x"] = _value(rng, members)
            return f"{path}: added"
        key = keys[int(rng.integers(len(keys)))]
        path.append(key)
        inner = node[key]
        if not isinstance(inner, dict | list) or rng.random() < 0.12:
            return f"{path}: {_place(node, key, rng, members)}"
        node = inner


def _place(node, key, rng, members):
    """Change what a dict or list has at a key."""
    old, how = node[key], rng.integers(10)
    if how == 0:
        del node[key]
        return "deleted"
    if how == 1 and isinstance(node, list):
        node.insert(key, copy.deepcopy(old))
        return "doubled"
    if how == 2 and isinstance(node, list):
        other = int(rng.integers(len(node)))
        node[key], node[other] = node[other], old
        return "swapped"
    if how == 3 and isinstance(node, dict):
        node[f"{key}x"] = node.pop(key)
        return "renamed"
    if how <= 6 and isinstance(old, int | float) and not isinstance(old, bool):
        node[key] = rng.choice([old + 1, old - 1, -old, old * 2, old * 1000])
        if isinstance(old, int):
            node[key] = int(node[key])
    else:
        node[key] = _value(rng, members)
    return f"{str(old)[:30]!r} to {str(node[key])[:30]!r}"


def _value(rng, members):
    if members and rng.random() < 0.1:
        return {"array": list(members)[int(rng.integers(len(members)))]}
    return copy.deepcopy(VALUES[int(rng.integers(len(VALUES)))])


def _array(members, rng):
    names = [name for name in members if name.endswith(".npy")]
    name = names[int(rng.integers(len(names)))]
    array = np.load(io.BytesIO(members[name]), allow_pickle=False)
    how = rng.choice(
        ["value", "value", "value", "shape", "dtype", "bytes", "other", "cut", "claim"]
    )
    if how == "bytes":
        members[name] = _bytes(members[name], rng)
    elif how == "other":
        members[name] = members[names[int(rng.integers(len(names)))]]
    elif how == "cut":
        members[name] = members[name][: int(rng.integers(len(members[name])))]
    elif how == "claim":
        stream = io.BytesIO()
        shape = tuple(int(rng.choice([0, 1, 2, 10**6, 2**40])) for _ in range(array.ndim))
        said = {"descr": array.dtype.str, "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(stream, said)
        members[name] = stream.getvalue()
    else:
        changes = {"value": _number, "shape": _shape, "dtype": _dtype}
        stream = io.BytesIO()
        with np.errstate(all="ignore"):
            np.save(stream, changes[how](array, rng), allow_pickle=False)
        members[name] = stream.getvalue()
    return f"{name} {how}"


def _number(array, rng):
    flat = array.copy().ravel()
    if not flat.size:
        return array
    where = int(rng.integers(flat.size))
    how = rng.integers(4)
    if how == 0:
        flat[where] = flat[int(rng.integers(flat.size))]
    elif how == 1 and flat.dtype.kind in "if":
        flat[where] += rng.choice([-1, 1])
    elif how == 2:
        rng.shuffle(flat)
    elif flat.dtype.kind in "iufb":
        value = np.float64(NUMBERS[int(rng.integers(len(NUMBERS)))])
        flat[where if rng.random() < 0.7 else slice(None)] = value.astype(flat.dtype)
    return flat.reshape(array.shape)


def _shape(array, rng):
    flat = array.ravel()
    choices = [array[None], flat, flat[:-1], array.T, np.repeat(array[..., None], 2, axis=-1)]
    if array.ndim:
        choices += [np.concatenate([array, array]), array[..., :-1], array[:0], flat[:1].sum()]
    return np.asarray(choices[int(rng.integers(len(choices)))])


def _dtype(array, rng):
    dtype = DTYPES[int(rng.integers(len(DTYPES)))]
    try:
        return array.astype(dtype)
    except (TypeError, ValueError):
        return np.zeros(array.shape, dtype)


def _bytes(data, rng):
    changed = bytearray(data)
    for _ in range(int(rng.integers(1, 5))):
        if changed:
            changed[int(rng.integers(len(changed)))] = int(rng.integers(256))
    return bytes(changed)


def _library(members, rng):
    names = [name for name in members if name.startswith("library/")]
    name = names[int(rng.integers(len(names)))]
    if rng.random() < 0.05:
        members[name] = _bytes(members[name], rng)
        return "bytes"
    if members[name][:1] == b"{":
        model = json.loads(members[name])
        start = model
        if rng.random() < 0.7:
            trees = model["learner"]["gradient_booster"]["model"]["trees"]
            start = trees[int(rng.integers(len(trees)))] if trees else model
        said = _json(start, rng)
        members[name] = json.dumps(model).encode()
        return f"json {said}"
    text, said = _lines(members[name].decode(errors="replace"), rng)
    members[name] = text.encode(errors="replace")
    return f"text {said}"


def _lines(text, rng):
    """Change a line of LightGBM's text; sizes of trees are made right again."""
    head, *trees = re.split(r"(?m)^(?=Tree=)", text)
    parts = [head, *trees]
    which = int(rng.integers(len(parts))) if rng.random() < 0.75 else 0
    lines = parts[which].split("\n")
    where = int(rng.integers(len(lines)))
    name, _, value = lines[where].partition("=")
    how = rng.choice(["token", "token", "token", "drop", "double", "line", "swap", "empty", "name"])
    tokens = value.split(" ")
    token = int(rng.integers(len(tokens)))
    if how == "token":
        tokens[token] = TEXTS[int(rng.integers(len(TEXTS)))]
    elif how == "drop":
        del tokens[token]
    elif how == "double":
        tokens.insert(token, tokens[token])
    elif how == "empty":
        tokens = []
    lines[where] = f"{name}={' '.join(tokens)}" if value else TEXTS[int(rng.integers(len(TEXTS)))]
    if how == "line":
        lines.insert(int(rng.integers(len(lines))), lines[where])
    elif how == "swap":
        other = int(rng.integers(len(lines)))
        lines[where], lines[other] = lines[other], lines[where]
    elif how == "name":
        lines[where] = lines[where].replace(name, f"{name}x", 1)
    parts[which] = "\n".join(lines)
    sizes = " ".join(str(len(tree.partition("end of trees\n")[0])) for tree in parts[1:])
    if rng.random() < 0.95:
        parts[0] = re.sub(r"(?m)^tree_sizes=.*$", f"tree_sizes={sizes}", parts[0])
    return "".join(parts), f"{name} {how}"


def _table(members, rng):
    table = json.loads(members["table.json"])
    said = _json(table["transform"] if rng.random() < 0.9 else table, rng)
    members["table.json"] = json.dumps(table).encode()
    return said


_CHANGES = {"header": _header, "array": _array, "library": _library, "table": _table}
