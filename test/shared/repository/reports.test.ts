import { describe, expect, it } from 'vitest';
import type { BackupKey } from '../../../shared/core/ids.ts';
import { MemoryStore } from '../../../shared/store/memory-store.ts';
import { initRepository, never, openRepository } from '../../support/repository/engine.ts';

const backup = 'backups/daily/20260301/backup_daily_20260301_020000.json' as BackupKey;

async function written(details?: { readonly tables: string[] }) {
  const store = new MemoryStore();
  await initRepository(store);
  await using repository = await openRepository(store);
  const key = await repository.reports.write(
    'hold',
    { backups: [backup], body: { reason: 'audit' }, details },
    never,
  );
  return { store, key };
}

async function readAll(store: MemoryStore, options = {}) {
  await using repository = await openRepository(store, options);
  return Array.fromAsync(repository.reports.read('hold', never));
}

/** The store again, with one object changed or put under another key. */
async function tampered(store: MemoryStore, key: string, put: string, change: (text: string) => string) {
  const other = new MemoryStore();
  for await (const { key: found } of store.list('')) {
    if (found !== key) await other.put(found, await store.get(found));
  }
  await other.put(put, Buffer.from(change(Buffer.from(await store.get(key)).toString())));
  return other;
}

describe('reports', () => {
  it('are read as they were written, proven with the key', async () => {
    const { store, key } = await written();
    const [found, ...others] = await readAll(store);
    expect(others).toEqual([]);
    expect(found).toMatchObject({
      key,
      isProven: true,
      problem: undefined,
      report: { kind: 'hold', backups: [backup], body: { reason: 'audit' } },
    });
    expect(await readAll(store, { keys: undefined })).toMatchObject([
      { isProven: false, problem: undefined },
    ]);
  });

  it('keep details from whoever has no key', async () => {
    const { store, key } = await written({ tables: ['public.salaries'] });
    expect(Buffer.from(await store.get(key)).toString()).not.toContain('salaries');
    await using repository = await openRepository(store);
    const { report } = await repository.reports.open(key, new Date(0), never);
    expect(await repository.reports.details(report!, never)).toEqual({ tables: ['public.salaries'] });
    await using without = await openRepository(store, { keys: undefined });
    await expect(without.reports.details(report!, never)).rejects.toMatchObject({ code: 'E_NO_KEY' });
  });

  it.each([
    ['changed', false, (text: string) => text.replace('audit', 'other')],
    ['cut short', false, (text: string) => text.slice(0, -9)],
    ['put in the place of another', true, (text: string) => text],
  ])('that were %s are found and not believed', async (_, isMoved, change) => {
    const { store, key } = await written();
    const place = isMoved ? key.replace(/[0-9a-f]{8}\.json$/, '01234567.json') : key;
    const [found] = await readAll(await tampered(store, key, place, change));
    expect(found).toMatchObject({ isProven: false, report: undefined, problem: { code: 'E_DAMAGED' } });
  });

  it('of a newer release are told apart from damage', async () => {
    const { store, key } = await written();
    const newer = await tampered(store, key, key, (text) => text.replace('"version":1', '"version":2'));
    expect(await readAll(newer)).toMatchObject([{ problem: { code: 'E_NEWER_FORMAT' } }]);
  });
});
