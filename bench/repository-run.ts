import { writeFileSync } from 'node:fs';
import { mkdir, open } from 'node:fs/promises';
import path from 'node:path';
import { listPage } from '../shared/api/view/list-page.ts';
import { ListQuery } from '../shared/core/api-backups.ts';
import { DAY_MS } from '../shared/core/units.ts';
import { listBackups } from '../shared/jobs/list.ts';
import { preparePrune } from '../shared/jobs/prune.ts';
import { readSourceStates, readStatus } from '../shared/jobs/status.ts';
import { verifyBackups } from '../shared/jobs/verify.ts';
import { HexKeyProvider } from '../shared/keys/hex-key-provider.ts';
import { Repository } from '../shared/repository/repository.ts';
import { FolderStore } from '../shared/store/folder-store.ts';
import { MeteredStore, type StoreCounts } from '../shared/store/metered-store.ts';
import type { ObjectStore } from '../shared/store/object-store.ts';
import { RetryingStore } from '../shared/store/retrying-store.ts';
import { S3Store } from '../shared/store/s3-store.ts';
import { makeRepository, PACK_BYTES } from './repository-make.ts';

/** Run by bench/repository.ts, a process a step, so that the peak of memory is of that step. */
export interface RepositoryResult {
  readonly wallS: number;
  readonly peakBytes: number;
  readonly counts: StoreCounts;
}

const [step = '', place = '', packs = '', resultFile = ''] = process.argv.slice(2);
const signal = new AbortController().signal;
const keys = new HexKeyProvider('5a'.repeat(32));
const FIRST_DAY = Date.parse('2025-01-01T02:00:00Z');
const isFolder = !place.startsWith('s3:');
const store = new MeteredStore(isFolder ? new FolderStore(place) : bucket(place.slice(3)));

if (step === 'make') await make();
else await measure();

async function make(): Promise<void> {
  let now = new Date(FIRST_DAY);
  const clock = { now: () => now };
  const setDay = (day: number) => {
    now = new Date(FIRST_DAY + day * DAY_MS);
    return now;
  };
  await Repository.init({ store, keys, version: 2, clock, signal });
  await using repository = await Repository.open({ store, keys, workers: 1, clock, signal });
  const packBytes = isFolder ? PACK_BYTES : 1;
  const putPack = isFolder ? sparse : (key: string) => store.put(key, new Uint8Array(1));
  await makeRepository(repository, { packs: Number(packs), packBytes, setDay, putPack });
}

/** A file of that size which takes no room. */
async function sparse(key: string): Promise<void> {
  const file = path.join(place, key);
  await mkdir(path.dirname(file), { recursive: true });
  const handle = await open(file, 'w');
  await handle.truncate(PACK_BYTES);
  await handle.close();
}

async function measure(): Promise<void> {
  const began = performance.now();
  await using repository = await Repository.open({ store, keys, workers: 1, signal });
  await work(repository);
  const result: RepositoryResult = {
    wallS: (performance.now() - began) / 1000,
    peakBytes: process.resourceUsage().maxRSS * 1024,
    counts: store.counts(),
  };
  writeFileSync(resultFile, JSON.stringify(result));
}

async function work(repository: Repository): Promise<void> {
  if (step === 'list') await listBackups(repository, { signal });
  if (step === 'status') await readStatus(repository, signal);
  if (step === 'watchdog') await readSourceStates(repository.withoutKey(), { signal });
  if (step === 'first page of the API') await listPage(repository, ListQuery.parse({}), { signal });
  if (step === 'prune --dry-run') {
    const policy = { days: { '*': 400, daily: 400 }, counts: { last: 7 } };
    await preparePrune(repository, { policy, maxShare: 1 }, { isDryRun: true, signal });
  }
  if (step !== 'verify --all --quick') return;
  const backups = await repository.backupKeys(signal);
  const { findings } = await verifyBackups(repository, backups, { depth: { kind: 'quick' }, signal });
  if (findings.length > 0) throw new Error(`verification found ${findings[0]?.problem}`);
}

function bucket(name: string): ObjectStore {
  const { AWS_ENDPOINT_URL_S3: endpoint, AWS_REGION: region } = process.env;
  return new RetryingStore(new S3Store({ bucket: name, prefix: '', endpoint, region, forcePathStyle: true }));
}
