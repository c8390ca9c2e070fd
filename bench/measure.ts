import { spawn } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';

export interface Measured {
  readonly wallS: number;
  readonly cpuS: number;
  readonly peakMiB: number;
}

const POLL_MS = 10;

/** Runs a command to its end: wall time, CPU time of it and its children (bash's `times`), highest memory. */
export async function measure(
  command: readonly string[],
  { env = {}, cwd }: { readonly env?: Record<string, string>; readonly cwd?: string } = {},
): Promise<Measured> {
  const began = performance.now();
  const child = spawn('bash', ['-c', '"$@"; status=$?; times >&3; exit $status', 'bash', ...command], {
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
  let peakKiB = 0;
  const timer = setInterval(() => {
    peakKiB = Math.max(peakKiB, treeMemory(child.pid ?? 0));
  }, POLL_MS);
  const status = await new Promise((resolve) => child.once('close', resolve));
  clearInterval(timer);
  const wallS = (performance.now() - began) / 1000;
  if (status !== 0) throw new Error(`${command.join(' ')} ended with ${status}: ${errors}`);
  const children = times.trim().split('\n')[1] ?? '';
  const cpuS = [...children.matchAll(/(\d+)m([\d.]+)s/g)].reduce(
    (sum, [, m, s]) => sum + Number(m) * 60 + Number(s),
    0,
  );
  return { wallS, cpuS, peakMiB: peakKiB / 1024 };
}

/** KiB resident now, of the processes below `pid`. */
function treeMemory(pid: number): number {
  let sum = 0;
  try {
    for (const task of readdirSync(`/proc/${pid}/task`)) {
      for (const below of readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').trim().split(' ')) {
        if (below) sum += resident(Number(below)) + treeMemory(Number(below));
      }
    }
  } catch {
    // It ended meanwhile.
  }
  return sum;
}

function resident(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0);
}

/** Bytes of all files below a folder. */
export function folderBytes(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(path.join(entry.parentPath, entry.name)).size, 0);
}
