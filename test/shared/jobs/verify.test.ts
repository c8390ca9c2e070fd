import { describe, expect, it } from 'vitest';
import { HoldfastError } from '../../../shared/core/errors.ts';
import type { BackupKey } from '../../../shared/core/ids.ts';
import { DAY_MS } from '../../../shared/core/units.ts';
import type { ChunkRef } from '../../../shared/format/chunk-ref.ts';
import { packKey } from '../../../shared/format/pack.ts';
import { verifyBackups } from '../../../shared/jobs/verify.ts';
import type { VerifyDepth } from '../../../shared/jobs/verify-depth.ts';
import { keepVerifyReport } from '../../../shared/jobs/verify-report.ts';
import { notVerifiedSince } from '../../../shared/jobs/verify-since.ts';
import type { Repository } from '../../../shared/repository/repository.ts';
import { MemoryStore } from '../../../shared/store/memory-store.ts';
import type { ObjectStore } from '../../../shared/store/object-store.ts';
import { RetryingStore } from '../../../shared/store/retrying-store.ts';
import { flipped, harmed, packsOf } from '../../support/damage.ts';
import { backUp, type Data, initRepository, never, openRepository } from '../../support/engine.ts';
import { FaultyStore } from '../../support/faulty-store.ts';
import { type Forgery, forge } from '../../support/forge.ts';
import { seededRows } from '../../support/rows.ts';

const SMALL_PACKS = { packBytes: 16 * 1024, workers: 1 };
const rows = seededRows(700, 1);
const data: Data = { 'pre-data': 'create table t ();\n', t: rows.join(''), u: seededRows(50, 2).join('') };
const FULL: VerifyDepth = { kind: 'full' };

async function backedUp() {
  const store = new MemoryStore();
  await initRepository(store);
  await using repository = await openRepository(store, SMALL_PACKS);
  const { key } = await backUp(repository, data);
  return { store, key, packs: await packsOf(repository, key) };
}

async function verifyStore(store: ObjectStore, depth = FULL, keys?: readonly BackupKey[]) {
  await using repository = await openRepository(store, SMALL_PACKS);
  return await verifyAll(repository, depth, keys);
}

async function verifyAll(repository: Repository, depth = FULL, keys?: readonly BackupKey[]) {
  return verifyBackups(repository, keys ?? (await repository.backupKeys(never)), { depth, signal: never });
}

const first = (change: (ref: ChunkRef) => Partial<ChunkRef>) => (refs: ChunkRef[]) =>
  refs.map((ref, i) => (i === 0 ? { ...ref, ...change(ref) } : ref));

