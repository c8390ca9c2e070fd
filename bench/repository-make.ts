import { createHash } from 'node:crypto';
import { type BackupKey, parsePackId } from '../shared/core/ids.ts';
import { DAY_MS, MiB } from '../shared/core/units.ts';
import type { PackHandle } from '../shared/format/chunk-ref.ts';
import { packKey } from '../shared/format/pack.ts';
import type { RunKeyEntry } from '../shared/repository/keys/key-ring.ts';
import { RunPacks } from '../shared/repository/packs/run-packs.ts';
import type { Repository } from '../shared/repository/repository.ts';
import { commitShares } from '../shared/repository/writing/commit-shares.ts';

export const PACK_BYTES = 8 * MiB;
const REPORTS_A_DAY = ['verify', 'audit', 'prune', 'drill'] as const;
const signal = new AbortController().signal;

interface SimulatedPack {
  readonly id: string;
  readonly key: RunKeyEntry;
}

/**
 * A repository as `backups` days leave it: catalogs, lists and manifests are written as every backup's are, packs of chunks are
 * made up. A five-hundredth of them goes every day, and as many come.
 *
 * @param options.putPack stores a pack of that name, of `packBytes` bytes
 */
export async function makeRepository(
  repository: Repository,
  options: {
    readonly packs: number;
    readonly backups: number;
    readonly packBytes: number;
    readonly setDay: (day: number) => Date;
    readonly putPack: (key: string) => Promise<void>;
  },
): Promise<void> {
  const { packs: count, backups, packBytes, setDay, putPack } = options;
  const { context, reports } = repository;
  let packs: SimulatedPack[] = [];
  let before: Awaited<ReturnType<typeof commitShares>>['manifest'] | undefined;
  let previous: { key: string; sha256: string }[] = [];
  let made = 0;
  for (let day = 0; day < backups; day++) {
    const startedAt = setDay(day);
    const run = hash(`run ${day}`).slice(0, 32);
    const data = (await context.keys.makeData(run, undefined, signal)).entry;
    const leaving = Math.ceil(count / backups);
    const kept = packs.filter((_, i) => (i + day * 7919) % Math.max(1, packs.length) >= leaving);
    const added: SimulatedPack[] = [];
    while (kept.length + added.length < count) added.push({ id: hash(`pack ${made++}`), key: data });
    await inTurn(added, ({ id }) => putPack(packKey(parsePackId(id))));
    packs = [...kept, ...added];
    const used = new Map<PackHandle, number>(
      packs.map(({ id }) => [{ id: parsePackId(id) }, packBytes >> 1]),
    );
    const others = new Map(packs.map(({ id, key }) => [id, { bytes: packBytes, key }]));
    const share = {
      partitions: [],
      used,
      others,
      backups: before ? [before.key] : [],
      own: [],
      parentDamage: 0,
    };
    const own = await RunPacks.begin(context, { version: 2, type: 'daily', purposes: ['index'], signal });
    const source = { kind: 'postgres', name: 'shop' };
    before = (
      await commitShares(context, own, [share], {
        header: {
          version: 2,
          type: 'daily',
          note: undefined,
          source,
          software: 'bench',
          startedAt,
          parent: before,
        },
        comparedWith: before,
        manifestKey: await context.keys.make(own.run, 'manifest', signal),
        server: 'PostgreSQL 17',
        position: String(day),
        omitted: [],
        datasets: [],
        consistency: 'atomic',
        window: undefined,
        judge: () => undefined,
        sequence: async () => ({ number: day + 1, previous }),
        onListed: ({ key }, sha256) => {
          previous = [{ key, sha256 }];
        },
        elapsedMs: async () => 0,
        signal,
      })
    ).manifest;
    for (const kind of REPORTS_A_DAY)
      await reports.write(kind, reportOf(kind, before.key as BackupKey), signal);
  }
}

function reportOf(kind: (typeof REPORTS_A_DAY)[number], backup: BackupKey) {
  const bodies = {
    verify: { depth: { kind: 'quick' }, damaged: [], damagedPacks: [], findings: 0 },
    audit: { action: 'backup', by: 'schedule', outcome: 'done' },
    prune: { expired: 0, putBack: 0, packs: 0, bytes: 0, graceMs: 7 * DAY_MS },
    drill: { outcome: 'equal', restoreMs: 1000, records: 1000 },
  };
  return { backups: kind === 'audit' || kind === 'prune' ? [] : [backup], body: bodies[kind] };
}

async function inTurn<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const left = items.values();
  const lane = async () => {
    for (const item of left) await work(item);
  };
  await Promise.all(Array.from({ length: 16 }, lane));
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
