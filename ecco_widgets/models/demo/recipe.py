"""The recipe of the demo model: its shape, its seeds and how it is trained. The model card prints it."""

from __future__ import annotations

from dataclasses import dataclass

from transformers import GPT2Config, GPT2LMHeadModel

__all__ = ["Recipe", "build_model"]


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the result, but for the corpus and the budget.

    Attributes:
        vocabulary: Tokens of the tokenizer.
        context: Longest sequence.
        width: Width of the residual stream.
        layers: Number of blocks.
        heads: Attention heads of a block.
        tokens_per_step: Tokens of one optimizer step.
        matrix_rate: Learning rate of the blocks' matrices (Muon, scaled to match AdamW).
        other_rate: Learning rate of embeddings, biases and norms (AdamW).
        weight_decay: Decay of the blocks' matrices.
        warmup_steps: Steps over which the rates rise from zero.
        decay_share: Share of the budget, at its end, over which they fall to zero.
        clip: Largest norm of the gradient.
        seed: Seed of weights, data order and generated documents.
    """

    vocabulary: int = 6144
    context: int = 512
    width: int = 256
    layers: int = 6
    heads: int = 4
    tokens_per_step: int = 8192
    matrix_rate: float = 3e-3
    other_rate: float = 3e-3
    weight_decay: float = 0.05
    warmup_steps: int = 60
    decay_share: float = 0.3
    clip: float = 1.0
    seed: int = 20260


def build_model(recipe: Recipe) -> GPT2LMHeadModel:
    """Makes the model without trained weights; dropout is off, since few epochs are seen."""
    config = GPT2Config(
        vocab_size=recipe.vocabulary,
        n_positions=recipe.context,
        n_embd=recipe.width,
        n_layer=recipe.layers,
        n_head=recipe.heads,
        # The same function as GPT-2's own "gelu_new", computed by one fused operation instead of eight.
        activation_function="gelu_pytorch_tanh",
        resid_pdrop=0.0,
        embd_pdrop=0.0,
        attn_pdrop=0.0,
        bos_token_id=0,
        eos_token_id=0,
        tie_word_embeddings=True,
    )
    return GPT2LMHeadModel(config)
