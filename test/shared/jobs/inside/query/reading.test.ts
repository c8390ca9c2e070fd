import { beforeAll, describe, expect, it } from 'vitest';
import type { BackupKey } from '../../../../../shared/core/ids.ts';
import { runQuery } from '../../../../../shared/jobs/inside/query/query.ts';
import { QueryThread } from '../../../../../shared/jobs/inside/query/query-thread.ts';
import { recordBlocks } from '../../../../../shared/jobs/inside/query/record-blocks.ts';
import type { Repository } from '../../../../../shared/repository/repository.ts';
import { MemoryStore } from '../../../../../shared/store/memory-store.ts';
import { ask } from '../../../../support/query/ask.ts';
import {
  backUp,
  initRepository,
  never,
  openRepository,
  SMALL_CHUNKS,
} from '../../../../support/repository/engine.ts';
import { seededRandom } from '../../../../support/repository/rows.ts';

class CountingStore extends MemoryStore {
  gets = 0;
  readBytes = 0;

  override async get(...asked: Parameters<MemoryStore['get']>): Promise<Uint8Array> {
    const body = await super.get(...asked);
    this.gets++;
    this.readBytes += body.length;
    return body;
  }
}

const random = seededRandom(21);
/** Texts that hardly compress. */
const ROWS = Array.from(
  { length: 100_000 },
  (_, i) => `${i}\trow ${i} ${random()}${random()}${random()}${random()}\t${i * 3}\n`,
);
/** Records that are larger than a chunk, with small ones around them. */
const LARGE = Array.from({ length: 12 }, (_, i) =>
  [`${i}\tsmall\t${i}\n`, `${'x'.repeat(40_000)}${i}\t${'y'.repeat(30_000)}\tlarge ${i}\n`].join(''),
);

describe('what a query reads', () => {
  const store = new CountingStore();
  let key: BackupKey;

  beforeAll(async () => {
    await initRepository(store, SMALL_CHUNKS);
    await using repository = await openRepository(store);
    key = (await backUp(repository, { rows: ROWS.join(''), large: LARGE.join('') })).key;
  });

  /** What is fetched while some work is done, by a repository that remembers nothing. */
  async function fetched<T>(work: (repository: Repository) => Promise<T>) {
    await using repository = await openRepository(store);
    const before = { gets: store.gets, readBytes: store.readBytes };
    const result = await work(repository);
    return { result, gets: store.gets - before.gets, readBytes: store.readBytes - before.readBytes };
  }
  const only = (sql: string) => fetched(async (repository) => (await ask(repository, [key], sql)).texts);

  it('is little for the first rows, and nothing of the data to count them', async () => {
    const whole = await only('SELECT max(record) FROM rows');
    const first = await only('SELECT record FROM rows LIMIT 10');
    const count = await only('SELECT count(*) FROM rows');
    expect(first.result.map(([record]) => `${record}\n`)).toEqual(ROWS.slice(0, 10));
    expect(count.result).toEqual([[String(ROWS.length)]]);
    expect(first.readBytes).toBeLessThan(whole.readBytes / 3);
    expect(count.readBytes).toBeLessThan(first.readBytes);
    expect(first.gets).toBeLessThan(whole.gets);
  });

  it('ends when nobody asks for more rows', async () => {
    const all = await only('SELECT record FROM rows');
    const some = await fetched(async (repository) => {
      const reader = await repository.openBackup(key, never);
      await using result = await runQuery([reader], 'SELECT record FROM rows', { signal: never });
      for await (const rows of result.rows()) return rows.length;
      return 0;
    });
    expect(some.result).toBeGreaterThan(0);
    // A few tasks of 1 MiB are under way when it ends.
    expect(some.readBytes).toBeLessThan(all.readBytes * 0.6);
  });

  it.each(['rows', 'large'])(
    'are the fields that were asked for, by splitting lines: %s',
    async (dataset) => {
      await using repository = await openRepository(store);
      const reader = await repository.openBackup(key, never);
      const records = (dataset === 'rows' ? ROWS : LARGE).join('').split('\n').slice(0, -1);
      for (const places of [undefined, [0], [1], [2], [0, 2], [1, 2]]) {
        let text = '';
        for await (const block of recordBlocks(reader, { dataset, partition: '0000', places }, never))
          text += Buffer.from(block);
        const wanted = records.map(
          (record) => places?.map((place) => record.split('\t')[place]).join('\t') ?? record,
        );
        expect(text === `${wanted.join('\n')}\n`, `places ${places}`).toBe(true);
      }
    },
  );

  it('stops on request', async () => {
    const stop = new AbortController();
    await using repository = await openRepository(store);
    const reader = await repository.openBackup(key, never);
    await using result = await runQuery([reader], 'SELECT a.record FROM rows a, rows b, rows c', {
      signal: stop.signal,
    });
    const taking = (async () => {
      for await (const _ of result.rows()) stop.abort();
    })();
    await expect(taking).rejects.toMatchObject({ code: 'E_ABORTED' });
  });

  it('comes sooner from a thread that was begun before the backup was opened', async () => {
    await using thread = new QueryThread(never);
    await using repository = await openRepository(store);
    const reader = await repository.openBackup(key, never);
    await using result = await runQuery([reader], 'SELECT count(*) FROM rows', { thread, signal: never });
    const rows = await Array.fromAsync(result.rows());
    expect(rows.flat()).toEqual([[BigInt(ROWS.length)]]);
  });

  it('leaves no thread behind if there is no query in the end', async () => {
    const idle = new QueryThread(never);
    await idle[Symbol.asyncDispose]();
    const stopped = new QueryThread(AbortSignal.abort());
    await expect(stopped.next()).rejects.toMatchObject({ code: 'E_ABORTED' });
    await stopped[Symbol.asyncDispose]();
  });
});
