"""check-report.py MODEL FOLDER: the report in the folder tells the truth about what is beside it."""
import hashlib
import json
import os
import re
import sys

model, folder = sys.argv[1:]
with open(os.path.join(folder, "report.json"), encoding="utf-8") as file:
    text = file.read()
report = json.loads(text)

assert re.fullmatch(r"\d+\.\d+\.\d+", report["versions"]["binq"])
assert report["versions"]["llvm"].startswith("22.")
with open(model, "rb") as file:
    assert report["input"]["sha256"] == hashlib.sha256(file.read()).hexdigest()
assert report["input"]["license"] == "apache-2.0"
assert report["options"] == {"name": "tiny", "target": "x86_64-linux-gnu", "lowering": "auto", "preset": "balanced", "kv": "int8", "tune": 0, "table_planes": 0, "seed": 0, "separate_weights": True}
assert report["calibration"] == {"text": "written by the float model", "tokens": 24576, "files": []}
assert report["budget"] is None
accuracy = report["accuracy"]
assert accuracy["text"] == "held back from calibration"
assert (accuracy["windows"], accuracy["window"], accuracy["predictions"]) == (32, 128, 32 * 127)
assert accuracy["perplexity"] > 1 and accuracy["float_perplexity"] > 1
assert report["sizes"]["archive"] == os.path.getsize(os.path.join(folder, "libtiny.a"))
assert report["sizes"]["program"] == os.path.getsize(os.path.join(folder, "tiny"))
weights = os.path.getsize(os.path.join(folder, "tiny.weights"))
assert report["sizes"]["separate_weights"] == weights
assert weights - 65536 < report["sizes"]["weights"] < weights  # the rest is the tokenizer

assert [layer["name"] for layer in report["layers"]] == ["blk.0", "blk.1"]
for layer in report["layers"]:
    names = [linear["name"] for linear in layer["linears"]]
    assert names == [
        f"{layer['name']}.{part}.weight"
        for part in ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down")
    ], names
    for linear in layer["linears"]:
        bits = 8 * linear["bytes"] / (linear["rows"] * linear["columns"])
        assert abs(linear["bits_per_weight"] - bits) < 1e-4 * bits
        assert 0 < linear["output_error"] < 1
        assert linear["activation_planes"] == len(linear["plane_scales"])
assert [table["name"] for table in report["tables"]] == ["token_embd.weight"]

# No times, dates or paths.
assert "/" not in text and "gguf" not in text
assert not re.search(r"\b20\d\d-|\d\d:\d\d", text)
