#!/usr/bin/env python3
"""Writes Python literals, and what ast.literal_eval makes of them: python3 tests/data/make_literals.py COUNT.
tests/data/literals.json is of COUNT 2500. A row is [source, text], the text as harness/data/python_literal.hpp writes
the value, null where Python raises, or false where Python reads it and touchstone refuses by name."""
import ast
import json
import random
import sys
import warnings

warnings.simplefilter("ignore")
draw = random.Random(20240613)


def quoted(text):
    many = isinstance(text, bytes)
    points = list(text) if many else [ord(c) for c in text]
    quote = '"' if 39 in points and 34 not in points else "'"
    out = ("b" if many else "") + quote
    for point in points:
        if point in (92, 10, 13, 9):
            out += "\\" + {92: "\\", 10: "n", 13: "r", 9: "t"}[point]
        elif chr(point) == quote:
            out += "\\" + quote
        elif point < 32 or 127 <= point < 160 or (many and point >= 128):
            out += "\\x%02x" % point
        else:
            out += chr(point)
    return out + quote


class Refused(Exception):
    pass


def written(value):
    if isinstance(value, bool) or value is None:
        return repr(value)
    if isinstance(value, int):
        if not -2**63 < value < 2**63:
            raise Refused
        return repr(value)
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, (str, bytes)):
        if isinstance(value, str) and any(0xD800 <= ord(c) < 0xE000 for c in value):
            raise Refused
        return quoted(value)
    if isinstance(value, list):
        return "[" + ", ".join(map(written, value)) + "]"
    if isinstance(value, tuple):
        return "(" + ", ".join(map(written, value)) + (",)" if len(value) == 1 else ")")
    if isinstance(value, set):
        return "{" + ", ".join(sorted(map(written, value), key=lambda s: s.encode())) + "}" if value else "set()"
    if isinstance(value, dict):
        return "{" + ", ".join(written(k) + ": " + written(v) for k, v in value.items()) + "}"
    raise Refused  # complex, Ellipsis


def space(inside):
    return draw.choice(["", "", "", " ", "  ", "\t"] + (["\n", " # c\n ", "\r\n"] if inside else []))


def number():
    digits = lambda: "".join(draw.choice("0123456789") for _ in range(draw.randint(1, 4)))
    joined = lambda: draw.choice([digits(), digits() + "_" + digits()])
    return draw.choice([
        lambda: str(draw.randint(-9, 999)), lambda: "0", lambda: "00", lambda: "0" + digits(), joined, lambda: "0x" + "%X" % draw.randint(0, 9999),
        lambda: "0X_f" + digits(), lambda: "0o17", lambda: "0B1_0", lambda: "0o8", lambda: "0b2", lambda: "." + joined(), lambda: joined() + ".", lambda: joined() + "." + joined(),
        lambda: joined() + "e" + draw.choice(["", "-", "+"]) + digits(), lambda: "1.5E" + digits(), lambda: "1__0", lambda: "1_", lambda: "1_.0", lambda: "." , lambda: "1e", lambda: "0_7", lambda: "0_0",
        lambda: digits() + "j", lambda: "1+2j", lambda: "1 + 2", lambda: "9" * draw.randint(15, 22), lambda: "1e400", lambda: "-" + digits(), lambda: "+ " + digits(), lambda: "--1", lambda: "-(1)", lambda: "-(-1)", lambda: "-True", lambda: "-'a'", lambda: "1a", lambda: "0x", lambda: "1.e2", lambda: "1..2"])()


def text():
    prefix = draw.choice(["", "", "", "", "u", "r", "R", "b", "B", "br", "Rb", "U", "f", "ur", "x", "bb"])
    quote = draw.choice(["'", '"', "'''", '"""'])
    pieces = ["a", "b c", "it's", '"', "'", "\\n", "\\t", "\\\\", "\\'", '\\"', "\\x41", "\\x4", "\\u00e9", "\\U0001F600", "\\ud83d", "\\101", "\\7", "\\400", "\\q", "\\d", "é", "你", "😀", "\\\n", "\n", "\r\n", "#", "\\N{NO SUCH}", "\\a\\b\\f\\v\\r\\0", "\x7f", "\x85", "{", "%s", "\\", " "]
    weights = [8, 8, 3, 2, 2, 4, 3, 3, 3, 3, 2, 0.3, 2, 1, 0.3, 1, 1, 0.3, 1, 1, 2, 1, 1, 1, 1, 0.5, 1, 0.2, 0.5, 0.5, 0.5, 1, 1, 0.3, 4]
    return prefix + quote + "".join(draw.choices(pieces, weights, k=draw.randint(0, 5))) + quote


def literal(depth):
    kind = draw.random()
    if depth == 0 or kind < 0.45:
        one = draw.choice([number, text, text, lambda: draw.choice(["True", "False", "None", "true", "null", "...", "set()", "x", "", "set( )", "set", "nan"])])()
        return one + draw.choice(["", " "]) + text() if draw.random() < 0.08 else one
    items = [literal(depth - 1) for _ in range(draw.choice([0, 1, 1, 2, 3]))]
    gap = lambda: space(True)
    comma = lambda: gap() + "," + gap()
    tail = draw.choice(["", "", ",", ", ", ",,"] if draw.random() < 0.1 else ["", "", ",", ", "])
    if kind < 0.6:
        return "[" + gap() + comma().join(items) + tail + gap() + "]"
    if kind < 0.75:
        return "(" + gap() + comma().join(items) + tail + gap() + ")"
    if kind < 0.83:
        return "{" + gap() + comma().join(items) + (tail if items else "") + gap() + "}"
    pairs = [draw.choice([text, number, lambda: literal(depth - 1)])() + gap() + ":" + gap() + one for one in items]
    return "{" + gap() + comma().join(pairs) + (tail if pairs else "") + gap() + "}"


def row():
    source = space(False) + literal(draw.randint(0, 3)) + draw.choice(["", "", "", " ", "\n", " # c", ", 1", ","])
    if draw.random() < 0.1 and source:
        at = draw.randrange(len(source))
        source = source[:at] + draw.choice(["", "'", '"', "(", ")", ",", "\\", "0", "_", " "]) + source[at + 1:]
    try:
        value = ast.literal_eval(source)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return [source, None]
    try:
        return [source, written(value)]
    except Refused:
        return [source, False]


rows = {}
while len(rows) < int(sys.argv[1]):
    source, given = row()
    if len(source) < 120 and (given is not None or draw.random() < 0.5):
        rows[source] = given
json.dump({"python": sys.version.split()[0], "rows": list(rows.items())}, sys.stdout, ensure_ascii=True, separators=(",", ":"))
print()
