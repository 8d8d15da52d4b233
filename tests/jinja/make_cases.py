#!/usr/bin/env python3
"""Writes cases.json: templates, and what the Jinja2 of Python makes of them in the environment of transformers'
apply_chat_template. Run with jinja2 installed: python3 tests/jinja/make_cases.py > tests/jinja/cases.json

A case is {"source", "gives"} or {"source", "raises"}; with "refused", Jinja2 renders it and touchstone refuses it."""
import datetime
import json
import sys

import jinja2
import jinja2.ext
import jinja2.nodes
import jinja2.sandbox


class Generation(jinja2.ext.Extension):
    """{% generation %} as transformers reads it, less the tracking of places."""
    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return jinja2.nodes.CallBlock(self.call_method("_run"), [], [], body).set_lineno(line)

    def _run(self, caller):
        return caller()


def raise_exception(message):
    raise jinja2.exceptions.TemplateError(message)


def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def strftime_now(format):
    return datetime.datetime.now().strftime(format)


environment = jinja2.sandbox.ImmutableSandboxedEnvironment(
    trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols])
environment.filters["tojson"] = tojson
environment.globals["raise_exception"] = raise_exception
environment.globals["strftime_now"] = strftime_now

values = {
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "What is 2+2?"},
        {"role": "assistant", "content": "4", "tool_calls": [{"type": "function", "function": {
            "name": "add", "arguments": {"b": 2, "a": [1.5, True, None, "é<\"'>"]}}}]},
        {"role": "user", "content": [{"type": "text", "text": "See"}, {"type": "image"}]},
    ],
    "people": [{"name": "Bob", "age": 31, "tags": ["x", "y"], "home": {"city": "Ulm"}},
               {"name": "alice", "age": 9, "tags": [], "home": {"city": "Bonn"}},
               {"name": "Carl", "age": 31, "tags": ["z"], "home": {"city": "Ulm"}},
               {"name": "Dora", "tags": ["x"], "home": {}}],
    "words": ["pear", "Apple", "fig", "apple", "Fig"],
    "numbers": [3, 1, 2, 3, 10, -4],
    "reals": [1.5, -2.25, 0.1],
    "text": "  Hello, wörld! It's <b>\"fine\"</b>.\n\tSecond line\n\nFourth  ",
    "word": "straße",
    "cjk": "你好，世界",
    "empty": "", "zero": 0, "one": 1, "seven": 7, "minus": -7, "real": 2.5, "big": 1234567, "yes": True, "no": False,
    "nothing": None, "none_list": [], "none_dict": {},
    "table": {"b": 1, "A": 3, "c": 2, "a": "x"},
    "nested": [[1, 2], [3, [4, 5]], []],
    "bos_token": "<s>", "eos_token": "</s>", "add_generation_prompt": True, "tools": None,
}


def prints(*expressions):
    return ["{{ " + expression + " }}" for expression in expressions]


cases = []

