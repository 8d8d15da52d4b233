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
