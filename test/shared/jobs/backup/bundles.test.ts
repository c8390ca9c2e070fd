import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { beforeAll, describe, expect } from 'vitest';
import { auditPage } from '../../../../shared/api/presenters/audit.ts';
import { listPage } from '../../../../shared/api/presenters/list-page.ts';
import { ListQuery } from '../../../../shared/api/schema/backups.ts';
import { AuditQuery } from '../../../../shared/api/schema/status.ts';
import { HOUR_MS } from '../../../../shared/core/units.ts';
import { bundleAll, bundleNew } from '../../../../shared/jobs/backup/bundles.ts';
import { preparePrune, runPrune } from '../../../../shared/jobs/retention/prune.ts';
import { AS_STORED } from '../../../../shared/jobs/source/naming.ts';
import { listBackups } from '../../../../shared/jobs/status/list.ts';
import { readStatus } from '../../../../shared/jobs/status/status.ts';
import { verifyBackups } from '../../../../shared/jobs/verify/verify.ts';
import { HexKeyProvider } from '../../../../shared/keys/hex-key-provider.ts';
import { CachingStore } from '../../../../shared/store/caching-store.ts';
import { MeteredStore } from '../../../../shared/store/metered-store.ts';
import type { ObjectStore } from '../../../../shared/store/object-store.ts';
import { objectsOf } from '../../../support/aws/bundled-objects.ts';
import {
  backUp,
  initRepository,
  never,
  openRepository,
  TEST_KEY,
} from '../../../support/repository/engine.ts';
import { cases, turns } from '../../../support/repository/torture.ts';
import { bundleOf, OpenStore, withoutEtags } from '../../../support/stores/small-objects.ts';

const it = turns(3);

const BACKUPS = 14;
const REPORTS = 210;
const START = Date.parse('2026-03-01T02:00:00Z');

/** A repository of some backups and reports, dated an hour apart, and its objects in the order in which they came. */
async function made(): Promise<OpenStore> {
  let hour = 0;
  const clock = { now: () => new Date(START + hour * HOUR_MS) };
  const store = new OpenStore(clock);
  await initRepository(store);
  await using repository = await openRepository(store, { clock, workers: 1 });
  for (; hour < BACKUPS; hour++) {
    const note = hour % 3 === 0 ? `the ${hour}th` : undefined;
    await backUp(repository, { orders: `row ${hour}\n` }, { type: hour % 2 ? 'daily' : 'hourly', note });
  }
  const keys = await repository.backupKeys(never);
  for (let i = 0; i < REPORTS; i++, hour++) {
    const backups = [keys[i % BACKUPS]!];
    const body = {
      depth: { kind: 'quick' },
      damaged: i % 9 === 0 ? backups : [],
      damagedPacks: [],
      findings: 0,
    };
    if (i % 10 === 0)
      await repository.reports.write('hold', { backups, body: { reason: `held ${i}` } }, never);
    else await repository.reports.write('verify', { backups, body }, never);
  }
  return store;
}

async function copyOf(store: OpenStore): Promise<OpenStore> {
  let now = new Date(0);
  const copy = new OpenStore({ now: () => now });
  for await (const { key, modifiedAt } of store.list('')) {
    now = modifiedAt;
    await copy.put(key, await store.get(key));
  }
  now = new Date(START + 2000 * HOUR_MS);
  return copy;
}

/** All that is shown of a repository. */
async function answersOf(store: ObjectStore, key: string | undefined): Promise<unknown> {
  const clock = { now: () => new Date(START + 2000 * HOUR_MS) };
  const keys = key === undefined ? undefined : new HexKeyProvider(key);
  await using repository = await openRepository(store, { clock, keys, workers: 1 });
  const view = repository.forViews({ remembers: true });
  const pages = async () => ({
    list: await listPage(view, ListQuery.parse({ limit: 200 }), { signal: never }),
    audit: await auditPage(view, AuditQuery.parse({ limit: 200 }), {
      sources: { sourceOf: () => undefined, naming: AS_STORED },
      signal: never,
    }),
  });
  const first = await pages();
  const again = await pages();
  const answers = {
    backups: await listBackups(repository, { signal: never }),
    status: await readStatus(repository, never),
    plan: (
      await preparePrune(
        view,
        { policy: { days: { '*': 1 }, counts: { last: 3 } }, maxShare: 1 },
        { isDryRun: true, signal: never },
      )
    ).plan.decisions,
    first,
    again,
  };
  return JSON.parse(JSON.stringify(answers));
}

let pristine: OpenStore;
let bundled: OpenStore;

beforeAll(async () => {
  pristine = await made();
  bundled = await copyOf(pristine);
  await using repository = await openRepository(bundled, { workers: 1 });
  await bundleAll(repository, never);
}, 60_000);

