import { hkdfSync } from 'node:crypto';

/**
 * The 256 random words of a gear rolling hash (Xia et al., "FastCDC", USENIX ATC 2016), derived from the
 * repository's secret so that cuts tell nobody without it what the data is.
 */
export function gearTable(repositorySecret: Uint8Array): Uint32Array {
  const bytes = Buffer.from(hkdfSync('sha256', repositorySecret, new Uint8Array(0), 'holdfast/1 gear', 1024));
  return Uint32Array.from({ length: 256 }, (_, i) => bytes.readUInt32LE(i * 4));
}
