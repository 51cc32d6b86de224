"""changed-parameters.py A B: the names of the parameters that differ between two parameter files, in their order."""
import json
import sys


def read(path):
    with open(path, "rb") as file:
        data = file.read()
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    header.pop("__metadata__", None)
    return {name: data[8 + size :][slice(*entry["data_offsets"])] for name, entry in header.items()}


old, new = (read(path) for path in sys.argv[1:])
assert list(old) == list(new)
for name, values in new.items():
    assert len(values) == len(old[name]), name
    if values != old[name]:
        print(name)
