"""The thesis's own ways of drawing, by name, as its published notebooks have them: `{"parameters": {"preset": "control"}}`.

Nothing is pushed there, no word kept out, and no tweet cut; lengths count what stands before the text, too.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

OWN_WAY: Mapping[str, Any] = {"insistence": 0.0, "known_words": False, "max_characters": 0}
"""Of the model; these are the project's."""

PRESETS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "control": {
            **OWN_WAY,
            "num_beams": 10,
            "no_repeat_ngram_size": 2,
            "top_k": 50,
            "top_p": 0.9,
            "temperature": 0.9,
            "length_penalty": 2.0,
            "min_length": 50,
            "max_length": 150,
        },
        "casual": {**OWN_WAY, "top_k": 100, "top_p": 1.0, "temperature": 1.0, "num_return_sequences": 10},
    }
)
"""Tweets on demand, and tweets that are asked for nothing."""
