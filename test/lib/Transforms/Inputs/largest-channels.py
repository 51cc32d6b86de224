"""largest-channels.py NAME A B: whether parameter files A and B have the same 64 channels first in importance, by the
orders NAME. INT8 channels are an order's last, behind the others from the largest on; A has 64 of them, B 32."""
import json
import sys


def read(path, name):
    with open(path, "rb") as file:
        data = file.read()
    size = int.from_bytes(data[:8], "little")
    begin, end = json.loads(data[8 : 8 + size])[name]["data_offsets"]
    values = data[8 + size + begin : 8 + size + end]
    return [int.from_bytes(values[i : i + 2], "little") for i in range(0, len(values), 2)]


name, a, b = sys.argv[1:]
first, second = read(a, name), read(b, name)
common = len(set(first[-64:]) & set(second[-32:] + second[:32]))
assert common >= 60, common
