"""The calls that open a widget on a trace, under Ecco's names.

The widget room depends on this one, so it is reached through the package, late.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from ecco_widgets.models.trace import Trace
    from ecco_widgets.widgets import (
        NMF,
        AttributionWidget,
        LayerPredictionsWidget,
        NeuronsWidget,
        RankingsWatchWidget,
        RankingsWidget,
    )


class TraceWidgets:
    """What ``Trace`` inherits."""

    def primary_attributions(
        self,
        attr_method: str = "grad_x_input",
        style: str = "minimal",
        ignore_tokens: Sequence[int] = (),
        **options: Any,
    ) -> AttributionWidget:
        """Which input tokens led to each output token? Live: hover a token.

        Args:
            attr_method: Attribution method, see ``analysis.attribute``.
            style: "minimal" (colour) or "detailed" (bars and percentages).
            ignore_tokens: Positions left out; the others are normalised among themselves.
            **options: Other traits of ``AttributionWidget``.

        Returns:
            The widget.

        Example:
            >>> import ecco_widgets as ecco
            >>> w = ecco.load_demo().generate(" 1, 2, 3,", generate=2).primary_attributions()
            >>> w.attr_method
            'grad_x_input'
        """
        import ecco_widgets as ecco

        options = {"view_style": style, **options}
        return ecco.AttributionWidget(
            cast("Trace", self), attr_method=attr_method, ignore_tokens=ignore_tokens, **options
        )

    saliency = primary_attributions

    def position(self, position: int, attr_method: str = "grad_x_input", **options: Any) -> AttributionWidget:
        """The attribution of one output, pinned (Ecco's name of it).

        Args:
            position: Index of the explained token in the whole sequence.
            attr_method: Attribution method.
            **options: Other traits of ``AttributionWidget``.

        Returns:
            The widget.
        """
        return self.primary_attributions(attr_method, position=position, pinned=True, **options)

    def layer_predictions(
        self, position: int | None = None, topk: int | None = None, layer: int | None = None, **options: Any
    ) -> LayerPredictionsWidget:
        """Which tokens would each layer have predicted? Live: hover another position, change k.

        Args:
            position: The predicted position; the first generated token by default. The number of tokens is the position
                of the token that would come next.
            topk: How many tokens a layer; 10 by default, or all classes where there are fewer.
            layer: A single layer; all by default.
            **options: Other traits of ``LayerPredictionsWidget``.

        Returns:
            The widget.

        Example:
            >>> import ecco_widgets as ecco
            >>> w = ecco.load_demo().generate(" 1, 2, 3,", generate=2).layer_predictions(topk=4)
            >>> w.top.texts[-1][0]
            ' 4'
        """
        import ecco_widgets as ecco

        if topk is not None:
            options["topk"] = topk
        if layer is not None:
            options["layers"] = [layer]
        if position is not None:
            options["position"] = position
        return ecco.LayerPredictionsWidget(cast("Trace", self), **options)

    def rankings(self, **options: Any) -> RankingsWidget:
        """How did each layer rank the tokens that came? Live heat map of layers and tokens.

        Args:
            **options: Traits of ``RankingsWidget``.

        Returns:
            The widget.
        """
        import ecco_widgets as ecco

        return ecco.RankingsWidget(cast("Trace", self), **options)

    def rankings_watch(
        self, watch: Sequence[int | str] | None = None, position: int | None = None, **options: Any
    ) -> RankingsWatchWidget:
        """How did each layer rank some tokens at one position? Live: add tokens, change the position.

        Args:
            watch: Tokens as texts (with their leading space) or ids; by default those that are watched on this trace.
            position: The predicted position; by default the last generated token's, or the next one's where nothing was
                generated; a masked model's last mask.
            **options: Other traits of ``RankingsWatchWidget``.

        Returns:
            The widget.
        """
        import ecco_widgets as ecco

        if watch is not None:
            options["watch"] = watch
        if position is not None:
            options["position"] = position
        return ecco.RankingsWatchWidget(cast("Trace", self), **options)

    def run_nmf(
        self,
        n_components: int | None = None,
        from_layer: int | None = None,
        to_layer: int | None = None,
        layers: Sequence[int] | int | None = None,
        **options: Any,
    ) -> NMF:
        """Which neurons fire together? ``.explore()`` shows them live, ``.plot()`` as a picture.

        Args:
            n_components: Number of factors; 10, or as many as there are tokens, by default.
            from_layer: First layer whose neurons are taken; 0 by default.
            to_layer: The layer after the last one.
            layers: Instead of both: any layers.
            **options: Further arguments of ``ecco.NMF``: method, seed, normalize, stack, solver.

        Returns:
            The factors.

        Example:
            >>> import ecco_widgets as ecco
            >>> out = ecco.load_demo().generate(" 1, 2, 3,", generate=2)
            >>> out.run_nmf(n_components=2, from_layer=0, to_layer=3).factors.layers
            (0, 1, 2)
        """
        import ecco_widgets as ecco

        return ecco.NMF(
            cast("Trace", self), n_components, from_layer=from_layer, to_layer=to_layer, layers=layers, **options
        )

    def neurons(self, n_clusters: int = 8, layer: int | None = None, **options: Any) -> NeuronsWidget:
        """What do single neurons of a layer fire at? Live heat map of the most active ones, in clusters.

        Args:
            n_clusters: How many clusters.
            layer: The layer; the middle one by default.
            **options: Other traits of ``NeuronsWidget``.

        Returns:
            The widget.
        """
        import ecco_widgets as ecco

        if layer is not None:
            options["layer"] = layer
        return ecco.NeuronsWidget(cast("Trace", self), n_clusters=n_clusters, **options)
