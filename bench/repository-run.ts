import { writeFileSync } from 'node:fs';
import { mkdir, open } from 'node:fs/promises';
import path from 'node:path';
import { listPage } from '../shared/api/presenters/list-page.ts';
import { ListQuery, RetentionQuery } from '../shared/api/schema/backups.ts';
import { AuditQuery } from '../shared/api/schema/status.ts';
import { RepositoryView } from '../shared/api/server/repository-view.ts';
import { resolveConfig } from '../shared/config/config.ts';
import { DEFAULT_PRUNE } from '../shared/config/retention.ts';
import { DAY_MS, MINUTE_MS } from '../shared/core/units.ts';
import { bundleAll } from '../shared/jobs/backup/bundles.ts';
import { preparePrune } from '../shared/jobs/retention/prune.ts';
import { listBackups } from '../shared/jobs/status/list.ts';
import { readSourceStates, readStatus } from '../shared/jobs/status/status.ts';
import { verifyBackups } from '../shared/jobs/verify/verify.ts';
import { HexKeyProvider } from '../shared/keys/hex-key-provider.ts';
import { Repository } from '../shared/repository/repository.ts';
import { FolderStore } from '../shared/store/folder-store.ts';
import { MeteredStore, type StoreCounts } from '../shared/store/metered-store.ts';
import type { ObjectStore } from '../shared/store/object-store.ts';
import { RetryingStore } from '../shared/store/retrying-store.ts';
import { S3Store } from '../shared/store/s3-store.ts';
import { makeRepository, PACK_BYTES } from './repository-make.ts';

/** A view of the console: how long it took, and requests but for those of long listings. */
export interface ViewResult {
  readonly view: string;
  readonly wallS: number;
  readonly calls: number;
}

export interface ViewsResult {
  readonly rows: readonly ViewResult[];
  readonly peakBytes: number;
}

/** Run by bench/repository.ts, a process a step, so that the peak of memory is of that step. */
export interface RepositoryResult {
  readonly wallS: number;
  /** Of this process from its start: says more if others use the machine. */
  readonly cpuS: number;
  readonly peakBytes: number;
  readonly counts: StoreCounts;
}

const [step = '', place = '', packs = '', backups = '', resultFile = ''] = process.argv.slice(2);
const signal = new AbortController().signal;
const keys = new HexKeyProvider('5a'.repeat(32));
const FIRST_DAY = Date.parse('2025-01-01T02:00:00Z');
const isFolder = !place.startsWith('s3:');
const store = new MeteredStore(isFolder ? new FolderStore(place) : bucket(place.slice(3)));

if (step === 'make') await make();
else if (step === 'views') await measureViews();
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
  await makeRepository(repository, {
    packs: Number(packs),
    backups: Number(backups),
    packBytes,
    setDay,
    putPack,
  });
  await bundle();
}

/** As after the next prune: manifests and reports in bundles. */
async function bundle(): Promise<void> {
  await using repository = await Repository.open({ store, keys, workers: 1, signal });
  await bundleAll(repository, signal);
}

/** What a console asks for, first and later, by one process; later ones after what was remembered is out of date. */
async function measureViews(): Promise<void> {
  let later = 0;
  const clock = { now: () => new Date(Date.now() + later) };
  await using repository = await Repository.open({ store, keys, workers: 1, clock, signal });
  const rows: ViewResult[] = [];
  const time = async (view: string, work: () => Promise<unknown>) => {
    const before = store.counts();
    const began = performance.now();
    await work();
    const { gets, lists } = store.counts();
    rows.push({
      view,
      wallS: (performance.now() - began) / 1000,
      calls: gets + lists - before.gets - before.lists,
    });
  };
  await time('plain listing of backups and reports', async () => {
    for (const folder of ['backups/', 'reports/']) for await (const _ of store.list(folder, { signal }));
  });
  const view = consoleView(repository);
  const asked = (query: object) => view.list(ListQuery.parse(query), signal);
  await time('overview, cold', () =>
    Promise.all([view.status(signal), asked({ limit: 200 }), view.runs(signal)]),
  );
  for (const place of ['', ', a minute later']) {
    await time(`status${place}`, () => view.status(signal));
    await time(`first page of backups${place}`, () => asked({ limit: 200 }));
    await time(`search without a match${place}`, () => asked({ q: 'nothing is called so' }));
    await time(`retention${place}`, () => view.retention(RetentionQuery.parse({}), signal));
    await time(`audit${place}`, () => view.audit(AuditQuery.parse({}), signal));
    later += MINUTE_MS;
  }
  writeFileSync(resultFile, JSON.stringify({ rows, peakBytes: process.resourceUsage().maxRSS * 1024 }));
}

function consoleView(repository: Repository): RepositoryView {
  const file = { sources: { shop: { kind: 'files', url: '/shop' } } };
  const config = resolveConfig({ file, fileName: 'bench', env: {}, flags: {} });
  return new RepositoryView({
    repository,
    retention: { days: { '*': 400 }, counts: { last: 7 } },
    prune: { ...DEFAULT_PRUNE, maxShare: 1 },
    safety: { config, runsDefaults: false },
  });
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
    cpuS: cpuS(),
    peakBytes: process.resourceUsage().maxRSS * 1024,
    counts: store.counts(),
  };
  writeFileSync(resultFile, JSON.stringify(result));
}

function cpuS(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

async function work(repository: Repository): Promise<void> {
  if (step === 'plain listing')
    for (const folder of ['backups/', 'reports/', 'data/'])
      for await (const _ of store.list(folder, { signal }));
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
