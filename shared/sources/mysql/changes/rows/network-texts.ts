const WORDS = 8;
const UUID_BYTES = 16;
/** Parts of a UUID in the order in which MariaDB sorts it, by their first byte in its text and their bytes. */
const SORTED_PARTS: ReadonlyArray<readonly [from: number, bytes: number]> = [
  [10, 6],
  [8, 2],
  [6, 2],
  [4, 2],
  [0, 4],
];

/** Trailing zeros are left out in the log. */
export function padded(raw: Buffer, length: number): Buffer {
  return raw.length >= length ? raw : Buffer.concat([raw, Buffer.alloc(length - raw.length)]);
}

export function inet4Text(raw: Buffer): string {
  return [...padded(raw, 4)].join('.');
}

/** As MariaDB writes it: the first of the longest runs of zeros is left out, and an IPv4 address at the end stays one. */
export function inet6Text(raw: Buffer): string {
  const bytes = padded(raw, 2 * WORDS);
  const words = Array.from({ length: WORDS }, (_, i) => bytes.readUInt16BE(2 * i));
  const gap = longestZeros(words);
  const isIpv4 = gap.from === 0 && (gap.length === 6 || (gap.length === 5 && words[5] === 0xffff));
  const shown = (from: number, to: number) =>
    words
      .slice(from, to)
      .map((word) => word.toString(16))
      .join(':');
  if (isIpv4) {
    const middle = gap.length === 5 ? 'ffff:' : '';
    return `::${middle}${[...bytes.subarray(12)].join('.')}`;
  }
  if (gap.length === 0) return shown(0, WORDS);
  return `${shown(0, gap.from)}::${shown(gap.from + gap.length, WORDS)}`;
}

function longestZeros(words: readonly number[]): { readonly from: number; readonly length: number } {
  let best = { from: 0, length: 0 };
  for (let from = 0; from < words.length; from++) {
    let length = 0;
    while (words[from + length] === 0) length++;
    if (length > best.length) best = { from, length };
    from += length;
  }
  return best;
}

/** MariaDB keeps UUIDs of versions 1 to 5 with their parts the other way round. */
export function uuidText(raw: Buffer): string {
  const stored = padded(raw, UUID_BYTES);
  const version = stored[8] ?? 0;
  const isTurned = ((stored[6] ?? 0) & 0x80) !== 0 && version > 0 && version < 0x60;
  const bytes = isTurned ? turned(stored) : stored;
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

function turned(stored: Buffer): Buffer {
  const bytes = Buffer.alloc(UUID_BYTES);
  let at = 0;
  for (const [from, length] of SORTED_PARTS) {
    stored.copy(bytes, from, at, at + length);
    at += length;
  }
  return bytes;
}
