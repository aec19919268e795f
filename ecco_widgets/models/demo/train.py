"""Trains the demo model: ``python -m ecco_widgets.models.demo.train --corpus ../shared/data/corpus --out DIR``.

Run it again with the same folder to go on from its checkpoint.
"""

from __future__ import annotations

import argparse
import datetime as dt
import logging
import time
from pathlib import Path

import numpy as np
import torch
from tqdm.auto import tqdm  # type: ignore[import-untyped]
from transformers import PreTrainedTokenizerFast

from ecco_widgets.models.demo.batches import encode_natural
from ecco_widgets.models.demo.corpus import NaturalText, read_corpus
from ecco_widgets.models.demo.recipe import Recipe
from ecco_widgets.models.demo.sharing import CoreWatch, threads_that_pay
from ecco_widgets.models.demo.tokenizer import train_tokenizer
from ecco_widgets.models.demo.training import Budget, Run

__all__ = ["main", "parse", "train"]

_LOG_EVERY = 10
_EVALUATE_EVERY = 100


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(prog="python -m ecco_widgets.models.demo.train", description=__doc__)
    parser.add_argument("--corpus", type=Path, required=True, help="folder of .txt files, one paragraph a line")
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        help="folder for tokenizer, checkpoint and log; resumed if it has a checkpoint",
    )
    budget = parser.add_mutually_exclusive_group(required=True)
    budget.add_argument("--tokens", type=int, help="train until so many tokens were seen in all (reproducible)")
    budget.add_argument("--minutes", type=float, help="train for so many minutes from now")
    budget.add_argument("--finish-by", metavar="HH:MM", help="train until this time of the day")
    parser.add_argument("--threads", type=int, default=2, help="threads of the arithmetic (default: 2)")
    parser.add_argument(
        "--share",
        action="store_true",
        help="use fewer threads while other processes want the cores (run it under nice)",
    )
    parser.add_argument("--save-minutes", type=float, default=4.0, help="minutes between checkpoints (default: 4)")
    return parser.parse_args(arguments)


def budget_of(options: argparse.Namespace, now: float) -> Budget:
    """The budget that the command line asks for, with times of the clock in place of durations."""
    if options.tokens is not None:
        return Budget(tokens=options.tokens)
    if options.minutes is not None:
        return Budget(deadline=now + 60 * options.minutes)
    clock = dt.time.fromisoformat(options.finish_by)
    here = dt.datetime.fromtimestamp(now, tz=dt.timezone.utc).astimezone()
    moment = here.replace(hour=clock.hour, minute=clock.minute, second=0, microsecond=0)
    if moment <= here:
        moment += dt.timedelta(days=1)
    return Budget(deadline=moment.timestamp())


def load_or_train_tokenizer(folder: Path, text: NaturalText, recipe: Recipe) -> PreTrainedTokenizerFast:
    """The run's tokenizer: the one in its folder, else a new one, saved there."""
    target = folder / "tokenizer"
    if not (target / "tokenizer.json").exists():
        train_tokenizer(text.train, recipe.vocabulary, recipe.seed).save_pretrained(target)
    return PreTrainedTokenizerFast.from_pretrained(target)


def train(
    run: Run, budget: Budget, held_out: np.ndarray, save_minutes: float = 4.0, share_threads: int | None = None
) -> None:
    """Trains until the budget is spent, with a progress bar, a log and checkpoints.

    Args:
        run: The run, fresh or resumed.
        budget: When to end.
        held_out: Token ids of held-out natural text, for the log.
        save_minutes: Minutes between checkpoints.
        share_threads: Threads on an idle machine, fewer while others are busy; their number is left alone if None.
    """
    watch = CoreWatch()
    started = time.time() - run.seconds
    saved = time.time()
    bar = tqdm(total=budget.tokens, initial=run.tokens, unit="tok", unit_scale=True, mininterval=20, desc="demo model")
    while (remaining := budget.remaining(run.tokens, started)) > 0:
        if share_threads is not None:
            torch.set_num_threads(threads_that_pay(share_threads, watch.busy()))
        record = run.advance(remaining)
        bar.update(run.tokens - bar.n)
        if run.step % _EVALUATE_EVERY == 0:
            record["held_out_loss"] = run.held_out_loss(held_out)
        if run.step % _LOG_EVERY == 0 or "held_out_loss" in record:
            run.log({**record, "seconds": run.seconds})
            bar.set_postfix(loss=f"{record['loss']:.3f}", left=f"{remaining:.0%}", refresh=False)
        if time.time() - saved > 60 * save_minutes:
            run.save()
            saved = time.time()
    bar.close()
    run.save()


def main(arguments: list[str] | None = None) -> None:
    """The command."""
    options = parse(arguments)
    # Read by books, tokenised as a whole: the warning about texts longer than the context means nothing here.
    logging.getLogger("transformers.tokenization_utils_base").setLevel(logging.ERROR)
    torch.set_num_threads(options.threads)
    options.out.mkdir(parents=True, exist_ok=True)
    recipe = Recipe()
    text = read_corpus(options.corpus)
    tokenizer = load_or_train_tokenizer(options.out, text, recipe)
    natural = encode_natural(tokenizer, text.train)
    held_out = np.concatenate(encode_natural(tokenizer, text.held_out))
    run = Run(recipe, tokenizer, natural, options.out)
    resumed = run.resume()
    tokens = sum(map(len, natural))
    begun = f"resuming at step {run.step}" if resumed else "starting"
    print(f"{begun}: {tokens:,} natural tokens, {len(held_out):,} held out")
    train(
        run, budget_of(options, time.time()), held_out, options.save_minutes, options.threads if options.share else None
    )
    print(f"done: {run.tokens:,} tokens in {run.step:,} steps, {run.seconds / 60:.1f} minutes of computing")


if __name__ == "__main__":
    main()