# Filters.
cases += prints(
    "text | trim", "text | trim | upper", "text | lower", "'xxaxx' | trim('x')", "'xyaxy' | trim(chars='xy')",
    "word | upper", "word | capitalize", "'hELLO wORLD' | capitalize", "'it\\'s a dog-house (big) [red] <x> {y}' | title",
    "'ÀB cd-EF 3rd o\\'neil' | title", "'it\\'s'|title", "'' | title", "'foo bar\\tbaz\\nqux' | title", "12 | title",
    "word | length", "cjk | length", "numbers | length", "table | length", "numbers | count", "nosuch | length",
    "nosuch | default('d')", "nosuch | d('d')", "empty | default('d')", "empty | default('d', true)",
    "nothing | default('d')", "nothing | default('d', boolean=True)", "nosuch | default", "nosuch | default(default_value='q')",
    "numbers | join", "numbers | join(', ')", "words | join('-')", "people | join(', ', attribute='name')",
    "people | join('|', 'home.city')", "cjk | join('.')", "table | join(',')", "['<', 1, none, true] | join(' ')",
    "nosuch | join(',')", "numbers | first", "numbers | last", "none_list | first", "none_list | last", "cjk | first",
    "cjk | last", "table | first", "nosuch | first", "numbers | list", "cjk | list", "table | list", "nosuch | list",
    "(1, 2) | list", "numbers | string", "true | string", "1.0 | string", "none | string",
    "'42' | int", "'+5' | int", "'-5' | int", "' 7 ' | int", "'4_2' | int", "'4.7' | int", "'x' | int", "'x' | int(9)",
    "'' | int", "'0x1f' | int", "'0x1f' | int(base=16)", "'1f' | int(0, 16)", "'101' | int(0, 2)", "'0b101' | int(0, 2)",
    "2.9 | int", "-2.9 | int", "true | int", "none | int", "none | int(default=3)", "'1e3' | int", "'٣' | int",
    "'--5' | int", "'+ 5' | int", "[] | int", "'inf' | int", "'nan' | int",
    "'1.5' | float", "'+1.5' | float", "'x' | float", "'x' | float(2.5)", "3 | float", "' 2 ' | float", "'1e3' | float",
    "'inf' | float", "'-Infinity' | float", "'nan' | float", "none | float", "'1_0.5' | float", "'.5' | float", "'5.' | float",
    "minus | abs", "-2.5 | abs", "true | abs", "2.5 | round", "3.5 | round", "2.567 | round(2)", "2.567 | round(1, 'floor')",
    "2.561 | round(2, 'ceil')", "1234 | round(-2)", "7 | round", "2.675 | round(2)", "1.005 | round(2)", "-0.4 | round",
    "0.5 | round", "1.15 | round(1)", "42.55 | round(precision=1, method='common')", "2.5 | round(0, 'up')",
    "table | items | list", "nosuch | items | list", "table | dictsort", "table | dictsort(true)",
    "table | dictsort(reverse=true)", "{'x': 2, 'y': 1} | dictsort(by='value')", "{'x': 'B', 'y': 'a'} | dictsort(false, 'value')",
    "{'x': 2} | dictsort(by='nosuch')", "cjk | reverse", "numbers | reverse | list", "numbers | reverse | join(',')",
    "(1, 2, 3) | reverse | list", "words | sort", "words | sort(case_sensitive=true)", "words | sort(reverse=true)",
    "words | sort(true, true)", "numbers | sort", "people | sort(attribute='name') | map(attribute='name') | list",
    "people[:3] | sort(attribute='age,name') | map(attribute='name') | list",
    "people[:3] | sort(attribute='home.city') | map(attribute='name') | list", "cjk | sort", "table | sort",
    "[1, 'a'] | sort", "[2.5, 1, true] | sort", "words | unique | list", "words | unique(true) | list", "numbers | unique | list",
    "people[:3] | unique(attribute='age') | map(attribute='name') | list", "numbers | min", "numbers | max", "words | min", "words | max",
    "words | max(case_sensitive=true)", "people[:3] | max(attribute='age')", "people[:3] | min(attribute='age')", "none_list | max",
    "numbers | sum", "reals | sum", "numbers | sum(start=100)", "people[:3] | sum(attribute='age')", "people[:3] | sum('age', 5)",
    "['a'] | sum", "nested | sum(start=[])",
    "people | map(attribute='name') | list", "people | map(attribute='age', default=0) | list",
    "people | map(attribute='home.city') | list", "people | map(attribute='tags.0', default='-') | list",
    "words | map('upper') | list", "words | map('replace', 'p', 'q') | list", "words | map('default', default='x') | list",
    "numbers | map('string') | join('')", "words | map('nosuch') | list", "words | map | list", "words | map(attribute='x', other=1) | list",
    "nested | map('first') | list", "nested | map(attribute=0) | list",
    "numbers | select | list", "numbers | select('odd') | list", "numbers | select('>', 2) | list", "numbers | select('ge', 3) | list",
    "numbers | reject('odd') | list", "numbers | reject | list", "[0, 1, '', 'x', none] | reject | list",
    "people | selectattr('age') | map(attribute='name') | list", "people | selectattr('age', 'defined') | list | length",
    "people | selectattr('age', 'eq', 31) | map(attribute='name') | list", "people | selectattr('name', 'equalto', 'Bob') | list",
    "people | rejectattr('age', 'undefined') | list | length", "people | rejectattr('tags') | map(attribute='name') | list",
    "people | selectattr('home.city', '==', 'Ulm') | map(attribute='name') | list", "people | selectattr('name', 'in', ['Bob', 'Dora']) | list | length",
    "people | selectattr('age', '>', 10) | list", "people | selectattr | list", "people | selectattr('a', 'nosuch') | list",
    "none | selectattr('x') | list", "none | rejectattr('x') | list", "none | select | list", "none | reject | list",
    "none | map('upper') | list", "none | map(attribute='x') | list", "nosuch | selectattr('x') | list", "none | list", "none | join", "none | first",
    "none | sort", "none | length", "none | unique | list", "zero | select | list", "false | selectattr('x') | list", "0 | map('upper') | list",
    "5 | select | list", "none | items | list", "none | reverse", "none | sum", "none | max",
    "text | indent", "text | indent(2)", "text | indent(2, true)", "text | indent(2, first=true, blank=true)", "text | indent('> ')",
    "text | indent(width='--', blank=true)", "'a\\nb\\n' | indent(1)", "'' | indent(first=true)", "'a\\r\\nb' | indent(1)",
    "text | escape", "text | e", "'<a>' | safe", "'<a>' | forceescape", "'aXbXc' | replace('X', '-')", "'aXbXc' | replace('X', '-', 1)",
    "'aaa' | replace('a', 'b', count=2)", "'aaa' | replace(old='a', new='c')", "'abc' | replace('', '-')", "123 | replace(2, 'x')", "'a1' | replace(1, 2)",
    "people[:3] | groupby('age') | list", "people[:3] | groupby('home.city') | map('first') | list", "people | groupby('age', default=0) | map(attribute='grouper') | list",
    "words | groupby(0) | map('first') | list", "[1, 2, 3, 4, 5] | batch(2) | list", "[1, 2, 3, 4, 5] | batch(2, 'x') | list", "[] | batch(2) | list",
    "[1, 2, 3, 4, 5] | slice(2) | list", "[1, 2, 3, 4, 5, 6, 7] | slice(3, 'x') | list", "[1, 2] | slice(3) | list",
    "'%s is %d' | format('a', 3)", "'%5.2f|%-5s|%05d|%x|%X|%o|%e|%g|%%' | format(3.14159, 'ab', 42, 255, 255, 8, 12345.678, 0.00001234)",
    "'%(a)s-%(b)03d' | format(a='x', b=5)", "'%r %c %c' | format('q', 'z', 65)", "'%+d % d' | format(5, 5)", "'%.3s' | format('abcdef')", "'%s' | format", "'%d' | format('x')",
    "'%*d' | format(5, 3)", "'%i %u' | format(3.9, 4)", "'%#x %#o' | format(255, 8)", "'%10.4e|%G' | format(1.5, 1e20)",
    "'Hello, brave new-world it\\'s x2' | wordcount", "'' | wordcount", "'<p>Hello  <b>world</b> &amp; all<!-- no --></p>' | striptags",
    "'a b/c?d=é&e~f' | urlencode", "{'a b': 1, 'c': 'é/'} | urlencode", "[('x', 1), ('y', '2 3')] | urlencode", "5 | urlencode",
    "'Hello brave new world' | truncate(11)", "'Hello brave new world' | truncate(11, true)", "'Hello brave new world' | truncate(11, false, '..', 0)",
    "'Hello brave' | truncate(9)", "'Hello brave' | truncate(3, true, '....')", "'ab' | center(7)", "'ab' | center(8) | replace(' ', '.')", "'ab' | center", "'abc def ghi' | wordwrap(5)",
    "'abc def ghi' | wordwrap(4, wrapstring='|')", "1000 | filesizeformat", "123456789 | filesizeformat(true)", "1 | filesizeformat", "table | xmlattr",
    "people[0] | attr('name')", "'abc' | attr('upper')", "table | pprint", "numbers | random | string | length > 0", "[3] | random", "'http://x.org y' | urlize",
    "nosuch | upper", "nosuch | trim", "nosuch | int", "nosuch | abs", "nosuch | round", "nosuch | nosuchfilter", "text | nosuchfilter",
    "text | trim('a', 'b')", "text | upper('x')", "numbers | length(1)", "numbers | first(1)", "numbers | join(1, 2, 3)", "text | replace('a')",
    "text | default('a', true, 3)", "numbers | sort(nosuch=1)", "numbers | sum(1, 2, 3)", "text | indent(1, 2, 3, 4)", "'a' | lower(x=1)",
    "numbers | min(true, none, 1)", "1 | int(1, 10, 3)", "numbers | list(1)", "text | capitalize(1)", "words | unique(true, none, 3)", "text | e(1)",
    "2.5 | round(1, 'floor', 2)", "table | dictsort(true, 'key', false, 1)", "table | items(1)", "numbers | reverse(1)", "text | string(1)",
    "numbers | map('upper', attribute='x') | list", "numbers | select('odd', 3) | list", "numbers | join(d='+')", "numbers | join(sep='+')",
)

# tojson, as transformers defines it.
cases += prints(
    "messages | tojson", "messages[2] | tojson(indent=2)", "messages[2].tool_calls[0].function | tojson", "cjk | tojson", "cjk | tojson(true)",
    "cjk | tojson(ensure_ascii=true)", "table | tojson(sort_keys=true)", "table | tojson(indent=4)", "table | tojson(indent=0)", "none_list | tojson(indent=2)",
    "none_dict | tojson(indent=2)", "nested | tojson(indent=1)", "table | tojson(separators=(',', ':'))", "nested | tojson(separators=(',', ':'))",
    "table | tojson(separators=('; ', ' = '), indent=1)", "table | tojson(false, none, (',', ':'), true)", "'😀\\u007f\\u2028' | tojson", "'😀' | tojson(true)",
    "'\\t\\n\\r\\b\\f\\x01\\\\/\"' | tojson", "1.0 | tojson", "1e100 | tojson", "1e16 | tojson", "0.00001 | tojson", "true | tojson", "none | tojson", "(1, 2) | tojson",
    "{1: 2, 1.5: 3, true: 4, none: 5} | tojson", "nosuch | tojson", "'<a & b>' | tojson", "table | tojson(indent='--')", "[1, [2, {}]] | tojson(indent='\\t')",
    "range(3) | tojson", "range(3) | list | tojson", "table.items() | tojson", "table.keys() | tojson", "'inf' | float | tojson", "{'b': 1, 'a': {'d': 1, 'c': 2}} | tojson(sort_keys=true)",
    "{1: 'a', 'b': 2} | tojson(sort_keys=true)", "{(1, 2): 3} | tojson", "messages | tojson(1, 2, 3, 4, 5)", "messages | tojson(nosuch=1)",
)

# Tests.
for test in ("defined", "undefined", "none", "boolean", "true", "false", "integer", "float", "number", "string", "mapping", "iterable",
             "sequence", "callable", "sameas none"):
    cases += ["{% for x in [nosuch, nothing, yes, zero, one, real, text, words, table, (1, 2), range] %}{{ x is " + test + " }} {% endfor %}"]
