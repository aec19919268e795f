"""The base of every widget: one comm, one lock, requests in, answers out."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeVar

import traitlets as t
from ipywidgets.widgets.widget import JUPYTER_WIDGETS_ECHO

from ecco_widgets.errors import ModelClosed
from ecco_widgets.live import Engine, ErrorInfo, Listener, Outcome, Progress, Request, Ticket, messages
from ecco_widgets.live.channels import BackgroundChannel, Channel, LatestChannel, PatientChannel, QueueChannel
from ecco_widgets.live.messages import Envelope, InvalidMessage, Message, Reply
from ecco_widgets.widgets._guarded_widget import GuardedWidget, near_miss

Method = TypeVar("Method", bound=Callable[..., Any])
AnyChannel = TypeVar("AnyChannel", bound=Channel)

_STATE = Reply(None, "state", "update")
_numbers = itertools.count(1)


def operation(name: str, *, buffers: bool = False) -> Callable[[Method], Method]:
    """Make a method answer the requests called ``name``.

    The method gets the :class:`~ecco_widgets.live.messages.Envelope`, on whatever thread the message arrived. It must
    not compute: it returns the data of the answer if that is at hand, or None after having submitted work whose
    listener answers. What it raises becomes an error message.

    Args:
        name: The operation's name in messages.
        buffers: Whether its requests may carry binary buffers.
    """

    def mark(method: Method) -> Method:
        method._operation = (name, buffers)  # type: ignore[attr-defined]  # noqa: SLF001
        return method

    return mark


@dataclass(frozen=True)
class ReplyListener(Listener):
    """A listener that knows which request it answers."""

    reply: Reply = field(default_factory=Reply)


class LiveWidget(GuardedWidget):
    """A widget whose views send requests and get answers; see ``docs/explanation/messages.md``.

    Messages arrive on the main thread or on a subshell's, answers are published from the worker's. Hence the rules: a
    message handler validates and submits, never computes; whatever is published is published under the widget's lock.

    Subclasses override :meth:`_hello` and :meth:`_after_set`, add methods with :func:`operation`, and use
    :meth:`_submit`.

    Args:
        engine: Runs the requests.
        traits: Initial values.
    """

    _operations: ClassVar[dict[str, tuple[str, bool]]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._operations = {
            mark[0]: (attribute, mark[1])
            for base in reversed(cls.__mro__)
            for attribute, method in vars(base).items()
            if (mark := getattr(method, "_operation", None)) is not None
        }

    def __init__(self, engine: Engine, **traits: Any) -> None:
        # Before ipywidgets' own constructor, which sets traits and opens the comm.
        self._engine = engine
        self._key = f"widget-{next(_numbers)}"
        self._moves = 0
        self._channels: dict[str, Channel] = {}
        self._retained: list[str] = []
        super().__init__(**traits)

    # ------------------------------------------------------------------------------------------------- for subclasses

    def _hello(self) -> Mapping[str, Any]:
        """What a new view needs and the traits don't have, as plain data and arrays."""
        return {}

    def _submit(
        self,
        channel: Channel,
        request: Request,
        reply: Reply,
        to_data: Callable[[Outcome], Mapping[str, Any]] | None = None,
    ) -> Ticket:
        """Ask the engine and answer ``reply`` with what comes of it."""
        if not reply.channel:
            reply = Reply(reply.id, str(channel.key[-1]) if isinstance(channel.key, tuple) else "", reply.name or "set")
        return channel.submit(request, self._listener(reply, to_data))

    def _listener(self, reply: Reply, to_data: Callable[[Outcome], Mapping[str, Any]] | None = None) -> ReplyListener:
        """Turns what happens to a request into messages.

        Args:
            reply: Whom to answer. With ``reply.id`` None the view is told when work begins, since it has not asked.
            to_data: Makes the message's data from the outcome; called on the worker's thread without the lock. It may
                set traits. By default the result itself is the data.
        """

        def on_result(outcome: Outcome) -> None:
            data = outcome.result if to_data is None else to_data(outcome)
            self._publish_result(reply, data, outcome.elapsed_ms, outcome.source)

        unasked = reply.id is None
        return ReplyListener(
            on_start=(lambda: self._publish(messages.computing(reply))) if unasked else None,
            on_result=on_result,
            on_progress=lambda progress: self._publish_progress(reply, progress),
            on_error=lambda info: self._publish_error(reply, info),
            # What has taken the place of unasked work says so itself.
            on_superseded=None if unasked else lambda: self._publish(messages.superseded(reply)),
            on_cancelled=lambda: self._publish(messages.cancelled(reply)),
            reply=reply,
        )

    def _latest(self, name: str) -> LatestChannel:
        """This widget's latest-wins channel ``name``; closed with the widget."""
        return self._channel(name, self._engine.latest)

    def _queue(self, name: str) -> QueueChannel:
        """This widget's first-in-first-out channel ``name``."""
        return self._channel(name, self._engine.queue)

    def _background(self, name: str) -> BackgroundChannel:
        """This widget's idle-time channel ``name``."""
        return self._channel(name, self._engine.background)

    def _patient(self, name: str) -> PatientChannel:
        """This widget's latest-wins channel ``name`` for long work that makes way for short."""
        return self._channel(name, self._engine.patient)

    def _channel(self, name: str, make: Callable[[Hashable], AnyChannel]) -> AnyChannel:
        with self._lock:
            if self._closed:  # a callback may still be on its way; it must not open what nobody will close
                raise ModelClosed("the widget was closed.", hint="Make a new widget.")
            channel = make((self._key, self._moves, name))
            self._channels[name] = channel
            return channel

    def _retain(self, name: str, subject: object) -> None:
        """Keep ``subject`` in the engine under ``name`` until this widget is closed."""
        with self._lock:
            self._engine.retain(name, subject)
            self._retained.append(name)

    # ------------------------------------------------------------------------------------------------------ publishing

    def _publish(self, message: Message) -> None:
        """Send a message to all views; nothing happens without a front end or after :meth:`close`."""
        content, buffers = message
        with self._lock:
            if not self._closed:
                self.send(content, buffers)

    def _publish_result(
        self, reply: Reply, data: Mapping[str, Any], elapsed_ms: float = 0.0, source: str = "computed"
    ) -> None:
        self._publish(messages.result(reply, data, elapsed_ms=elapsed_ms, source=source))

    def _publish_progress(self, reply: Reply, progress: Progress) -> None:
        self._publish(messages.progress(reply, progress))

    def _publish_computing(self, reply: Reply) -> None:
        self._publish(messages.computing(reply))

    def _publish_error(self, reply: Reply, error: BaseException | ErrorInfo, names: Collection[Any] = ()) -> None:
        """Say what went wrong, with the true values of the settable traits among ``names``."""
        info = error if isinstance(error, ErrorInfo) else ErrorInfo.from_exception(error)
        with self._lock:
            state = self.get_state([name for name in names if name in self._settable])
            self._publish(messages.error(reply, info, state))

    # ------------------------------------------------------------------------------------------------------- messages

    @t.observe("comm")
    def _answer_where_asked(self, change: t.Bunch) -> None:
        # ipykernel 7.4.0 sends all messages of a comm to the shell on which the kernel last published on it. A widget
        # that a cell has just made or changed would then not be heard before that cell ends. Let every message be
        # handled where its sender asked. Private API, hence the guard.
        if hasattr(change["new"], "_reply_subshell_for"):
            change["new"]._reply_subshell_for = lambda _data, default: default  # noqa: SLF001

    def _handle_msg(self, msg: Mapping[str, Any]) -> None:
        """Receive whatever a front end sends on the comm; replaces ipywidgets', which trusts it."""
        if self._closed:
            return
        data, buffers = msg["content"].get("data"), msg.get("buffers") or []
        method = data.get("method") if isinstance(data, Mapping) else None
        if method == "custom":
            self._handle_custom_msg(data.get("content"), buffers)
        elif method == "request_state":
            with self._lock:
                self.send_state()
        elif method == "update" and not buffers:
            self.set_state(data.get("state"))
        else:
            what = "trait updates take no binary buffers." if method == "update" else "unknown message on the comm."
            self._publish_error(_STATE, InvalidMessage(what))

    def _handle_custom_msg(self, content: Any, buffers: Sequence[Any]) -> None:
        if isinstance(content, Mapping) and content.get("kind") == "anywidget-command":
            super()._handle_custom_msg(content, buffers)
            return
        takers = [name for name, (_, takes) in self._operations.items() if takes]
        try:
            request = messages.parse_request(content, buffers, allow_buffers=takers)
        except InvalidMessage as error:
            self._publish_error(messages.address_of(content), error)
            return
        try:
            data = self._method(request.reply.name)(request)
            if data is not None:
                self._publish_result(request.reply, data)
        except Exception as error:  # noqa: BLE001 - from_exception logs the unexpected
            self._publish_error(request.reply, error, list(request.params) if request.reply.name == "set" else ())

    def _method(self, name: str) -> Callable[[Envelope], Mapping[str, Any] | None]:
        if name not in self._operations:
            raise InvalidMessage(f"no operation {name!r}.", hint=near_miss(name, self._operations))
        method: Callable[[Envelope], Mapping[str, Any] | None] = getattr(self, self._operations[name][0])
        return method

    @operation("hello")
    def _answer_hello(self, request: Envelope) -> Mapping[str, Any]:
        del request
        return self._hello()

    @operation("cancel")
    def _answer_cancel(self, request: Envelope) -> Mapping[str, Any]:
        number = request.params.get("id")
        if set(request.params) - {"id"} or ("id" in request.params and type(number) is not int):
            raise InvalidMessage('cancel takes {"id": n} or {}.')

        def meant(ticket: Ticket) -> bool:
            return number is None or (isinstance(ticket.listener, ReplyListener) and ticket.listener.reply.id == number)

        with self._lock:
            channels = list(self._channels.values())
        return {"cancelled": sum(channel.cancel(meant) for channel in channels)}

    @operation("set")
    def _answer_set(self, request: Envelope) -> Mapping[str, Any] | None:
        if not request.params:
            raise InvalidMessage("set names no trait.")
        answer = self._call_after_set(self._set_from_front_end(request.params), request.reply)
        return None if isinstance(answer, Ticket) else answer or {}

    def set_state(self, sync_data: Any) -> None:
        """Receive a trait update of the widget protocol, which our views don't send, but any page can.

        All or none: a refused update leaves every value as it is, is answered with an error, and the true state is
        sent.
        """
        names = list(sync_data) if isinstance(sync_data, Mapping) else []
        try:
            messages.check_object(sync_data, "the state of a trait update")
            changed = self._set_from_front_end(sync_data)
            self._echo(names)
            self._call_after_set(changed, _STATE)
        except Exception as error:  # noqa: BLE001 - as above
            self._publish_error(_STATE, error, names)
            with self._lock:
                self.send_state([name for name in names if name in self.keys])

    def _echo(self, names: Collection[str]) -> None:
        # For the other front ends of this model. ipywidgets echoes what it was sent before it has looked at it; this is
        # what is true now.
        if JUPYTER_WIDGETS_ECHO:
            with self._lock:
                state = self.get_state(
                    [name for name in names if self.trait_metadata(name, "echo_update", default=True)]
                )
                self._send({"method": "echo_update", "state": state, "buffer_paths": []}, buffers=[])

    # --------------------------------------------------------------------------------------------------------- closing

    def _move_to(self, engine: Engine) -> Callable[[], None]:
        """Send later requests to this engine, on channels of their own.

        Returns:
            What cancels the earlier requests and lets go of what they are about. Call it without the lock: it waits for
            a callback that may want it.
        """
        with self._lock:
            channels, self._channels = list(self._channels.values()), {}
            retained, self._retained = self._retained, []
            before, self._engine = self._engine, engine
            self._moves += 1

        def let_go() -> None:
            for channel in channels:
                channel.close()
            for name in retained:
                before.release(name)

        return let_go

    def close(self) -> None:
        """Cancel this widget's requests, let go of what it shows, and close its views. Safe to call twice."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        self._move_to(self._engine)()
        with self._lock:
            super().close()

    def __del__(self) -> None:
        # ipywidgets keeps every widget until it is closed, so only one whose constructor failed gets here. It has no
        # channels yet; and a destructor, which can run anywhere, must not wait for anything.
        with contextlib.suppress(Exception):
            super().close()
