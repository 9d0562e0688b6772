"""llama.cpp's own server with the small local model, on one thread, so that whoever measures it has the other cores.

    python benchmarks/llama_upstream.py KEY

Prints its address, and ends when standard input closes.
"""

from __future__ import annotations

import sys

import xllamacpp

from tokenwidgets.providers import local

params = xllamacpp.CommonParams()
params.model.path = str(local.locate(local.DEFAULT_MODEL, {}))
params.model_alias = {local.DEFAULT_MODEL}
params.hostnames = ["127.0.0.1"]
params.port = 0
params.api_keys = [sys.argv[1]]
params.n_parallel = 1
params.n_ctx = 2048
params.ui = False
params.offline = True
params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
server = xllamacpp.Server(params)
print(server.listening_address, flush=True)
sys.stdin.read()
