"""Run llama.cpp's own HTTP server: ``PORT MODEL.gguf TEMPLATE.jinja``, with the key in INTEROP_KEY.

Needs the ``xllamacpp`` wheel; runs until it is terminated.
"""

import os
import signal
import sys
from pathlib import Path

import xllamacpp

port, model, template = sys.argv[1:]

settings = xllamacpp.CommonParams()
settings.hostnames, settings.port = ["127.0.0.1"], int(port)
settings.api_keys = [os.environ["INTEROP_KEY"]]
settings.model.path, settings.model_alias = model, ["smollm2-135m"]
settings.use_jinja, settings.chat_template = True, Path(template).read_text("utf-8")
settings.n_ctx, settings.n_parallel = 4096, 2
# One thread: several wait for each other in a loop, which costs minutes on a machine that has other work.
settings.cpuparams.n_threads = settings.cpuparams_batch.n_threads = 1
settings.n_gpu_layers = 0
settings.ui = False

server = xllamacpp.Server(settings)
signal.pause()
