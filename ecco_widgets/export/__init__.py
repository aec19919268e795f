"""What a widget shows, for places without a kernel: a page, a picture, a table. Gets plain data and arrays.

``TokenShares`` is a row of attributions as plain data; ``to_svg`` and ``to_preview`` draw it. ``FactorsFigure`` is the
picture of factors, for ``to_factors`` and ``factors_preview``. ``TokenTable``, ``Heatmap`` and ``RankLines`` are the
figures of the lens; ``to_token_table``, ``to_heatmap`` and ``to_rank_lines`` draw
them, ``table_preview`` and ``heatmap_preview`` write them as HTML. ``to_png`` makes pixels of any picture, ``to_page``
a self-contained page of any widget's state, ``to_json`` and ``to_csv`` write numbers, ``write`` writes files.
"""

from ecco_widgets.export.factors_preview import factors_preview
from ecco_widgets.export.factors_svg import FactorsFigure, to_factors
from ecco_widgets.export.figure_preview import heatmap_preview, table_preview
from ecco_widgets.export.figures import Caption, Heatmap, RankLines, Scale, TokenTable, nats_scale, rank_scale
from ecco_widgets.export.files import CannotSave, write
from ecco_widgets.export.heatmap_svg import to_heatmap
from ecco_widgets.export.html import to_page
from ecco_widgets.export.png import MissingExtra, NoFonts, to_png
from ecco_widgets.export.preview import to_preview
from ecco_widgets.export.rank_lines_svg import to_rank_lines
from ecco_widgets.export.sequential import worst_rank
from ecco_widgets.export.shares import TokenShares
from ecco_widgets.export.svg import to_svg
from ecco_widgets.export.tables import to_csv, to_json
from ecco_widgets.export.token_table_svg import to_token_table

__all__ = [
    "CannotSave",
    "Caption",
    "FactorsFigure",
    "Heatmap",
    "MissingExtra",
    "NoFonts",
    "RankLines",
    "Scale",
    "TokenShares",
    "TokenTable",
    "factors_preview",
    "heatmap_preview",
    "nats_scale",
    "rank_scale",
    "table_preview",
    "to_csv",
    "to_factors",
    "to_heatmap",
    "to_json",
    "to_page",
    "to_png",
    "to_preview",
    "to_rank_lines",
    "to_svg",
    "to_token_table",
    "worst_rank",
    "write",
]
