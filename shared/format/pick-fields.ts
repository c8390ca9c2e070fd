const NEWLINE = 0x0a;
const TAB = 0x09;

/**
 * Some fields of each record, with tabs between them. A record that lacks one of them has fewer.
 *
 * @param records whole ones: fields with tabs between them, a newline after each record
 * @param places of the fields, ascending
 */
export function pickFields(records: Uint8Array, places: readonly number[]): Buffer {
  const out = Buffer.allocUnsafeSlow(records.length);
  let used = 0;
  let start = 0;
  let field = 0;
  let next = 0;
  for (let at = 0; at < records.length; at++) {
    const byte = records[at];
    if (byte !== TAB && byte !== NEWLINE) continue;
    if (field === places[next]) {
      if (next > 0) out[used++] = TAB;
      out.set(records.subarray(start, at), used);
      used += at - start;
      next++;
    }
    field++;
    start = at + 1;
    if (byte === TAB) continue;
    out[used++] = NEWLINE;
    field = 0;
    next = 0;
  }
  return out.subarray(0, used);
}
