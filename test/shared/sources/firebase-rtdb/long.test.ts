import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { KiB, MiB } from '../../../../shared/core/units.ts';
import {
  type FirebaseServerProcess,
  startFirebaseProcess,
} from '../../../../tools/firebase-server/process.ts';
import { TEST_KEY } from '../../../support/repository/engine.ts';
import { newChildren } from '../../../support/sources/firebase.ts';
import { newFolder } from '../../../support/temporary.ts';

/** Takes minutes, and some GiB of memory for the servers. `FIREBASE_LONG_MB` makes it smaller. */
const isLong = process.env['FIREBASE_LONG'] === '1';
const totalBytes = Number(process.env['FIREBASE_LONG_MB'] ?? 1024) * MiB;
const MOST_MEMORY = 300 * MiB;
const TICKS_A_SECOND = 100;

describe.skipIf(!isLong)('a database of 1 GB, answers of 8 MB at most', () => {
  it('is backed up and restored within 300 MB of memory, again for little, and fast', async () => {
    const heapMb = 12_000;
    await using from = await startFirebaseProcess({ maxResponseBytes: 8 * MiB }, heapMb);
    await using to = await startFirebaseProcess({ maxResponseBytes: 8 * MiB, latencyMs: 5 }, heapMb);
    const documents = await fill(from);
    const cwd = await newFolder();
    const env = {
      ...process.env,
      HOLDFAST_REPOSITORY: path.join(cwd, 'repository'),
      BACKUP_ENCRYPTION_KEY: TEST_KEY,
      FIREBASE_DATABASE_URL: from.url,
    };
    const holdfast = (line: string) => run(line, env);
    await holdfast('init --json');
    const report: object[] = [];
    const backUp = async (what: string) => {
      const { json, ...took } = await holdfast('backup daily --json --quiet');
      const { plainBytes, storedBytes, cost } = json;
      report.push({
        what,
        ...took,
        plainMiB: mib(plainBytes),
        storedMiB: mib(storedBytes),
        readMiB: mib(cost.readBytes),
        readShare: cost.readBytes / plainBytes,
        requests: cost.requests,
      });
      return { ...json, ...took };
    };
    const first = await backUp('first');
    const unchanged = await backUp('nothing changed');
    for (let i = 0; i < documents; i += 100) {
      await from.set(`/documents/key${String(i).padStart(4, '0')}/text`, `changed ${i}`);
      await from.set(`/archive/2020/key${String(i % 1000).padStart(4, '0')}/at`, i);
    }
    const changed = await backUp('1 % of documents changed');
    const { json: restored, ...took } = await holdfast(`restore latest --to ${to.url} --json --quiet`);
    const megabytesPerSecond = restored.plainBytes / 1e6 / took.seconds;
    report.push({ what: 'restore and compare, 5 ms a request', ...took, megabytesPerSecond });
    const file = path.join(cwd, 'export.json');
    await holdfast(`export latest -f json -o ${file} --json`);
    const { json: imported, ...importTook } = await holdfast(`import ${file} --at 2024-03-01 --json --quiet`);
    report.push({ what: 'import of an export', ...importTook, storedMiB: mib(imported.storedBytes) });
    for (const line of report) process.stdout.write(`${JSON.stringify(line)}\n`);
    expect(imported).toMatchObject({ records: changed.records, plainBytes: changed.plainBytes });
    // Its date is next to that of the first backup, so that it is compared with that one.
    expect(imported.storedBytes).toBeLessThan(first.storedBytes / 20);
    for (const { memoryMiB } of [first, unchanged, changed, took, importTook])
      expect(memoryMiB * MiB).toBeLessThan(MOST_MEMORY);
    expect(unchanged.cost.readBytes).toBeLessThan(first.plainBytes / 100);
    expect(changed.cost.readBytes).toBeLessThan(first.plainBytes / 20);
    expect(changed.storedBytes).toBeLessThan(first.storedBytes / 20);
    expect(restored.comparison.every(({ equal }: { readonly equal: boolean }) => equal)).toBe(true);
    expect(megabytesPerSecond).toBeGreaterThan(4);
  }, 3_600_000);

  it('takes a child of 60 MB and 100,000 children in one node', async () => {
    await using from = await startFirebaseProcess({}, 4000);
    await using to = await startFirebaseProcess({}, 4000);
    await from.set('/big/child', newChildren(6000, 10 * KiB, 1));
    await from.set('/many', newChildren(100_000, 20, 2));
    const cwd = await newFolder();
    const env = {
      ...process.env,
      HOLDFAST_REPOSITORY: path.join(cwd, 'repository'),
      BACKUP_ENCRYPTION_KEY: TEST_KEY,
      FIREBASE_DATABASE_URL: from.url,
    };
    await run('init --json', env);
    await run('backup --json --quiet', env);
    await run(`restore latest --to ${to.url} --json --quiet`, env);
    expect(await to.get('/')).toEqual(await from.get('/'));
  }, 3_600_000);
});

/** Half in documents of 20 KiB, a fifth deeper, the rest in small children; gives the number of documents. */
async function fill(server: FirebaseServerProcess): Promise<number> {
  const documents = Math.floor((totalBytes * 0.5) / (20 * KiB));
  await server.set('/documents', newChildren(documents, 20 * KiB, 1));
  await server.set('/archive/2020', newChildren(Math.floor((totalBytes * 0.2) / (40 * KiB)), 40 * KiB, 2));
  await server.set('/events', newChildren(Math.floor((totalBytes * 0.3) / 300), 240, 3));
  return documents;
}

function mib(bytes: number): number {
  return Math.round((bytes / MiB) * 100) / 100;
}

/** A command line in a process of its own, and the most memory that it had at once. */
async function run(line: string, env: NodeJS.ProcessEnv) {
  const began = performance.now();
  const child = spawn(path.resolve('bin/holdfast.js'), line.split(' '), { env });
  let stdout = '';
  let memoryKiB = 0;
  let cpuSeconds = 0;
  child.stdout.on('data', (text: Buffer) => {
    stdout += text;
  });
  child.stderr.on('data', (text: Buffer) => process.stderr.write(text));
  const watch = setInterval(() => {
    try {
      const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
      const [, , , ...fields] = readFileSync(`/proc/${child.pid}/stat`, 'utf8').split(' ');
      cpuSeconds = (Number(fields[10]) + Number(fields[11])) / TICKS_A_SECOND;
      memoryKiB = Math.max(memoryKiB, Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0));
    } catch {
      // It has ended.
    }
  }, 50);
  const code = await new Promise((resolve) => child.on('close', resolve));
  clearInterval(watch);
  if (code !== 0) throw new Error(`holdfast ${line}: ${code}\n${stdout}`);
  const seconds = Math.round(performance.now() - began) / 1000;
  return { json: JSON.parse(stdout), seconds, cpuSeconds, memoryMiB: Math.round(memoryKiB / KiB) };
}
