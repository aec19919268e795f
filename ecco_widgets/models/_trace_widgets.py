"""The calls that open a widget on a trace, under Ecco's names.

The widget room depends on this one, so it is reached through the package, late.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from ecco_widgets.models.trace import Trace
    from ecco_widgets.widgets import (
        AttributionWidget,
        LayerPredictionsWidget,
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
        self, watch: Sequence[int | str] = (), position: int = -1, **options: Any
    ) -> RankingsWatchWidget:
        """How did each layer rank some tokens at one position? Live: add tokens, change the position.

        Args:
            watch: Tokens as texts (with their leading space) or ids; by default those that are watched on this trace.
            position: The predicted position; the last generated token's by default, or the next one's where nothing was
                generated.
            **options: Other traits of ``RankingsWatchWidget``.

        Returns:
            The widget.
        """
        import ecco_widgets as ecco

        trace = cast("Trace", self)
        if position == -1 and not trace.n_generated and trace.next_position is not None:
            position = trace.next_position
        return ecco.RankingsWatchWidget(cast("Trace", self), watch=watch, position=position, **options)
