"""What a widget shows, for places without a kernel: a page, a picture, a table. Gets plain data and arrays.

``TokenShares`` is a row of attributions as plain data; ``to_svg``, ``to_png`` and ``to_preview`` draw it, ``to_page``
makes a self-contained page of any widget's state, ``to_json`` and ``to_csv`` write numbers, ``write`` writes files.
"""

from ecco_widgets.export.files import CannotSave, write
from ecco_widgets.export.html import to_page
from ecco_widgets.export.png import MissingExtra, NoFonts, to_png
from ecco_widgets.export.preview import to_preview
from ecco_widgets.export.shares import TokenShares
from ecco_widgets.export.svg import to_svg
from ecco_widgets.export.tables import to_csv, to_json

__all__ = [
    "CannotSave",
    "MissingExtra",
    "NoFonts",
    "TokenShares",
    "to_csv",
    "to_json",
    "to_page",
    "to_png",
    "to_preview",
    "to_svg",
    "write",
]
