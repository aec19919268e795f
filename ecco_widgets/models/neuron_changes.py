"""Neurons changed while the model runs: set to zero, scaled, set to a value, held at their mean.

They act on what goes into the output projections of feed-forward networks, in every pass on the thread that asks for
it: generation with a cache of keys and values, plain runs and gradients see the same model. Nothing remains afterwards.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import torch
from torch import Tensor

from ecco_widgets.models.neurons import Neurons
from ecco_widgets.models.projections import Piece

_applied = threading.local()
Action = Literal["zero", "scale", "set", "mean"]
"""What happens to chosen neurons."""


@dataclass(frozen=True)
class Intervention:
    """One change of neurons.

    Attributes:
        stack: The stack whose neurons they are.
        neurons: Indices of neurons by layer, each at least one.
        action: "zero", "scale" (by a factor), "set" (to a value) or "mean" (held at the neuron's mean).
        values: Factor or value of each neuron by layer, shapes as ``neurons``; zeros for "zero".
        positions: Tokens at which it acts, indices into the whole sequence; ``None`` for all.
    """

    stack: Neurons = field(repr=False)
    neurons: Mapping[int, tuple[int, ...]]
    action: Action
    values: Mapping[int, tuple[float, ...]]
    positions: tuple[int, ...] | None = None

    def change(self, piece: Piece) -> Tensor | None:
        """Neurons of a piece after the change, ``None`` where it holds none of those meant."""
        wanted = self.neurons.get(piece.moment.layer, ())
        width = piece.values.shape[-1]
        places = [place for place, neuron in enumerate(wanted) if 0 <= neuron - piece.first < width]
        rows = self._rows(piece)
        if not places or (rows is not None and rows.numel() == 0):
            return None
        given = piece.values
        columns = torch.tensor([wanted[place] - piece.first for place in places], device=given.device)
        values = [self.values[piece.moment.layer][place] for place in places]
        changed = given.clone()
        picked = given if rows is None else given[rows]
        operand = torch.tensor(values, dtype=given.dtype, device=given.device)
        new = picked[:, columns] * operand if self.action == "scale" else operand.expand(len(picked), -1)
        if rows is None:
            changed[:, columns] = new
        else:
            changed[rows[:, None], columns] = new
        return changed

    def _rows(self, piece: Piece) -> Tensor | None:
        """Rows of a piece at the positions meant, ``None`` for all."""
        if self.positions is None:
            return None
        moment = piece.moment
        tokens = torch.arange(moment.batch * moment.length) if piece.tokens is None else piece.tokens.cpu()
        meant = torch.isin(tokens % moment.length + moment.offset, torch.tensor(self.positions, dtype=torch.long))
        return meant.nonzero()[:, 0].to(piece.values.device)

    def __str__(self) -> str:
        n = sum(len(indices) for indices in self.neurons.values())
        layers = ", ".join(map(str, self.neurons))
        where = "" if self.positions is None else f" at positions {', '.join(map(str, self.positions))}"
        return f"{self.action} {n} neuron{'s' * (n != 1)} of layer{'s' * (len(self.neurons) != 1)} {layers}{where}"


@dataclass(frozen=True)
class Interventions:
    """Changes of neurons, in the order in which they act.

    Attributes:
        changes: The changes, of one stack or of encoder and decoder; a later one sees what an earlier one has made.
    """

    changes: tuple[Intervention, ...] = ()

    def __add__(self, other: Interventions) -> Interventions:
        """These changes, then the other's."""
        return Interventions(self.changes + other.changes)

    def __bool__(self) -> bool:
        return bool(self.changes)

    @contextlib.contextmanager
    def applied(self) -> Iterator[None]:
        """Inside the context the model runs with these changes, on this thread only.

        Others applied inside come after them. The same ones applied again inside do nothing more, since a run may be
        entered several times before it ends.
        """
        here: set[int] = _applied.__dict__.setdefault("here", set())
        scope = _applied.__dict__.get("scope")
        if id(self) in here:
            yield
            return
        with contextlib.ExitStack() as stack:
            here.add(id(self))
            stack.callback(here.discard, id(self))
            for neurons in {id(change.stack): change.stack for change in self.changes}.values():
                changes = [change for change in self.changes if change.stack is neurons]

                def visit(piece: Piece, changes: list[Intervention] = changes) -> Tensor | None:
                    # A run of something else may begin inside this one, which these changes are not for.
                    return _changed(piece, changes) if _applied.__dict__.get("scope") is scope else None

                layers = sorted({layer for change in changes for layer in change.neurons})
                stack.enter_context(neurons.visited(visit, layers))
            yield


def _changed(piece: Piece, changes: list[Intervention]) -> Tensor | None:
    for change in changes:
        values = change.change(piece)
        piece = piece if values is None else replace(piece, values=values)
    return piece.values


@contextlib.contextmanager
def only(interventions: Interventions | None) -> Iterator[None]:
    """Inside the context these changes, and no others that are applied around it, act on this thread.

    Entering it again with the same ones changes nothing.

    Args:
        interventions: ``None`` for none.
    """
    before = _applied.__dict__.get("scope")
    if before is not None and before[0] is interventions:
        yield
        return
    here = _applied.__dict__.get("here", set())
    _applied.scope, _applied.here = (interventions,), set()
    try:
        with interventions.applied() if interventions else contextlib.nullcontext():
            yield
    finally:
        _applied.scope, _applied.here = before, here
