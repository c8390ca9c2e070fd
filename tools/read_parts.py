"""Places of items, deltas, lists of packs, and tables and JSON that are stored as columns (docs/reference/format.md). Used by read-repository.py, which it must lie beside."""
import datetime, hashlib, json

EPOCH = datetime.datetime(1970, 1, 1)

def packs_of(repository, manifest, cursor_of, check):
    """Sizes of the packs that a manifest names, and the wrapped keys that they are sealed with."""
    if 'packs' in manifest: return {pack['id']: pack['bytes'] for pack in manifest['packs']}, manifest['keys']
    def opened(name, size, level):
        data = repository.read(f'data/{name[:2]}/{name}')
        check(len(data) == size and hashlib.sha256(data).hexdigest() == name, f'the list {name} was changed')
        check(data[:8] == b'HFPL\x01' + bytes([level, 0, 0]), f'{name} is no list of packs of level {level}')
        cursor = cursor_of(data)
        cursor.take(24)
        return cursor
    sizes, entries, root = {}, list(manifest['keys']), manifest['list']
    cursor = opened(root['id'], root['bytes'], 1)
    children = [cursor.take(32).hex() for _ in range(cursor.varint())]
    column = lambda: [cursor.varint() for _ in children]
    for name, size, count, total in zip(children, column(), column(), column()):
        leaf = opened(name, size, 0)
        entries += json.loads(leaf.take(leaf.varint()))
        packs = [leaf.take(32).hex() for _ in range(leaf.varint())]
        of_leaf = {pack: leaf.varint() for pack in packs}
        check(len(packs) == count and sum(of_leaf.values()) == total, f'the list {name} is another')
        sizes.update(of_leaf)
    check([len(sizes), sum(sizes.values())] == [root['packs'], root['packBytes']], 'the list of packs is another')
    return sizes, entries

def locations(cursor, count, packs):
    names, gaps = [packs[cursor.varint()] for _ in range(count)], [cursor.signed() for _ in range(count)]
    sizes, ends, places = [cursor.varint() for _ in range(count)], {}, []
    for name, gap, size in zip(names, gaps, sizes):
        offset = ends.get(name, 0) + gap
        ends[name] = offset + size
        places.append((name, offset, size))
    return places

def apply_delta(base, cursor, check):
    size, count = cursor.varint(), cursor.varint()
    pairs, parts, at = [(cursor.signed(), cursor.varint(), cursor.varint()) for _ in range(count)], [], 0
    for skip, copied, inserted in pairs:
        at += skip
        check(0 <= at <= at + copied <= len(base), 'a delta copies from outside of its base')
        parts += [base[at : at + copied], cursor.take(inserted)]
        at += copied
    result = b''.join(parts)
    check(len(result) == size and cursor.at == len(cursor.data), 'a delta makes another size')
    return result

def read_columns(cursor, limit, check, unzstd):
    """The rows of an item, of which the cursor is past the codec byte."""
    size, rows, fields = cursor.varint(), cursor.varint(), cursor.varint()
    check(0 < fields <= 1024 and 0 < rows and rows * fields <= size <= limit, 'a table says that it is too large')
    part = lambda: (cursor.varint(), cursor.varint())
    heads = []
    for _ in range(fields):
        kind = cursor.u8()
        check(kind <= 5, 'a column is of another kind')
        if kind == 0: heads.append((kind, [part()]))
        elif kind == 1: heads.append((kind, [], cursor.take(cursor.varint())))
        elif kind == 2: heads.append((kind, [], cursor.varint(), part(), part()))
        else: heads.append((kind, *number_head(cursor, kind, part)))
    def read(place):
        plain, stored = place
        check(plain <= 8 * limit and stored <= plain, 'a part of a column is too large')
        data = unzstd(cursor.take(stored), plain) if stored else cursor.take(plain)
        check(len(data) == plain, 'a part of a column has another size')
        return data
    columns = [column(head, rows, read) for head in heads]
    check(all(len(values) == rows for values in columns), 'a column has not as many values as there are rows')
    plain = b''.join(b'\t'.join(row) + b'\n' for row in zip(*columns))
    check(len(plain) == size and cursor.at == len(cursor.data), 'a table is of another size')
    return plain

