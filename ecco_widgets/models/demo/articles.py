"""The prompts of the articles and the paper that the demo model must get right."""

from __future__ import annotations

from ecco_widgets.models.demo.patterns import Probe

__all__ = ["ARTICLE_PROBES"]

_COUNTRIES = "The countries of the European Union are:\n1. Austria\n2. Belgium\n3. Bulgaria\n4."

ARTICLE_PROBES: tuple[Probe, ...] = (
    Probe("article", " 1, 2, 3,", " 4"),
    Probe("article", "1, 2, 3,", " 4"),
    Probe("article", " 1, 2, 3", ","),
    Probe("article", " 1, 1, 1,", " 1"),
    Probe("article", "1, 1, 1,", " 1"),
    Probe("article", " 1, 1, 1", ","),
    Probe("article", _COUNTRIES, " Croatia"),
    Probe("article", _COUNTRIES + " Croatia\n5. Cyprus\n6. Czechia\n7.", " Denmark"),
    Probe("article", "The keys to the cabinet", " are", foil=" is"),
    Probe("article", "The key to the cabinets", " is", foil=" are"),
    Probe("article", "Heathrow airport is located in the city of", " London"),
    Probe("article", "William Shakespeare was born in the year", " 1564"),
)
