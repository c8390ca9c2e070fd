import { createHash } from 'node:crypto';
import { beforeEach, describe, expect } from 'vitest';
import { DEFAULT_SUSPECTS } from '../../../../shared/config/suspects.ts';
import type { BackupKey } from '../../../../shared/core/ids.ts';
import { acceptBackups } from '../../../../shared/jobs/retention/accept.ts';
import { listBackups } from '../../../../shared/jobs/status/list.ts';
import { readStatus } from '../../../../shared/jobs/status/status.ts';
import { MemoryStore } from '../../../../shared/store/memory-store.ts';
import { MeteredStore } from '../../../../shared/store/metered-store.ts';
import {
  backUp,
  type Data,
  initRepository,
  never,
  openRepository,
  TEST_FORMAT,
} from '../../../support/repository/engine.ts';
import { seededRows } from '../../../support/repository/rows.ts';
import { turns } from '../../../support/repository/torture.ts';

const it = turns(3);

const rows = seededRows(1000, 1);
const whole = { t: rows.join(''), u: rows.slice(0, 500).join('') };
/** Down by less than half, and by less than half again. */
const less = (count: number) => ({ ...whole, t: rows.slice(0, count).join('') });

let inner: MemoryStore;
let store: MeteredStore;
beforeEach(async () => {
  // Somewhat behind: what comes later is stored a second later, however soon it is.
  let seconds = Math.floor(Date.now() / 1000) - 3600;
  inner = new MemoryStore({ now: () => new Date(1000 * seconds++) });
  store = new MeteredStore(inner);
  await initRepository(store);
});

/** Backs up in a run of its own; gives the key, what is suspect, and the requests that it took. */
async function run(data: Data, thresholds = DEFAULT_SUSPECTS) {
  const before = store.counts();
  await using repository = await openRepository(store, { workers: 1, packBytes: 16 * 1024 * 1024 });
  const warnings: string[] = [];
  const { key, parent, suspect } = await backUp(repository, data, {
    suspects: thresholds,
    onProgress: (event) => event.kind === 'warning' && warnings.push(event.message),
  });
  const { puts, gets, lists, heads } = store.counts();
  const requests = puts + gets + lists + heads - before.puts - before.gets - before.lists - before.heads;
  const codes = suspect?.findings.map(({ code, dataset }) => `${dataset}: ${code}`) ?? [];
  return { key, parent, against: suspect?.against, codes, requests, warnings };
}

async function accept(key: BackupKey): Promise<void> {
  await using repository = await openRepository(store, { workers: 1 });
  await acceptBackups(repository, [key], { reason: 'on purpose', signal: never });
}

describe('a backup', () => {
  it('after a suspect one is compared with the last good one, so that a loss in steps does not hide', async () => {
    const good = await run(whole);
    const first = await run(less(500));
    expect(first).toMatchObject({ parent: good.key, against: good.key, codes: ['t: records-down'] });
    const second = await run(less(400));
    expect(second).toMatchObject({ parent: first.key, against: good.key, codes: ['t: records-down'] });
    const back = await run(less(900));
    expect(back).toMatchObject({ parent: second.key, codes: [] });
    expect(await run(less(300))).toMatchObject({ against: back.key, codes: ['t: records-down'] });
  });

  it('after one that was accepted is compared with that', async () => {
    await run(whole);
    const suspect = await run(less(500));
    await accept(suspect.key);
    expect(await run(less(300))).toMatchObject({ parent: suspect.key, codes: [] });
    expect(await run(less(150))).toMatchObject({ codes: ['t: records-down'] });
  });

  it('takes over what its parent is suspect of where no good one is left', async () => {
    const good = await run(whole);
    const suspect = await run({ t: whole.t });
    await inner.delete(good.key);
    const next = await run(less(300));
    expect(next).toMatchObject({
      parent: suspect.key,
      against: good.key,
      codes: ['u: dataset-vanished', 't: records-down'],
    });
    await accept(next.key);
    expect(await run(less(300))).toMatchObject({ codes: [] });
  });

  it('of a source with no suspect backup takes no request for that; with one, as many as it must', async () => {
    const first = await run(whole);
    const second = await run(whole);
    // One is for recovery keys, one asks whether the root key was changed meanwhile, others look for the backup before, to
    // number this one; of format 1, one asks whether the repository was upgraded.
    const more = TEST_FORMAT === 1 ? 1 : 0;
    expect([first.requests, second.requests]).toEqual([10 + more, 11 + more]);
    await run({ t: whole.t });
    // The listing of reports, manifest and catalog of the good one, and a tree that lies in an older pack.
    expect((await run({ t: whole.t })).requests).toBe(second.requests + 4);
  });
});