describe('a full verification', { timeout: 60_000 }, () => {
  const MISTAKES: Record<string, { readonly forgery: Forgery; readonly problem: RegExp }> = {
    'a chunk of another hash': {
      forgery: { refs: first(() => ({ id: Buffer.alloc(32, 7) })) },
      problem: /is not the one that its tree names/,
    },
    'a chunk of other bytes': {
      forgery: { refs: first(({ plainBytes }) => ({ plainBytes: plainBytes + 1 })) },
      problem: /does not hold what is said of it/,
    },
    'another count of records, in a chunk and all that is above it': {
      forgery: {
        refs: first(({ records }) => ({ records: records + 1 })),
        root: (root) => ({ ...root, records: root.records + 1 }),
        totals: (totals) => ({ ...totals, records: (totals['records'] ?? 0) + 1 }),
      },
      problem: /is not the one that its tree names/,
    },
    'a chunk in the place of another': {
      forgery: {
        refs: (refs) => refs.map((ref, i) => ({ ...ref, chain: refs[(i + 1) % refs.length]!.chain })),
      },
      problem: /is not the one that its tree names/,
    },
    'a chunk that is no zstd frame, and no delta': {
      forgery: { refs: first(({ chain }) => ({ chain: [...chain, ...chain] })) },
      problem: /out of place in its chain/,
    },
    'an item outside of its pack': {
      forgery: { refs: first(({ chain }) => ({ chain: [{ ...chain[0]!, offset: 2 ** 30 }] })) },
      problem: /are referred to/,
    },
    'an item in a pack that the manifest does not list': {
      forgery: {
        refs: first(({ chain }) => ({ chain: [{ ...chain[0]!, pack: { id: 'ab'.repeat(32) as never } }] })),
      },
      problem: /is not listed in the manifest/,
    },
    'a tree with fewer records than its catalog says': {
      forgery: {
        root: (root) => ({ ...root, records: root.records + 5 }),
        totals: (totals) => ({ ...totals, records: (totals['records'] ?? 0) + 5 }),
      },
      problem: /does not hold what is said of it/,
    },
    'a tree of another hash': {
      forgery: { root: (root) => ({ ...root, id: '00'.repeat(32) }) },
      problem: /is not the one that is named/,
    },
    ...Object.fromEntries(
      ['datasets', 'records', 'plainBytes', 'chunks'].map((name) => [
        `a manifest that says other ${name}`,
        {
          forgery: {
            totals: (totals: Record<string, number>) => ({ ...totals, [name]: (totals[name] ?? 0) + 1 }),
          },
          problem: new RegExp(`says ${name} \\d+, its catalog holds \\d+`),
        },
      ]),
    ),
  };

  it('finds nothing in a backup that was put there anew without a mistake', async () => {
    const { store, key } = await backedUp();
    await using repository = await openRepository(store, SMALL_PACKS);
    await forge(repository, key, 't', {});
    expect(await verifyAll(repository)).toMatchObject({ findings: [], records: 751, interrupted: undefined });
  });

  it.each(Object.entries(MISTAKES))(
    'finds %s, sealed and signed as it is',
    async (_, { forgery, problem }) => {
      const { store, key } = await backedUp();
      await using repository = await openRepository(store, SMALL_PACKS);
      await forge(repository, key, 't', forgery);
      const { findings } = await verifyAll(repository);
      expect(findings.map((finding) => finding.problem).join('\n')).toMatch(problem);
      for (const finding of findings) expect(finding).toMatchObject({ code: 'E_DAMAGED', backups: [key] });
    },
  );

  it('hides no damage behind other damage', async () => {
    const { store, packs } = await backedUp();
    const flip = (body: Buffer) => flipped(body, 120);
    const broken = await harmed(store, Object.fromEntries(packs.data.map((pack) => [pack, flip])));
    const { findings } = await verifyStore(broken);
    expect(findings.map(({ object }) => object).toSorted()).toEqual(packs.data.toSorted());
  });

  it('blames the pack at fault, not the one whose chunks build on it', async () => {
    const { store } = await backedUp();
    await using repository = await openRepository(store, SMALL_PACKS);
    const changed = rows.map((row, i) => (i % 20 === 0 ? row.replace('\t', '\tx') : row));
    const { key } = await backUp(repository, { ...data, t: changed.join('') });
    const reader = await repository.openBackup(key, never);
    const leaves = await Array.fromAsync(reader.leaves(reader.root('t', '0000'), { signal: never }));
    const delta = leaves.flatMap(({ refs }) => refs).find(({ chain }) => chain.length > 1);
    const { pack, offset } = delta!.chain[0]!;
    const object = packKey(pack.id!);
    const broken = await harmed(store, { [object]: (body) => flipped(body, offset + 1) });
    const { findings, backups } = await verifyStore(broken);
    expect(findings).toMatchObject([{ object }]);
    expect(findings[0]?.backups.toSorted()).toEqual(backups.toSorted());
  });

  it('takes a backup that prune removes meanwhile for gone, not for damaged', async () => {
    const { store, key } = await backedUp();
    await using repository = await openRepository(store, SMALL_PACKS);
    const { key: kept } = await backUp(repository, data);
    const keys = await repository.backupKeys(never);
    const { packs } = await repository.readManifest(key, never);
    const still = new Set((await repository.readManifest(kept, never)).packs.map(({ id }) => id));
    await store.delete(key);
    for (const { id } of packs) if (!still.has(id)) await store.delete(`data/${id.slice(0, 2)}/${id}`);
    expect(await verifyAll(repository, FULL, keys)).toMatchObject({ backups: [kept], findings: [] });
    await expect(verifyAll(repository, FULL, [key])).rejects.toMatchObject({ code: 'E_NO_BACKUP' });
  });
});