describe('bundles', () => {
  it('hold what lies in the store, byte for byte', async () => {
    const [key = ''] = await bundled.keys('bundles/');
    const held = objectsOf(await bundled.get(key));
    const listed = [...(await bundled.keys('backups/')), ...(await bundled.keys('reports/'))];
    expect([...held.keys()]).toEqual(listed);
    for (const [name, bytes] of held) expect(Buffer.compare(bytes, await bundled.get(name))).toBe(0);
  });

  it('save requests, and change no answer', async () => {
    for (const key of [TEST_KEY, undefined]) {
      const metered = new MeteredStore(bundled);
      const answers = await answersOf(metered, key);
      expect(answers).toEqual(await answersOf(withoutEtags(bundled), key));
    }
    const metered = new MeteredStore(bundled);
    await using repository = await openRepository(metered, { workers: 1 });
    const { gets: before } = metered.counts();
    await readStatus(repository, never);
    const { gets, heads } = metered.counts();
    // Those that were begun before so many were listed, and the bundle.
    expect(gets - before).toBeLessThan(100);
    expect(heads).toBe(0);
  });

  it('change no answer, whatever happens to them and to what they are of', async () => {
    const isLong = process.env['HOLDFAST_TEST_LONG'] !== undefined;
    await fc.assert(
      fc.asyncProperty(fc.array(HARM, { minLength: 1, maxLength: 5 }), fc.boolean(), async (harm, hasKey) => {
        const store = await copyOf(bundled);
        for (const one of harm) await HARMS[one.kind](store, one);
        const key = hasKey ? TEST_KEY : undefined;
        expect(await answersOf(store, key)).toEqual(await answersOf(withoutEtags(store), key));
      }),
      { numRuns: isLong ? 500 : cases(4, 12, 12) },
    );
  }, 600_000);

  it('and memory change no answer of a process that goes on while the store changes', async () => {
    const isLong = process.env['HOLDFAST_TEST_LONG'] !== undefined;
    await fc.assert(
      fc.asyncProperty(fc.array(HARM, { minLength: 1, maxLength: 4 }), async (harm) => {
        const store = await copyOf(bundled);
        const clock = { now: () => new Date(START + 2000 * HOUR_MS) };
        const kept = new CachingStore(store, ['backups/', 'reports/']);
        await using repository = await openRepository(kept, { clock, workers: 1 });
        const view = repository.forViews({ remembers: true });
        for (const one of [undefined, ...harm]) {
          if (one) await HARMS[one.kind](store, one);
          await using plain = await openRepository(withoutEtags(store), { clock, workers: 1 });
          const backups = await listBackups(view, { signal: never });
          expect(backups).toEqual(await listBackups(plain, { signal: never }));
          expect(await readStatus(view, never)).toEqual(await readStatus(plain, never));
        }
      }),
      { numRuns: isLong ? 300 : cases(2, 6, 6) },
    );
  }, 600_000);

  it('are not asked by what looks for damage', async () => {
    const store = await copyOf(bundled);
    const { counts } = await getsBelow(store, async (spied) => {
      await using again = await openRepository(spied, { workers: 1 });
      await verifyBackups(again, await again.backupKeys(never), { depth: { kind: 'quick' }, signal: never });
      await preparePrune(again, RULES, { isDryRun: false, signal: never });
    });
    expect(counts.get('bundles/') ?? 0).toBe(0);
    expect(counts.get('backups/')).toBeGreaterThanOrEqual(2 * BACKUPS);
  });

  it('are made by a backup once there is much, and then of what is new', async () => {
    const { store, repository } = await manyManifests(64);
    await bundleNew(repository, never);
    expect(await store.keys('bundles/')).toHaveLength(1);
    await bundleNew(repository, never);
    expect(await store.keys('bundles/')).toHaveLength(1);
    await repository[Symbol.asyncDispose]();
  });

  it('are none where listings do not say what objects hold', async () => {
    const store = await copyOf(pristine);
    await using repository = await openRepository(withoutEtags(store), { workers: 1 });
    await bundleAll(repository, never);
    const encrypting = otherEtags(store);
    await using other = await openRepository(encrypting, { workers: 1 });
    await bundleAll(other, never);
    expect(await store.keys('bundles/')).toEqual([]);
  });

  it('hold nothing of a removed backup after the prune that removed it', async () => {
    const store = await copyOf(bundled);
    const clock = { now: () => new Date(START + 2000 * HOUR_MS) };
    await using repository = await openRepository(store, { clock, workers: 1 });
    const prepared = await preparePrune(
      repository,
      { ...RULES, maxShare: 1 },
      { isDryRun: false, signal: never },
    );
    const { expired } = await runPrune(repository, prepared, { signal: never });
    expect(expired.length).toBeGreaterThan(0);
    const [key = '', ...others] = await store.keys('bundles/');
    expect(others).toEqual([]);
    const held = objectsOf(await store.get(key));
    expect([...held.keys()].filter((name) => expired.some((gone) => gone === name))).toEqual([]);
    expect(held.size).toBeGreaterThan(REPORTS);
  });
});

const RULES = { policy: { days: { '*': 1 }, counts: { last: 3 } }, maxShare: 1 };

