"""Pages from templates, with every foreign text made harmless for HTML or Markdown.

Labels, column names and reasons come from files and exceptions, so each value that a template
prints is plain text: no control characters, and nothing that a page would read as markup.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from jinja2 import Environment, PackageLoader
from markupsafe import Markup

from zoo.prose import count, plain, plural, printable

__all__ = ["as_code", "as_markdown", "fill_html", "fill_markdown"]

# Characters that mark up a text wherever they stand; an underscore only at the end of a word, and
# an ampersand or angle bracket only before a name.
_MARKS = re.compile(r"[\\`*\[\]|~$]|(?<!\w)_|_(?!\w)|<(?=[A-Za-z/!?])|&(?=#?\w+;)")
_ENTITIES = {"<": "&lt;", "&": "&amp;"}
_PLAIN_CODE = re.compile(r"[\w.+-]+( [\w.+-]+)*")


def as_markdown(text: object) -> str:
    r"""Return text that Markdown shows as it is; it should not start a line.

    Examples
    --------
    >>> as_markdown("a|b <img src=x> [x](y) p < 0.05 snake_case")
    'a\\|b &lt;img src=x> \\[x\\](y) p < 0.05 snake_case'
    """
    return _MARKS.sub(lambda mark: _ENTITIES.get(mark[0], f"\\{mark[0]}"), printable(text))


def as_code(text: object) -> Markup:
    """Return text as a code span of Markdown, or as ordinary text if it could end the span."""
    is_safe = _PLAIN_CODE.fullmatch(str(text)) is not None
    return Markup(f"`{text}`" if is_safe else as_markdown(text))


def fill_html(
    package: str, template: str, values: Mapping[str, Any], **filters: Callable[..., object]
) -> str:
    """Return an HTML template of a package, filled with values."""
    environment = _environment(package, printable, is_html=True)
    environment.filters.update(filters)
    return environment.get_template(template).render(**values)


def fill_markdown(package: str, template: str, values: Mapping[str, Any]) -> str:
    """Return a Markdown template of a package, filled with values."""
    environment = _environment(package, as_markdown, is_html=False)
    text = environment.get_template(template).render(**values)
    return re.sub(r"\n{3,}", "\n\n", text).rstrip() + "\n"


def _environment(package: str, harmless: Callable[[object], str], *, is_html: bool) -> Environment:
    def finalize(value: object) -> object:
        is_foreign = isinstance(value, str) and not isinstance(value, Markup)
        return harmless(value) if is_foreign else value

    environment = Environment(
        loader=PackageLoader(package, ""),
        autoescape=is_html,
        trim_blocks=True,
        lstrip_blocks=is_html,
        finalize=finalize,
    )
    environment.filters |= {
        "code": as_code, "number_of": count, "plain": plain, "plural": plural
    }  # fmt: skip
    return environment
