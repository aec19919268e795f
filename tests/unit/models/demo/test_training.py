"""Training can be cut off anywhere, and its loss and budget are what they say."""

from __future__ import annotations

import json
import time

import numpy as np
import pytest
import torch

from ecco_widgets.models.demo.batches import SHAPES, Batches, encode_natural
from ecco_widgets.models.demo.export import export, thin
from ecco_widgets.models.demo.loss import chunked_cross_entropy
from ecco_widgets.models.demo.recipe import Recipe
from ecco_widgets.models.demo.scoring import Scorer
from ecco_widgets.models.demo.sharing import threads_that_pay
from ecco_widgets.models.demo.tokenizer import train_tokenizer
from ecco_widgets.models.demo.train import budget_of, parse, train
from ecco_widgets.models.demo.training import Budget, Run

TINY = Recipe(vocabulary=2600, width=32, layers=2, heads=2, tokens_per_step=512, warmup_steps=2)
SENTENCE = "The captain looked at the sea, and the sea was grey. He said nothing. "


@pytest.fixture(scope="module")
def tokenizer():
    return train_tokenizer([SENTENCE * 20], TINY.vocabulary, seed=1)


@pytest.fixture(scope="module")
def natural(tokenizer):
    return encode_natural(tokenizer, [SENTENCE * 120, SENTENCE * 90])


def start(tokenizer, natural, folder):
    folder.mkdir(exist_ok=True)
    return Run(TINY, tokenizer, natural, folder)


def test_a_resumed_run_equals_an_uninterrupted_one(tokenizer, natural, tmp_path):
    whole = start(tokenizer, natural, tmp_path / "whole")
    losses = [whole.advance(1 - step / 6)["loss"] for step in range(6)]

    first = start(tokenizer, natural, tmp_path / "cut")
    again = [first.advance(1 - step / 6)["loss"] for step in range(3)]
    first.save()
    second = start(tokenizer, natural, tmp_path / "cut")
    assert second.resume()
    assert (second.step, second.tokens) == (3, 3 * TINY.tokens_per_step)
    again += [second.advance(1 - step / 6)["loss"] for step in range(3, 6)]

    assert again == losses
    for name, weight in whole.model.state_dict().items():
        assert torch.equal(weight, second.model.state_dict()[name]), name


def test_nothing_to_resume_is_said(tokenizer, natural, tmp_path):
    assert not start(tokenizer, natural, tmp_path / "new").resume()


def test_a_checkpoint_of_another_recipe_is_refused(tokenizer, natural, tmp_path):
    start(tokenizer, natural, tmp_path).save()
    other = Run(Recipe(vocabulary=2600, width=64, layers=2, heads=2), tokenizer, natural, tmp_path)
    with pytest.raises(ValueError, match="made with another width"):
        other.resume()


def test_training_ends_with_its_tokens_and_leaves_log_and_checkpoint(tokenizer, natural, tmp_path):
    run = start(tokenizer, natural, tmp_path / "run")
    train(run, Budget(tokens=10 * TINY.tokens_per_step), np.concatenate(natural))
    assert run.tokens == 10 * TINY.tokens_per_step
    (line,) = (tmp_path / "run" / "log.jsonl").read_text().splitlines()
    assert json.loads(line)["step"] == 10
    assert start(tokenizer, natural, tmp_path / "run").resume()


def test_what_is_exported_loads_and_says_the_same(tokenizer, natural, tmp_path):
    run = start(tokenizer, natural, tmp_path / "run")
    tokenizer.save_pretrained(tmp_path / "run" / "tokenizer")
    train(run, Budget(tokens=10 * TINY.tokens_per_step), np.concatenate(natural))
    export(tmp_path / "run", tmp_path / "weights")
    scorer = Scorer(tmp_path / "weights")
    ids = scorer.ids(SENTENCE)
    assert ids == tokenizer.backend_tokenizer.encode(SENTENCE).ids
    with torch.no_grad():
        expected = run.model.eval()(torch.tensor([ids])).logits[0].log_softmax(-1)
    # The shipped weights are rounded to half precision.
    torch.testing.assert_close(scorer.log_probabilities([ids])[0], expected, atol=5e-3, rtol=0)


def test_the_loss_in_pieces_is_the_cross_entropy_with_its_gradient():
    generator = torch.Generator().manual_seed(0)
    hidden = torch.randn(50, 8, generator=generator, requires_grad=True)
    weight = torch.randn(20, 8, generator=generator, requires_grad=True)
    targets = torch.randint(0, 20, (50,), generator=generator)
    expected = torch.nn.functional.cross_entropy(hidden @ weight.t(), targets)
    wanted = torch.autograd.grad(expected * 3, (hidden, weight))
    loss = chunked_cross_entropy(hidden, weight, targets, chunk=16)
    got = torch.autograd.grad(loss * 3, (hidden, weight))
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(got, wanted)


def test_every_row_starts_a_document_or_a_sentence(tokenizer, natural):
    batches = Batches(tokenizer, natural, 2048, seed=3)
    lengths = set()
    for step in range(30):
        rows = batches.batch(step)
        lengths.add(rows.shape[1])
        assert rows.numel() == 2048
        for row in rows.tolist():
            text = tokenizer.decode(row[:12]).removeprefix("<|endoftext|>")
            assert (
                text.startswith((" The captain", "The captain", " He said")) or rows.shape[1] == 128 or text[0] != ","
            )
    assert lengths == {shape.length for shape in SHAPES}


def test_an_epoch_covers_the_natural_text(tokenizer, natural):
    batches = Batches(tokenizer, natural, 2048, seed=3)
    units = batches._shuffled_units(0)
    covered = sum(512 for _ in units) / sum(map(len, natural))
    assert 0.7 < covered < 1.2
    assert units != batches._shuffled_units(1)


def test_a_budget_of_tokens_is_used_up_by_tokens():
    budget = Budget(tokens=100)
    assert [budget.remaining(tokens, 0.0) for tokens in (0, 25, 100, 140)] == [1.0, 0.75, 0.0, 0.0]


def test_a_deadline_is_used_up_by_the_clock():
    now = time.time()
    assert Budget(deadline=now + 50).remaining(0, now - 50) == pytest.approx(0.5, abs=0.02)
    assert Budget(deadline=now - 1).remaining(0, now - 50) == 0.0


def test_a_budget_is_one_thing_or_the_other():
    with pytest.raises(ValueError, match=r"either tokens or a deadline.*Pass --tokens, --minutes or --finish-by"):
        Budget()


def test_finish_by_is_today_or_else_tomorrow():
    noon = time.mktime((2026, 5, 4, 12, 0, 0, 0, 0, -1))
    common = ["--corpus", "c", "--out", "o", "--finish-by"]
    assert budget_of(parse([*common, "13:30"]), noon).deadline == noon + 90 * 60
    assert budget_of(parse([*common, "11:00"]), noon).deadline == noon + 23 * 3600


def test_threads_are_left_to_others():
    assert [threads_that_pay(2, busy) for busy in (0.0, 0.3, 0.5, 1.0, 2.0)] == [2, 2, 1, 1, 1]


def test_a_thinned_record_keeps_its_end_and_the_held_out_losses():
    lines = [f'{{"step": {n}}}' for n in range(1000)]
    lines[333] = '{"step": 333, "held_out_loss": 4.0}'
    kept = thin(lines, keep=50)
    assert len(kept) < 60
    assert lines[333] in kept
    assert kept[-1] == lines[-1]