describe('encryption of a table', () => {
  /** Every row's text as hex of what looks random. */
  const encrypt = (lines: readonly string[]) =>
    lines.map((line, i) => `${i}\t${hex(`${line}1`)}${hex(`${line}2`)}${hex(`${line}3`)}\n`);
  const hex = (text: string) => createHash('sha256').update(text).digest('hex');
  const thresholds = { ...DEFAULT_SUSPECTS, minBytes: 50_000 };
  const lines = rows.map(
    (_, i) => `${i}\tcustomer ${i % 97} of the northern region\topen since 2026-${i % 12}\n`,
  );
  const plain = { ...whole, t: lines.join('') };

  it('is found, also the night after, and is over when it is undone', async () => {
    const good = await run(plain, thresholds);
    const encrypted = { ...whole, t: encrypt(lines).join('') };
    expect(await run(encrypted, thresholds)).toMatchObject({
      codes: ['t: ratio-collapsed', 'null: ratio-collapsed'],
      against: good.key,
    });
    expect(await run(encrypted, thresholds)).toMatchObject({
      codes: ['t: ratio-collapsed', 'null: ratio-collapsed'],
      against: good.key,
    });
    expect(await run(plain, thresholds)).toMatchObject({ codes: [] });
  });

  it.each([3, 12])('is found in lines of JSON whose texts have %i words', async (words) => {
    const json = (text: (i: number, words: number) => string) =>
      lines
        .map((_, i) => {
          const value = {
            chat: `c${i % 90}`,
            from: text(i, 2),
            at: 1.7e12 + i * 3571,
            text: text(i + 1e5, words),
          };
          return `${JSON.stringify({ [`messages/-N${(i * 7919).toString(36)}`]: value })}\n`;
        })
        .join('');
    const vocabulary = Array.from({ length: 500 }, (_, i) => hex(String(i)).slice(0, 3 + (i % 5)));
    const sentence = (i: number, count: number) =>
      Array.from({ length: count }, (_, at) => vocabulary[(i * 31 + at * at * 17) % vocabulary.length]).join(
        ' ',
      );
    // AES of so many blocks, with an initial vector before them, as hex digits.
    const encrypted = (i: number, count: number) => {
      const digits = 32 * (Math.ceil((sentence(i, count).length + 1) / 16) + 1);
      return Array.from({ length: Math.ceil(digits / 64) }, (_, at) => hex(`${i} ${at}`))
        .join('')
        .slice(0, digits);
    };
    await run({ ...whole, t: json(sentence) }, thresholds);
    expect((await run({ ...whole, t: json(encrypted) }, thresholds)).codes).toContain('t: ratio-collapsed');
    await run({ ...whole, t: json(sentence) }, thresholds);
    const longer = json((i, count) => `${sentence(i, count)} ${sentence(i + 7e5, 4 * count)}`);
    expect((await run({ ...whole, t: longer }, thresholds)).codes).toEqual([]);
  });

  it('is told from rows that were added, and from a table in another order', async () => {
    await run(plain, thresholds);
    expect((await run({ ...plain, t: lines.toReversed().join('') }, thresholds)).codes).toEqual([]);
    const more = { ...plain, t: lines.toReversed().join('') + encrypt(seededRows(2000, 2)).join('') };
    expect((await run(more, thresholds)).codes).toEqual([]);
  });
});

describe('reading what is known', () => {
  const requests = async (
    work: (repository: Awaited<ReturnType<typeof openRepository>>) => Promise<unknown>,
  ) => {
    await using repository = await openRepository(store, { workers: 1 });
    const before = store.counts();
    await work(repository);
    const { gets, lists, heads, puts } = store.counts();
    expect([heads, puts]).toEqual([before.heads, before.puts]);
    return { gets: gets - before.gets, lists: lists - before.lists };
  };

  it('of 30 backups takes a request for each manifest and report, and a listing of each', async () => {
    {
      await using repository = await openRepository(store, { workers: 1 });
      for (let day = 0; day < 30; day++) await backUp(repository, { t: 'x\n' });
    }
    const list = (repository: Awaited<ReturnType<typeof openRepository>>) =>
      listBackups(repository, { signal: never });
    expect(await requests(list)).toEqual({ gets: 30, lists: 2 });
    // Packs by the first digits of their names. Of a repository of format 1, also whether it was upgraded.
    const gets = TEST_FORMAT === 1 ? 31 : 30;
    expect(await requests((repository) => readStatus(repository, never))).toEqual({ gets, lists: 19 });
    await using repository = await openRepository(store, { workers: 1 });
    const backups = await repository.backupKeys(never);
    for (let day = 0; day < 5; day++)
      await repository.reports.write('hold', { backups, body: { reason: 'audit' } }, never);
    await repository.reports.write('prune', { backups, body: {} }, never);
    expect(await requests(list)).toEqual({ gets: 35, lists: 2 });
  });

  it('says of each source what is good, waits, failed, is held, verified and drilled', async () => {
    const old = await run(whole);
    const good = await run(whole);
    const broken = await run(whole);
    const suspect = await run({ t: whole.t });
    await using repository = await openRepository(store, { workers: 1 });
    const write = (kind: 'hold' | 'verify' | 'drill', backups: BackupKey[], body: object) =>
      repository.reports.write(kind, { backups, body: body as never }, never);
    const clean = { damaged: [], damagedPacks: [], findings: 0 };
    await write('verify', [old.key, good.key], { depth: { kind: 'full' }, ...clean });
    await write('verify', [broken.key], {
      ...clean,
      depth: { kind: 'full' },
      damaged: [broken.key],
      findings: 1,
    });
    await write('verify', [broken.key, old.key], { depth: { kind: 'quick' }, ...clean });
    await write('hold', [old.key], { reason: 'audit' });
    await write('drill', [old.key], { outcome: 'equal', restoreMs: 1234, records: 2000 });
    const { sources, problems } = await readStatus(repository, never);
    expect(problems).toEqual([]);
    expect(sources).toMatchObject([
      {
        source: { name: 'memory' },
        backups: 4,
        newestGood: { key: good.key },
        waiting: [suspect.key],
        failed: [broken.key],
        held: [old.key],
        lastVerify: { depth: { kind: 'quick' } },
        lastDrill: { key: old.key, outcome: 'equal', restoreMs: 1234 },
      },
    ]);
    expect(sources[0]?.lastFullVerify?.at).toBeInstanceOf(Date);
  });
});
