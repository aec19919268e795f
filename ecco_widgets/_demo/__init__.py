"""The demo that ``ecco-widgets demo`` serves: a notebook, a Voila template without external requests, and their server.

Others may use ``DemoServer`` (see ``server``) and ``check_model``.
"""

from __future__ import annotations

from ecco_widgets._demo.model_id import check_model
from ecco_widgets._demo.process import ServerFailed, ServerProcess
from ecco_widgets._demo.server import DemoServer

__all__ = ["DemoServer", "ServerFailed", "ServerProcess", "check_model"]
