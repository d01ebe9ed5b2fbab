"""GPT-2's arithmetic over caches of keys and values: rows that are written together, none of which feels the others.

Attention and norms are worked out row by row. The large products are shared by all rows; in int8 they are sums of whole numbers,
so that a row is the same to the last bit whoever stands beside it. In fp32 and bf16 a product's rounding may hang on how many
rows there are: there a row is the same to within a millionth, and to within a hundredth.
"""

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch.nn.functional import gelu, layer_norm, linear, scaled_dot_product_attention
from transformers import GPT2LMHeadModel
from transformers.activations import ACT2FN

FP32, BF16, INT8 = "fp32", "bf16", "int8"
PRECISIONS = (FP32, BF16, INT8)
_FOR_INT8 = ("avx512_vnni", "avx_vnni", "amx_int8", "asimddp", "i8mm")
"""What Linux calls the instructions that sum products of whole numbers."""
_LARGEST = 127
"""Whole numbers of 8 bits, as many on both sides of nothing."""

Cache = torch.Tensor
"""(layers, 2, heads, positions, width of a head): the keys and the values of one row."""


def fitting_precision(is_large: bool, device: torch.device) -> str:
    """The numbers that a network is best worked out with here: a large one's products take most of its time.

    Never by a timing: the same seed is to write the same tweet after a restart.
    """
    if device.type == "cuda":
        return BF16
    return INT8 if is_large and _sums_whole_numbers() else FP32


def _sums_whole_numbers() -> bool:
    try:
        told = Path("/proc/cpuinfo").read_text()
    except OSError:
        return False
    line = next((one for one in told.splitlines() if one.startswith(("flags", "Features"))), "")
    return any(name in line.split() for name in _FOR_INT8)


class Network:
    """A trained GPT-2, read once into the numbers that it is worked out with."""

    def __init__(self, network: GPT2LMHeadModel, precision: str) -> None:
        config, body = network.config, network.transformer
        self.precision, self.device = precision, network.device
        self.layers, self.heads = int(config.n_layer), int(config.n_head)
        self.head_width = int(config.n_embd) // self.heads
        self._held = torch.bfloat16 if precision == BF16 else torch.float32
        self._activation = _activation(config.activation_function)
        self._words, self._places = body.wte.weight.detach(), body.wpe.weight.detach()
        shrinks = [(layer + 1 if config.scale_attn_by_inverse_layer_idx else 1) for layer in range(self.layers)]
        self._scales = [(1 / math.sqrt(self.head_width) if config.scale_attn_weights else 1.0) / one for one in shrinks]
        product = {FP32: _exact, BF16: _half, INT8: _whole}[precision]
        self._blocks = [
            (
                _norm(block.ln_1),
                product(block.attn.c_attn.weight.detach().t(), block.attn.c_attn.bias.detach()),
                product(block.attn.c_proj.weight.detach().t(), block.attn.c_proj.bias.detach()),
                _norm(block.ln_2),
                product(block.mlp.c_fc.weight.detach().t(), block.mlp.c_fc.bias.detach()),
                product(block.mlp.c_proj.weight.detach().t(), block.mlp.c_proj.bias.detach()),
            )
            for block in body.h
        ]
        self._last_norm = _norm(body.ln_f)
        self._head = product(network.lm_head.weight.detach(), None)

    def cache(self, positions: int) -> Cache:
        """Room for the keys and values of one row of so many tokens."""
        shape = (self.layers, 2, self.heads, positions, self.head_width)
        return torch.empty(shape, dtype=self._held, device=self.device)

    @torch.inference_mode()
    def read(self, ids: Sequence[int], cache: Cache, *, last: int = 1) -> torch.Tensor:
        """Read a row's beginning, whose keys and values are then in the cache; the logits (last, V) behind its last tokens."""
        count = len(ids)

        def attend(layer: int, three: torch.Tensor) -> torch.Tensor:
            asked, keys, values = three.permute(1, 2, 0, 3)
            cache[layer, 0, :, :count], cache[layer, 1, :, :count] = keys, values
            scale = self._scales[layer]
            found = scaled_dot_product_attention(asked[None], keys[None], values[None], is_causal=True, scale=scale)
            return found[0].transpose(0, 1)

        return self._logits(self._worked_out(ids, range(count), attend)[-last:])

    @torch.inference_mode()
    def step(self, tokens: Sequence[int], caches: Sequence[Cache], lengths: Sequence[int]) -> torch.Tensor:
        """One more token of each row, whose cache holds `lengths` of them; the logits (rows, V) behind it."""

        def attend(layer: int, three: torch.Tensor) -> torch.Tensor:
            scale, found = self._scales[layer], []
            for one, cache, length in zip(three, caches, lengths, strict=True):
                own = cache[layer]
                own[:, :, length] = one[1:]
                seen = own[:, None, :, : length + 1]
                found.append(scaled_dot_product_attention(one[0, None, :, None], seen[0], seen[1], scale=scale)[0, :, 0])
            return torch.stack(found)

        return self._logits(self._worked_out(tokens, lengths, attend))

    def _worked_out(
        self, ids: Sequence[int], places: Sequence[int], attend: Callable[[int, torch.Tensor], torch.Tensor]
    ) -> torch.Tensor:
        """(tokens, width): what the network makes of tokens at these places; `attend` mixes in what stands before each, of what
        it asks for, its key and its value: (tokens, 3, heads, width of a head)."""
        count = len(ids)
        numbers = torch.tensor([list(ids), list(places)], device=self.device)
        state: torch.Tensor = self._words[numbers[0]] + self._places[numbers[1]]
        for layer, (norm, ask, mix, second_norm, widen, narrow) in enumerate(self._blocks):
            three = ask(norm(state)).to(self._held).view(count, 3, self.heads, self.head_width)
            mixed = attend(layer, three)
            state = state + mix(mixed.reshape(count, -1).float())
            state = state + narrow(self._activation(widen(second_norm(state))))
        return state

    def _logits(self, state: torch.Tensor) -> torch.Tensor:
        return self._head(self._last_norm(state))


