"""Ecco's ``output.run_nmf(...)``: factors at hand, to explore live or to plot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ecco_widgets import export
from ecco_widgets.analysis.activation_matrix import chosen_layers
from ecco_widgets.widgets import _factor_rows as factor_rows
from ecco_widgets.widgets._factors_saving import factors_figure
from ecco_widgets.widgets._shown_states import Runs, shown_states

if TYPE_CHECKING:
    from ecco_widgets.widgets.factors import FactorsWidget


class FactorsPlot:
    """The picture of factors, without anything live. Shows itself in a notebook's output.

    Args:
        figure: What to draw.
        theme: "light" or "dark".
        width: In pixels.
    """

    def __init__(self, figure: export.FactorsFigure, theme: str, width: float) -> None:
        self._figure = figure
        self.svg = export.to_factors(figure, theme=theme, width=width)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"image/svg+xml": self.svg, "text/plain": self._figure.summary()}

    def __repr__(self) -> str:
        return f"<FactorsPlot: {self._figure.summary()}>"


class NMF:
    """Factors of the activations of a run's neurons: which neurons fire together, and where.

    Made by ``trace.run_nmf(...)`` or ``batch.run_nmf(...)``, which take the same arguments.

    Args:
        trace: The run, or a batch: its texts are factorized together.
        n_components: Number of factors; 10, or as many as there are tokens, by default.
        from_layer: First layer whose neurons are taken.
        to_layer: The layer after the last one, as in ``range(from_layer, to_layer)``.
        layers: Instead of both: any layers.
        method: "nmf", "pca" or "ica".
        seed: For what is drawn.
        normalize: Whether every token counts the same, however strong its activations.
        stack: Of an encoder-decoder model "decoder" (default) or "encoder".
        **options: Further arguments of ``analysis.factorize``, e.g. ``solver="sklearn"``.

    Attributes:
        trace: The run.
        factors: The factors, as ``analysis.factorize`` gives them.

    Raises:
        InvalidInput: If an argument is out of range, or the layers don't exist.
        UnsupportedModel: If the model's neurons can't be found.
        NonFinite: If an activation is NaN or infinite.

    Example:
        >>> import ecco_widgets as ecco
        >>> nmf = ecco.load_demo().generate(" 1, 2, 3,", generate=4).run_nmf(n_components=2)
        >>> nmf.components.shape[0], nmf.token_loadings.shape
        (2, (2, 10))
    """

    def __init__(
        self,
        trace: Runs,
        n_components: int | None = None,
        *,
        from_layer: int | None = None,
        to_layer: int | None = None,
        layers: Sequence[int] | int | None = None,
        method: str = "nmf",
        seed: int = 0,
        normalize: bool = False,
        stack: str | None = None,
        **options: Any,
    ) -> None:
        shown = shown_states(trace, stack)
        n_layers = len(shown.neurons.widths)
        chosen = chosen_layers(range(n_layers), layers, from_layer, to_layer)
        if n_components is None:
            n_components = min(10, shown.n_states)
        self.trace = trace
        self._shown = shown
        self._params: dict[str, Any] = {
            "n_components": n_components,
            "layers": None if len(chosen) == n_layers else chosen,
            "method": method,
            "seed": seed,
            "normalize": normalize,
        }
        self.factors = factor_rows.decompose(shown, self._params, **options)

    @property
    def components(self) -> NDArray[np.float32]:
        """How much each factor weighs each neuron, (K, N), layer after layer; the same as ``neuron_loadings``."""
        return self.neuron_loadings

    @property
    def neuron_loadings(self) -> NDArray[np.float32]:
        """How much each factor weighs each neuron, (K, N), layer after layer."""
        loadings: NDArray[np.float32] = self.factors.neuron_loadings
        return loadings

    @property
    def token_loadings(self) -> NDArray[np.float32]:
        """How strong each factor is in the state of each token, (K, tokens); of a batch, one text after the other.

        Column p is the state that token p has led to. (On screen a generated token shows the state that produced it.)
        """
        loadings: NDArray[np.float32] = self.factors.token_loadings
        return loadings

    @property
    def error(self) -> float:
        """Relative error of the reconstruction, 0 to 1."""
        return float(self.factors.relative_error)

    def explore(self, **traits: Any) -> FactorsWidget:
        """The factors live: change their number, the layers, the method; open a factor's card.

        Args:
            **traits: Initial values of traits of ``FactorsWidget``.

        Returns:
            The widget. It begins with these factors, unless other settings are given.
        """
        import ecco_widgets as ecco

        changed = {name for name, value in self._params.items() if name in traits and traits[name] != value}
        return ecco.FactorsWidget(
            self.trace,
            stack=None if self._shown.stack == "only" else self._shown.stack,
            factors=None if changed else self.factors,
            **{**self._params, **traits},
        )

    def plot(self, *, theme: str = "light", width: float = 720) -> FactorsPlot:
        """The factors as a picture: a line for each, and the text coloured by the strongest.

        Args:
            theme: "light" or "dark".
            width: In pixels.

        Returns:
            The picture, which shows itself in a notebook; ``.svg`` is its text.
        """
        figure = factors_figure(self._shown, self.factors, range(len(self.token_loadings)))
        return FactorsPlot(figure, theme, width)

    def to_frame(self) -> Any:
        """One row for each factor and token as a pandas DataFrame: factor, position, token, loading (as shown)."""
        import pandas as pd

        loadings = self._shown.shown(self.token_loadings)
        tokens = [text for trace in self._shown.traces for text in trace.tokens]
        n_factors, n_tokens = loadings.shape
        return pd.DataFrame(
            {
                "factor": np.repeat(np.arange(n_factors), n_tokens),
                "position": np.tile(np.arange(n_tokens), n_factors),
                "token": tokens * n_factors,
                "loading": loadings.reshape(-1),
            }
        )

    def __repr__(self) -> str:
        return f"<NMF of {self.trace!r}: {len(self.components)} factors, error {self.error:.1%}>"
