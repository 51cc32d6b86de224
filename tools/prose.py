#!/usr/bin/env python3
"""prose.py FOLDER: writes fortunes.txt and jargon.txt, English prose to calibrate on, from the Debian packages `fortunes`
and `dict-jargon`: paragraphs without their line breaks and markup, spread evenly over the source."""
import gzip
import re
import sys

BYTES = 130_000  # of a text: more than half of 24 windows of 1024 tokens
FORTUNES = "art education food kids law literature love people science tao wisdom work".split()


def fortunes():
    for name in FORTUNES:
        with open(f"/usr/share/games/fortunes/{name}", encoding="utf-8") as file:
            yield from file.read().split("\n%\n")


def jargon():
    """The indented paragraphs of the dictionary's entries."""
    with gzip.open("/usr/share/dictd/jargon.dict.dz", "rt", encoding="utf-8") as file:
        yield from re.split(r"\n(?:\s*\n|(?=\S))", file.read())


def is_prose(paragraph):
    letters = sum(c.isalpha() or c == " " for c in paragraph)
    return len(paragraph) >= 200 and letters > 0.9 * len(paragraph)


def write(path, paragraphs):
    lines = (" ".join(re.sub(r"[{}]", "", p).split()) for p in paragraphs)
    prose = [line for line in lines if is_prose(line)]
    step = max(1, sum(map(len, prose)) // BYTES)
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n\n".join(prose[::step]) + "\n")


write(f"{sys.argv[1]}/fortunes.txt", fortunes())
write(f"{sys.argv[1]}/jargon.txt", jargon())