cases += prints(
    "3 is odd", "3 is even", "-3 is odd", "0 is even", "3 is divisibleby 3", "7 is divisibleby(2)", "3 is eq 3", "3 is equalto 4", "3 is == 3", "3 is not == 3",
    "3 is ne 4", "3 is != 3", "3 is lt 4", "3 is lessthan 2", "3 is gt 2", "3 is greaterthan 4", "3 is le 3", "3 is ge 4", "3 is > 2", "3 is >= 3", "3 is < 2", "3 is <= 3",
    "3 is in [1, 3]", "3 is not in [1, 3]", "'a' is in 'abc'", "'abc' is lower", "'aBc' is lower", "'ABC' is upper", "'12' is upper", "'' is lower", "word is lower",
    "none is none", "none is not none", "x is not defined", "not x is defined", "x is defined and x", "yes is sameas true", "1 is sameas true", "none is sameas none",
    "'a' is escaped", "'upper' is filter", "'nosuch' is filter", "'odd' is test", "'nosuch' is test", "3 is nosuch", "3 is odd(1)", "3 is divisibleby", "3 is divisibleby 0",
    "'x' is odd", "2.0 is even", "3 is in 5", "nosuch is in []", "nosuch is none", "[] is sequence", "3 is odd == true", "not 3 is odd", "3 is odd and 4 is even",
    "1 is number and true is number", "x is defined is false", "3 is divisibleby 3 and true", "'a' is string | string", "numbers is iterable and numbers is not string and numbers is not mapping",
    "messages[0].content is string", "messages[3].content is string", "{} is mapping", "{}.items() is iterable", "range(2) is iterable", "range(2) is sequence", "namespace() is mapping", "yes is number",
    "numbers[0] is eq numbers[3]", "7 is in(numbers)", "1 is gt",
)

# Operators, comparisons, literals.
cases += prints(
    "1 + 2", "7 - 10", "7 / 2", "8 / 2", "7 // 2", "minus // 2", "7 % 3", "minus % 3", "7 % -3", "2 ** 10", "2 ** -1", "2 ** 3 ** 2", "-2 ** 2", "-seven", "+seven", "- -seven", "2.5 + 1",
    "7.5 // 2", "-7.5 % 2", "1 / 3", "1e3", "1_000", "1.5e-7", "0x1F", "0b101", "0o17", "0xff_ff", "1e16", "123456789.123456789", "1e15", "0.1 + 0.2", "1.0", "100.0 * 1e20", "5 // 0", "5 / 0", "5 % 0", "5.0 % 0",
    "'a' + 'b'", "'a' ~ 1 ~ none ~ true ~ 1.5", "'a' 'b'", "'ab' * 3", "3 * 'ab'", "'ab' * -1", "[1] * 2", "(1,) * 2", "true + true", "true * 3", "'a' + 1", "1 + 'a'", "none + 1", "[1] + [2]", "(1,) + (2,)", "[1] + (2,)",
    "'a' < 'b'", "'a' < 'B'", "1 < 2 < 3", "1 < 3 < 2", "3 > 2 >= 2 != 1", "1 == 1.0", "true == 1", "'1' == 1", "none == none", "nosuch == none", "nosuch == nosuch", "nosuch != none", "[1, 2] == [1, 2]", "[1] == (1,)", "[1, 2] < [1, 3]", "(1, 2) < (1, 2, 3)",
    "{'a': 1, 'b': 2} == {'b': 2, 'a': 1}", "1 < 'a'", "none < 1", "[1] < 1", "{} < {}", "nosuch < 1", "'b' in 'abc'", "'b' not in 'abc'", "1 in numbers", "'a' in table", "'zz' in table", "1 in 5", "1 in 'a'", "none in [none]", "'' in 'a'", "'x' in nosuch", "nosuch in [1]",
    "not true", "not not 1", "not nosuch", "true and 'x'", "0 and 'x'", "0 or 'x'", "'' or none or 'd'", "1 and 0 or 2", "not 1 == 2", "not (1 and 0)", "1 if true else 2", "1 if false else 2", "1 if false", "1 if 0 else 2 if 0 else 3", "'a' if yes and not no else 'b'",
    "'%s' % 'a'", "'%s and %s' % ('a', 1)", "'%d%%' % 50", "'%05.1f' % 3.14159", "'%(x)s' % {'x': 1}", "'%s' % [1, 'a']", "'%s' % none", "'%s %s' % 'a'", "'a' % 'b'", "'%d' % 'x'", "'%z' % 1", "'%s' % (1, 2)", "'a' % ()", "'%-4d|' % 7", "'a%' % 1",
    "[1, 'a', none, true, 1.5, [2], {'k': 'v'}, (1,), ()]", "{'a': 1, 'b': [1, 2]}", "(1, 2)", "1, 2", "()", "(1,)", "[1, 2,]", "{'a': 1,}", "{}", "[]", "{1: 'x', 1.0: 'y'}", "{'a': 1, 'a': 2}", "{[1]: 2}",
    "'it\\'s'", "\"it's\"", "\"a\\\"b\"", "'\\u00e9\\x41\\n\\t\\\\'", "'\\N{BULLET}'", "'\\101'", "'\\q'", "'a\\\nb'", "['it\\'s', '\"', 'both \\' and \"', '\\n\\t\\\\', 'é', '\\x7f\\x01', '\\u200b', '\\xa0', '😀', '\\u2028']", "true, True, false, False, none, None", "[nosuch]", "[nosuch, 1]",
    "1 | string + 'a'", "-1 | abs", "-2 ** 2 | abs", "(-1) | abs", "1 + 2 | string", "'a' ~ 'b' | upper", "2 * 3 | string", "not 1 | int", "1 - -1", "1--1", "+ 'a'", "- 'a'", "-true", "+true", "+none", "1.e3", "1..2", "1.foo", "'a'.upper() ~ 'b'", "(1 + 2) * 3", "1 +", "1 2", "* 1", "a b", "$", "1 === 1", "'a", "[1", "{'a' 1}", "(1", "1)", "}", "'a' 'b'.upper()",
    "9223372036854775807", "5 > 3 and 'x' in 'xyz' or false", "1 < 2 == true", "'a' == 'a' == 'a'", "[1, 2, 3] == numbers", "none is none == true", "yes == 1", "'é' < 'z'", "'😀' > '你'", "1 != 2 != 1",
)

# Subscripts, slices, attributes.
cases += prints(
    "numbers[0]", "numbers[-1]", "numbers[9]", "numbers[-9]", "numbers[1:3]", "numbers[:2]", "numbers[2:]", "numbers[::2]", "numbers[::-1]", "numbers[-2:]", "numbers[:-1]", "numbers[5:1]", "numbers[5:1:-2]", "numbers[100:]", "numbers[:]", "numbers[::0]", "numbers['a':]",
    "cjk[0]", "cjk[-1]", "cjk[1:3]", "cjk[::-1]", "(1, 2, 3)[1:]", "text[2:7]", "table['a']", "table.a", "table.nosuch", "table['nosuch']", "table.nosuch.x", "table['nosuch']['x']", "nosuch.x", "nosuch['x']", "nothing.x", "nothing['x']", "nothing.x.y",
    "messages[0].role", "messages[0]['role']", "messages[0]['role'][0]", "messages[-1].content[0].text", "messages[1:][0].content", "nested[1][1][0]", "nested.1", "nested.0.1", "nested[0, 1]", "people[0].home.city", "people[3].home.city", "people[3].home.city.x", "word.nosuch", "word['nosuch']", "numbers.nosuch",
    "numbers['length']", "table.items", "table.items() | list", "{'items': 5}.items", "{'items': 5}['items']", "{'keys': 1}.keys() | list", "one.x", "yes.x", "'a'[nosuch]", "numbers[1.0]", "numbers[true]", "numbers[none]", "text[0:0]", "''[0]", "messages[0].__class__", "''.__class__", "[].__len__", "messages[0]['__class__']",
    "text | attr('__class__')", "range.__name__", "table[nosuch]", "numbers[-3:-1]", "'abc'[-2:][0]", "'abcdef'[1:5:2]", "'abc'[3:0:-1]", "cjk[-3:-1]", "real.x", "real.is_integer()", "one.bit_length()", "table[0]", "table[none]",
)

