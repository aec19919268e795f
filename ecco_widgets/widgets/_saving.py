"""What every widget can save: a page, a picture, tables, and a static preview for notebooks that nothing runs."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, overload

from ecco_widgets import export
from ecco_widgets._version import __version__
from ecco_widgets.errors import EccoError, InvalidInput
from ecco_widgets.widgets._front_end import bundle, host_module

logger = logging.getLogger("ecco_widgets")

StrPath = str | os.PathLike[str]

SUFFIXES = (".svg", ".png", ".json", ".csv", ".html")
_LIVE_NOTE = "This is a static preview; run the notebook for the live view."
_PAGE_NOTE = "Saved by ecco_widgets. There is no kernel behind this page: it shows what was saved."


class Saved(Protocol):
    """What a widget has to save, as plain data."""

    bundle: str
    """Name of the widget's front end, as in ``static/``."""

    def state(self, positions: Sequence[int] | None) -> Mapping[str, Any]:
        """Values of the synced traits with which a page without kernel begins."""

    def document(self, positions: Sequence[int] | None) -> Mapping[str, Any]:
        """The numbers, for JSON."""

    def columns(self, positions: Sequence[int] | None) -> Mapping[str, Sequence[Any]]:
        """The numbers as equally long columns, for CSV."""

    def picture(self, theme: str, width: float) -> str:
        """What is shown now, as SVG."""

    def summary(self) -> str:
        """What is shown now, in a line; from what is at hand."""

    def preview(self, note: str) -> str:
        """What is shown now, as static HTML; from what is at hand."""


class Saving:
    """Mixin that gives a widget ``to_html``, ``to_svg``, ``to_json``, ``to_csv`` and ``save``."""

    def _saved(self) -> Saved:
        """What there is to save now."""
        raise NotImplementedError

    @overload
    def to_html(self, path: None = None, *, positions: Sequence[int] | None = None) -> str: ...
    @overload
    def to_html(self, path: StrPath, *, positions: Sequence[int] | None = None) -> Path: ...
    def to_html(self, path: StrPath | None = None, *, positions: Sequence[int] | None = None) -> str | Path:
        """The widget as one HTML file that works without a kernel and without a network.

        What is not there yet is computed first, so that hovering works in the page.

        Args:
            path: Where to write it; ``None`` returns the text of the page.
            positions: The positions that can be shown in the page. By default all of an attribution, of the lens those
                of the output.

        Returns:
            The path, or the page if there is none.

        Raises:
            InvalidInput: If the rows would make a page too large to open.
            CannotSave: If the file can't be written.
        """
        saved = self._saved()
        module, css = bundle(saved.bundle)
        state = saved.state(positions)  # first: it computes what title and preview show
        page = export.to_page(
            title=saved.summary(),
            widget=module,
            css=css,
            host=host_module(),
            state=state,
            preview=saved.preview("Scripts are switched off: this is a static preview."),
            note=_PAGE_NOTE,
            generator=f"ecco_widgets {__version__}",
        )
        return page if path is None else export.write(path, page)

    def to_svg(self, *, theme: str = "light", width: float = 720) -> str:
        """What is shown now as a static picture, drawn without a browser.

        Args:
            theme: "light" or "dark".
            width: In pixels; the height follows from what is shown.
        """
        return self._saved().picture(theme, width)

    def to_json(self, *, positions: Sequence[int] | None = None) -> str:
        """The numbers as JSON; NaN is ``null``.

        Args:
            positions: Positions to save; by default of an attribution the generated tokens and the current one, of the
                lens what is shown.
        """
        return export.to_json(self._saved().document(positions))

    def to_csv(self, *, positions: Sequence[int] | None = None) -> str:
        """The numbers as CSV, with the columns of ``to_frame``.

        Args:
            positions: Positions to save, as for ``to_json``.
        """
        return export.to_csv(self._saved().columns(positions))

    def save(
        self,
        path: StrPath,
        *,
        positions: Sequence[int] | None = None,
        theme: str = "light",
        width: float = 720,
        scale: float = 2.0,
    ) -> Path:
        """Save what is shown, in the form that the path's suffix names.

        Args:
            path: A name that ends in ``.svg``, ``.png``, ``.json``, ``.csv`` or ``.html``. A file that is there is
                replaced, and only by a complete one.
            positions: For .json, .csv and .html: positions to save.
            theme: For pictures: "light" or "dark".
            width: For pictures: in pixels.
            scale: For .png: pixels of the image for each of ``width``.

        Returns:
            The path.

        Raises:
            InvalidInput: If the suffix is none of these.
            CannotSave: If the folder is missing or can't be written to.
            MissingExtra: For .png without ``pip install "ecco-widgets[png]"``.
        """
        suffix = Path(path).suffix.lower()
        if suffix == ".svg":
            content: str | bytes = self.to_svg(theme=theme, width=width)
        elif suffix == ".png":
            content = export.to_png(self.to_svg(theme=theme, width=width), scale=scale)
        elif suffix == ".json":
            content = self.to_json(positions=positions) + "\n"
        elif suffix == ".csv":
            content = self.to_csv(positions=positions)
        elif suffix == ".html":
            content = self.to_html(positions=positions)
        else:
            raise InvalidInput(
                f"path must end in one of {', '.join(SUFFIXES)}, got {str(path)!r}.",
                hint="The suffix says in which form to save.",
            )
        return export.write(path, content)

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """What a cell's output holds: the live view, a static preview where there is none, and a line of text.

        Front ends rank the types themselves, and all that know widgets rank the view first.
        """
        live = super()._repr_mimebundle_(**kwargs)  # type: ignore[misc]
        if live is None:
            return None
        data, metadata = live
        try:
            saved = self._saved()
            data = {**data, "text/plain": saved.summary(), "text/html": saved.preview(_LIVE_NOTE)}
        except EccoError as error:  # e.g. the model was closed
            logger.warning("There is no static preview: %s", error)
        except Exception:
            # Never in the way of the view itself.
            logger.exception("The static preview could not be made")
        return data, metadata
