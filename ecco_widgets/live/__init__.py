"""Runs analyses for widgets: one worker per model, latest-wins channels, cancel, progress, cache, codec, messages.

Knows neither torch nor Jupyter: a request is plain data (analysis, subject, parameters) and so is its result.
"""

from ecco_widgets.live.cache import BoundedCache, CacheStatistics, ScopedCache, size_of
from ecco_widgets.live.channels import BackgroundChannel, Channel, LatestChannel, QueueChannel
from ecco_widgets.live.engine import Engine
from ecco_widgets.live.error_info import ErrorInfo
from ecco_widgets.live.jobs import Job, Listener, Outcome, Preempted, Priority, Progress, Request, Ticket

__all__ = [
    "BackgroundChannel",
    "BoundedCache",
    "CacheStatistics",
    "Channel",
    "Engine",
    "ErrorInfo",
    "Job",
    "LatestChannel",
    "Listener",
    "Outcome",
    "Preempted",
    "Priority",
    "Progress",
    "QueueChannel",
    "Request",
    "ScopedCache",
    "Ticket",
    "size_of",
]
