import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';

/** A program to run; its output is thrown away. */
export interface Command {
  readonly argv: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Watching its memory takes a tenth of a second of a short command with many threads. @default true */
  readonly isWatched?: boolean;
}

export interface Measured {
  readonly wallS: number;
  readonly cpuS: number;
  readonly peakBytes: number;
}

const POLL_MS = 10;

/** Aborted when the user stops the benchmark: the next step does not begin, and what was started is ended. */
export const stopping = new AbortController();

/** Runs a command to its end: wall time, CPU time of it and its children (bash's `times`), highest memory. */
export async function measure({ argv, env = {}, cwd, isWatched = true }: Command): Promise<Measured> {
  stopping.signal.throwIfAborted();
  const began = performance.now();
  const child = spawn('bash', ['-c', '"$@"; status=$?; times >&3; exit $status', 'bash', ...argv], {
    env: { ...process.env, ...env },
    cwd,
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
  });
  let errors = '';
  let times = '';
  child.stderr?.on('data', (text: Buffer) => {
    errors = (errors + text.toString()).slice(-2000);
  });
  child.stdio[3]?.on('data', (text: Buffer) => {
    times += text.toString();
  });
  let peakBytes = 0;
  const timer = setInterval(() => {
    if (isWatched) peakBytes = Math.max(peakBytes, memoryBelow(child.pid ?? 0));
  }, POLL_MS);
  const status = await new Promise((resolve) => child.once('close', resolve));
  clearInterval(timer);
  const wallS = (performance.now() - began) / 1000;
  if (status !== 0) throw new Error(`${argv.join(' ')} ended with ${status}: ${errors}`);
  return { wallS, cpuS: cpuSeconds(times), peakBytes };
}

/** The second line of `times` is what the children took: `0m1.234s 0m0.056s`. */
function cpuSeconds(times: string): number {
  const children = times.trim().split('\n')[1] ?? '';
  return [...children.matchAll(/(\d+)m([\d.]+)s/g)].reduce(
    (sum, [, m, s]) => sum + Number(m) * 60 + Number(s),
    0,
  );
}

/** Bytes resident: of one process its highest so far, which the kernel keeps; of several their sum now. */
function memoryBelow(pid: number): number {
  const all = processesBelow(pid).filter((below) => programOf(below) !== 'bash');
  const [only] = all;
  if (all.length === 1 && only !== undefined) return memory(only, 'VmHWM');
  return all.reduce((sum, below) => sum + memory(below, 'VmRSS'), 0);
}

function processesBelow(pid: number): number[] {
  return tasks(pid).flatMap((task) => {
    const children = read(`/proc/${pid}/task/${task}/children`).trim();
    return children === ''
      ? []
      : children
          .split(' ')
          .map(Number)
          .flatMap((child) => [child, ...processesBelow(child)]);
  });
}

function tasks(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return [];
  }
}

function programOf(pid: number): string {
  return read(`/proc/${pid}/comm`).trim();
}

function memory(pid: number, of: 'VmHWM' | 'VmRSS'): number {
  const found = new RegExp(`${of}:\\s+(\\d+) kB`).exec(read(`/proc/${pid}/status`));
  return Number(found?.[1] ?? 0) * 1024;
}

/** Empty if the process ended meanwhile. */
function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

/** Files of a folder, or the file itself. */
function filesOf(place: string): string[] {
  if (statSync(place).isFile()) return [place];
  return readdirSync(place, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name));
}

export function bytesOf(place: string): number {
  return filesOf(place).reduce((sum, file) => sum + statSync(file).size, 0);
}

/** Has all earlier writes done, and the files in the page cache, before a step is timed. */
export async function settle(...places: readonly string[]): Promise<void> {
  execFileSync('sync');
  for (const file of places.flatMap(filesOf))
    for await (const _ of createReadStream(file, { highWaterMark: 1 << 20 }));
}

export async function sha256(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file, { highWaterMark: 1 << 20 }), hash);
  return hash.digest('hex');
}
