"""check-accuracy.py REPORT LOGITS VOCABULARY FIRST: the perplexity in the report is that of the logits from window FIRST on."""
import array
import json
import math
import sys

path, logits, vocabulary, first = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
with open(path, encoding="utf-8") as file:
    accuracy = json.load(file)["accuracy"]
window = accuracy["window"]
loss = count = 0
with open(logits, "rb") as file:
    for number in range(first + accuracy["windows"]):
        tokens, rows = array.array("i"), array.array("f")
        tokens.fromfile(file, window)
        rows.fromfile(file, window * vocabulary)
        if number < first:
            continue
        for i in range(window - 1):
            row = rows[i * vocabulary : (i + 1) * vocabulary]
            loss += math.log(math.fsum(map(math.exp, row))) - row[tokens[i + 1]]
            count += 1
    assert not file.read(1)
assert count == accuracy["predictions"], count
assert abs(math.exp(loss / count) / accuracy["perplexity"] - 1) < 1e-5, math.exp(loss / count)
assert 0 < accuracy["divergence"] < accuracy["divergence_99"]
assert 0 < accuracy["agreement"] < 1
assert accuracy["float_perplexity"] > 1
