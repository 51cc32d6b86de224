"""between.py LOW HIGH FILE: the last perplexity in the file (text or JSON) is between the two."""
import sys

low, high = map(float, sys.argv[1:3])
with open(sys.argv[3], encoding="utf-8") as file:
    found = float(file.read().split("perplexity")[-1].strip('": ').split()[0].strip(","))
assert low <= found <= high, f"{found} is not between {low} and {high}"
