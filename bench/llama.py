"""What bench/models has llama.cpp do, each in a process of its own, run by the Python of bench/peer:

  llama.py quantize FROM TO TYPE
  llama.py bench MODEL THREADS PROMPT TEXT   prints what a program of binq's prints, and the memory before the model came
"""
import ctypes
import sys
import time

import llama_cpp.llama_cpp as llama


@llama.llama_log_callback
def log(level, text, user):
    """Errors alone are of interest."""
    if level == 4:
        sys.stderr.write(text.decode(errors="replace"))


def quantize(source, target, type_name):
    options = llama.llama_model_quantize_default_params()
    options.ftype = getattr(llama, "LLAMA_FTYPE_MOSTLY_" + type_name, -1)
    options.allow_requantize = True
    if options.ftype < 0:
        sys.exit(f"llama.cpp has no type {type_name}")
    if llama.llama_model_quantize(source.encode(), target.encode(), ctypes.byref(options)):
        sys.exit(f"llama.cpp cannot make {type_name} of {source}")


def resident_bytes():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * 4096


def open_model(path, threads, tokens):
    options = llama.llama_model_default_params()
    options.load_mode = llama.LLAMA_LOAD_MODE_MMAP
    model = llama.llama_model_load_from_file(path.encode(), options)
    if not model:
        sys.exit(f"llama.cpp cannot load {path}")
    options = llama.llama_context_default_params()
    options.n_ctx = tokens
    options.n_batch = options.n_ubatch = 512
    options.n_threads = options.n_threads_batch = threads
    context = llama.llama_init_from_model(model, options)
    if not context:
        sys.exit(f"llama.cpp makes no context of {tokens} tokens for {path}")
    return context, llama.llama_vocab_n_tokens(llama.llama_model_get_vocab(model))


def feed(context, tokens):
    """Returns once the logits after the last token are there."""
    array = (llama.llama_token * len(tokens))(*tokens)
    if llama.llama_decode(context, llama.llama_batch_get_one(array, len(tokens))) != 0:
        sys.exit("llama.cpp cannot go on")
    llama.llama_get_logits_ith(context, -1)


def bench(path, threads, prompt, text):
    before = resident_bytes()
    context, vocabulary = open_model(path, threads, prompt + text)
    tokens = [(i + 1) * 2654435761 % vocabulary for i in range(prompt + text)]
    feed(context, tokens[:1])  # wakes threads and maps memory
    llama.llama_memory_clear(llama.llama_get_memory(context), True)
    start = time.monotonic()
    feed(context, tokens[:prompt])
    middle = time.monotonic()
    for token in tokens[prompt:]:
        feed(context, [token])
    end = time.monotonic()
    print(f"prompt: {prompt} tokens, {prompt / (middle - start):.1f} tokens/s")
    print(f"text: {text} tokens, {text / (end - middle):.1f} tokens/s")
    print(f"before: {before} bytes")


llama.llama_log_set(log, None)
llama.llama_backend_init()
if sys.argv[1] == "quantize":
    quantize(*sys.argv[2:5])
else:
    bench(sys.argv[2], *map(int, sys.argv[3:6]))
