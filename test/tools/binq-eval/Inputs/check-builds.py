"""check-builds.py JSON PAGE: what builds.test has measured."""
import json
import os
import sys
import xml.dom.minidom

with open(sys.argv[1], encoding="utf-8") as file:
    evaluation = json.load(file)
assert evaluation["reference"] == "tiny.gguf"
builds = {build["name"]: build for build in evaluation["builds"]}
assert [build["kind"] for build in evaluation["builds"]] == [
    "quantized graph", "float model", "float model", "quantized graph", "compiled program", "compiled program"]
size = os.path.getsize
assert builds["tiny.gguf"]["bytes"] == builds["float"]["bytes"] == size("tiny.gguf")
assert 16 <= builds["tiny.gguf"]["bits_per_weight"] == builds["float"]["bits_per_weight"] < 17
assert builds["paper"]["bytes"] == size("paper.safetensors")
assert builds["memory"]["bytes"] == size("out/tiny.safetensors")
assert builds["program"]["bytes"] == size("out/libtiny.a") + size("out/tiny.weights")
assert builds["moved/tiny"]["bytes"] == size("moved/tiny") + size("moved/tiny.weights")
assert builds["moved/tiny"]["bits_per_weight"] is None
assert abs(builds["program"]["bits_per_weight"] - builds["memory"]["bits_per_weight"]) < 1e-4

for text in evaluation["texts"]:
    assert (text["windows"], text["window"], text["predictions"]) == (5, 48, 5 * 47)
    results = {result.pop("name"): result for result in text["results"]}
    reference = results["tiny.gguf"]
    assert (reference["divergence"], reference["divergence_99"], reference["agreement"]) == (0, 0, 1)
    assert results["float"] == reference
    assert results["memory"] == results["program"] == results["moved/tiny"]  # bit for bit
    assert 0 < results["memory"]["divergence"] < results["paper"]["divergence"] < results["paper"]["divergence_99"]
    assert results["paper"]["agreement"] < 1

page = xml.dom.minidom.parse(sys.argv[2])
assert len(page.getElementsByTagName("svg")) == 3  # a text each, and the errors of one build
assert len(page.getElementsByTagName("table")) == 2
assert not page.getElementsByTagName("link") and not page.getElementsByTagName("script")
