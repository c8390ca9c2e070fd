import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { buildLambdas } from '../../../tools/build-lambdas.ts';

const PLACE = path.resolve('node_modules/.cache/holdfast-lambdas');

/**
 * The folder of the functions' bundles, as they are deployed. They are built once for each state of the sources; two test files
 * that need them at the same time may both build.
 */
export function builtLambdas(): Promise<string> {
  built ??= buildUnlessThere();
  return built;
}

let built: Promise<string> | undefined;

async function buildUnlessThere(): Promise<string> {
  const folder = path.join(PLACE, await stateOfSources());
  if (existsSync(folder)) return folder;
  const making = path.join(PLACE, `making-${process.pid}`);
  await buildLambdas(making);
  await rename(making, folder).catch((error: unknown) => {
    if (!existsSync(folder)) throw error;
  });
  await rm(making, { recursive: true, force: true });
  return folder;
}

async function stateOfSources(): Promise<string> {
  const hash = createHash('sha256').update(await readFile('package-lock.json'));
  for (const folder of ['lambdas', 'shared']) {
    const files = await readdir(folder, { recursive: true });
    for (const file of files.filter((name) => /\.(ts|json)$/.test(name)).toSorted())
      hash.update(file).update(await readFile(path.join(folder, file)));
  }
  for (const tool of ['build-lambdas', 'build-options', 'bundle-plugins'])
    hash.update(await readFile(`tools/${tool}.ts`));
  return hash.digest('hex').slice(0, 16);
}
