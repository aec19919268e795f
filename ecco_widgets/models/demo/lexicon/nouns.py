"""Nouns, verbs and adjectives of the agreement pattern, and the nouns that no generated document may contain."""

from __future__ import annotations

from ecco_widgets.models.demo.lexicon._text import words

__all__ = ["ADJECTIVES", "NOUNS", "UNSEEN_NOUNS", "VERBS"]

_REGULAR = """
    key cabinet book table door window chair house garden tree flower river bridge road street letter picture
    painting lamp clock watch bottle glass cup plate spoon fork basket box drawer shelf mirror curtain carpet
    pillow blanket candle lantern rope ladder hammer nail saw wheel cart carriage wagon engine train ship boat
    sail anchor harbor island mountain hill valley forest field meadow farm barn fence gate wall tower castle
    palace temple church school college library museum hospital prison station market shop hotel kitchen
    bedroom corridor stair roof chimney cellar ceiling doctor nurse teacher student lawyer farmer baker sailor
    soldier painter writer singer dancer judge engineer captain carpenter driver gardener banker poet priest
    cook tailor scientist king queen prince princess duke servant guest visitor traveller neighbour friend
    cousin uncle aunt brother sister daughter son boy girl parent dog cat horse cow goat pig duck hen bird
    eagle owl crow lion tiger bear rabbit squirrel frog snake spider bee ant butterfly elephant monkey camel
    donkey song poem story novel chapter page sentence report map plan drawing photograph coin jewel ring
    necklace crown sword shield gun cannon flag drum bell trumpet violin piano guitar coat hat glove shoe boot
    shirt button ribbon apple pear plum cherry orange lemon potato carrot onion cake pie biscuit sandwich egg
    storm cloud star planet rock stone shell bone feather root seed branch problem question answer reason rule
    law promise dream memory idea lesson accident mistake secret message telegram newspaper magazine ticket
    parcel package stamp contract bill tax bank office factory mine mill machine tool computer camera
    telephone radio rocket bicycle motor pipe barrel bucket bench desk stool couch statue fountain monument
    square avenue tunnel canal lake pond stream waterfall desert beach cliff cave volcano
"""

_IRREGULAR = {
    "man": "men",
    "woman": "women",
    "child": "children",
    "knife": "knives",
    "wolf": "wolves",
    "leaf": "leaves",
    "shelf": "shelves",
    "mouse": "mice",
    "goose": "geese",
    "wife": "wives",
}


def _plural(noun: str) -> str:
    if noun in _IRREGULAR:
        return _IRREGULAR[noun]
    if noun.endswith(("s", "sh", "ch", "x")):
        return noun + "es"
    if noun.endswith("y") and noun[-2] not in "aeiou":
        return noun[:-1] + "ies"
    return noun + ("es" if noun in {"potato", "volcano"} else "s")


NOUNS: dict[str, str] = {noun: _plural(noun) for noun in dict.fromkeys([*words(_REGULAR), *_IRREGULAR])}
"""Singular -> plural."""

_UNSEEN = """
    officer citizen nation member whale wave finger arm shoulder knee cheek ear hand step principle measure
    subject object event circumstance difficulty danger fact result effect spirit creature animal passenger
    pirate stranger lover actor character treaty battle player team game album episode season town village
    officer soul lip duty hour voice army enemy court district
"""

UNSEEN_NOUNS: dict[str, str] = {noun: _plural(noun) for noun in words(_UNSEEN)}
"""Singular -> plural of nouns that occur in the natural text and in no generated document: only for the evaluation."""

VERBS: dict[str, tuple[str, str]] = {
    "be": ("is", "are"),
    "be_past": ("was", "were"),
    "have": ("has", "have"),
    "seem": ("seems", "seem"),
    "look": ("looks", "look"),
    "remain": ("remains", "remain"),
    "stand": ("stands", "stand"),
    "come": ("comes", "come"),
    "need": ("needs", "need"),
    "make": ("makes", "make"),
}
"""Verb -> (third person singular, plural)."""

ADJECTIVES: tuple[str, ...] = words(
    """
    old new small large beautiful ugly dark bright heavy light strong weak clean dirty quiet loud famous
    strange young pretty poor rich happy sad cold warm dry wet empty full round broken white black red green
    blue grey tall short good bad fine cheap dear rare common ready safe lost
    """
)
