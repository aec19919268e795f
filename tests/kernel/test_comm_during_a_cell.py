"""Real kernels of three ipykernel generations: who hears a hover while a cell runs, and when.

The states that matter: a fresh widget (only the cell that made it has published on its comm), one on which a running
cell has just set a trait, and one that has been hovered before. See ipykernel 7.4.0's ``comm.py``.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.kernel.install_kernels import VERSIONS, folder_of, is_installed
from tests.kernel.kernels import Kernel

pytestmark = [pytest.mark.kernel, pytest.mark.timeout(180)]

MAKE = """
from ecco_widgets.live import Engine
from tests.comm.toy import Toy
engine = Engine("toy")
w = Toy(engine)
print(w.model_id)
"""


def needs(version: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(
        not is_installed(version),
        reason=f"ipykernel {version} is not installed: python tests/kernel/install_kernels.py {version}",
    )


ALL = [pytest.param(version, marks=needs(version), id=version) for version in VERSIONS]
SUBSHELLS = [pytest.param(version, marks=needs(version), id=version) for version in VERSIONS if version >= "7"]
STATES = {"fresh widget": "", "trait just set by the cell": "w.position = 3", "pinned by the cell": "w.pinned = True"}


@pytest.fixture(scope="module")
def kernels(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Kernel]]:
    started: dict[str, Kernel] = {}
    yield started
    for kernel in started.values():
        kernel.close()


@pytest.fixture
def kernel(
    request: pytest.FixtureRequest, kernels: dict[str, Kernel], tmp_path_factory: pytest.TempPathFactory
) -> Kernel:
    version: str = request.param
    if version not in kernels:
        kernels[version] = Kernel(folder_of(version), tmp_path_factory.mktemp("kernel"))
        printed = kernels[version].run_cell("import ipykernel; print(ipykernel.__version__, ipykernel.__file__)")
        assert printed.split() == [version, str(folder_of(version) / "ipykernel" / "__init__.py")]
    return kernels[version]


def hover(number: int, position: int) -> dict[str, object]:
    return {"id": number, "channel": "row", "name": "set", "params": {"position": position}}


@pytest.mark.parametrize("kernel", SUBSHELLS, indirect=True)
@pytest.mark.parametrize("state", STATES)
def test_a_hover_during_a_running_cell_is_answered_before_the_cell_ends(kernel: Kernel, state: str) -> None:
    model = kernel.run_cell(MAKE).strip()
    subshell = kernel.create_subshell()
    assert subshell is not None
    cell, flag = kernel.start_waiting_cell(STATES[state])
    sent = kernel.send_request(model, hover(1, 5), subshell)
    answer = kernel.wait_answer(model, 1)  # the cell cannot have ended: it waits for the flag
    flag.touch()
    assert answer < kernel.wait_idle(cell)
    assert kernel.published[answer]["parent_header"]["msg_id"] == sent
    assert kernel.run_cell("print(w.position)").strip() == "5"


@pytest.mark.parametrize("kernel", SUBSHELLS, indirect=True)
@pytest.mark.parametrize("state", ["", "w.position = 8"], ids=["fresh widget", "trait just set by the cell"])
def test_an_attribution_is_recomputed_during_a_running_cell(kernel: Kernel, state: str) -> None:
    made = kernel.run_cell(
        "import torch; torch.set_num_threads(1)\n"
        "from tests.support.tiny_models import tiny_lm\n"
        "w = tiny_lm('gpt2').generate('The keys to the cabinet', generate=4, min_new_tokens=4).primary_attributions()\n"
        "print(w.model_id)"
    )
    model = made.split()[-1]
    subshell = kernel.create_subshell()
    cell, flag = kernel.start_waiting_cell(state)
    request = {"id": 1, "channel": "row", "name": "set", "params": {"attr_method": "gradient", "position": 7}}
    kernel.send_request(model, request, subshell)
    answer = kernel.wait_answer(model, 1)
    flag.touch()
    assert answer < kernel.wait_idle(cell)
    rows = kernel.published[answer]["content"]["data"]["content"]["data"]["rows"]
    assert rows["values"]["$array"] >= 0
    assert "|gradient|" in f"|{rows['spec']}"


@pytest.mark.parametrize("kernel", SUBSHELLS, indirect=True)
def test_a_widget_that_was_hovered_before_is_heard_during_a_cell_again_and_again(kernel: Kernel) -> None:
    model = kernel.run_cell(MAKE).strip()
    subshell = kernel.create_subshell()
    kernel.send_request(model, hover(1, 5), subshell)
    kernel.wait_answer(model, 1)
    cell, flag = kernel.start_waiting_cell("w.position = 3")
    for number in range(2, 12):
        kernel.send_request(model, hover(number, number), subshell)
        kernel.wait_answer(model, number)
    flag.touch()
    kernel.wait_idle(cell)
    assert kernel.run_cell("print(w.position)").strip() == "11"


@pytest.mark.parametrize("kernel", ALL, indirect=True)
@pytest.mark.parametrize("state", STATES)
def test_without_subshells_a_hover_is_answered_after_the_cell(kernel: Kernel, state: str) -> None:
    model = kernel.run_cell(MAKE).strip()
    cell, flag = kernel.start_waiting_cell(STATES[state])
    kernel.send_request(model, hover(1, 5), None)
    kernel.ask("kernel_info_request")
    flag.touch()
    assert kernel.wait_answer(model, 1) > kernel.wait_idle(cell)
    assert kernel.run_cell("print(w.position)").strip() == "5"


@pytest.mark.parametrize("kernel", ALL, indirect=True)
def test_a_trait_set_by_a_running_cell_brings_its_row_before_the_cell_ends(kernel: Kernel) -> None:
    model = kernel.run_cell(MAKE).strip()
    cell, flag = kernel.start_waiting_cell("w.position = 3")
    computing = kernel.wait_answer(model, None, "computing")
    answer = kernel.wait_answer(model, None)
    flag.touch()
    assert computing < answer < kernel.wait_idle(cell)
    assert kernel.published[answer]["parent_header"]["msg_id"] == cell


@pytest.mark.parametrize("kernel", ALL, indirect=True)
def test_rows_travel_as_binary_buffers(kernel: Kernel) -> None:
    model = kernel.run_cell(MAKE).strip()
    kernel.send_request(model, hover(1, 5), kernel.create_subshell())
    message = kernel.published[kernel.wait_answer(model, 1)]
    assert message["content"]["data"]["content"]["data"]["rows"]["values"] == {
        "$array": 0, "dtype": "float32", "shape": [1, 4],
    }  # fmt: skip
    assert [len(buffer) for buffer in message["buffers"]] == [16]


@pytest.mark.parametrize("kernel", ALL, indirect=True)
def test_a_flood_of_hovers_during_a_cell_that_sets_traits_ends_with_the_last(kernel: Kernel) -> None:
    model = kernel.run_cell(MAKE).strip()
    subshell = kernel.create_subshell()
    cell = kernel.start_cell("for n in range(100): w.pinned = not w.pinned")
    for number in range(1, 101):
        kernel.send_request(model, hover(number, number % 12), subshell)
    kernel.wait_answer(model, 100)
    kernel.wait_idle(cell)
    assert kernel.run_cell("print(w.position)").strip() == str(100 % 12)


@pytest.mark.parametrize("kernel", ALL, indirect=True)
def test_malformed_messages_leave_the_kernel_unharmed(kernel: Kernel) -> None:
    model = kernel.run_cell(MAKE).strip()
    subshell = kernel.create_subshell()
    for content in (None, [], {"id": "x"}, hover(7, 10**9), {"id": 8, "channel": "c", "name": "eval", "params": {}}):
        kernel.send_request(model, content, subshell)
    kernel.send_request(model, hover(9, 5), subshell)
    answer = kernel.wait_answer(model, 9)
    kernel.wait_answer(model, 7, "error")
    kernel.wait_answer(model, 8, "error")
    kernel.wait_answer(model, None, "error")
    streams = [message for message in kernel.published[:answer] if message["msg_type"] == "error"]
    assert streams == []


@pytest.mark.parametrize("kernel", ALL, indirect=True)
def test_interrupting_a_cell_does_not_stop_the_worker(kernel: Kernel) -> None:
    model = kernel.run_cell(MAKE).strip()
    cell, _ = kernel.start_waiting_cell("w.position = 3")
    kernel.manager.interrupt_kernel()
    kernel.wait_idle(cell)
    kernel.send_request(model, hover(1, 5), kernel.create_subshell())
    kernel.wait_answer(model, 1)


@needs("7.4.0")
@pytest.mark.parametrize("kernel", ["7.4.0"], indirect=True)
@pytest.mark.parametrize("state", ["fresh widget", "trait just set by the cell"])
def test_without_the_remedy_7_4_0_still_answers_after_the_cell_only(kernel: Kernel, state: str) -> None:
    # When this fails with a newer ipykernel, `LiveWidget._answer_where_asked` can go.
    other = kernel.run_cell(MAKE).strip()
    model = kernel.run_cell(MAKE + "del w.comm._reply_subshell_for").strip()
    subshell = kernel.create_subshell()
    cell, flag = kernel.start_waiting_cell(STATES[state])
    kernel.send_request(model, hover(1, 5), subshell)
    kernel.send_request(other, hover(1, 5), subshell)
    kernel.wait_answer(other, 1)  # was sent later, so the first has been routed by now
    flag.touch()
    assert kernel.wait_answer(model, 1) > kernel.wait_idle(cell)
