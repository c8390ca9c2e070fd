import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { brotliCompressSync, constants } from 'node:zlib';
import { BUNDLED_FILES, BUNDLES_FILE, type PackedFile } from '../infra/constructs/bundles.ts';

/**
 * Puts the functions' files into one compressed file, each that several functions have only once: they share nearly all of their
 * code. `infra/constructs/bundles.ts` makes folders of it again.
 *
 * @param from what `buildLambdas` made
 * @param beside files beside the folder `into`, by their paths: they are not put into it a second time
 */
export async function packBundles(from: string, into: string, beside: readonly string[] = []): Promise<void> {
  await rm(into, { recursive: true, force: true });
  await mkdir(into, { recursive: true });
  const there = new Map<string, PackedFile>();
  for (const file of beside) there.set(hashOf(await readFile(file)), path.relative(into, file));
  const blocks: Buffer[] = [];
  let length = 0;
  const bundles: Record<string, Record<string, PackedFile>> = {};
  for (const { name, file, bytes } of await filesOf(from)) {
    const hash = hashOf(bytes);
    const packed = there.get(hash) ?? [length, bytes.length];
    bundles[name] = { ...bundles[name], [file]: packed };
    if (there.has(hash)) continue;
    there.set(hash, packed);
    blocks.push(bytes);
    length += bytes.length;
  }
  await writeFile(path.join(into, BUNDLED_FILES), compress(Buffer.concat(blocks)));
  await writeFile(path.join(into, BUNDLES_FILE), `${JSON.stringify(bundles)}\n`);
}

interface BundledFile {
  /** Of the function. */
  readonly name: string;
  readonly file: string;
  readonly bytes: Buffer;
}

/** Files that are nearly the same have about the same size: beside each other they compress best. */
async function filesOf(from: string): Promise<readonly BundledFile[]> {
  const files: BundledFile[] = [];
  for (const name of (await readdir(from)).toSorted())
    for (const file of (await readdir(path.join(from, name))).toSorted())
      files.push({ name, file, bytes: await readFile(path.join(from, name, file)) });
  const isMap = ({ file }: BundledFile): number => (file.endsWith('.map') ? 1 : 0);
  return files.toSorted((a, b) => isMap(a) - isMap(b) || b.bytes.length - a.bytes.length);
}

function compress(bytes: Uint8Array): Uint8Array {
  return brotliCompressSync(bytes, {
    params: {
      [constants.BROTLI_PARAM_LGWIN]: constants.BROTLI_MAX_WINDOW_BITS,
      [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
    },
  });
}

function hashOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
