import { hkdfSync } from 'node:crypto';
import type { ChunkerParameters, CutTest } from './chunker.ts';

const WINDOW_BYTES = 32;

/**
 * The 256 random words of a gear rolling hash (Xia et al., "FastCDC", USENIX ATC 2016), derived from the
 * repository's secret.
 */
function gearTable(repositorySecret: Uint8Array): Uint32Array {
  const bytes = Buffer.from(hkdfSync('sha256', repositorySecret, new Uint8Array(0), 'holdfast/1 gear', 1024));
  return Uint32Array.from({ length: 256 }, (_, i) => bytes.readUInt32LE(i * 4));
}

/**
 * The cuts of format 1: where the gear hash of the preceding bytes is below a threshold. The hash is linear
 * in the table, so an attacker who sees enough cuts in known bytes can work out the table; format 2 has
 * KeyedCuts.
 */
export class GearCuts implements CutTest {
  readonly #table: Uint32Array;
  readonly #minBytes: number;
  readonly #threshold: number;

  constructor({ minBytes, averageBytes }: ChunkerParameters, repositorySecret: Uint8Array) {
    this.#table = gearTable(repositorySecret);
    this.#minBytes = minBytes;
    this.#threshold = Math.floor(2 ** 32 / (averageBytes - minBytes));
  }

  propose(bytes: Buffer, start: number, limit: number): number | undefined {
    const table = this.#table;
    const threshold = this.#threshold;
    const from = start + this.#minBytes;
    let h = 0;
    for (let i = Math.max(0, from - WINDOW_BYTES); i < from && i < limit; i++)
      h = ((h << 1) + (table[bytes[i] as number] as number)) | 0;
    for (let i = from; i < limit; i++) {
      h = ((h << 1) + (table[bytes[i] as number] as number)) | 0;
      if (h >>> 0 < threshold) return i;
    }
    return undefined;
  }
}
