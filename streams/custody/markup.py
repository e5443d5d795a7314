"""Writes HTML elements with escaped text: names, reasons and details come from outside."""

from collections.abc import Iterable, Sequence
from html import escape

from infra.escaping import escaped


class Markup(str):
    """HTML that is finished: its texts are escaped."""


Content = str | Markup


def text(content: object) -> Markup:
    """A text as HTML; control characters are shown, as in the terminal."""
    if isinstance(content, Markup):
        return content
    return Markup(escape(escaped(str(content), keep_lines=True), quote=True))


def element(name: str, *content: object, **attributes: str) -> Markup:
    """An element with escaped content; `class_` is the attribute class."""
    words = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{text(value)}"' for key, value in attributes.items()
    )
    return Markup(f"<{name}{words}>{joined(content)}</{name}>")


def joined(content: Iterable[object]) -> Markup:
    """Several texts or elements, one after the other."""
    return Markup("".join(text(one) for one in content))


def definitions(pairs: Iterable[tuple[str, object]]) -> Markup:
    """Names and values."""
    return element("dl", *(joined((element("dt", n), element("dd", v))) for n, v in pairs))


def table(
    caption: str,
    heads: Sequence[str],
    rows: Iterable[Sequence[object]],
    classes: Sequence[str] = (),
) -> Markup:
    """A table with a caption; it scrolls by itself on a narrow screen, also by keyboard."""
    kinds = [*classes, *[""] * (len(heads) - len(classes))]
    head = element(
        "tr", *(_cell("th", one, kind, scope="col") for one, kind in zip(heads, kinds, strict=True))
    )
    body = [
        element("tr", *(_cell("td", *one) for one in zip(row, kinds, strict=True))) for row in rows
    ]
    return element(
        "div",
        element(
            "table",
            element("caption", caption),
            element("thead", head),
            element("tbody", *body),
        ),
        class_="wide",
        tabindex="0",
        role="region",
        aria_label=caption,
    )


def _cell(name: str, content: object, kind: str, **attributes: str) -> Markup:
    return element(name, content, **({"class_": kind} if kind else {}), **attributes)


def section(number: int, title: str, *content: object) -> Markup:
    """A numbered section with a heading."""
    name = f"section-{number}"
    heading = element("h2", f"{number}. {title}", id=name)
    return element("section", heading, *content, aria_labelledby=name)


def document(title: str, style: str, *content: object) -> str:
    """A complete page without anything from outside."""
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{text(title)}</title>\n<style>\n{style}</style>\n</head>\n"
        f"<body>\n{joined(content)}\n</body>\n</html>\n"
    )