# Methods of texts, lists and dictionaries.
cases += prints(
    "text.strip()", "text.lstrip()", "text.rstrip()", "'xxaxx'.strip('x')", "'abcba'.lstrip('ab')", "'abcba'.rstrip('ab')", "'éaé'.strip('é')", "'a'.strip(none)", "'a'.strip(1)", "'a'.strip('x', 'y')", "text.split()", "text.split(none, 2)", "'a,b,,c'.split(',')", "'a,b,c'.split(',', 1)",
    "'a,b,c'.split(',', maxsplit=1)", "'a,b,c'.split(sep=',')", "'a'.split('')", "'a b'.split(' ', -1)", "'a'.split(',', 1, 2)", "''.split()", "''.split(',')", "'a,b,c'.rsplit(',', 1)", "' a b  c '.rsplit(none, 1)", "' a b  c '.rsplit()", "'a</think>b'.split('</think>')[-1]", "text.splitlines()", "text.splitlines(true)", "'a\\r\\nb\\rc\\n'.splitlines()", "''.splitlines()", "'a'.splitlines(1, 2)",
    "'abc'.startswith('a')", "'abc'.startswith(('x', 'a'))", "'abc'.startswith(['a'])", "'abc'.startswith('b', 1)", "'abc'.startswith('b', 1, 2)", "'abc'.startswith('c', -1)", "'abc'.startswith('')", "'abc'.startswith('', 4)", "'abc'.startswith(1)", "'abc'.startswith()", "'abc'.startswith('a', 0, 1, 2)", "'abc'.endswith('c')", "'abc'.endswith(('x', 'bc'))", "'abc'.endswith('b', 0, 2)", "'abc'.endswith('bc', 2)", "'abc'.startswith(prefix='a')",
    "'abcabc'.find('c')", "'abcabc'.find('c', 3)", "'abcabc'.find('c', 3, 5)", "'abcabc'.find('x')", "'abcabc'.find('')", "'abc'.find('', 3)", "'abc'.find('', 4)", "cjk.find('世')", "cjk.find('世', 1)", "'abcabc'.rfind('c')", "'abcabc'.rfind('c', 0, 5)", "'abc'.rfind('')", "'abc'.find(1)", "'abc'.find()", "'abc'.find('a', 1, 2, 3)", "'abcabc'.index('b')", "'abcabc'.index('b', 2)", "'abc'.index('x')", "'abcabc'.rindex('b')", "'abc'.rindex('x')", "'abc'.find('c', -1)", "'abc'.find('a', none, none)",
    "'aXbXc'.count('X')", "'aaaa'.count('aa')", "'abc'.count('')", "'aXbXc'.count('X', 2)", "'aXbXc'.count('X', 2, 3)", "cjk.count('')", "'abc'.count('', 1, 2)", "'abc'.count()", "'abc'.count(1)", "numbers.count(3)", "numbers.count()", "numbers.count(1, 2)", "numbers.index(2)", "numbers.index(99)", "numbers.index(3, 1)", "numbers.index(3, 1, 2)", "(1, 2, 1).count(1)", "(1, 2, 1).index(2)",
    "'aXbXc'.replace('X', '-')", "'aXbXc'.replace('X', '-', 1)", "'aXbXc'.replace('X', '-', -1)", "'aXb'.replace('X', '', 0)", "'aa'.replace('', '-')", "'aa'.replace('', '-', 2)", "'a'.replace('a')", "'a'.replace('a', 'b', 1, 2)", "'a'.replace(1, 2)", "'aXbX'.replace('X', '', count=1)", "', '.join(words)", "','.join('abc')", "','.join(numbers)", "','.join(table)", "','.join([])", "''.join(['a', 'b'])", "','.join()", "','.join(1)",
    "word.upper()", "'ÀÉ'.lower()", "'ΑΣ'.lower()", "'hello wORLD it\\'s'.title()", "'hELLO wORLD'.capitalize()", "'aBc É'.swapcase()", "word.casefold()", "'ŉ'.upper()", "'ﬁx'.upper()", "'ﬁx'.title()", "'ǆ'.title()", "'İ'.lower()", "'a'.upper(1)", "'a'.lower('x')", "'12'.isdigit()", "'²'.isdigit()", "'²'.isdecimal()", "'½'.isnumeric()", "'½'.isdigit()", "''.isdigit()", "'1.5'.isdigit()", "'aé'.isalpha()", "'a1'.isalpha()", "'a1'.isalnum()", "'½'.isalnum()", "'a b'.isalnum()", "' \\t\\u00a0'.isspace()", "''.isspace()", "'AB1'.isupper()", "'1'.isupper()", "'ab'.islower()", "'ªb'.islower()", "'Hello World'.istitle()", "'Hello world'.istitle()", "'abc'.isascii()", "'é'.isascii()", "'a_1'.isidentifier()", "'1a'.isidentifier()", "'a\\n'.isprintable()", "'abc'.isprintable()", "'Ⅷ'.isupper()", "'ⅷ'.islower()",
    "'abc'.removeprefix('a')", "'abc'.removeprefix('x')", "'abc'.removesuffix('bc')", "'abc'.removesuffix('')", "'abc'.removeprefix()", "'abc'.removeprefix('a', 'b')", "'a-b-c'.partition('-')", "'abc'.partition('-')", "'a-b-c'.rpartition('-')", "'abc'.rpartition('-')", "'a'.partition('')", "'42'.zfill(5)", "'-42'.zfill(5)", "'+4'.zfill(4)", "'abc'.zfill(2)", "'é'.zfill(3)", "'ab'.ljust(5)", "'ab'.ljust(5, '.')", "'ab'.rjust(5, '.')", "'ab'.center(5, '.')", "'ab'.center(6, '.')", "'abc'.center(6, '.')", "'ab'.center(5, '..')", "'a\\tb'.expandtabs(4)", "'a\\tb'.expandtabs()",
    "'{} {}'.format(1, 'a')", "'{0} {1} {0}'.format('a', 'b')", "'{x} {y}'.format(x=1, y=2)", "'{:>5}|{:<5}|{:^5}|'.format('a', 'b', 'c')", "'{:.2f} {:05d} {:x} {:,}'.format(3.14159, 42, 255, 1234567)", "'{{}} {}'.format(1)", "'{!r}'.format('a')", "'{a[b]}'.format(a={'b': 1})", "'{}'.format()", "'{'.format()", "'abc'.encode('utf-8')", "'a'.translate({})", "'abc'.nosuch()", "'a'.format_map({'a': 1})", "'{a}'.format_map({'a': 1})",
    "table.keys() | list", "table.values() | list", "table.items() | list", "table.get('a')", "table.get('q')", "table.get('q', 'd')", "table.get('q', default='d')", "table.get()", "table.get('a', 1, 2)", "table.copy()", "table.keys()", "table.values()", "table.items()", "table.pop('a')", "table.update({})", "table.setdefault('q', 1)", "table.clear()", "numbers.append(1)", "numbers.pop()", "numbers.insert(0, 1)", "numbers.extend([1])", "numbers.sort()", "numbers.reverse()", "numbers.remove(3)", "numbers.copy()", "table.items(1)", "table.keys(1)", "table.copy(1)", "table.nosuch()", "numbers.nosuch()", "1()", "'a'()", "nosuch()", "table['a']()", "table.a()", "table.get(nosuch)", "'a'.join(nosuch)", "table.keys() | length", "'a' in table.keys()", "table.values() | sum", "table.items() | length", "(table.items() | list)[0]", "table.items()[0]", "table.keys()[0]", "dict.fromkeys(['a', 'b'], 1)",
)

