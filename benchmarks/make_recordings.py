"""Make the recordings that come with the package, from the local model and the simulator, with our own recorder.

    python benchmarks/make_recordings.py

Run it on a quiet machine: the timing is part of what is recorded.
"""

from __future__ import annotations

import tokenwidgets as tw
from tokenwidgets.providers.replay import SHIPPED

RECORDINGS = {
    "local-sky": ("local/smollm2-135m", "Why is the sky blue? Answer in three sentences.", {"seed": 1}),
    "local-rivers": ("local/smollm2-135m", "Name three rivers in Europe.", {"seed": 1, "max_tokens": 60}),
    "sim-reasoner": ("sim/reasoner", "How do tides work?", {"seed": 1, "tokens": 120}),
    "sim-bursty": ("sim/bursty", "Describe a walk along a river.", {"seed": 1, "tokens": 120}),
    "sim-tool-caller": ("sim/tool-caller", "What is the weather in Oslo?", {"seed": 1}),
    "sim-flaky": ("sim/flaky", "Describe a garden in autumn.", {"seed": 1, "tokens": 80}),
}
"""Name of each recording: model, prompt, options."""


def main() -> None:
    """Record each, after one unrecorded answer that loads the model."""
    tw.stream("Hello.", model="local/smollm2-135m", show=False, max_tokens=4).wait().raise_for_error()
    for name, (model, prompt, options) in RECORDINGS.items():
        result = tw.stream(prompt, model=model, show=False, **options).wait()
        result.save(SHIPPED / f"{name}.jsonl")
        print(name, repr(result))


if __name__ == "__main__":
    main()
