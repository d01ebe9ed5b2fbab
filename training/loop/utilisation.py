"""Model FLOPs utilisation: how much of what a GPU could compute goes into the network (Chowdhery et al. 2022, appendix B)."""

import re

import torch
from transformers import GPT2LMHeadModel

PEAKS = {
    "B200": 2.25e15,
    "H200": 989e12,
    "H100": 989e12,
    "A100": 312e12,
    "L40S": 362e12,
    "L4": 121e12,
    "A10": 70e12,
    "V100": 125e12,
    "T4": 65e12,
}
"""Dense bfloat16 operations a second, by the word in the device's name; float16 for those without. From NVIDIA's data sheets, of
the SXM form where there are several."""


def flops_a_position(network: GPT2LMHeadModel, length: int) -> float:
    """Forth and back, for one position of a row of `length`: six for each weight that multiplies, twelve for each pair that
    attention looks at. The head counts for every position, though it may run on the scored ones only."""
    config = network.config
    weights = sum(one.numel() for one in network.parameters()) - network.transformer.wpe.weight.numel()
    return float(6 * weights + 12 * config.n_layer * config.n_embd * length)


def peak_of(device: torch.device) -> float | None:
    """What the device could do at most; None for a CPU and for a GPU that is not known here."""
    return peak_by_name(torch.cuda.get_device_name(device)) if device.type == "cuda" else None


def peak_by_name(name: str) -> float | None:
    """Of a device that calls itself so: `NVIDIA A100-SXM4-40GB`, `NVIDIA A10G`."""
    words = [word.removesuffix("G") for word in re.split(r"[ -]", name)]
    return next((peak for kind, peak in PEAKS.items() if kind in words), None)
