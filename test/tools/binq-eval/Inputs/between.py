"""between.py LOW HIGH FILE: the perplexity that the file ends with is between the two."""
import sys

low, high = map(float, sys.argv[1:3])
with open(sys.argv[3], encoding="utf-8") as file:
    found = float(file.read().split("perplexity")[-1].split()[0])
assert low <= found <= high, f"{found} is not between {low} and {high}"
