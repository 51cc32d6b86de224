"""check-budget.py bits|size LIMIT MODULE PARAMETERS: the formats of the module fill the budget, but not more."""
import json
import re
import struct
import sys

kind, limit, module, parameters = sys.argv[1], float(sys.argv[2]), sys.argv[3], sys.argv[4]
with open(parameters, "rb") as file:
    header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
header.pop("__metadata__", None)
sizes = {name: entry["data_offsets"][1] - entry["data_offsets"][0] for name, entry in header.items()}

weights, bytes_used, formats = 0, 0, set()
with open(module, encoding="utf-8") as file:
    text = file.read()
packed = dict(re.findall(r'(%\S+) = "binq.param"\(\) \{name = "(\S+\.weight)"\} : \(\) -> tensor<\d+xi8>', text))
seen = set()
for function in text.split("func.func")[1:]:
    names = dict(re.findall(r'(%\S+) = "binq.param"\(\) \{name = "([^"]+)"\}', function))
    inputs = {}
    for activations, weight, attributes in re.findall(r'"binq.linear"\((%\S+), (%\S+)\) \{([^}]*)\}', function):
        name = names[weight]
        values = dict(re.findall(r'(\w+) = "?(\w+)', attributes))
        inputs.setdefault(activations, set()).add(values["int8_columns"])
        if name in seen:
            continue
        seen.add(name)
        formats.add((values["form"], values["planes"], values["int8_columns"]))
        weights += int(values["rows"]) * int(values["columns"])
        bytes_used += sizes[name]
    assert all(len(counts) == 1 for counts in inputs.values()), inputs
assert packed and len(formats) > 1, formats
if kind == "bits":
    used = 8 * bytes_used / weights
else:
    used = sum(sizes.values())
print(f"{used} of {limit}, {len(formats)} formats")
assert 0.98 * limit < used <= limit
