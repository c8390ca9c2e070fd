import { zstdDecompressSync } from 'node:zlib';

interface Index {
  readonly sections: readonly {
    readonly bytes: number;
    readonly objects: readonly (readonly [string, number])[];
  }[];
}

/** The objects of a bundle, read by docs/reference/format.md alone. */
export function objectsOf(bundle: Uint8Array): ReadonlyMap<string, Uint8Array> {
  const bytes = Buffer.from(bundle);
  let at = 4 + bytes.readUInt32LE(0);
  const { sections } = JSON.parse(zstdDecompressSync(bytes.subarray(4, at)).toString()) as Index;
  const found = new Map<string, Uint8Array>();
  for (const section of sections) {
    const plain = zstdDecompressSync(bytes.subarray(at, at + section.bytes));
    at += section.bytes;
    let from = 0;
    for (const [key, length] of section.objects) {
      found.set(key, plain.subarray(from, from + length));
      from += length;
    }
  }
  return found;
}
