"""Small XML: every closing tag names the element that was opened last."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from ecco_widgets.models.demo.lexicon._text import words
from ecco_widgets.models.demo.lexicon.people import FIRST_NAMES
from ecco_widgets.models.demo.lexicon.places import CITIES, COUNTRIES
from ecco_widgets.models.demo.patterns.holdout import Probe, is_held_out

__all__ = ["TAGS", "Element", "document", "is_excluded", "probes", "render", "tree"]

TAGS: tuple[str, ...] = words(
    """
    library book title author year note list item name person place country price order date page chapter
    letter address street number shop house room garden tree song music story text head body row cell table
    menu color size user group message file folder image link node root data value key set map point line box
    """
)
_WORDS = words(
    "red blue green old new small large good yes no north south east west one two three first last open closed"
)


@dataclass
class Element:
    """An element of a document: its tag, and either text or children."""

    tag: str
    text: str = ""
    children: list[Element] = field(default_factory=list)


def is_excluded(parent: str, child: str) -> bool:
    """Says whether training must not nest this child directly in this parent."""
    return is_held_out("markup", parent, child)


def tree(rng: random.Random, depth: int, *, held_out: bool = False, tag: str | None = None) -> Element:
    """Draws an element.

    Args:
        rng: Source of randomness.
        depth: How many levels may lie below it.
        held_out: Nest only pairs that are kept from training; only pairs that are not, if False.
        tag: Tag of the element itself; any if None.

    Returns:
        The element with all that is in it.
    """
    element = Element(tag or rng.choice(TAGS))
    if depth == 0 or (tag is not None and rng.random() < 0.3):
        element.text = _text(rng)
        return element
    allowed = [child for child in TAGS if is_excluded(element.tag, child) == held_out]
    if not allowed:
        element.text = _text(rng)
        return element
    element.children = [
        tree(rng, depth - 1, held_out=held_out, tag=rng.choice(allowed)) for _ in range(rng.choice((1, 1, 1, 2, 3)))
    ]
    return element


def _text(rng: random.Random) -> str:
    roll = rng.random()
    if roll < 0.3:
        return str(rng.randint(1, 200))
    if roll < 0.5:
        return rng.choice(FIRST_NAMES)
    if roll < 0.7:
        return rng.choice(rng.choice((*CITIES.values(), *COUNTRIES.values())))
    return " ".join(rng.choices(_WORDS, k=rng.randint(1, 3)))


def render(element: Element, indent: int | None, level: int = 0) -> str:
    """Writes an element as text.

    Args:
        element: The element.
        indent: Spaces by which each level is indented, one element a line; all on one line if None.
        level: How deep the element itself lies.

    Returns:
        The text.
    """
    if not element.children:
        return f"<{element.tag}>{element.text}</{element.tag}>"
    if indent is None:
        return f"<{element.tag}>" + "".join(render(child, None) for child in element.children) + f"</{element.tag}>"
    inside = "\n" + " " * (indent * (level + 1))
    body = "".join(inside + render(child, indent, level + 1) for child in element.children)
    return f"<{element.tag}>{body}\n{' ' * (indent * level)}</{element.tag}>"


def document(rng: random.Random) -> str:
    """One training document: an element with up to three levels below it."""
    return render(tree(rng, rng.choice((1, 1, 1, 2, 2, 3))), rng.choice((None, 2)))


def probes(rng: random.Random) -> Iterator[Probe]:
    """Endless prompts that stop after ``</`` in documents made of held-out nestings only. Task: ``closing_tag``."""
    while True:
        root = tree(rng, rng.choice((1, 2, 3)), held_out=True)
        text = render(root, rng.choice((None, 2)))
        closings = [index for index in range(len(text)) if text.startswith("</", index)]
        cut = rng.choice(closings) + 2
        yield Probe("closing_tag", text[:cut], text[cut : text.index(">", cut)])