# Globals.
cases += prints(
    "range(5) | list", "range(2, 5) | list", "range(10, 0, -3) | list", "range(0) | list", "range(5)", "range(1, 5, 2)", "range(5)[1]", "range(5)[1:3]", "range(5) | length", "range(3) | sum", "3 in range(5)", "range()", "range(1, 2, 3, 4)", "range('a')", "range(1.5)", "range(1, 2, 0)", "range(100001) | length", "range(5) == range(5)", "range(3) is iterable",
    "dict(a=1, b=2)", "dict({'a': 1}, b=2)", "dict([('a', 1), ('b', 2)])", "dict()", "dict(1)", "namespace(a=1).a", "namespace(a=1).b", "namespace({'a': 1}).a", "namespace()", "raise_exception('no')", "raise_exception()", "raise_exception(1)", "strftime_now('%Y') | length", "strftime_now('%%d')", "strftime_now()", "strftime_now('a', 'b')", "lipsum() | length > 0", "cycler('a', 'b').next()", "joiner(', ')()",
    "bos_token", "eos_token", "pad_token", "self", "messages | length", "range(*[1, 3]) | list", "dict(**{'a': 1})", "dict(**table)", "'a,b'.split(*[',', 1])", "range(*numbers)", "dict(*[{'x': 1}], **{'y': 2})",
)
cases += [
    "{% set c = cycler('a', 'b') %}{{ c.next() }}{{ c.next() }}{{ c.next() }}{{ c.current }}{% do 1 %}",
    "{% set c = cycler('a', 'b', 'c') %}{{ c.next() }}{{ c.next() }}{{ c.current }}{{ c.reset() }}{{ c.next() }}",
    "{% set c = cycler(*numbers) %}{% for i in range(7) %}{{ c.next() }} {% endfor %}",
    "{% set j = joiner() %}{% for x in words %}{{ j() }}{{ x }}{% endfor %}",
    "{% set j = joiner('|') %}{% for x in words %}{{ j() }}{{ x }}{% endfor %}",
]

# Loops.
cases += [
    "{% for x in numbers %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ x }};{% endfor %}",
    "{% for x in numbers %}{{ loop.previtem }}<{{ x }}>{{ loop.nextitem }};{% endfor %}",
    "{% for x in numbers %}{{ loop.previtem is defined }}{{ loop.nextitem is defined }};{% endfor %}",
    "{% for x in numbers %}{% if loop.changed(x > 1) %}!{% endif %}{{ x }}{% endfor %}",
    "{% for x in [1, 1, 2, 2, 1] %}{{ loop.changed(x) }}{{ loop.changed(x) }} {% endfor %}",
    "{% for p in people[:3] %}{{ loop.changed(p.age, p.home.city) }}{% endfor %}",
    "{% for x in numbers %}{{ loop.cycle('a', 'b', 'c') }}{% endfor %}", "{% for x in [1] %}{{ loop.cycle() }}{% endfor %}",
    "{% for a in nested %}{{ loop.depth }}{{ loop.depth0 }}{% for b in a %}{{ loop.depth }}{{ loop.depth0 }}{% endfor %}{% endfor %}",
    "{% for a in [1, 2] %}{% set outer = loop %}{% for b in [1, 2] %}{{ outer.index }}{{ loop.index }} {% endfor %}{% endfor %}",
    "{% for a in [1, 2] recursive %}{{ loop.depth }}{% endfor %}",
    "{% for a in nested recursive %}[{% if a is iterable %}{{ loop(a) }}{% else %}{{ a }}@{{ loop.depth }}{% endif %}]{% endfor %}",
    "{% for x in numbers if x > 1 %}{{ loop.index }}/{{ loop.length }}:{{ x }} {% endfor %}", "{% for x in numbers if x > 100 %}x{% else %}none{% endfor %}", "{% for x in [] %}x{% else %}e{% endfor %}",
    "{% for x in nosuch %}x{% else %}e{% endfor %}", "{% for x in none %}x{% else %}e{% endfor %}", "{% for x in 5 %}x{% endfor %}", "{% for c in cjk %}{{ c }}.{% endfor %}", "{% for k in table %}{{ k }}{% endfor %}", "{% for k, v in table.items() %}{{ k }}={{ v }};{% endfor %}",
    "{% for k, v in table | dictsort %}{{ k }}={{ v }};{% endfor %}", "{% for a, b in [[1, 2], [3, 4]] %}{{ a }}{{ b }}{% endfor %}", "{% for a, (b, c) in [[1, [2, 3]]] %}{{ a }}{{ b }}{{ c }}{% endfor %}", "{% for (a, b) in [[1, 2]] %}{{ a }}{{ b }}{% endfor %}", "{% for a, b in [[1, 2, 3]] %}{{ a }}{% endfor %}", "{% for a, b in [1] %}{{ a }}{% endfor %}",
    "{% for x in numbers %}{% if x == 2 %}{% break %}{% endif %}{{ x }}{% endfor %}", "{% for x in numbers %}{% if x == 3 %}{% continue %}{% endif %}{{ x }}{% endfor %}", "{% for x in numbers %}{% break %}{% else %}e{% endfor %}", "{% break %}", "{% for x in numbers %}{% for y in [1, 2] %}{% break %}{% endfor %}{{ x }}{% endfor %}",
    "{% set x = 1 %}{% for i in [1, 2] %}{% set x = x + i %}{{ x }}{% endfor %}{{ x }}", "{% for x in [1] %}{% endfor %}{{ x }}", "{% set x = 9 %}{% for x in [1] %}{{ x }}{% endfor %}{{ x }}", "{% for i in [1, 2] %}{% set z = i %}{% endfor %}{{ z }}", "{% for i in [1, 2] %}{{ z }}{% set z = i %}{{ z }}{% endfor %}", "{% for loop in [1] %}{% endfor %}", "{{ loop }}", "{{ loop.index }}", "{% for x in [1] %}{{ loop.nosuch }}{% endfor %}", "{% for x in [1] %}{{ loop }}{% endfor %}",
    "{% for x in [1, 2, 3] %}{{ x }}{% if not loop.last %}, {% endif %}{% endfor %}", "{% for x in 1, 2, 3 %}{{ x }}{% endfor %}", "{% for x in numbers | sort %}{{ x }}{% endfor %}", "{% for x in numbers | select('odd') %}{{ loop.index }}{{ x }}{{ loop.last }}{% endfor %}", "{% for x in (1, 2) if x != 1 else 3 %}{% endfor %}", "{% for x in [1, 2] if loop.index %}{{ x }}{% endfor %}", "{% for x in [[1], [2]] %}{% for x in x %}{{ x }}{% endfor %}{% endfor %}",
    "{% for x in [1] %}{% for y in [2] if y > x %}{{ loop.index }}{% else %}{{ loop.index }}{% endfor %}{% endfor %}", "{% for x in [1, 2] %}{% for y in [] %}{% else %}{{ loop.index }}{% endfor %}{% endfor %}", "{% for x in numbers %}{{ loop.index }}{% endfor x %}", "{% for in x %}{% endfor %}", "{% for x in numbers %}", "{% endfor %}", "{% for x y in z %}{% endfor %}", "{% for x in numbers %}{% else %}{% else %}{% endfor %}", "{% for m in messages %}{{ m.role }}{{ loop.nextitem.role if not loop.last }} {% endfor %}", "{% for x in messages[::-1] %}{{ x.role }} {% endfor %}", "{% for m in messages if m.role == 'user' %}{{ loop.index0 }}{% endfor %}",
]