describe('a backup that goes while it is verified', { timeout: 60_000 }, () => {
  it.each(['full', 'quick'] as const)('is not damaged (%s)', async (kind) => {
    const { store, key, packs } = await backedUp();
    // Prune comes in between: the manifest goes, then what only it needed.
    const prune = async () => {
      for (const object of [key, ...packs.data, ...packs.index]) await store.delete(object);
    };
    const pruned = passingBy(
      store,
      { get: prune, list: prune },
      (name, object) => object.startsWith('data/') && name !== 'put',
    );
    expect(await verifyStore(pruned, { kind }, [key])).toMatchObject({ backups: [], findings: [] });
  });
});

it('that is damaged and goes hides no damage of those that stay', async () => {
  const { store, key, packs } = await backedUp();
  await using first = await openRepository(store, SMALL_PACKS);
  const { key: stays } = await backUp(first, data);
  const [pack = ''] = packs.data;
  const broken = await harmed(store, { [pack]: (body) => flipped(body, body.length - 10) });
  const prune = async () => void (await broken.delete(key));
  const pruned = passingBy(broken, { get: prune }, (_, object) => object === pack);
  expect(await verifyStore(pruned, FULL, [key, stays])).toMatchObject({
    backups: [stays],
    findings: [{ object: pack, backups: [stays] }],
  });
});

/** The store, doing something else before calls that are chosen. */
function passingBy(
  inner: MemoryStore,
  before: Readonly<Record<string, () => Promise<void>>>,
  isChosen: (name: string, key: string) => boolean,
): ObjectStore {
  const call =
    (name: 'get' | 'head') =>
    async (key: string, ...rest: never[]) => {
      if (isChosen(name, key)) await before[name]?.();
      return inner[name](key, ...rest) as never;
    };
  async function* list(prefix: string) {
    if (isChosen('list', prefix)) await before['list']?.();
    yield* inner.list(prefix);
  }
  const { location } = inner;
  return {
    location,
    get: call('get'),
    head: call('head'),
    list,
    put: inner.put.bind(inner),
    delete: inner.delete.bind(inner),
  };
}

describe('a quick verification', { timeout: 60_000 }, () => {
  /** As S3: the checksum that was taken on arrival. */
  function withChecksums(inner: MemoryStore, checksums: Readonly<Record<string, string>>): ObjectStore {
    return new Proxy(inner, {
      get: (store, name) => {
        if (name === 'head')
          return async (key: string) => ({
            ...(await store.head(key)),
            sha256: checksums[key] ?? key.slice(-64),
          });
        const member = Reflect.get(store, name) as unknown;
        return typeof member === 'function' ? member.bind(store) : member;
      },
    });
  }

  it.each([true, false])('needs no key; with one: %s', async (hasKey) => {
    const { store, packs } = await backedUp();
    const [gone = '', short = '', other = ''] = packs.data;
    const broken = await harmed(store, { [gone]: () => undefined, [short]: (body) => body.subarray(1) });
    const checked = withChecksums(broken, { [other]: 'ab'.repeat(32) });
    await using repository = await openRepository(checked, hasKey ? SMALL_PACKS : { keys: undefined });
    const { findings, isProven, readBytes } = await verifyAll(repository, { kind: 'quick' });
    expect(isProven).toBe(hasKey);
    expect(readBytes).toBe(0);
    expect(Object.fromEntries(findings.map(({ object, problem }) => [object, problem]))).toEqual({
      [gone]: `${gone} is missing`,
      [short]: expect.stringMatching(/ has \d+ bytes, was written with \d+$/),
      [other]: `${other} has the checksum ${'ab'.repeat(32)}, which is not its name`,
    });
  });

  it('names every backup that needs a damaged pack', async () => {
    const { store, packs } = await backedUp();
    await using repository = await openRepository(store, SMALL_PACKS);
    await backUp(repository, data);
    const checked = withChecksums(await harmed(store, {}), { [packs.data[0]!]: 'ab'.repeat(32) });
    const { findings } = await verifyStore(checked, { kind: 'quick' });
    expect(findings).toMatchObject([{ object: packs.data[0], backups: { length: 2 } }]);
  });
});

