import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { FUNCTION_NAMES } from '../../shared/core/config-aws.ts';

/** Folders in the shape of dist/lambdas, for tests that look at templates alone. The system's temporary folder keeps them. */
export function standInBundles(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-bundles-'));
  for (const name of FUNCTION_NAMES) {
    mkdirSync(path.join(folder, name));
    writeFileSync(path.join(folder, name, 'index.mjs'), 'export const handler = async () => {};\n');
  }
  mkdirSync(path.join(folder, 'task'));
  writeFileSync(path.join(folder, 'task', 'Dockerfile'), 'FROM scratch\n');
  return folder;
}