# Conditions, set, namespaces, scopes.
cases += [
    "{% if 1 %}a{% endif %}", "{% if 0 %}a{% elif '' %}b{% else %}c{% endif %}", "{% if 0 %}a{% elif 1 %}b{% else %}c{% endif %}", "{% if nosuch %}a{% else %}b{% endif %}", "{% if nosuch.x %}a{% endif %}", "{% if 1 %}", "{% if %}a{% endif %}", "{% else %}", "{% if 1 %}a{% else %}b{% elif 1 %}c{% endif %}", "{% if 1 %}a{% endif %}{% endif %}", "{% if 1 %}{% set x = 5 %}{% endif %}{{ x }}", "{% if 'a' 'b' == 'ab' %}y{% endif %}", "{% if not messages %}a{% elif messages[0].role == 'system' %}{{ messages[0].content }}{% endif %}",
    "{% set x = 1 %}{{ x }}", "{% set x, y = 1, 2 %}{{ y }}{{ x }}", "{% set x, y = [1, 2] %}{{ x }}", "{% set x = y = 1 %}", "{% set (a, b) = (1, 2) %}{{ a }}", "{% set x = 1, 2 %}{{ x }}", "{% set x %}a{{ 1 + 1 }}b{% endset %}{{ x }}", "{% set x | upper %}abc{% endset %}{{ x }}", "{% set x | replace('a', 'b') | upper %}abc{% endset %}{{ x }}", "{% set x %}{% set y = 1 %}{{ y }}{% endset %}[{{ x }}][{{ y }}]", "{% set none = 1 %}", "{% set true = 1 %}", "{% set x.y = 1 %}", "{% set ns = namespace(a=1) %}{% set ns.a = 2 %}{{ ns.a }}", "{% set ns = namespace(found=false) %}{% for x in numbers %}{% if x == 2 %}{% set ns.found = true %}{% endif %}{% endfor %}{{ ns.found }}", "{% set ns = namespace() %}{% set ns.a, ns.b = 1, 2 %}{{ ns.a }}{{ ns.b }}", "{% set d = {} %}{% set d.a = 1 %}{{ d }}", "{% set d = {} %}{% set d['a'] = 1 %}{{ d }}", "{% set ns = namespace(x='') %}{% set ns.x %}abc{% endset %}{{ ns.x }}", "{% set ns = namespace(items=[]) %}{% for x in words %}{% set ns.items = ns.items + [x] %}{% endfor %}{{ ns.items }}", "{% set ns = namespace(i=0) %}{% for x in words %}{% set ns.i = ns.i + loop.index %}{% endfor %}{{ ns.i }}", "{% set a = namespace(x=1) %}{% set b = a %}{% set b.x = 5 %}{{ a.x }}", "{% set ns = namespace(a=1) %}{{ ns['a'] }}", "{% set nosuch.a = 1 %}", "{% set messages = messages[1:] %}{{ messages | length }}", "{% set loop = 5 %}{{ loop }}", "{% set x = 1 %}{% set x = x + 1 %}{{ x }}", "{% set %}", "{% set x %}", "{% set x = %}", "{% set 'a' = 1 %}",
    "{% with %}{% set a = 1 %}{{ a }}{% endwith %}[{{ a }}]", "{% with a = 1, b = 2 %}{{ a }}{{ b }}{% endwith %}[{{ a }}]", "{% set a = 5 %}{% with a = 1, b = a %}{{ a }}{{ b }}{% endwith %}{{ a }}", "{% with a = 1 %}{% with b = a + 1 %}{{ b }}{% endwith %}{% endwith %}", "{% with a, b = 1 %}{% endwith %}", "{% with a = 1 %}x", "{% with x = namespace(a=1) %}{% set x.a = 2 %}{{ x.a }}{% endwith %}", "{% with a = 1 b = 2 %}{{ a }}{% endwith %}",
    "{% generation %}a{{ 1 }}{% endgeneration %}", "{% generation %}{% set x = 1 %}{{ x }}{% endgeneration %}{{ x }}", "{% for m in messages[:3] %}{% if m.role == 'assistant' %}{% generation %}{{ m.content }}{{ eos_token }}{% endgeneration %}{% endif %}{% endfor %}", "{% generation %}a", "{% for x in [1, 2] %}{% generation %}{{ loop.index }}{% endgeneration %}{% endfor %}", "{% do messages.append(1) %}", "{% block a %}x{% endblock %}", "{% extends 'a' %}", "{% include 'a' %}", "{% import 'a' as b %}", "{% nosuch %}", "{% autoescape true %}{{ '<' }}{% endautoescape %}", "{% autoescape false %}{{ '<' }}{% endautoescape %}", "{% debug %}", "{% trans %}a{% endtrans %}", "{% %}", "{{ }}", "{{", "{%", "{#", "{{ 1 }", "{% if 1 }}a{% endif %}", "{{ 1 %}",
]

# Macros and call blocks.
cases += [
    "{% macro m() %}x{% endmacro %}{{ m() }}", "{% macro m(a, b=2) %}{{ a }}{{ b }}{% endmacro %}{{ m(1) }}{{ m(1, 3) }}{{ m(a=5) }}{{ m(b=1, a=0) }}{{ m() }}", "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, 2) }}", "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(b=2) }}", "{% macro m(a) %}{{ a }}{{ varargs }}{% endmacro %}{{ m(1, 2, 3) }}", "{% macro m(a) %}{{ a }}{{ kwargs }}{% endmacro %}{{ m(1, x=2, y=3) }}", "{% macro m() %}{{ varargs | length }}{{ kwargs | length }}{% endmacro %}{{ m() }}{{ m(1, 2, a=3) }}", "{% macro m(a, b) %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1) }}{{ m(1, 2, 3, c=4) }}", "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, a=2) }}",
    "{% macro m(a, b=a) %}{{ a }}{{ b }}{% endmacro %}{{ m(1) }}", "{% set x = 1 %}{% macro m() %}{{ x }}{% endmacro %}{% set x = 2 %}{{ m() }}", "{% macro m() %}{% set y = 3 %}{{ y }}{% endmacro %}{{ m() }}[{{ y }}]", "{% macro m(n) %}{{ n }}{% if n > 0 %}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(3) }}", "{% macro m() %}{{ caller() }}{% endmacro %}{% call m() %}hi{% endcall %}", "{% macro m() %}{{ caller(1, 2) }}{% endmacro %}{% call(a, b) m() %}{{ a }}-{{ b }}{% endcall %}", "{% macro m(x) %}<{{ x }}>{{ caller(x) }}{% endmacro %}{% call(a, b=7) m('q') %}{{ a }}{{ b }}{% endcall %}", "{% macro m() %}x{% endmacro %}{% call m() %}hi{% endcall %}", "{% macro m() %}{{ caller() }}{% endmacro %}{{ m() }}", "{% macro m() %}{{ caller is defined }}{% endmacro %}{{ m() }}{% call m() %}{% endcall %}", "{% macro m() %}{% if caller %}{{ caller() }}{% else %}no{% endif %}{% endmacro %}{{ m() }}{% call m() %}yes{% endcall %}", "{% call nosuch() %}{% endcall %}", "{% call 1 %}{% endcall %}", "{% macro m(caller) %}{{ caller }}{% endmacro %}{{ m(1) }}", "{% macro m(caller=none) %}{% if caller %}{{ caller() }}{% endif %}{% endmacro %}{{ m() }}{% call m() %}c{% endcall %}",
    "{% macro m(a, b=1, c) %}{% endmacro %}", "{% macro m(a, a) %}{{ a }}{% endmacro %}{{ m(1, 2) }}", "{{ m }}", "{% macro m(a, b=[]) %}{{ m.name }}{{ m.arguments }}{{ m.catch_kwargs }}{{ m.catch_varargs }}{{ m.caller }}{% endmacro %}{{ m(1) }}", "{% macro a() %}A{{ b() }}{% endmacro %}{% macro b() %}B{% endmacro %}{{ a() }}", "{% for x in [1, 2] %}{% macro m() %}{{ x }}{% endmacro %}{{ m() }}{% endfor %}", "{% macro m(x) %}{{ loop.index }}{% endmacro %}{% for x in [1] %}{{ m(x) }}{% endfor %}", "{% macro m(x) %}  {{ x }}  {% endmacro %}[{{ m(1) }}][{{ m(1) | trim }}]", "{% macro m(x) %}{{ x }}{% endmacro %}{{ m([1, 2]) }}{{ [1, 2] | map('string') | map('upper') | list }}", "{% macro m() -%} a {%- endmacro %}{{ m() }}", "{% if 0 %}{% macro m() %}x{% endmacro %}{% endif %}{{ m is defined }}", "{% macro m(*args) %}{% endmacro %}", "{% macro m(x='d') %}{{ x }}{% endmacro %}{{ m(none) }}{{ m(nosuch) }}{{ m() }}", "{% macro m(a, b) %}{{ a }}{{ b }}{% endmacro %}{{ m(*[1, 2]) }}{{ m(*[1], **{'b': 5}) }}{{ m(**{'a': 1, 'b': 2}) }}", "{% macro m(ns) %}{% set ns.x = ns.x + 1 %}{% endmacro %}{% set ns = namespace(x=1) %}{{ m(ns) }}{{ ns.x }}", "{% macro m(x) %}{% for i in range(x) %}{{ i }}{% endfor %}{% endmacro %}{{ m(3) }}", "{% macro m() %}{{ messages | length }}{% endmacro %}{{ m() }}", "{% macro m() %}{{ self_defined }}{% endmacro %}{% set self_defined = 1 %}{{ m() }}", "{% for x in [1] %}{% set y = 7 %}{% macro m() %}{{ y }}{% endmacro %}{{ m() }}{% endfor %}", "{% macro m(a) %}{{ a is defined }}{{ a is none }}{% endmacro %}{{ m() }}", "{% macro outer() %}{% macro inner(x) %}<{{ x }}>{% endmacro %}{{ inner(1) }}{% endmacro %}{{ outer() }}", "{% macro m(a=nosuch) %}{{ a is defined }}{% endmacro %}{{ m() }}", "{% set f = 5 %}{% macro f() %}x{% endmacro %}{{ f() }}", "{% macro m(x) %}{{ x }}{% endmacro %}{% call(m) m(1) %}{% endcall %}", "{% call(x) [1].count(1) %}{% endcall %}", "{% call 'a'.upper() %}b{% endcall %}",
    "{% filter upper %}abc{{ 'd' }}{% endfilter %}", "{% filter upper | replace('A', 'x') %}abc{% endfilter %}", "{% filter replace('a', 'b') %}aaa{% endfilter %}", "{% filter nosuch %}{% endfilter %}", "{% filter trim %}  {% for x in [1, 2] %}{{ x }} {% endfor %} {% endfilter %}", "{% filter indent(2) %}a\nb\n{% endfilter %}", "{% filter upper %}{% set zz = 'q' %}{{ zz }}{% endfilter %}[{{ zz }}]", "{% filter upper %}a",
]

