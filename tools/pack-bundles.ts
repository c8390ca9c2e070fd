import { createHash } from 'node:crypto';
import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { BUNDLES_FILE } from '../infra/constructs/bundles.ts';

/**
 * Puts the functions' folders into one, where each file that several of them have is there once: fourteen
 * functions share nearly all of their code. `infra/constructs/bundles.ts` makes folders of it again.
 *
 * @param from what `buildLambdas` made
 * @param beside files beside the folder `into`, by their paths: they are not put into it a second time
 */
export async function packBundles(from: string, into: string, beside: readonly string[] = []): Promise<void> {
  await rm(into, { recursive: true, force: true });
  await mkdir(into, { recursive: true });
  const there = new Map<string, string>();
  for (const file of beside) there.set(hashOf(await readFile(file)), path.relative(into, file));
  const bundles: Record<string, Record<string, string>> = {};
  for (const name of (await readdir(from)).toSorted()) {
    const files: Record<string, string> = {};
    for (const file of (await readdir(path.join(from, name))).toSorted()) {
      const bytes = await readFile(path.join(from, name, file));
      const hash = hashOf(bytes);
      const packed = there.get(hash) ?? `${hash}${path.extname(file)}`;
      files[file] = packed;
      if (!there.has(hash)) await cp(path.join(from, name, file), path.join(into, packed));
    }
    bundles[name] = files;
  }
  await writeFile(path.join(into, BUNDLES_FILE), `${JSON.stringify(bundles)}\n`);
}

function hashOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex').slice(0, 32);
}
