import { describe, expect } from 'vitest';
import type { BackupKey } from '../../../shared/core/ids.ts';
import { encodeAuthenticated } from '../../../shared/format/authenticated-json.ts';
import { encodeReport, parseReport, type ReportKind } from '../../../shared/format/report.ts';
import { runBackup } from '../../../shared/jobs/backup/backup.ts';
import { isGood, listBackups } from '../../../shared/jobs/status/list.ts';
import { readStatus } from '../../../shared/jobs/status/status.ts';
import { verifyBackups } from '../../../shared/jobs/verify/verify.ts';
import { HexKeyProvider } from '../../../shared/keys/hex-key-provider.ts';
import { MemoryStore } from '../../../shared/store/memory-store.ts';
import {
  backUp,
  digests,
  digestsOf,
  initRepository,
  memorySource,
  never,
  OTHER_KEY,
  openRepository,
  TEST_KEY,
} from '../../support/repository/engine.ts';
import { seededRows } from '../../support/repository/rows.ts';
import { turns } from '../../support/repository/torture.ts';

const it = turns(3);

type Document = Record<string, unknown>;

const rows = seededRows(300, 1);
const data = { 'pre-data': 'create table t ();\n', t: rows.join(''), u: rows.slice(0, 200).join('') };
const without = { 'pre-data': data['pre-data'], t: data.t };

/** A good backup, then one that is suspect: `u` is gone. */
const genuine = new MemoryStore();
await initRepository(genuine);
const [good, suspect] = await (async () => {
  await using repository = await openRepository(genuine, { workers: 1 });
  const first = await backUp(repository, data);
  const second = await backUp(repository, without);
  expect(second.suspect?.findings).toHaveLength(1);
  return [first.key, second.key] as const;
})();

async function copy(from: MemoryStore, leaveOut?: string): Promise<MemoryStore> {
  const store = new MemoryStore();
  for await (const { key } of from.list('')) if (key !== leaveOut) await store.put(key, await from.get(key));
  return store;
}

async function documentOf(key: string): Promise<Document> {
  const { mac: _, ...document } = JSON.parse(Buffer.from(await genuine.get(key)).toString()) as Document;
  return document;
}

/** The text with a member changed and all else, the MAC too, as it was. */
async function edited(key: string, change: (document: Document) => Document): Promise<Buffer> {
  const text = Buffer.from(await genuine.get(key)).toString();
  const mac = text.slice(text.lastIndexOf(',\n"mac"'));
  return Buffer.from(JSON.stringify(change(await documentOf(key))).slice(0, -1) + mac);
}

async function withManifest(key: BackupKey, bytes: Uint8Array): Promise<MemoryStore> {
  const store = await copy(genuine, key);
  await store.put(key, bytes);
  return store;
}

/** Refused by restore, reported by verify, list and status, counted as good by nobody, compared with by no backup. */
async function expectRefused(
  store: MemoryStore,
  forged: BackupKey,
  others: readonly BackupKey[],
): Promise<void> {
  await using repository = await openRepository(store, { workers: 1 });
  const code = expect.stringMatching(/^E_(DAMAGED|WRONG_KEY|NEWER_FORMAT|FOREIGN_REPOSITORY)$/);
  await expect(repository.openBackup(forged, never)).rejects.toMatchObject({ code });
  const report = await verifyBackups(repository, [forged], { depth: { kind: 'quick' }, signal: never });
  expect(report.findings).toMatchObject([{ object: forged, code, backups: [forged] }]);
  const listed = await listBackups(repository, { signal: never });
  expect(listed.find(({ key }) => key === forged)).toMatchObject({
    state: 'damaged',
    problem: expect.any(String),
  });
  expect(listed.filter(isGood).map(({ key }) => key)).not.toContain(forged);
  const status = await readStatus(repository, never);
  expect(status).toMatchObject({ damaged: 1, backups: others.length + 1 });
  expect(status.newest.map(({ key }) => key)).not.toContain(forged);
  expect(status.sources.map(({ newestGood }) => newestGood?.key)).not.toContain(forged);
  const warnings: string[] = [];
  const next = await backUp(repository, data, {
    onProgress: (event) => event.kind === 'warning' && warnings.push(event.message),
  });
  expect(next.parent).toBe(others[0]);
  expect(warnings.join('\n')).toContain(`${forged} is ignored`);
  expect(await digests(repository, next.key)).toEqual(digestsOf(data));
}

