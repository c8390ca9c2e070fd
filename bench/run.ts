import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { stopping } from './measure.ts';
import { HELP, type Options, type ProgramName, parseOptions } from './options.ts';

/** Measures in a folder of its own, which is then removed; gives what there is to report. */
export type Program = (folder: string, options: Options) => Promise<string>;

const PROGRAMS: Readonly<Record<Exclude<ProgramName, 'all'>, () => Promise<Program>>> = {
  compare: async () => (await import('./compare.ts')).compare,
  live: async () => (await import('./live/live.ts')).live,
  churn: async () => (await import('./churn.ts')).churn,
  scale: async () => (await import('./scale.ts')).scale,
  start: async () => (await import('./start.ts')).start,
  cold: async () => (await import('./cold.ts')).cold,
  changes: async () => (await import('./changes.ts')).changes,
  inside: async () => (await import('./inside.ts')).inside,
  repository: async () => (await import('./repository.ts')).repository,
};

try {
  const options = parseOptions(process.argv.slice(2));
  if (options) await main(options);
  else console.log(HELP);
} catch (error) {
  console.error(`error: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}

async function main(options: Options): Promise<void> {
  for (const name of ['SIGINT', 'SIGTERM'] as const)
    process.on(name, () => stopping.abort(new Error(`stopped by ${name}`)));
  if (options.program === 'all') {
    const { all } = await import('./all.ts');
    return all(process.argv.slice(2));
  }
  const program = await PROGRAMS[options.program]();
  const folder = await mkdtemp(path.join(tmpdir(), 'holdfast-bench-'));
  try {
    const { publish } = await import('./report.ts');
    publish(await program(folder, options), options);
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}