_Map = Callable[[torch.Tensor], torch.Tensor]
"""Of (rows, width) in float32, to the same."""


def _norm(found: torch.nn.LayerNorm) -> _Map:
    weight, bias, shape, epsilon = found.weight.detach(), found.bias.detach(), found.normalized_shape, found.eps
    return lambda state: layer_norm(state, shape, weight, bias, epsilon)


def _activation(name: str) -> _Map:
    if name in ("gelu_new", "gelu_fast", "gelu_pytorch_tanh"):  # one function under three names; torch's own is one step
        return lambda state: gelu(state, approximate="tanh")
    found: _Map = ACT2FN[name]
    return found


def _exact(weight: torch.Tensor, bias: torch.Tensor | None) -> _Map:
    """`weight` (out, in): the trained network's own numbers, not copied."""
    return lambda state: linear(state, weight, bias)


def _half(weight: torch.Tensor, bias: torch.Tensor | None) -> _Map:
    held = weight.to(torch.bfloat16).contiguous()
    added = None if bias is None else bias.to(torch.bfloat16)
    return lambda state: linear(state.to(torch.bfloat16), held, added).float()


def _whole(weight: torch.Tensor, bias: torch.Tensor | None) -> _Map:
    """In int8: a scale for each output of the weights, and one for each row of what comes in."""
    scales = (weight.abs().amax(1) / _LARGEST).clamp(min=1e-12)
    held = (weight / scales[:, None]).round().to(torch.int8).contiguous().t()  # of one row alone three times as fast so

    def product(state: torch.Tensor) -> torch.Tensor:
        own = (state.abs().amax(1, keepdim=True) / _LARGEST).clamp(min=1e-12)
        sums = torch._int_mm((state / own).round().to(torch.int8), held)
        found = sums * (own * scales)
        return found if bias is None else found.add_(bias)

    return product