type Kind = keyof typeof HARMS;
interface Harm {
  readonly kind: Kind;
  /** Of objects, as a share of all. */
  readonly at: number;
  readonly other: number;
}

/** What whoever may write to the store may do. */
const HARMS = {
  'overwrite with nonsense': (store, { at }) => change(store, at, () => Buffer.from('{}')),
  'overwrite with one byte changed': (store, { at, other }) =>
    change(store, at, (bytes) =>
      Buffer.from(bytes.map((byte, i) => (i === Math.floor(other * bytes.length) ? byte ^ 1 : byte))),
    ),
  'overwrite with another object': async (store, { at, other }) => {
    const bytes = await store.get(await objectAt(store, other));
    await change(store, at, () => bytes);
  },
  'put the same anew': (store, { at }) => change(store, at, (bytes) => bytes),
  remove: async (store, { at }) => store.delete(await objectAt(store, at)),
  'damage the bundle': async (store, { other }) => {
    for (const key of await store.keys('bundles/')) {
      const bytes = Buffer.from(await store.get(key));
      const index = Math.floor(other * bytes.length);
      bytes[index] = (bytes[index] ?? 0) ^ 0x40;
      await store.replace(key, bytes);
    }
  },
  'cut the bundle short': async (store, { other }) => {
    for (const key of await store.keys('bundles/')) {
      const bytes = await store.get(key);
      await store.replace(key, bytes.subarray(0, Math.floor(other * bytes.length)));
    }
  },
  'remove the bundle': async (store) => {
    for (const key of await store.keys('bundles/')) await store.delete(key);
  },
  // Of the size of the objects, and under their names.
  'forge a bundle': async (store, { at }) => {
    const key = await objectAt(store, at);
    const bytes = await store.get(key);
    const forged = Buffer.from(
      Buffer.from(bytes).toString().replace('"note":"the', '"note":"THE').replace('daily', 'DAILY'),
    );
    await store.put(`bundles/20991231_000000_${hex(at)}`, bundleOf(new Map([[key, forged]])));
  },
  // As a bundle of before, when another object lay there.
  'list what bundles hold, under another key': async (store, { at, other }) => {
    const [one, two] = [await objectAt(store, at), await objectAt(store, other)];
    const swapped = new Map([[one, await store.get(two)]]);
    await store.put(`bundles/20991230_000000_${hex(other)}`, bundleOf(swapped)).catch(() => {});
  },
  'put something else there': async (store, { at }) =>
    store.put(`bundles/20991229_000000_${hex(at)}`, Buffer.from('not a bundle')).catch(() => {}),
} satisfies Readonly<Record<string, (store: OpenStore, harm: Harm) => Promise<void>>>;

const HARM = fc.record({
  kind: fc.constantFrom(...(Object.keys(HARMS) as Kind[])),
  at: fc.double({ min: 0, max: 0.999, noNaN: true }),
  other: fc.double({ min: 0, max: 0.999, noNaN: true }),
});

async function objectAt(store: OpenStore, at: number): Promise<string> {
  const keys = [...(await store.keys('backups/')), ...(await store.keys('reports/'))];
  return keys[Math.floor(at * keys.length)] ?? '';
}

async function change(store: OpenStore, at: number, by: (bytes: Uint8Array) => Uint8Array): Promise<void> {
  const key = await objectAt(store, at);
  await store.replace(key, by(await store.get(key)));
}

function hex(share: number): string {
  return createHash('sha256').update(String(share)).digest('hex').slice(0, 8);
}

/** How often objects below each folder were read while `work` was done. */
async function getsBelow(store: OpenStore, work: (spied: ObjectStore) => Promise<void>) {
  const counts = new Map<string, number>();
  const spied = new Proxy(store, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]) => {
        const folder = String(args[0]).replace(/\/.*/, '/');
        if (name === 'get') counts.set(folder, (counts.get(folder) ?? 0) + 1);
        return Reflect.apply(value, target, args);
      };
    },
  });
  await work(spied);
  return { counts };
}

/** As of a bucket that encrypts with a key of its own: ETags that are no MD5 and look like one. */
function otherEtags(store: OpenStore): ObjectStore {
  return new Proxy(store, {
    get: (target, name) => {
      if (name === 'list')
        return async function* (...args: Parameters<OpenStore['list']>) {
          for await (const info of target.list(...args))
            yield { ...info, etag: createHash('md5').update(`sealed ${info.etag}`).digest('hex') };
        };
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

/** One real manifest, and more of it under other keys: what they say plays no part. */
async function manyManifests(count: number) {
  const store = await copyOf(pristine);
  const [first = ''] = await store.keys('backups/');
  const bytes = await store.get(first);
  const there = (await store.keys('backups/')).length;
  for (let i = there; i < count; i++) {
    const day = String(20200101 + (i % 28));
    await store.put(
      `backups/weekly/${day}/backup_weekly_${day}_1000${String(i % 60).padStart(2, '0')}.json`,
      bytes,
    );
  }
  const repository = await openRepository(store, { workers: 1 });
  await repository.backupKeys(never);
  return { store, repository };
}
