import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';

/** A text as bytes that a database, a log or a dump may hold it in. */
export function formsOf(text: string): ReadonlyMap<string, Buffer> {
  const utf8 = Buffer.from(text);
  const wide = Buffer.from(text, 'utf16le');
  const hex = utf8.toString('hex');
  return new Map([
    ['as it is', utf8],
    ['in lower case', Buffer.from(text.toLowerCase())],
    ['in upper case', Buffer.from(text.toUpperCase())],
    ['utf16le', wide],
    ['utf16be', Buffer.from(wide).swap16()],
    ['hex', Buffer.from(hex)],
    ['HEX', Buffer.from(hex.toUpperCase())],
    ...[0, 1, 2].map((shift) => [`base64, ${shift}`, base64Inside(utf8, shift)] as const),
  ]);
}

/** What of the base64 of any text that holds these bytes at such a place is always the same. */
function base64Inside(bytes: Buffer, shift: number): Buffer {
  const text = Buffer.concat([Buffer.alloc(shift), bytes])
    .toString('base64')
    .replaceAll('=', '');
  const start = [0, 2, 3][shift] ?? 0;
  const whole = Math.floor((shift + bytes.length) / 3) * 4;
  return Buffer.from(text.slice(start, whole));
}

/**
 * Where below a folder any of these texts is, in whatever form: `customers.email as it is in base/16384/2619`. Every file is read,
 * byte by byte.
 */
export async function findLeaks(folder: string, texts: Readonly<Record<string, string>>): Promise<string[]> {
  const needles = Object.entries(texts).flatMap(([name, text]) =>
    [...formsOf(text)].map(([form, bytes]) => ({ name, form, bytes })),
  );
  const byStart = Map.groupBy(needles, ({ bytes }) => bytes.readUInt16BE(0));
  const found = new Set<string>();
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const file = path.join(entry.parentPath, entry.name);
    const content = await readFile(file).catch(() => Buffer.alloc(0));
    for (const { name, form } of needlesIn(content, byStart))
      found.add(`${name} ${form} in ${path.relative(folder, file)}`);
  }
  return [...found];
}

interface Needle {
  readonly name: string;
  readonly form: string;
  readonly bytes: Buffer;
}

/** Goes over the bytes once, however many needles there are. */
function* needlesIn(content: Buffer, byStart: ReadonlyMap<number, readonly Needle[]>): Generator<Needle> {
  const isStart = new Uint8Array(65_536);
  for (const start of byStart.keys()) isStart[start] = 1;
  let start = 0;
  for (let at = 0; at < content.length; at++) {
    start = ((start << 8) | (content[at] as number)) & 0xffff;
    if (isStart[start] === 0 || at === 0) continue;
    for (const needle of byStart.get(start) ?? [])
      if (content.subarray(at - 1, at - 1 + needle.bytes.length).equals(needle.bytes)) yield needle;
  }
}
