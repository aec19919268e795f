"""Non-negative matrix factorization A ~ W H of tokens x neurons: fast for few tokens, many neurons and few factors.

``solve`` is the own solver, ``solve_with_sklearn`` the reference. Both take a matrix and give a ``Solution``; reading
activations, ordering and naming factors is ``analysis.factorization``.
"""

from __future__ import annotations

from ecco_widgets.analysis.nmf.reference import solve_with_sklearn
from ecco_widgets.analysis.nmf.solution import Solution, Step
from ecco_widgets.analysis.nmf.solver import solve
from ecco_widgets.analysis.nmf.starts import STARTS

__all__ = ["STARTS", "Solution", "Step", "solve", "solve_with_sklearn"]