describe('a verification in parts', { timeout: 60_000 }, () => {
  it('finds every damaged object in one of the parts, though backups are made between them', async () => {
    const OF = 3;
    const { store } = await backedUp();
    const objects: string[] = [];
    for await (const { key } of store.list('')) if (key !== 'repository.json') objects.push(key);
    expect(objects.length).toBeGreaterThan(4);
    for (const object of objects) {
      const broken = await harmed(store, { [object]: (body) => flipped(body, body.length >> 1) });
      await using repository = await openRepository(broken, SMALL_PACKS);
      const keys = await repository.backupKeys(never);
      const found = new Set<string>();
      for (let part = 1; part <= OF; part++) {
        const { findings } = await verifyAll(repository, { kind: 'subset', part, of: OF });
        for (const finding of findings) found.add(finding.object);
        await backUp(repository, {
          t: rows.map((row, i) => (i % 90 === part ? row.replace('\t', '\tnew') : row)).join(''),
        });
      }
      expect([...found], object).toContain(object);
      expect(keys).toHaveLength(1);
    }
  }, 60_000);

  it('reads every chunk in exactly one of the parts', async () => {
    const { store } = await backedUp();
    const whole = await verifyStore(store);
    let chunks = 0;
    let packs = 0;
    for (let part = 1; part <= 5; part++) {
      const report = await verifyStore(store, { kind: 'subset', part, of: 5 });
      chunks += report.chunks;
      packs += report.packs;
    }
    expect({ chunks, packs }).toEqual({ chunks: whole.chunks, packs: whole.packs });
  });
});

describe('a store that fails', { timeout: 60_000 }, () => {
  const away = new HoldfastError('E_STORE_UNAVAILABLE', 'the store answers 503 SlowDown');

  it('that throttles is asked again, and is no damage', async () => {
    const { store } = await backedUp();
    const faulty = new FaultyStore(store);
    await using repository = await openRepository(
      new RetryingStore(faulty, { firstDelayMs: 1 }),
      SMALL_PACKS,
    );
    faulty.failNext('get', away, 5);
    expect(await verifyAll(repository)).toMatchObject({ findings: [], interrupted: undefined });
  });

  it.each(['full', 'quick'] as const)(
    'from any call on is never a success, nor damage (%s)',
    async (kind) => {
      const { store } = await backedUp();
      const counting = new FaultyStore(store);
      await verifyStore(counting, { kind });
      for (let call = 2; call <= counting.calls; call++) {
        const dying = new FaultyStore(store).dieAt(call, 'before');
        await expect(verifyStore(dying, { kind }), `call ${call}`).rejects.toMatchObject({
          code: 'E_STORE_DENIED',
        });
      }
    },
  );

  it('after damage was found: the report says both, and speaks of no backup as whole', async () => {
    const { store, packs, key } = await backedUp();
    await using repository = await openRepository(store, SMALL_PACKS);
    const { key: other } = await backUp(repository, { v: seededRows(300, 9).join('') });
    const broken = await harmed(store, { [packs.data[0]!]: () => undefined });
    const counting = new FaultyStore(broken);
    await verifyStore(counting, FULL, [key, other]);
    let both = 0;
    for (let call = 2; call <= counting.calls; call += 4) {
      const dying = new FaultyStore(broken).dieAt(call, 'before');
      const outcome = await verifyStore(dying, FULL, [key, other]).catch((error: unknown) => error);
      if (outcome instanceof HoldfastError) expect(outcome.code).toBe('E_STORE_DENIED');
      else {
        both++;
        expect(outcome).toMatchObject({
          backups: [key],
          findings: [{ object: packs.data[0] }],
          interrupted: { code: 'E_STORE_DENIED' },
        });
      }
    }
    expect(both).toBeGreaterThan(2);
  });
});

