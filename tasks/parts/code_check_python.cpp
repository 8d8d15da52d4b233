// The two Python programs of code_check.hpp, and the wire format that both speak.
//
// A message is 4 bytes of length and one value. A value is a tag byte and its content; counts are 4 bytes,
// little-endian. Lists, dictionaries, sets and byte arrays are numbered in order of first appearance, and "R" refers to
// one of them, so aliases and cycles survive. The judge decodes with bounds on length and depth: what it reads comes
// from the program.
#include "tasks/parts/code_check_python.hpp"

namespace touchstone {
namespace {

constexpr const char* wire = R"(
import os, struct

class Refused(Exception): pass
class Unsupported(Exception): pass
count_of = struct.Struct('<I')
double_of = struct.Struct('<d')
longest, deepest, most_items = 16 << 20, 100, 200000

def put(value, out, seen, opaque, depth=0):
    kind = type(value)
    if depth > deepest: raise Unsupported('a value nested over 100 deep')
    def size(number): out.append(count_of.pack(number))
    def raw(tag, data): out.append(tag); size(len(data)); out.append(data)
    def each(tag, items):
        out.append(tag); size(len(items))
        for item in items: put(item, out, seen, opaque, depth + 1)
    if value is None: out.append(b'N')
    elif value is True: out.append(b'T')
    elif value is False: out.append(b'F')
    elif value is Ellipsis: out.append(b'E')
    elif isinstance(value, int): value = int.__index__(value); raw(b'I', int.to_bytes(value, value.bit_length() // 8 + 1, 'little', signed=True))
    elif isinstance(value, float): out.append(b'D'); out.append(double_of.pack(float.__float__(value)))
    elif isinstance(value, complex): out.append(b'C'); out.append(double_of.pack(value.real)); out.append(double_of.pack(value.imag))
    elif isinstance(value, str): raw(b'S', str.encode(value, 'utf-8', 'surrogatepass'))
    elif isinstance(value, bytes): raw(b'B', bytes.__getitem__(value, slice(None)))
    elif isinstance(value, tuple): each(b'U', list(tuple.__iter__(value)))
    elif isinstance(value, (list, dict, set, bytearray)):
        if id(value) in seen: out.append(b'R'); size(seen[id(value)][0]); return
        seen[id(value)] = (len(seen), value)
        contents(value, out, each, raw)
    elif isinstance(value, frozenset): each(b'Z', list(frozenset.__iter__(value)))
    elif kind is range: out.append(b'G'); put((value.start, value.stop, value.step), out, seen, opaque, depth + 1)
    elif kind is type({}.keys()): each(b'K', list(value))
    elif kind is type({}.values()): each(b'V', list(value))
    elif kind is type({}.items()): each(b'X', [part for pair in value for part in pair])
    else: others(value, kind, out, seen, opaque, depth, each, size)

def contents(value, out, each, raw):
    if isinstance(value, list): each(b'L', list(list.__iter__(value)))
    elif isinstance(value, dict): each(b'M', [part for pair in dict.items(value) for part in pair])
    elif isinstance(value, set): each(b'Y', list(set.__iter__(value)))
    else: raw(b'A', bytes(value))

def others(value, kind, out, seen, opaque, depth, each, size):
    module = kind.__module__
    if module == 'fractions': out.append(b'Q'); put((value.numerator, value.denominator), out, seen, opaque, depth + 1)
    elif module == 'decimal': out.append(b'P'); put(str(value), out, seen, opaque, depth + 1)
    elif module == 'collections' and kind.__name__ == 'deque': each(b'W', list(value))
    elif module == 'numpy' and hasattr(value, 'item') and getattr(value, 'shape', None) == ():
        put(value.item(), out, seen, opaque, depth + 1)
    elif hasattr(kind, '__next__') and opaque is not None:
        items = []
        for item in value:
            items.append(item)
            if len(items) >= most_items: break
        each(b'J', items)
    elif opaque is None: raise Unsupported('an argument of type ' + kind.__name__)
    else: out.append(b'O'); put(str(kind.__name__)[:80], out, seen, opaque, depth + 1)

class Opaque:
    def __init__(self, name): self.name = name
    def __repr__(self): return '<' + self.name + ' object>'

class Reader:
    def __init__(self, data, seen): self.data, self.at, self.seen = data, 0, seen
    def take(self, size):
        if size > len(self.data) - self.at: raise Refused('a message cut short')
        self.at += size
        return self.data[self.at - size:self.at]
    def number(self): return count_of.unpack(self.take(4))[0]
    def items(self, depth):
        count = self.number()
        if count > len(self.data) - self.at: raise Refused('a message cut short')
        return [self.value(depth + 1) for _ in range(count)]
    def fill(self, target, items):
        if isinstance(target, list): target[:] = items
        elif isinstance(target, dict): target.clear(); target.update(zip(items[::2], items[1::2]))
        elif isinstance(target, set): target.clear(); target.update(items)
        else: raise Refused('contents of nothing')
    def container(self, target, depth):
        self.seen.append(target)
        self.fill(target, self.items(depth))
        return target
    def value(self, depth=0):
        if depth > deepest: raise Refused('a value nested too deep')
        tag = self.take(1)
        read = plain.get(tag)
        if read is None: raise Refused('an unknown tag')
        return read(self, depth)
    def views(self, items): return dict(zip(items[::2], items[1::2]))

def byte_array(r, depth):
    r.seen.append(bytearray(r.take(r.number())))
    return r.seen[-1]

def reference(r, depth):
    number = r.number()
    if number >= len(r.seen): raise Refused('a reference to nothing')
    return r.seen[number]

def fraction(r, depth):
    from fractions import Fraction
    top, bottom = r.value(depth + 1)
    return Fraction(int(top), int(bottom))

def decimal(r, depth):
    from decimal import Decimal
    return Decimal(str(r.value(depth + 1)))

def double_ended(r, depth):
    from collections import deque
    return deque(r.items(depth))

plain = {
    b'N': lambda r, d: None, b'T': lambda r, d: True, b'F': lambda r, d: False, b'E': lambda r, d: Ellipsis,
    b'I': lambda r, d: int.from_bytes(r.take(r.number()), 'little', signed=True),
    b'D': lambda r, d: double_of.unpack(r.take(8))[0],
    b'C': lambda r, d: complex(double_of.unpack(r.take(8))[0], double_of.unpack(r.take(8))[0]),
    b'S': lambda r, d: str(r.take(r.number()), 'utf-8', 'surrogatepass'), b'B': lambda r, d: bytes(r.take(r.number())),
    b'U': lambda r, d: tuple(r.items(d)), b'Z': lambda r, d: frozenset(r.items(d)), b'G': lambda r, d: range(*r.value(d + 1)),
    b'K': lambda r, d: dict.fromkeys(r.items(d)).keys(), b'V': lambda r, d: dict(enumerate(r.items(d))).values(),
    b'X': lambda r, d: r.views(r.items(d)).items(), b'J': lambda r, d: (item for item in r.items(d)),
    b'L': lambda r, d: r.container([], d), b'M': lambda r, d: r.container({}, d), b'Y': lambda r, d: r.container(set(), d),
    b'A': byte_array, b'R': reference, b'Q': fraction, b'P': decimal, b'W': double_ended,
    b'O': lambda r, d: Opaque(str(r.value(d + 1)))}

def read_exactly(descriptor, size):
    parts = []
    while size:
        part = os.read(descriptor, min(size, 1 << 20))
        if not part: raise EOFError
        parts.append(part)
        size -= len(part)
    return b''.join(parts)

def receive(descriptor):
    size = count_of.unpack(read_exactly(descriptor, 4))[0]
    if size > longest: raise Refused('a message over 16 MiB')
    return read_exactly(descriptor, size)

def send(descriptor, data):
    if len(data) > longest: raise Unsupported('a value over 16 MiB')
    data = memoryview(count_of.pack(len(data)) + data)
    while data: data = data[os.write(descriptor, data):]
)";

constexpr const char* candidate = R"(
import resource, sys
limit = int(sys.argv.pop())
resource.setrlimit(resource.RLIMIT_NPROC, (limit, limit))

def raised(error):
    names = [kind.__name__ for kind in type(error).__mro__]
    try: text = str(error)[:300]
    except BaseException: text = ''
    return [False, names, text]

def answer(data, names):
    seen = []
    name, arguments, keywords = Reader(data, seen).value()
    before = [snapshot(target, numbered(seen)) for target in seen]
    try: reply = [True, names[name](*arguments, **keywords)]
    except BaseException as error: reply = raised(error)
    try: return written(reply, seen, before)
    except BaseException as error: return written(raised(error), seen, before)

def written(reply, seen, before):
    objects, out = numbered(seen), []
    put(reply, out, objects, True)
    changed = [at for at, target in enumerate(seen) if snapshot(target, numbered(seen)) != before[at]]
    out.append(count_of.pack(len(changed)))
    for at in changed: out += [count_of.pack(at), snapshot(seen[at], objects)]
    data = b''.join(out)
    if len(data) > longest: raise Unsupported('a value over 16 MiB')
    return data

def numbered(seen): return {id(target): (at, target) for at, target in enumerate(seen)}

def snapshot(target, objects):
    out = []
    def each(tag, items):
        out.append(tag); out.append(count_of.pack(len(items)))
        for item in items: put(item, out, objects, True)
    def raw(tag, data): out.append(tag); out.append(count_of.pack(len(data))); out.append(data)
    contents(target, out, each, raw)
    return b''.join(out)

def main():
    with os.fdopen(3, 'rb') as file: program = file.read()
    send(5, b'ready')
    receive(4)
    os.dup2(1, 2)
    if b'random' in program:
        import random
        random.seed(0)
    names, out = {}, []
    try: code = compile(str(program, 'utf-8', 'replace') + '\n\n', '<program>', 'exec')
    except BaseException as error: put(['syntax'] + raised(error)[1:], out, {}, True)
    else:
        try: exec(code, names); out = [b'N']
        except BaseException as error: put(['error'] + raised(error)[1:], out, {}, True)
    send(5, b''.join(out))
    while True:
        try: data = answer(receive(4), names)
        except EOFError: return
        send(5, data)

main()
)";

constexpr const char* judge = R"(
import builtins, resource, sys
limit = int(sys.argv.pop())
resource.setrlimit(resource.RLIMIT_NPROC, (limit, limit))

def verdict(kind, text=''):
    line = kind + '\t' + ' '.join(str(text).split())[:300] + '\n'
    os.write(6, line.encode('utf-8', 'replace'))
    os._exit(0)

def rebuild(names, text):
    for name in names:
        kind = getattr(builtins, name, None)
        if not (isinstance(kind, type) and issubclass(kind, BaseException)): continue
        try: error = kind(text)
        except TypeError: continue
        error.of_program = names[0] + (': ' + text if text else '')
        return error
    raise Refused('an exception that is none')

class Proxy:
    def __init__(self, name): self.__name__ = name
    def __call__(self, *arguments, **keywords):
        objects, out = {}, []
        put([self.__name__, arguments, keywords], out, objects, None)
        # A program that is gone, or talks nonsense, ends the check here: no `except` of the tests gets to see it.
        try:
            send(5, b''.join(out))
            reply = read_answer([target for _, target in objects.values()])
        except (EOFError, OSError): verdict('ended')
        except (Refused, LookupError, TypeError, ValueError, ArithmeticError, struct.error) as error: verdict('refused', error)
        if reply[0] is True: return reply[1]
        raise reply[1]

def read_answer(seen):
    known = len(seen)
    reader = Reader(receive(4), seen)
    reply = reader.value()
    updates = []
    for _ in range(reader.number()):
        number, tag = reader.number(), reader.take(1)
        if number >= known: raise Refused('a change to nothing')
        target = seen[number]
        if tag == b'A': updates.append((target, reader.take(reader.number())))
        else: updates.append((target, reader.items(0)))
    for target, items in updates:
        if isinstance(target, bytearray): target[:] = items
        else: reader.fill(target, items)
    if reply[0] is True: return True, reply[1]
    return False, rebuild(reply[1], reply[2])

def start(tests, prelude):
    names = {}
    try:
        code = compile(tests, '<tests>', 'exec')
        exec(compile(prelude, '<prelude>', 'exec'), names)
    except BaseException as error:
        verdict('unfit', type(error).__name__ + ': ' + str(error))
    if b'random' in tests + prelude:
        import random
        random.seed(0)
    return code, names

def main():
    with os.fdopen(3, 'rb') as file: job = file.read()
    reader = Reader(job, [])
    prelude, tests, called = (reader.take(reader.number()) for _ in range(3))
    code, names = start(tests, prelude)
    if receive(4) != b'ready': verdict('unfit', 'the program does not start')
    for name in called.decode().split(): names[name] = Proxy(name)
    os.write(6, b'ready\n')
    kind = 'error'
    try:
        send(5, b'go')
        loaded = Reader(receive(4), []).value()
        failure = loaded and (loaded[0], rebuild(loaded[1], loaded[2]))
    except (EOFError, OSError): verdict('ended')
    except Exception as error: verdict('refused', error)
    try:
        if failure is not None:
            kind = 'syntax' if failure[0] == 'syntax' else 'error'
            raise failure[1]
        exec(code, names)
    except Unsupported as error: verdict('unsupported', error)
    except BaseException as error:
        text = getattr(error, 'of_program', None)
        if isinstance(error, AssertionError) and text is None: verdict('wrong', error)
        verdict(kind, text or type(error).__name__ + ': ' + str(error))
    verdict('passed')

main()
)";

}  // namespace

std::string code_candidate_source() { return std::string(wire) + candidate; }

std::string code_judge_source() { return std::string(wire) + judge; }

}  // namespace touchstone