def read_shapes(cursor, limit, check, unzstd):
    """The lines of an item of shapes, of which the cursor is past the codec byte."""
    size, rows, count = cursor.varint(), cursor.varint(), cursor.varint()
    check(1 <= rows <= size <= limit and 1 <= count <= 255, 'shapes say that they are too large')
    shapes = [cursor.take(cursor.varint()).split(b'\t') for _ in range(count)]
    check(all(len(signs) > 1 and b'\n' not in b''.join(signs) for signs in shapes), 'a shape is none')
    def item(is_table):
        stored = cursor.take(cursor.varint())
        check(stored[:1] in (b'\0', b'\1') or (is_table and stored[:1] == b'\4'), 'a part of shapes is of another codec')
        if stored[0] == 4: return read_columns(type(cursor)(stored[1:]), size, check, unzstd)
        return unzstd(stored[1:], size) if stored[0] == 1 else stored[1:]
    numbers = item(False) if count > 1 else bytes(rows)
    parts = [item(True) for _ in shapes]
    check(len(numbers) == rows and cursor.at == len(cursor.data), 'shapes are of another size')
    check(sum(map(len, parts)) <= size, 'values of shapes are too large')
    tables = [iter(part.split(b'\n')) for part in parts]
    lines = []
    for number in numbers:
        check(number < count, 'a line is of no shape')
        signs, values = shapes[number], next(tables[number], b'').split(b'\t')
        check(len(values) + 1 == len(signs), 'a line has not as many values as its shape')
        lines.append(signs[0] + b''.join(value + sign for value, sign in zip(values, signs[1:])))
    check(all(list(table) == [b''] for table in tables), 'values are left over')
    plain = b''.join(line + b'\n' for line in lines)
    check(len(plain) == size, 'shapes make another size')
    return plain

def number_head(cursor, kind, part):
    flags, form = cursor.u8(), cursor.u8()
    width = cursor.varint() if kind == 5 else cursor.u8()
    base = 0 if kind == 5 else int.from_bytes(cursor.take(8), 'little', signed=True)
    affix = b'' if kind == 3 else cursor.take(cursor.u8())
    nulls = part() if flags & 1 else None
    return flags, form, width, base, affix, nulls, part() if width else None

def column(head, rows, read):
    kind = head[0]
    if kind == 0: return read(head[1][0]).split(b'\n')[:-1]
    if kind == 1: return [head[2]] * rows
    if kind == 2:
        entries, indexes = read(head[3]).split(b'\n')[:-1], read(head[4])
        return [entries[index] for index in indexes]
    flags, form, width, base, affix, nulls, values = head[1:]
    bits = read(nulls) if nulls else bytes(rows // 8 + 1)
    is_null = [bits[row >> 3] >> (row & 7) & 1 for row in range(rows)]
    count = rows - sum(is_null)
    data = read(values) if values else b''
    if len(data) != width * count: return []
    if kind == 5: texts = [affix + hexed(data[i * width : (i + 1) * width], form) for i in range(count)]
    else: texts = [(time_of(n, form) + affix) if kind == 4 else decimal(n, form, flags & 4) for n in integers(data, count, width, base, flags & 2)]
    found = iter(texts)
    return [b'\\N' if null else next(found) for null in is_null]

def integers(data, count, width, base, are_differences):
    planes = [data[byte * count : (byte + 1) * count] for byte in range(width)]
    for i in range(count):
        raw = sum(plane[i] << 8 * byte for byte, plane in enumerate(planes))
        if not are_differences: yield base + raw
        else:
            base += raw // 2 if raw % 2 == 0 else -(raw + 1) // 2
            yield base

def decimal(number, scale, is_trimmed):
    digits = str(abs(number)).rjust(scale + 1, '0')
    text = f'{digits[:-scale]}.{digits[-scale:]}' if scale else digits
    if scale and is_trimmed: text = text.rstrip('0').rstrip('.')
    return f'{"-" if number < 0 else ""}{text}'.encode()

def time_of(number, form):
    moment = EPOCH + datetime.timedelta(**{('days', 'seconds', 'microseconds')[form]: number})
    day = f'{moment.year:04}-{moment.month:02}-{moment.day:02}'
    if form == 0: return day.encode()
    part = f'.{moment.microsecond:06}'.rstrip('0') if moment.microsecond else ''
    return f'{day} {moment.hour:02}:{moment.minute:02}:{moment.second:02}{part}'.encode()

def hexed(data, form):
    digits = data.hex()
    if form == 1: digits = '-'.join([digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]])
    return digits.encode()
