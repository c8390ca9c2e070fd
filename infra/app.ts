import { existsSync } from 'node:fs';
import path from 'node:path';
import { DEFAULT_FILES, readConfigFile } from '../shared/config/file.ts';
import { isHoldfastError } from '../shared/core/errors.ts';
import { synthesise } from './checked-synthesis.ts';
import { holdfastApp } from './holdfast-app.ts';

/** Entry point of `cdk`: the configuration in the current folder, or the file in HOLDFAST_CONFIG_FILE. */
async function main(): Promise<void> {
  const { env } = process;
  const fileName = env['HOLDFAST_CONFIG_FILE'] ?? DEFAULT_FILES.find((name) => existsSync(name));
  if (fileName === undefined)
    throw new Error(`there is no ${DEFAULT_FILES[0]} here; docs/guide/aws.md says what to write in it`);
  const file = await readConfigFile(path.resolve(fileName));
  synthesise(holdfastApp({ file, fileName, env }));
}

try {
  await main();
} catch (error) {
  const { message } = error as Error;
  const hint = isHoldfastError(error) && error.hint ? `\n${error.hint}` : '';
  process.stderr.write(`${message}${hint}\n`);
  process.exitCode = 1;
}
