import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { handler } from '../../lambdas/watchdog/handler.ts';
import type { BackupKey } from '../../shared/core/ids.ts';
import { DAY_MS } from '../../shared/core/units.ts';
import { FolderStore } from '../../shared/store/folder-store.ts';
import { documentAt, newKey, signed } from '../support/repository/by-hand.ts';
import { backUp, initRepository, OTHER_KEY, openRepository, TEST_KEY } from '../support/repository/engine.ts';
import { keyOf, listAgain } from '../support/repository/forged-manifest.ts';
import { putReport } from '../support/repository/forged-report.ts';
import { seededRows } from '../support/repository/rows.ts';

const rows = seededRows(200, 1);
const data = { t: rows.join(''), u: rows.slice(0, 100).join('') };
const AGE_DAYS = 332;

let folder: string;
let count = 0;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'holdfast-watchdog-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** A source whose newest backup is old. */
async function oldRepository(): Promise<{ store: FolderStore; place: string; honest: BackupKey }> {
  const place = path.join(folder, String(count++));
  const store = new FolderStore(place);
  await initRepository(store);
  const old = { now: () => new Date(Date.now() - AGE_DAYS * DAY_MS) };
  await using repository = await openRepository(store, { workers: 1, clock: old });
  return { store, place, honest: (await backUp(repository, data)).key };
}

/** What the deployed handler says, of one source. */
async function watch(place: string, key = TEST_KEY) {
  vi.stubEnv('HOLDFAST_REPOSITORY', place);
  vi.stubEnv('BACKUP_ENCRYPTION_KEY', key);
  vi.stubEnv('HOLDFAST_CONFIG', JSON.stringify({ sources: { memory: { kind: 'files', url: './memory' } } }));
  const context = {
    getRemainingTimeInMillis: () => 60_000,
    memoryLimitInMB: '512',
    functionName: 'watchdog',
    awsRequestId: 'ab'.repeat(16),
  };
  const answer = await (handler as (event: object, context: object) => Promise<unknown>)({}, context);
  vi.unstubAllEnvs();
  const { sources, missed } = answer as {
    sources: { backupAge: number; verificationAge: number | null; drillAge: number | null }[];
    missed: string[];
  };
  const days = (seconds: number | null | undefined) =>
    seconds == null ? seconds : Math.floor(seconds / 86_400);
  const [ages] = sources;
  return {
    backup: days(ages?.backupAge),
    verification: days(ages?.verificationAge),
    drill: days(ages?.drillAge),
    missed,
  };
}

const now = () => new Date().toISOString();
const OLD = { backup: AGE_DAYS, missed: ['memory'] };

describe('the watchdog', () => {
  it('finds that the newest backup is old', async () => {
    const { place } = await oldRepository();
    expect(await watch(place)).toMatchObject({ ...OLD, verification: null, drill: null });
  });

  it.each([
    ['without a MAC', { at: now(), mac: false }],
    ['without a MAC, of the year 2099', { at: '2099-01-01T00:00:00.000Z', mac: false }],
    ['under a key of a stranger', { at: now(), underKey: OTHER_KEY }],
  ])('is not told otherwise by a manifest %s', async (_, forged) => {
    const { store, place, honest } = await oldRepository();
    await listAgain(store, honest, { type: 'daily', ...forged });
    expect(await watch(place)).toMatchObject(OLD);
  });

  it('believes what was written with the key', async () => {
    const { store, place, honest } = await oldRepository();
    await listAgain(store, honest, { type: 'daily', at: now() });
    expect(await watch(place)).toMatchObject({ backup: 0, missed: [] });
  });

  it.each([
    ['without a MAC', { mac: false }],
    ['under a key of a stranger', { key: OTHER_KEY }],
  ])('believes no verification and no drill %s', async (_, forged) => {
    const { store, place, honest } = await oldRepository();
    const verify = { depth: { kind: 'full' }, damaged: [], damagedPacks: [], findings: 0 };
    const drill = { outcome: 'equal', restoreMs: 1, records: 1 };
    await putReport(store, 'verify', { backup: honest, body: verify, ...forged });
    await putReport(store, 'drill', { backup: honest, body: drill, ...forged });
    expect(await watch(place)).toMatchObject({ verification: null, drill: null });
    const genuine = await oldRepository();
    await putReport(genuine.store, 'verify', { backup: genuine.honest, body: verify });
    await putReport(genuine.store, 'drill', { backup: genuine.honest, body: drill });
    expect(await watch(genuine.place)).toMatchObject({ verification: 0, drill: 0 });
  });

  it('takes no suspect backup for good that a stranger accepted', async () => {
    const { store, place } = await oldRepository();
    await using repository = await openRepository(store, { workers: 1 });
    const { key, suspect } = await backUp(repository, { t: data.t });
    expect(suspect).toBeDefined();
    const body = { reason: 'nothing to see' };
    await putReport(store, 'accept', { backup: key, body, mac: false });
    expect(await watch(place)).toMatchObject(OLD);
    await repository.reports.write('accept', { backups: [key], body }, new AbortController().signal);
    expect(await watch(place)).toMatchObject({ backup: 0, missed: [] });
  });

  it('opens no more of the repository’s keys than those of manifests', async () => {
    const { store, place, honest } = await oldRepository();
    // The repository's own secret cannot be opened any more: who may not open it does not notice.
    const file = await documentAt(store, 'repository.json');
    const { plain, entry } = await newKey(file['id'], { run: 'ff'.repeat(16), purpose: 'repository' });
    await store.delete('repository.json');
    await store.put(
      'repository.json',
      signed({ ...file, secret: { ...file['secret'], wrapped: entry.wrapped } }, plain),
    );
    expect(keyOf('daily', now())).not.toBe(honest);
    expect(await watch(place)).toMatchObject(OLD);
  });
});
