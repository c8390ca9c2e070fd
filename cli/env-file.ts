import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { parseEnv } from 'node:util';
import { usage } from './command.ts';
import type { Io } from './io.ts';

const OPTION = '--env-file';
/**
 * Settings of Node, the linker and the shell: a settings file must not change how this program itself runs.
 */
const IGNORED = /^(NODE_|LD_|DYLD_|PATH$|HOME$|SHELL$)/;

/**
 * Adds the variables of the file that `--env-file` names, and of no other. Variables that are already set
 * win.
 *
 * @throws E_USAGE if it cannot be read; no message contains its content
 */
export async function withEnvFile(argv: readonly string[], io: Io): Promise<Io> {
  const name = optionOf(argv);
  if (name === undefined) return io;
  const found = await readEnvFile(path.resolve(io.cwd, name), io);
  // The AWS SDK looks for its credentials only there.
  if (io.env === process.env)
    for (const [variable, value] of Object.entries(found))
      if (variable.startsWith('AWS_')) process.env[variable] ??= value;
  return { ...io, env: { ...found, ...io.env } };
}

function optionOf(argv: readonly string[]): string | undefined {
  const end = argv.indexOf('--');
  const options = end < 0 ? argv : argv.slice(0, end);
  const at = options.findLastIndex((one) => one === OPTION || one.startsWith(`${OPTION}=`));
  const found = options[at];
  return found === OPTION ? (options[at + 1] ?? '') : found?.slice(OPTION.length + 1);
}

async function readEnvFile(file: string, io: Io): Promise<Record<string, string>> {
  let text: string;
  try {
    const { mode } = await stat(file);
    if ((mode & 0o077) !== 0)
      io.stderr.write(`warning: ${file} can be read by others; run: chmod 600 ${file}\n`);
    text = await readFile(file, 'utf8');
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    throw usage(`${OPTION} names ${file}, which cannot be read (${code})`, 'Check its name and permissions.');
  }
  const entries = Object.entries(parseEnv(text)).filter(([name]) => !IGNORED.test(name));
  return Object.fromEntries(entries.map(([name, value]) => [name, value ?? '']));
}
