import { zstdDecompressSync } from 'node:zlib';

/** A reader of docs/reference/format.md, "Columns", that shares no code with the engine: plain, slow, with numbers as BigInt and times by Date. */
export function plainColumns(body: Uint8Array): string {
  const at = new Cursor(body);
  const bytes = at.varint();
  const rows = at.varint();
  const fields = at.varint();
  const heads = Array.from({ length: fields }, () => readHead(at));
  const columns = heads.map((head) =>
    valuesOf(
      head,
      rows,
      head.parts.map((part) => at.part(part)),
    ),
  );
  let text = '';
  for (let row = 0; row < rows; row++) text += `${columns.map((column) => column[row]).join('\t')}\n`;
  if (Buffer.byteLength(text, 'latin1') !== bytes || at.left > 0)
    throw new Error('not as many bytes as were said');
  return text;
}

/** Where in the body each column's parts lie, and what they take decompressed. */
export function columnPlaces(
  body: Uint8Array,
): { readonly from: number; readonly to: number; readonly plainBytes: number }[] {
  const at = new Cursor(body);
  at.varint();
  at.varint();
  const heads = Array.from({ length: at.varint() }, () => readHead(at));
  return heads.map(({ parts }) => {
    const from = body.length - at.left;
    for (const part of parts) at.part(part);
    return { from, to: body.length - at.left, plainBytes: parts.reduce((sum, [plain]) => sum + plain, 0) };
  });
}

type Part = readonly [plain: number, stored: number];

interface Head {
  readonly kind: number;
  readonly flags: number;
  readonly form: number;
  readonly width: number;
  readonly base: bigint;
  readonly affix: string;
  readonly parts: readonly Part[];
}

class Cursor {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes);
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  take(count: number): Buffer {
    if (count > this.left) throw new Error('cut short');
    this.#at += count;
    return this.#bytes.subarray(this.#at - count, this.#at);
  }

  u8(): number {
    return this.take(1)[0] ?? 0;
  }

  varint(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.u8();
      value += (byte % 128) * scale;
      if (byte < 128) return value;
    }
  }

  text(count: number): string {
    return this.take(count).toString('latin1');
  }

  part([plain, stored]: Part): Buffer {
    return stored === 0 ? this.take(plain) : zstdDecompressSync(this.take(stored));
  }
}

function readHead(at: Cursor): Head {
  const kind = at.u8();
  const part = (): Part => [at.varint(), at.varint()];
  const none = { kind, flags: 0, form: 0, width: 0, base: 0n, affix: '' };
  const parts = (flags: number, width: number) => [
    ...(flags & 1 ? [part()] : []),
    ...(width > 0 ? [part()] : []),
  ];
  if (kind === 0) return { ...none, parts: [part()] };
  if (kind === 1) return { ...none, affix: at.text(at.varint()), parts: [] };
  if (kind === 2) return { ...none, form: at.varint(), parts: [part(), part()] };
  const flags = at.u8();
  const form = at.u8();
  if (kind === 5) {
    const width = at.varint();
    const affix = at.text(at.u8());
    return { ...none, flags, form, width, affix, parts: parts(flags, width) };
  }
  const width = at.u8();
  const base = at.take(8).readBigInt64LE();
  const affix = kind === 4 ? at.text(at.u8()) : '';
  return { kind, flags, form, width, base, affix, parts: parts(flags, width) };
}

function valuesOf(head: Head, rows: number, parts: readonly Buffer[]): readonly string[] {
  const lines = (part: Buffer | undefined) =>
    (part ?? Buffer.alloc(0)).toString('latin1').split('\n').slice(0, -1);
  if (head.kind === 0) return lines(parts[0]);
  if (head.kind === 1) return Array.from({ length: rows }, () => head.affix);
  if (head.kind === 2) {
    const entries = lines(parts[0]);
    return [...(parts[1] ?? [])].map((index) => entries[index] ?? '?');
  }
  const nulls = head.flags & 1 ? parts[0] : undefined;
  const isNull = (row: number) => nulls !== undefined && (((nulls[row >> 3] ?? 0) >> (row & 7)) & 1) === 1;
  const count = Array.from({ length: rows }, (_, row) => row).filter((row) => !isNull(row)).length;
  const values = head.width === 0 ? Buffer.alloc(0) : (parts.at(-1) ?? Buffer.alloc(0));
  const texts =
    head.kind === 5
      ? hexOf(head, values, count)
      : integersOf(head, values, count).map((n) => written(head, n));
  let next = 0;
  return Array.from({ length: rows }, (_, row) => (isNull(row) ? '\\N' : (texts[next++] ?? '?')));
}

function hexOf({ width, form, affix }: Head, values: Buffer, count: number): string[] {
  return Array.from({ length: count }, (_, i) => {
    const digits = values.toString('hex', i * width, (i + 1) * width);
    return affix + (form === 1 ? digits.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-') : digits);
  });
}

function integersOf({ width, flags, base }: Head, planes: Buffer, count: number): bigint[] {
  let before = base;
  return Array.from({ length: count }, (_, i) => {
    let raw = 0n;
    for (let byte = width - 1; byte >= 0; byte--) raw = raw * 256n + BigInt(planes[byte * count + i] ?? 0);
    if (!(flags & 2)) return base + raw;
    before += raw % 2n === 0n ? raw / 2n : -(raw + 1n) / 2n;
    return before;
  });
}

function written({ kind, flags, form, affix }: Head, value: bigint): string {
  if (kind === 4) return timeOf(form, value) + affix;
  if (form === 0) return String(value);
  const digits = String(value < 0n ? -value : value).padStart(form + 1, '0');
  const text = `${value < 0n ? '-' : ''}${digits.slice(0, -form)}.${digits.slice(-form)}`;
  return flags & 4 ? text.replace(/\.?0+$/, '') : text;
}

function timeOf(form: number, value: bigint): string {
  const perSecond = form === 2 ? 1_000_000n : 1n;
  if (form === 0) return isoOf(Number(value) * 86_400_000).slice(0, 10);
  const micros = ((value % perSecond) + perSecond) % perSecond;
  const text = isoOf(Number((value - micros) / perSecond) * 1000)
    .slice(0, 19)
    .replace('T', ' ');
  return micros === 0n ? text : `${text}.${String(micros).padStart(6, '0').replace(/0+$/, '')}`;
}

function isoOf(ms: number): string {
  return new Date(ms).toISOString();
}