# White space, comments, raw blocks.
for opening, closing in (("{%", "%}"), ("{%-", "%}"), ("{%", "-%}"), ("{%-", "-%}"), ("{%+", "%}"), ("{%", "+%}"), ("{%+", "+%}"), ("{%-", "+%}"), ("{%+", "-%}")):
    cases += ["a  \n   " + opening + " if 1 " + closing + "  \n  b\n  " + opening + " endif " + closing + " \n c \n",
              "a\n\n\t " + opening + " set x = 1 " + closing + "\n\n b " + opening + " set x = 1 " + closing + "\n\n c",
              "x " + opening + " raw " + closing + "\n {{ a }} \n " + opening + " endraw " + closing + "\n y",
              "x\n  " + opening + " raw " + closing + "{{ a }}{% if %}{# c #}" + opening + " endraw " + closing + "  \n y",
              "{% for x in [1, 2] %}\n  " + opening + " if x " + closing + "\n    {{ x }}\n  " + opening + " endif " + closing + "\n{% endfor %}\n"]
for opening, closing in (("{{", "}}"), ("{{-", "}}"), ("{{", "-}}"), ("{{-", "-}}"), ("{{+", "}}"), ("{{", "+}}")):
    cases += ["a \n  " + opening + " 1 " + closing + " \n b", "{% set x = 1 %}\n " + opening + "x" + closing + "\n"]
for opening, closing in (("{#", "#}"), ("{#-", "#}"), ("{#", "-#}"), ("{#-", "-#}"), ("{#+", "#}"), ("{#", "+#}")):
    cases += ["a \n  " + opening + " {{ no }} {% if %} " + closing + " \n b\n" + opening + " x " + closing + "\nc"]
cases += [
    "a\n", "a\n\n", "\n", "", "a\r\nb\r\n", "a\rb", "{{ 1 }}\n", "{{ 1 }}\n\n", "{% if 1 %}\na\n{% endif %}\n", "{% if 1 %}\n\na{% endif %}", "{{ 'a\nb' }}", "{{ 'a\r\nb' | length }}", "  {{ 1 }}", "  {% if 1 %}a{% endif %}", "\t{%- if 1 -%}\t a \t{%- endif -%}\t", "a {# c #} b", "{# a\nb #}\nc", "a{##}b", "{% raw %}{% endraw %}", "{% raw %}\na\n{% endraw %}\n", "{% raw -%}\n a \n{%- endraw %}\n", "{%raw%}x{%endraw%}", "{% raw %}x", "{% raw x %}{% endraw %}", "{% raw %}{% raw %}{% endraw %}", "{% raw %}\n\n\nx{% endraw %}", "  {% raw %}  x  {% endraw %}  ", "{%- raw %} x {% endraw -%} y",
    "{{'{{'}}", "{{ '}}' }}", "{{ '%}' }}", "{% set x = '%}' %}{{ x }}", "{{ {'a': {'b': 1}} }}", "{{ {'a': {'b': 1}}}}", "{{-1}}", "{{ -1}}", "{{+1}}", "{%-if 1-%}a{%-endif-%}", "{%set x=1%}{{x}}", "{{\n1\n+\n2\n}}", "{%\nif\n1\n%}a{%\nendif\n%}", "a {%- if 1 %} b {% endif -%} c", "line1\n    {%- if 1 %}\n    line2\n    {%- endif %}\nline3", "{%- for m in messages -%}\n {{ m.role }}\n{%- endfor -%}", "  {%- set x = 1 -%}  \n  {{ x }}", "{% set x = 1 %}{% set y = 2 %}\n{{ x }}{{ y }}", "{% set x = 1 %}  \n{{ x }}", "a{% if 1 %}  \n  {% endif %}b", "\u00a0{% if 1 %}a{% endif %}", "\u00a0 {%- if 1 %}a{% endif %}", "\u2003{{- 1 -}}\u2003", "x\u3000\n{%- if 1 %}a{% endif %}", "\x0b{% if 1 %}a{% endif %}", "\x0c  {% if 1 %}a{% endif %}", "a\x85{%- if 1 %}b{% endif %}", "{ { 1 } }", "{%% if %}", "}}", "%}", "#}", "# x", "## x", "{{ 1 }}}", "{{{ 1 }}", "{ {{ 1 }}", "{{ '#}' }}{# '#} x", "{% if 1 %}a{% endif %}\n\n{% if 1 %}b{% endif %}\n", "{% if 1 -%}\n\n  a{% endif %}", "a\n{#- c -#}\nb", "a\n  {# c #}\nb", "a\n  {# c #}  \nb", "a\n  {# c #}x\nb", "a\n  {# c\n d #}\nb", "{% for x in [1, 2] -%}\n  {{ x }}\n{% endfor %}", "{% for x in [1, 2] %}\n  {{ x }}\n{%- endfor %}", "é{% if 1 %}\né\n{% endif %}é", "{{ 'a' }}\n  {% if 1 %}\nb\n  {% endif %}\n  c", "{{ 1 }}  {% if 1 %}x{% endif %}", "{% if 1 %} {% if 1 %}x{% endif %}{% endif %}", "a{% if 1 %}\n{% if 1 %}\nb\n{% endif %}\n{% endif %}\nc",
]