describe('the report of a verification', { timeout: 60_000 }, () => {
  it('is kept, with what was found, names only for the key', async () => {
    const { store, packs, key } = await backedUp();
    const broken = await harmed(store, { [packs.data[0]!]: (body) => flipped(body, 120) });
    await using repository = await openRepository(broken, SMALL_PACKS);
    const report = await verifyAll(repository);
    const kept = await keepVerifyReport(repository, report, never);
    const { report: stored } = await repository.reports.open(kept.report ?? '', new Date(0), never);
    const pack = packs.data[0]?.slice(-64);
    expect(stored).toMatchObject({
      backups: [key],
      body: { depth: { kind: 'full' }, damaged: [key], damagedPacks: [pack], findings: 1 },
    });
    expect(report.findings).toMatchObject([{ datasets: [expect.stringMatching(/^[tu]$/)] }]);
    expect(await repository.reports.details(stored!, never)).toEqual({ findings: report.findings });
    expect((await repository.marks(never)).of(key).verify).toMatchObject({ isWhole: false });
    expect((await repository.listing(never)).spoiltPacks).toEqual(new Set([pack]));
    // What is missing shows in every listing: no mark, so that it counts again when it is brought back.
    await broken.delete(packs.data[0]!);
    await broken.delete(`backups/_spoilt/${pack}`);
    await keepVerifyReport(repository, await verifyAll(repository), never);
    expect((await repository.listing(never)).spoiltPacks).toEqual(new Set());
  });

  it('is not kept without a key, nor where the store takes nothing; that is said and no failure', async () => {
    const { store } = await backedUp();
    await using keyless = await openRepository(store, { keys: undefined });
    const quick = await verifyAll(keyless, { kind: 'quick' });
    expect(await keepVerifyReport(keyless, quick, never)).toEqual({
      report: undefined,
      warning: expect.stringContaining('not kept: no key is configured'),
    });
    const readOnly = new HoldfastError('E_STORE_DENIED', 'read-only');
    const faulty = new FaultyStore(store).failNext('put', readOnly);
    await using repository = await openRepository(faulty, SMALL_PACKS);
    expect(await keepVerifyReport(repository, await verifyAll(repository), never)).toEqual({
      report: undefined,
      warning: 'the result is not kept: read-only',
    });
    expect(await keepVerifyReport(repository, await verifyAll(repository), never)).toMatchObject({
      report: expect.stringContaining('reports/verify/'),
      warning: undefined,
    });
  });
});

it('that is stopped after damage was found says what was found', async () => {
  const { store, packs } = await backedUp();
  const [gone = ''] = packs.data;
  const stop = new AbortController();
  const asked: string[] = [];
  const stopped = passingBy(
    await harmed(store, { [gone]: () => undefined }),
    {
      get: async () => void (asked.includes(gone) && asked.length - asked.indexOf(gone) > 4 && stop.abort()),
    },
    (_, key) => asked.push(key) > 0,
  );
  await using repository = await openRepository(stopped, SMALL_PACKS);
  const [key] = await repository.backupKeys(never);
  const report = await verifyBackups(repository, [key!], { depth: FULL, signal: stop.signal });
  expect(report).toMatchObject({ findings: [{ object: gone }], interrupted: { code: 'E_ABORTED' } });
  expect(await keepVerifyReport(repository, report, stop.signal)).toMatchObject({
    warning: 'the result is not kept: it was stopped',
  });
});

describe('--since', () => {
  it('leaves out what was found whole at that depth since then, and nothing else', async () => {
    let now = Date.parse('2026-03-01T00:00:00Z');
    const clock = { now: () => new Date(now) };
    const store = new MemoryStore(clock);
    await initRepository(store);
    await using repository = await openRepository(store, { ...SMALL_PACKS, clock });
    const { key } = await backUp(repository, data);
    const keep = async (depth: VerifyDepth) => {
      now += DAY_MS;
      await keepVerifyReport(repository, await verifyAll(repository, depth, [key]), never);
    };
    const due = async (depth: VerifyDepth, days: number) => {
      const since = new Date(now - days * DAY_MS);
      return (await notVerifiedSince(repository, [key], { since, depth, signal: never })).length > 0;
    };
    const part = (n: number): VerifyDepth => ({ kind: 'subset', part: n, of: 2 });
    expect(await due(FULL, 7)).toBe(true);
    await keep({ kind: 'quick' });
    expect([await due(FULL, 7), await due({ kind: 'quick' }, 7)]).toEqual([true, false]);
    await keep(part(1));
    expect([await due(FULL, 7), await due(part(1), 7), await due(part(2), 7)]).toEqual([true, false, true]);
    await keep(part(2));
    expect(await due(FULL, 7)).toBe(false);
    expect(await due(FULL, 0.5)).toBe(true);
    await keep(FULL);
    expect([await due(FULL, 0.5), await due({ kind: 'quick' }, 0.5)]).toEqual([false, false]);
    const { key: unseen } = await backUp(repository, data);
    expect(
      await notVerifiedSince(repository, [unseen, key], { since: new Date(0), depth: FULL, signal: never }),
    ).toEqual([unseen]);
    const [pack = ''] = (await packsOf(repository, key)).data;
    await store.delete(pack);
    await keep({ kind: 'quick' });
    expect(await due(FULL, 7)).toBe(true);
  });
});
