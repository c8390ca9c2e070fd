/*
 * The package that carries pg_dump removes each line of its output that starts with `\restrict` or
 * `\unrestrict`: pg_dump's own, but also one inside a function's body or a comment. So their backslash is
 * hidden on the way in and put back on the way out. The stand-in is a control character that no name or
 * source text of a schema holds for a good reason; it has the same length, so the protocol's lengths hold.
 */
const BACKSLASH = 0x5c;
const STAND_IN = 0x1a;

/** Hides the backslashes of lines that pg_dump's package would drop. */
export function hideRestrict(answer: Uint8Array): Uint8Array {
  return swap(answer, BACKSLASH, STAND_IN);
}

/** Puts the backslashes back. */
export function showRestrict<T extends Uint8Array>(dump: T): T {
  return swap(dump, STAND_IN, BACKSLASH);
}

function swap<T extends Uint8Array>(bytes: T, from: number, to: number): T {
  for (let at = bytes.indexOf(from); at !== -1; at = bytes.indexOf(from, at + 1)) {
    const word = String.fromCharCode(...bytes.subarray(at + 1, at + 11)).toLowerCase();
    if (word.startsWith('restrict') || word.startsWith('unrestrict')) bytes[at] = to;
  }
  return bytes;
}
