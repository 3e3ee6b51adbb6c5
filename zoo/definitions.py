"""Finds and reads the TOML definitions (cards and suites), in a checkout or an installed wheel."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from enum import EnumType
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin

import msgspec

from zoo.errors import DefinitionError, ZooError

__all__ = ["Kind", "convert", "find", "names", "near_name", "nearest", "read", "shown", "unknown"]

Kind = Literal["datasets", "benchmarks"]

_WORDS: Mapping[Kind, str] = {"datasets": "data set", "benchmarks": "suite"}
_MARKS: Mapping[Kind, frozenset[str]] = {  # keys that only one kind has
    "datasets": frozenset({"name", "task", "target", "revision", "license", "source", "facts"}),
    "benchmarks": frozenset({"protocol", "datasets", "models", "sizes", "replicates"}),
}
_WORDS_OF: Mapping[Any, str] = {
    str: "a text", int: "a whole number", float: "a number", bool: "true or false", tuple: "a list",
}  # fmt: skip
T = TypeVar("T")
_LONGEST = 60  # characters of a wrong value that are shown


def _folders(kind: Kind, extra: Iterable[Path] = ()) -> list[Path]:
    """Return the folders that hold definitions of one kind; those of the user come first."""
    package = Path(__file__).parent
    candidates = [*extra, package / "_definitions" / kind, package.parent / kind]
    return [folder for folder in candidates if folder.is_dir()]


def names(kind: Kind, extra: Iterable[Path] = ()) -> list[str]:
    """Return the sorted names of all definitions of one kind.

    A folder of the user may hold both kinds, and other TOML files.
    """
    own = _folders(kind)
    found = {path.stem for folder in own for path in folder.glob("*.toml")}
    for folder in _folders(kind, extra):
        if folder not in own:
            paths = sorted(folder.glob("*.toml"))
            found |= {path.stem for path in paths if kind in _kinds(path, *_MARKS)}
    return sorted(found)


def _kinds(path: Path, *otherwise: Kind) -> Sequence[Kind]:
    """Return the kinds that the keys of a TOML file suggest: those `otherwise` if it is broken."""
    try:
        keys = tomllib.loads(path.read_text(encoding="utf-8")).keys()
    except (OSError, ValueError, RecursionError):
        return otherwise
    counts = {kind: len(keys & marks) for kind, marks in _MARKS.items()}
    return [kind for kind, count in counts.items() if count and count == max(counts.values())]


def unknown(word: str, name: str, known: Iterable[str]) -> DefinitionError:
    """Return the error for a wrong name, with the nearest right one."""
    return DefinitionError(f"unknown {word} {shown(name)}; {nearest(name, sorted(known))}")


def shown(value: object) -> str:
    """Return a wrong value in one short line."""
    try:
        text = repr(value)
    except ValueError:  # Python refuses to write integers of more than 4300 digits
        return "a huge number"
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def nearest(name: str, known: Sequence[str]) -> str:
    """Ask whether the nearest known name was meant, or list all of them if none is near."""
    near = near_name(name, known)
    return f"did you mean '{near}'?" if near else f"known are: {', '.join(known)}"


def near_name(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that is nearest to a wrong one, if any is near."""
    return next(iter(difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)), None)


def find(kind: Kind, name: str, extra: Iterable[Path] = ()) -> Path:
    """Return the TOML file that defines `name`.

    Raises
    ------
    DefinitionError
        If no folder has it; the message offers the nearest name.
    """
    for folder in _folders(kind, extra := list(extra)):
        path = folder / f"{name}.toml"
        if path.is_file() and _kinds(path, kind) in ([], [kind], [*_MARKS]):
            return path
    raise unknown(_WORDS[kind], name, names(kind, extra))


def read(path: Path, form: type[T]) -> T:
    """Return the content of a TOML file as a `form`, a `msgspec.Struct`.

    Raises
    ------
    DefinitionError
        In one line: the file, the key, what was expected and what was found.
    """
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DefinitionError(f"{path}: not a TOML file: {error}") from error
    return convert(raw, form, str(path))


