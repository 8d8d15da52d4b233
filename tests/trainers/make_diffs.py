#!/usr/bin/env python3
"""Writes diffs.json: random sequences with the opcodes that Python's difflib gives them, and texts with their
Levenshtein distance. The tests hold trainers/text/diff.cpp against it."""
import difflib
import json
import pathlib
import random

draw = random.Random(1)


def distance(a, b):
    row = list(range(len(b) + 1))
    for i, x in enumerate(a):
        new = [i + 1]
        for j, y in enumerate(b):
            new.append(min(row[j] + (x != y), row[j + 1] + 1, new[j] + 1))
        row = new
    return row[-1]


def sequences():
    for case in range(150):
        letters = draw.randint(1, 6)
        yield [[draw.randrange(letters) for _ in range(draw.randrange(14))] for _ in range(2)]
    for case in range(50):  # one made of the other
        a = [draw.randrange(20) for _ in range(draw.randint(5, 40))]
        b = list(a)
        for _ in range(draw.randint(1, 5)):
            at = draw.randrange(len(b)) if b else 0
            b[at : at + draw.randrange(3)] = [draw.randrange(20) for _ in range(draw.randrange(3))]
        yield [a, b]


cases = []
for a, b in sequences():
    codes = difflib.SequenceMatcher(None, a, b, autojunk=False).get_opcodes()
    cases.append({"a": a, "b": b, "edits": [[i, j, k, l, tag == "equal"] for tag, i, j, k, l in codes]})
texts = []
for case in range(60):
    a, b = ("".join(draw.choice("ab <=é字\n") for _ in range(draw.randrange(20))) for _ in range(2))
    texts.append({"a": a, "b": b, "distance": distance(a, b)})
path = pathlib.Path(__file__).parent / "diffs.json"
path.write_text(json.dumps({"sequences": cases, "texts": texts}, separators=(",", ":"), ensure_ascii=False) + "\n", encoding="utf-8")
