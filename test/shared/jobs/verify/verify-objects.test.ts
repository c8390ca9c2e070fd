import { createHash, randomBytes } from 'node:crypto';
import { describe, expect } from 'vitest';
import { HoldfastError } from '../../../../shared/core/errors.ts';
import { rekeyRepository } from '../../../../shared/jobs/keys/rekey.ts';
import { verifyBackups } from '../../../../shared/jobs/verify/verify.ts';
import { keepVerifyReport } from '../../../../shared/jobs/verify/verify-report.ts';
import { HexKeyProvider } from '../../../../shared/keys/hex-key-provider.ts';
import { expireBackup } from '../../../../shared/repository/documents/expire.ts';
import { RunDocuments } from '../../../../shared/repository/documents/run-documents.ts';
import { markSpoilt } from '../../../../shared/repository/packs/spoilt-packs.ts';
import { MemoryStore } from '../../../../shared/store/memory-store.ts';
import type { ObjectStore } from '../../../../shared/store/object-store.ts';
import { backUp, initRepository, never, openCheaply, TEST_KEY } from '../../../support/repository/engine.ts';
import { neededObjects } from '../../../support/repository/needed-objects.ts';
import { seededRandom, seededRows } from '../../../support/repository/rows.ts';
import { turns } from '../../../support/repository/torture.ts';
import { copyStore } from '../../../support/stores/copy-store.ts';
import { UnreadableStore } from '../../../support/stores/unreadable-store.ts';

const it = turns(2);

const NEW_KEY = createHash('sha256').update('two').digest('hex');
const open = (store: ObjectStore) => openCheaply(store, { keys: new HexKeyProvider(NEW_KEY) });

/** A repository with an object of every kind: its key was changed, one of its backups was taken out. */
async function repositoryWithAll() {
  const store = new MemoryStore();
  await initRepository(store);
  await rekeyRepository((key) => openCheaply(store, { keys: new HexKeyProvider(key) }), {
    key: TEST_KEY,
    newKey: NEW_KEY,
    signal: never,
  });
  let seconds = 0;
  const clock = { now: () => new Date(Date.UTC(2026, 2, 1, 2) + 1000 * seconds++) };
  await using repository = await openCheaply(store, { clock, keys: new HexKeyProvider(NEW_KEY) });
  const { key: first } = await backUp(repository, { t: seededRows(100, 1).join('') });
  const { key } = await backUp(repository, { t: seededRows(100, 2).join('') });
  const report = await verifyBackups(repository, [key], { depth: { kind: 'full' }, signal: never });
  await keepVerifyReport(repository, report, never);
  await repository.reports.write(
    'hold',
    { backups: [key], body: { reason: 'audit' }, details: { tables: ['t'] } },
    never,
  );
  await repository.reports.write(
    'audit',
    { backups: [], body: { action: 'x', by: 'me', outcome: 'done' } },
    never,
  );
  const documents = new RunDocuments(repository.context, randomBytes(16).toString('hex'));
  await documents.put('released', 'released', { by: 'abort' }, never);
  await markSpoilt(store, ['ab'.repeat(32)], { report: 'reports/verify/x', signal: never });
  await expireBackup(store, first, { at: new Date(0), mayRemove: () => {}, signal: never });
  return { store, key };
}

async function findings(store: ObjectStore, options: { readonly others?: boolean } = {}) {
  await using repository = await open(store);
  const { others = true } = options;
  const keys = await repository.backupKeys(never);
  return verifyBackups(repository, keys, { depth: { kind: 'full' }, others, signal: never });
}

const { store, key } = await repositoryWithAll();
const needed = await neededBy(store);
const kinds = (await Array.fromAsync(store.list('')))
  .map((info) => info.key)
  .filter((object) => object !== key && object !== 'repository.json' && !needed.has(object))
  .map((object) => [object.replace(/[0-9a-f]{8,}|\d{6}/g, '…'), object] as const);

/** Object keys of the packs of the listed backup. */
async function neededBy(of: ObjectStore): Promise<ReadonlySet<string>> {
  return new Set(await neededObjects(of, key));
}

describe('a full verification of everything', () => {
  it('finds nothing where nothing is wrong, and counts what it looked at', async () => {
    const report = await findings(store);
    expect(report).toMatchObject({ findings: [], objects: kinds.length, interrupted: undefined });
    const folders = new Set(kinds.map(([, object]) => object.split('/').slice(0, 2).join('/')));
    for (const folder of ['reports/verify', 'reports/hold', 'reports/audit', 'backups/_spoilt'])
      expect(folders).toContain(folder);
    for (const folder of ['keys/', 'expired/', 'runs/', 'data/'])
      expect(
        kinds.some(([, object]) => object.startsWith(folder)),
        folder,
      ).toBe(true);
    expect(await findings(store, { others: false })).toMatchObject({ findings: [], objects: 0 });
  });

  it.each(
    kinds.filter(([, object]) => !object.startsWith('backups/_spoilt/') && !object.startsWith('keys/')),
  )('finds any harm to %s', async (_, object) => {
    const body = Buffer.from(await store.get(object));
    const random = seededRandom(body.length);
    const places = [
      0,
      body.length - 1,
      ...Array.from({ length: 12 }, () => Math.floor(random() * body.length)),
    ];
    const flips = places.map((at) => {
      const copy = Buffer.from(body);
      copy[at] = (copy[at] ?? 0) ^ 4;
      return copy;
    });
    for (const harmed of [
      ...flips,
      body.subarray(0, -2),
      Buffer.concat([body, Buffer.of(0)]),
      Buffer.alloc(0),
    ]) {
      const { findings: found } = await findings(
        await copyStore(store, (at, whole) => (at === object ? harmed : whole)),
      );
      expect(found).toMatchObject([{ object, problem: expect.stringContaining(object), backups: [] }]);
    }
  });

  it.each(kinds.filter(([, object]) => !object.startsWith('keys/')))(
    'names %s where it cannot be read',
    async (_, object) => {
      const { findings: found } = await findings(new UnreadableStore(store, (at) => at === object));
      expect(found).toMatchObject([{ object, code: 'E_OBJECT_UNREADABLE', backups: [] }]);
    },
  );

  it('finds a forged object of keys that the configured key does not need', async () => {
    const other = 'keys/0123456789abcdef0123456789abcdef.json';
    const [own = ''] = kinds.flatMap(([, object]) => (object.startsWith('keys/') ? [object] : []));
    const copy = await copyStore(store);
    await copy.put(other, await store.get(own));
    expect((await findings(copy)).findings).toMatchObject([{ object: other, backups: [] }]);
  });

  it('says what it found though the store is lost after that', async () => {
    const [, bad = ''] = kinds.find(([, object]) => object.startsWith('reports/')) ?? [];
    const lost = new UnreadableStore(store, (at) => at === bad);
    const dead = new HoldfastError('E_STORE_UNAVAILABLE', 'the store is gone');
    const list = lost.list;
    lost.list = (prefix, options) => {
      if (prefix === 'data/') throw dead;
      return list(prefix, options);
    };
    expect(await findings(lost)).toMatchObject({ findings: [{ object: bad }], interrupted: dead });
  });

  it('looks at every object in exactly one of all parts', async () => {
    await using repository = await open(store);
    const keys = await repository.backupKeys(never);
    let seen = 0;
    for (const part of [1, 2, 3]) {
      const depth = { kind: 'subset', part, of: 3 } as const;
      const { objects } = await verifyBackups(repository, keys, { depth, others: true, signal: never });
      seen += objects;
    }
    // Packs of the backup that another part reads are hashed in none.
    expect(seen).toBe(kinds.length);
  });
});