# What real chat templates do.
cases += [
    "{{ bos_token }}{% for message in messages[:3] %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 1) %}{{ raise_exception('alternate') }}{% endif %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] | trim + '<|im_end|>' + '\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}",
    "{%- if messages[0]['role'] == 'system' %}{%- set system_message = messages[0]['content'] %}{%- set loop_messages = messages[1:] %}{%- else %}{%- set loop_messages = messages %}{%- endif %}{{ system_message }}{{ loop_messages | length }}",
    "{% for message in messages %}{% if message['content'] is string %}{{ message.content }}{% else %}{% for part in message['content'] %}{% if part['type'] == 'text' %}{{ part['text'] }}{% elif part['type'] == 'image' %}<image>{% endif %}{% endfor %}{% endif %}{% endfor %}",
    "{% for message in messages %}{% if message.tool_calls is defined and message.tool_calls is not none %}{% for call in message.tool_calls %}{{ {'name': call.function.name, 'arguments': call.function.arguments} | tojson }}{% endfor %}{% endif %}{% endfor %}",
    "{% for message in messages %}{% if message.tool_calls %}{% for call in message.tool_calls %}{{ '{\"name\": \"' + call.function.name + '\", \"arguments\": ' }}{{ call.function.arguments | tojson }}{{ '}' }}{% endfor %}{% endif %}{% endfor %}",
    "{%- set ns = namespace(multi_step_tool=true, last_query_index=messages|length - 1) %}{%- for message in messages[::-1] %}{%- set index = (messages|length - 1) - loop.index0 %}{%- if ns.multi_step_tool and message.role == \"user\" and message.content is string %}{%- set ns.multi_step_tool = false %}{%- set ns.last_query_index = index %}{%- endif %}{%- endfor %}{{ ns.last_query_index }}",
    "{% if tools is defined and tools %}t{% else %}n{% endif %}{% if not tools is defined %}u{% endif %}{% if tools is not none %}x{% endif %}", "{% set content = '<think>\\na\\n</think>\\n\\nb' %}{{ content.split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n') }}|{{ content.split('</think>')[-1].lstrip('\\n') }}",
    "{{ messages | selectattr('role', 'equalto', 'user') | list | length }}{{ messages | map(attribute='role') | unique | join(',') }}{{ (messages | rejectattr('role', 'in', ['user']) | list)[-1].role }}", "{{ messages[-1].role if messages else 'x' }}{{ (messages | last).role }}", "{%- macro render_content(content) -%}{%- if content is string -%}{{- content -}}{%- else -%}{%- for c in content -%}{{- c.text if c.type == 'text' else '<img>' -}}{%- endfor -%}{%- endif -%}{%- endmacro -%}{%- for m in messages -%}{{- render_content(m.content) -}}|{%- endfor -%}",
    "{% set user_messages = messages | selectattr('role', 'equalto', 'user') | list %}{{ user_messages[-1].content[0].text }}", "{{ '%s: %s' | format(messages[0].role, messages[0].content) }}", "{{ messages[0].get('name', 'none') }}{{ messages[0].content.startswith('Be') }}{{ 'tool_calls' in messages[2] }}", "{% set today = strftime_now('%d %b %Y') %}{{ today | length }}", "{% if messages[0].role not in ['user', 'system'] %}x{% else %}{{ messages[0].role | capitalize }}{% endif %}",
    "{%- for k, v in messages[2].tool_calls[0].function.arguments | items %}{{ k }}: {{ v if v is string else v | tojson }};{%- endfor %}", "{% for m in messages %}{{ loop.index0 }}{{ m.role[0] | upper ~ m.role[1:] }}{{ ' ' if not loop.last else '' }}{% endfor %}", "{{ messages[2].tool_calls[0].function | tojson(indent=4) | replace('    ', '\\t') | trim }}", "{{ (messages | first).content ~ (messages | length > 2) }}",
]

# Rendered by Jinja2, refused here by name.
REFUSED = {
    'int() of digits beyond ASCII': [
        "{{ '٣' | int }}",
    ],
    'filters that no chat template uses': [
        "{{ 'abc def ghi' | wordwrap(5) }}",
        "{{ 'abc def ghi' | wordwrap(4, wrapstring='|') }}",
        '{{ 1000 | filesizeformat }}',
        '{{ 123456789 | filesizeformat(true) }}',
        '{{ 1 | filesizeformat }}',
        '{{ table | xmlattr }}',
        '{{ table | pprint }}',
        '{{ numbers | random | string | length > 0 }}',
        '{{ [3] | random }}',
        "{{ 'http://x.org y' | urlize }}",
    ],
    'what Python prints by an address or by a class of its own': [
        "{{ 'abc' | attr('upper') }}",
        '{{ table.items }}',
        "{{ {'items': 5}.items }}",
        '{{ range(5) }}',
        '{{ range(1, 5, 2) }}',
        '{{ range(5)[1:3] }}',
        '{{ namespace() }}',
        '{% for x in [1] %}{{ loop }}{% endfor %}',
    ],
    'the escape \\N': [
        "{{ 'a' is escaped }}",
        "{{ '\\N{BULLET}' }}",
    ],
    'attributes of functions and macros': [
        '{{ range.__name__ }}',
        "{{ dict.fromkeys(['a', 'b'], 1) }}",
        '{% macro m(a, b=[]) %}{{ m.name }}{{ m.arguments }}{{ m.catch_kwargs }}{{ m.catch_varargs }}{{ m.caller }}{% endmacro %}{{ m(1) }}',
    ],
    'methods that no chat template uses': [
        '{{ real.is_integer() }}',
        '{{ one.bit_length() }}',
        "{{ '½'.isnumeric() }}",
        "{{ 'a_1'.isidentifier() }}",
        "{{ '1a'.isidentifier() }}",
        "{{ '{} {}'.format(1, 'a') }}",
        "{{ '{0} {1} {0}'.format('a', 'b') }}",
        "{{ '{x} {y}'.format(x=1, y=2) }}",
        "{{ '{:>5}|{:<5}|{:^5}|'.format('a', 'b', 'c') }}",
        "{{ '{:.2f} {:05d} {:x} {:,}'.format(3.14159, 42, 255, 1234567) }}",
        "{{ '{{}} {}'.format(1) }}",
        "{{ '{!r}'.format('a') }}",
        "{{ '{a[b]}'.format(a={'b': 1}) }}",
        "{{ 'abc'.encode('utf-8') }}",
        "{{ 'a'.translate({}) }}",
        "{{ 'a'.format_map({'a': 1}) }}",
        "{{ '{a}'.format_map({'a': 1}) }}",
    ],
    'isdigit() of superscripts and fractions': [
        "{{ '²'.isdigit() }}",
        "{{ '½'.isdigit() }}",
    ],
    'lipsum and self': [
        '{{ lipsum() | length > 0 }}',
        '{{ self }}',
    ],
    'blocks of inheritance and escaping': [
        '{% block a %}x{% endblock %}',
        "{% autoescape true %}{{ '<' }}{% endautoescape %}",
        "{% autoescape false %}{{ '<' }}{% endautoescape %}",
    ],
    'a comment without an end, which Jinja2 takes at the very end of a text': [
        '{#',
    ],
}


def run(source):
    try:
        return {"source": source, "gives": environment.from_string(source).render(**values)}
    except Exception as error:  # whatever Python raises: the template cannot be used
        return {"source": source, "raises": type(error).__name__ + ": " + str(error)[:100]}


table = []
seen = set()
for source in cases:
    if source in seen:
        continue
    seen.add(source)
    case = run(source)
    reasons = [reason for reason, sources in REFUSED.items() if source in sources]
    if reasons:
        case["refused"] = reasons[0]
    if " at 0x" in case.get("gives", ""):
        case["gives"] = "an address"
    table.append(case)
json.dump({"jinja2": jinja2.__version__, "values": values, "cases": table}, sys.stdout, ensure_ascii=True, indent=0)
print()