const EDITS: Readonly<Record<string, (document: Document) => Document>> = {
  'without what is suspect': ({ suspect: _, ...others }) => others,
  'with less that is suspect': (document) => ({
    ...document,
    suspect: [{ code: 'records-down', datasets: 1, before: 2, now: 1 }],
  }),
  'of another type': (document) => ({ ...document, type: 'weekly' }),
  'of another source': (document) => ({ ...document, source: { kind: 'files', name: 'other' } }),
  'of another time': (document) => ({ ...document, startedAt: '2099-01-01T00:00:00.000Z' }),
  'of another parent': (document) => ({ ...document, parent: null }),
  'belongs to another repository': (document) => ({ ...document, repository: '0'.repeat(32) }),
  'of another run': (document) => ({ ...document, run: '0'.repeat(32) }),
  'of more records': (document) => ({
    ...document,
    totals: { ...(document['totals'] as object), records: 1_000_000 },
  }),
  'with fewer packs': (document) => ({
    ...document,
    packs: (document['packs'] as object[] | undefined)?.slice(1) ?? [],
  }),
  'with another catalog': (document) => ({
    ...document,
    catalog: { ...(document['catalog'] as object), offset: 89 },
  }),
  'with fewer keys': (document) => ({ ...document, keys: (document['keys'] as object[]).slice(1) }),
  'without keys': (document) => ({ ...document, keys: [] }),
  'with a note': (document) => ({ ...document, note: 'all is well' }),
  'by another program': (document) => ({ ...document, software: 'other' }),
  'with a member that nobody knows': (document) => ({ ...document, extra: 1 }),
  'of a newer version': (document) => ({ ...document, version: 3 }),
  'of another format': (document) => ({ ...document, format: 'other' }),
};

/** What somebody without the key can make: a manifest with a MAC under a key of their own. */
async function forge(key: BackupKey, from: Document, rootKeyId?: string): Promise<Buffer> {
  const run = 'f'.repeat(32);
  const stranger = new HexKeyProvider(OTHER_KEY);
  const context = { repository: String(from['repository']), run, purpose: 'manifest' as const };
  const made = await stranger.generateDataKey(context);
  const keys = [{ run, purpose: 'manifest', rootKeyId: rootKeyId ?? made.rootKeyId, wrapped: made.wrapped }];
  return encodeAuthenticated({ ...from, key, run, keys }, made.plain);
}

describe('a manifest', () => {
  it('that is genuine is accepted everywhere', async () => {
    await using repository = await openRepository(await copy(genuine), { workers: 1 });
    const report = await verifyBackups(repository, [good, suspect], {
      depth: { kind: 'full' },
      signal: never,
    });
    expect(report.findings).toEqual([]);
    expect(await digests(repository, suspect)).toEqual(digestsOf(without));
  });

  it.each(Object.entries(EDITS))('%s is not believed', async (_, change) => {
    await expectRefused(await withManifest(suspect, await edited(suspect, change)), suspect, [good]);
  });

  const later = 'backups/daily/20990101/backup_daily_20990101_000000.json' as BackupKey;

  it.each([
    ['under a key of their own', undefined],
    ['that is said to be under the right key', new HexKeyProvider(TEST_KEY).rootKeyId],
  ])('of a stranger, %s, is not believed', async (_, rootKeyId) => {
    const { suspect: _suspect, ...from } = await documentOf(suspect);
    const store = await copy(genuine);
    await store.put(later, await forge(later, from, rootKeyId));
    await expectRefused(store, later, [suspect, good]);
  });

  it('copied to another key, or from another repository, is not believed', async () => {
    const store = await copy(genuine);
    await store.put(later, await genuine.get(good));
    await expectRefused(store, later, [suspect, good]);
    const other = new MemoryStore();
    await initRepository(other);
    await using repository = await openRepository(other, { workers: 1 });
    const { key } = await backUp(repository, without);
    const mixed = await copy(genuine);
    const place = key === good || key === suspect ? undefined : key;
    await mixed.put(place ?? later, await other.get(key));
    await expectRefused(mixed, place ?? later, [suspect, good]);
  });
});

