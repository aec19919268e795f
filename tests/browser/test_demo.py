"""The main job, end to end, where people are: the demo notebook in JupyterLab and as a Voila dashboard."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from playwright.sync_api import Browser

from tests.browser._harness.attribution import AttributionView
from tests.browser._harness.demo import Demo, demo_command, open_demo
from tests.browser._harness.kernel import Kernel
from tests.browser._harness.tab import open_tab

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module", params=["jupyterlab", "voila"])
def running(request: pytest.FixtureRequest, new_sandbox: Callable, browser: Browser) -> Iterator[Demo]:
    options = ["--lab"] if request.param == "jupyterlab" else []
    sandbox = new_sandbox()
    with demo_command(*options, sandbox=sandbox) as address, open_tab(browser) as tab:
        yield open_demo(address, tab, sandbox)


@pytest.fixture
def demo(running: Demo) -> Demo:
    """The demo as it is when it opens."""
    running.view.leave()
    wait_until_page_and_kernel_agree(running)
    running.kernel.run(
        "w.pinned, w.attr_method, w.target, w.aggregation = False, 'grad_x_input', 'logit', 'l2'\n"
        "w.position = out.n_prompt"
    )
    running.view.expect_painted(first_generated(running), spec="grad_x_input|logit||l2")
    return running


def wait_until_page_and_kernel_agree(demo: Demo) -> None:
    """Rows at hand are painted before the kernel hears of the choice: what a test did last may still be on its way."""
    deadline = time.monotonic() + 20
    while str(demo.kernel.value("w.position")) != demo.view.root.get_attribute("data-position"):
        assert time.monotonic() < deadline, "page and kernel do not agree on the position"


def first_generated(demo: Demo) -> int:
    return demo.kernel.value("out.n_prompt")


def attribute(kernel: Kernel, position: int, **choice: str) -> np.ndarray:
    """The row as `analysis.attribute` computes it in the same kernel, apart from any widget."""
    row = f"analysis.attribute(out, positions={position}, **{choice!r}).scores[0]"
    return np.array(kernel.value(f"[float(x) for x in {row}]"))


def strengths(view: AttributionView) -> np.ndarray:
    """How far each token's background is from the weakest one."""
    colours = np.array([[float(x) for x in c[c.index("(") + 1 : -1].split(",")[:3]] for c in view.backgrounds()])
    return np.abs(colours - colours.max(axis=0)).sum(axis=1)


def test_hovering_a_generated_token_shows_the_row_that_analysis_computes(demo):
    position = first_generated(demo) + 5
    before = demo.view.backgrounds()
    demo.view.hover(position)
    demo.view.expect_painted(position)
    assert demo.view.backgrounds() != before
    np.testing.assert_allclose(demo.view.shares(), attribute(demo.kernel, position), rtol=1e-5, atol=1e-7)


def test_the_larger_share_has_the_stronger_colour(demo):
    position = first_generated(demo) + 7
    demo.view.hover(position)
    demo.view.expect_painted(position)
    demo.view.leave()
    shares, strength = np.array(demo.view.shares()[:position]), strengths(demo.view)[:position]
    clearly_less = shares[:, None] < shares[None, :] - 0.05 * shares.max()
    assert clearly_less.any()
    assert (strength[:, None] < strength[None, :])[clearly_less].all()


def test_hovering_tells_python(demo):
    position = first_generated(demo) + 3
    demo.view.hover(position)
    demo.view.expect_painted(position)
    demo.kernel.wait_until(f"w.position == {position}")


def test_choosing_a_method_recomputes_the_shown_row(demo):
    position = first_generated(demo) + 4
    demo.view.hover(position)
    demo.view.expect_painted(position)
    by_gradients = demo.view.shares()
    demo.view.choose("attribution method", "occlusion")
    demo.view.expect_painted(position, spec="occlusion")
    shares = demo.view.shares()
    assert shares != by_gradients
    expected = attribute(demo.kernel, position, method="occlusion")
    np.testing.assert_allclose(shares, expected, rtol=1e-4, atol=1e-6)
    assert demo.kernel.value("w.attr_method") == "occlusion"


def test_choosing_the_sign_and_the_target_recomputes_the_shown_row(demo):
    position = first_generated(demo) + 2
    demo.kernel.run(f"w.position = {position}")
    demo.view.choose("what is explained", "log_probability")
    demo.view.choose("aggregation", "sum")
    demo.view.expect_painted(position, spec="grad_x_input|log_probability||sum")
    expected = attribute(demo.kernel, position, target="log_probability", aggregation="sum")
    assert (expected[:position] < 0).any()
    np.testing.assert_allclose(demo.view.shares(), expected, rtol=1e-4, atol=1e-6)


def test_setting_the_position_from_a_cell_moves_the_view(demo):
    position = first_generated(demo) + 9
    demo.run(f"w.position = {position}")
    demo.view.expect_painted(position)
    np.testing.assert_allclose(demo.view.shares(), attribute(demo.kernel, position), rtol=1e-5, atol=1e-7)


def test_a_pinned_token_stays_while_the_pointer_moves_on(demo):
    position = first_generated(demo) + 6
    demo.view.token(position).click()
    demo.kernel.wait_until(f"w.pinned and w.position == {position}")
    demo.view.hover(position - 2)
    demo.view.expect_painted(position)
    demo.tab.page.keyboard.press("Escape")
    demo.kernel.wait_until("not w.pinned")


def test_the_arrow_keys_walk_along_the_text(demo):
    position = first_generated(demo) + 6
    demo.view.token(position).click()
    demo.tab.page.keyboard.press("ArrowRight")
    demo.view.expect_painted(position + 1)
    demo.tab.page.keyboard.press("Escape")
    demo.kernel.wait_until(f"w.position == {position + 1} and not w.pinned")


def test_generating_another_text_replaces_what_is_shown(demo):
    box = demo.tab.page.locator("textarea").last
    before = demo.view.root.inner_text()
    box.fill("The keys to the cabinet")
    box.blur()
    demo.tab.page.get_by_role("button", name="Generate", exact=True).click()
    demo.kernel.wait_until("w.trace.text.startswith('The keys')")
    demo.view.wait_shown()
    assert "keys" in demo.view.root.inner_text() != before
    demo.kernel.run("w.show(out)")


def test_a_text_that_cannot_be_explained_is_refused_on_the_page(demo):
    box = demo.tab.page.locator("textarea").last
    box.fill("")
    box.blur()
    demo.tab.page.get_by_role("button", name="Generate", exact=True).click()
    demo.tab.page.get_by_text("text is empty").wait_for()
    demo.kernel.wait_until("problem.value != '' and not button.disabled")
    assert demo.kernel.value("w.trace is out")


def test_nothing_was_asked_of_another_host_and_nothing_failed(demo):
    assert len(demo.tab.traffic.requests) > 20
    assert demo.tab.traffic.blocked == []
    assert [failure for failure in demo.tab.traffic.failures if "favicon" not in failure] == []
    assert [error for error in demo.tab.traffic.errors if "ew-" in error or "ecco" in error.lower()] == []
    # JupyterLab asks a new kernel for its widgets, and a kernel that knows none yet says so here.
    said = [line for line in demo.kernel.heard().splitlines() if not line.startswith("No such comm")]
    assert said == []