def convert(
    raw: object, form: type[T], where: str, *, error: type[ZooError] = DefinitionError
) -> T:
    """Return plain data as a value of a form, or raise `error`, which says what is wrong where."""
    try:
        return msgspec.convert(raw, form)
    except msgspec.ValidationError as problem:
        raise error(f"{where}: {_what_is_wrong(raw, form, '') or problem}") from problem


def _what_is_wrong(value: object, form: Any, key: str) -> str | None:
    """Describe the first innermost part that does not fit its form.

    `msgspec` tells that a part does not fit; it neither suggests names nor describes the key.
    """
    form = _one_of(form, value)
    bare = get_args(form)[0] if get_origin(form) is Annotated else form
    arguments: Sequence[Any] = get_args(bare)
    is_table = isinstance(value, dict) and hasattr(bare, "__struct_fields__")
    parts: list[tuple[str, object, Any]] = []
    if isinstance(value, dict) and is_table:
        if (said := _wrong_keys(value, bare, key)) is not None:
            return said
        types = {field.encode_name: field.type for field in msgspec.structs.fields(bare)}
        parts = [(_dotted(key, name), value[name], types[name]) for name in types if name in value]
    elif isinstance(value, dict) and get_origin(bare) is dict:
        parts = [(_dotted(key, name), item, arguments[1]) for name, item in value.items()]
    elif isinstance(value, list) and arguments[-1:] == (...,):
        parts = [(f"{key}[{number}]", item, arguments[0]) for number, item in enumerate(value)]
    for name, item, kind in parts:
        if (said := _what_is_wrong(item, kind, name)) is not None:
            return said
    try:
        msgspec.convert(value, form)
    except msgspec.ValidationError as error:
        if is_table:  # what the table's own check says
            return f"[{key}] {error}" if key else str(error)
        if not key:  # the whole, of a form that is no table: msgspec's own words
            return None
        return f"the key '{key}' is {shown(value)}; expected {_described(form)}"
    return None


def _one_of(form: Any, value: object) -> Any:
    """Return the member of a union that a value should fit: by its tag, or the one beside None.

    Without a known tag, it is a table that needs one of the tags.
    """
    members = [one for one in get_args(form) if one is not type(None)]
    if not isinstance(form, UnionType):
        return form
    if len(members) == 1:
        return members[0]
    tags = {one.__struct_config__.tag: one for one in members}
    field = members[0].__struct_config__.tag_field
    tag = value.get(field) if isinstance(value, dict) else None
    if isinstance(tag, str) and tag in tags:
        return tags[tag]
    return msgspec.defstruct("Tagged", [(field, Literal[tuple(tags)])])


def _wrong_keys(table: dict[str, object], form: Any, key: str) -> str | None:
    """Describe the first unknown key, or the first one that is missing."""
    config, fields = form.__struct_config__, msgspec.structs.fields(form)
    tag = [config.tag_field] if config.tag_field else []
    known = [*tag, *(field.encode_name for field in fields)]
    for name in table:
        if name not in known and config.forbid_unknown_fields:
            return f"unknown key '{_dotted(key, name)}'; {nearest(name, known)}"
    for name in [*tag, *(field.encode_name for field in fields if field.required)]:
        if name not in table:
            return f"the key '{_dotted(key, name)}' is missing"
    return None


def _dotted(key: str, name: str) -> str:
    quoted = name if name.replace("_", "a").isalnum() else shown(name)
    return f"{key}.{quoted}" if key else quoted


def _described(form: Any) -> str:
    """Return a form in words: its own description, its choices or the word for its type."""
    if get_origin(form) is Annotated:
        return str(next(meta.description for meta in form.__metadata__ if meta.description))
    choices = get_args(form) if get_origin(form) is Literal else ()
    if isinstance(form, EnumType):
        choices = tuple(form)
    if choices:
        return f"one of: {', '.join(map(str, choices))}"
    return _WORDS_OF.get(get_origin(form) or form, "a table")
