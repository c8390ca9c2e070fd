import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { runBackup } from '../shared/jobs/backup/backup.ts';
import { HexKeyProvider } from '../shared/keys/hex-key-provider.ts';
import { Repository } from '../shared/repository/repository.ts';
import type { Source } from '../shared/sources/source.ts';
import { FolderStore } from '../shared/store/folder-store.ts';
import { MeteredStore, type StoreCounts } from '../shared/store/metered-store.ts';
import { endlessRows } from './data/endless.ts';

/** Run by bench/scale.ts, a process a step, so that the peak of memory is of that step. */
export type ScaleStep = 'first backup' | '1 % changed' | 'read back';

export interface ScaleResult {
  readonly wallS: number;
  readonly cpuS: number;
  readonly peakBytes: number;
  readonly requests: StoreCounts;
}

const [step, folder = '', bytesText, resultFile = ''] = process.argv.slice(2);
const bytes = Number(bytesText);
const signal = new AbortController().signal;
const keys = new HexKeyProvider('5a'.repeat(32));
const store = new MeteredStore(new FolderStore(folder));

if (step === 'first backup') await Repository.init({ store: new FolderStore(folder), keys, signal });
const wanted = step === 'read back' ? hashOfRows() : undefined;
const began = performance.now();
const cpuBefore = process.cpuUsage();
{
  await using repository = await Repository.open({
    store,
    keys,
    workers: Math.min(4, availableParallelism()),
    signal,
  });
  if (wanted === undefined) await runBackup(repository, rows(step === 'first backup' ? 0 : 1), { signal });
  else await readBack(repository, wanted);
}
const cpu = process.cpuUsage(cpuBefore);
const result: ScaleResult = {
  wallS: (performance.now() - began) / 1000,
  cpuS: (cpu.user + cpu.system) / 1e6,
  peakBytes: process.resourceUsage().maxRSS * 1024,
  requests: store.counts(),
};
writeFileSync(resultFile, JSON.stringify(result));

function rows(version: number): Source {
  return {
    kind: 'files',
    name: 'files:rows',
    capabilities: { consistency: 'atomic', maxReaders: 1 },
    open: async () => ({
      position: '',
      server: 'rows',
      omitted: [],
      datasets: [
        { name: 'rows', kind: 'data', attributes: {}, partitions: [{ name: '0', estimatedBytes: bytes }] },
      ],
      read: async function* () {
        yield* endlessRows(bytes, version);
      },
      check: async () => {},
      [Symbol.asyncDispose]: async () => {},
    }),
  };
}

async function readBack(repository: Repository, digest: string): Promise<void> {
  const [key] = await repository.backupKeys(signal);
  if (!key) throw new Error('there is no backup');
  const reader = await repository.openBackup(key, signal);
  const hash = createHash('sha256');
  for await (const block of reader.read(reader.root('rows', '0'), { signal })) hash.update(block);
  if (hash.digest('hex') !== digest) throw new Error('something else was read back');
}

function hashOfRows(): string {
  const hash = createHash('sha256');
  for (const block of endlessRows(bytes, 1)) hash.update(block);
  return hash.digest('hex');
}
