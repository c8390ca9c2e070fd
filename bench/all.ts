import { spawn } from 'node:child_process';
import { table } from '../cli/format.ts';
import { stopping } from './measure.ts';

const RUNS: readonly (readonly string[])[] = [
  ['compare'],
  ['live'],
  ['live', '--source', 'postgres-18'],
  ['live', '--source', 'mysql'],
  ['churn'],
  ['scale'],
  ['start'],
  ['cold'],
  ['repository'],
  ['changes'],
  ['inside'],
];
const MINUTE_MS = 60_000;

/**
 * Runs every program in turn, in a process of its own; what fails stops none of the others.
 *
 * @param argv of the command line; all but the name of the program goes to each
 * @throws Error naming those that failed
 */
export async function all(argv: readonly string[]): Promise<void> {
  const options = argv.filter((word) => word !== 'all');
  const rows: string[][] = [];
  for (const words of RUNS) {
    if (stopping.signal.aborted) break;
    const beganMs = performance.now();
    const status = await statusOf([...words, ...options]);
    const minutes = ((performance.now() - beganMs) / MINUTE_MS).toFixed(1);
    rows.push([words.join(' '), minutes, status === 0 ? 'done' : 'failed']);
  }
  console.log(String(table(['PROGRAM', 'MINUTES', 'RESULT'], rows)));
  const failed = rows.filter(([, , result]) => result !== 'done').map(([name]) => name);
  if (failed.length > 0) throw new Error(`these failed: ${failed.join('; ')}`);
  stopping.signal.throwIfAborted();
}

function statusOf(args: readonly string[]): Promise<number | null> {
  const child = spawn(process.execPath, ['bench/run.ts', ...args], { stdio: 'inherit' });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', resolve);
  });
}