describe('a report', () => {
  const body = { reason: 'nothing to see' };

  /** What somebody without the key can make. */
  async function forgeReport(kind: ReportKind, rootKeyId?: string) {
    const scratch = await copy(genuine);
    await using repository = await openRepository(scratch, { workers: 1 });
    const key = await repository.reports.write(kind, { backups: [suspect], body }, never);
    const report = parseReport(await scratch.get(key), key);
    const context = { repository: report.repository, run: report.run, purpose: 'manifest' as const };
    const made = await new HexKeyProvider(OTHER_KEY).generateDataKey(context);
    const entry = { run: report.run, purpose: 'manifest' as const, wrapped: made.wrapped };
    const keys = [{ ...entry, rootKeyId: rootKeyId ?? made.rootKeyId }];
    const genuineBytes = await scratch.get(key);
    return { key, genuineBytes, bytes: await encodeReport({ ...report, keys }, made.plain) };
  }

  async function marksWith(key: string, bytes: Uint8Array) {
    const store = await copy(genuine);
    await store.put(key, bytes);
    await using repository = await openRepository(store, { workers: 1 });
    const [newest] = await listBackups(repository, { signal: never });
    const { problems, sources } = await readStatus(repository, never);
    const warnings: string[] = [];
    const next = await runBackup(repository, memorySource(without), {
      type: 'daily',
      onProgress: (event) => event.kind === 'warning' && warnings.push(event.message),
      signal: never,
    });
    return {
      newest,
      problems,
      waiting: sources[0]?.waiting,
      isSuspect: next.suspect !== undefined,
      warnings,
    };
  }

  it.each(['accept', 'hold'] as const)('of kind %s by a stranger is not counted', async (kind) => {
    for (const rootKeyId of [undefined, new HexKeyProvider(TEST_KEY).rootKeyId]) {
      const { key, bytes } = await forgeReport(kind, rootKeyId);
      const { newest, problems, waiting, isSuspect, warnings } = await marksWith(key, bytes);
      expect(newest).toMatchObject({ key: suspect, marks: {} });
      expect(newest?.marks).toEqual({});
      expect(problems).toHaveLength(1);
      expect(waiting).toEqual([suspect]);
      expect(isSuspect).toBe(true);
      expect(warnings).toEqual([expect.stringContaining('a report is not counted: ')]);
    }
  });

  it('of another backup, or put in the place of another kind, is not counted', async () => {
    const { key, genuineBytes } = await forgeReport('hold');
    const text = Buffer.from(genuineBytes).toString();
    expect((await marksWith(key, Buffer.from(text.replace(suspect, good)))).newest?.marks).toEqual({});
    const moved = key.replaceAll('hold', 'accept');
    const relabelled = text.replaceAll('hold', 'accept').replace('accepfast', 'holdfast');
    const found = await marksWith(moved, Buffer.from(relabelled));
    expect(found).toMatchObject({ isSuspect: true, waiting: [suspect] });
    expect(found.problems).toHaveLength(1);
  });

  it('that is genuine is counted', async () => {
    const { key, genuineBytes } = await forgeReport('accept');
    const found = await marksWith(key, genuineBytes);
    expect(found).toMatchObject({
      waiting: [],
      isSuspect: false,
      problems: [],
      newest: { marks: { accept: body } },
    });
  });

  it('of an unknown kind makes nobody stumble who has no key', async () => {
    const { key, bytes } = await forgeReport('hold');
    const store = await copy(genuine);
    await store.put(key, Buffer.from(bytes.toString().replace('"kind":"hold"', '"kind":"prune"')));
    await using repository = await openRepository(store, { keys: undefined, workers: 1 });
    expect(await listBackups(repository, { signal: never })).toMatchObject([{ marks: {} }, { marks: {} }]);
  });
});
