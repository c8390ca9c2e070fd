import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { API_FUNCTION_NAMES, FUNCTION_NAMES, OPTIONAL_FUNCTION_NAMES } from '../../../shared/config/aws.ts';

/** Folders in the shape of dist/lambdas, and beside them dist/console, for tests that look at templates alone. The system's temporary folder keeps them. */
export function standInBundles(): string {
  const dist = mkdtempSync(path.join(tmpdir(), 'holdfast-bundles-'));
  const folder = path.join(dist, 'lambdas');
  for (const name of [...FUNCTION_NAMES, ...API_FUNCTION_NAMES, ...OPTIONAL_FUNCTION_NAMES]) {
    mkdirSync(path.join(folder, name), { recursive: true });
    writeFileSync(path.join(folder, name, 'index.mjs'), 'export const handler = async () => {};\n');
  }
  mkdirSync(path.join(folder, 'task'));
  writeFileSync(path.join(folder, 'task', 'Dockerfile'), 'FROM scratch\n');
  mkdirSync(path.join(dist, 'console', 'assets'), { recursive: true });
  writeFileSync(path.join(dist, 'console', 'index.html'), '<!doctype html>\n');
  writeFileSync(path.join(dist, 'console', 'assets', 'index-abc.js'), 'export {};\n');
  return folder;
}
