import { describe, expect, it } from 'vitest';
import { verifyBackups } from '../../../shared/jobs/verify.ts';
import { MemoryStore } from '../../../shared/store/memory-store.ts';
import { backUp, digests, digestsOf, initRepository, never, openRepository } from '../../support/engine.ts';
import { FaultyStore } from '../../support/faulty-store.ts';
import { seededRows } from '../../support/rows.ts';

const rows = seededRows(1500, 1);
const before = { t: rows.join(''), u: 'one\ntwo\n' };
const after = {
  t: rows.map((row, i) => (i % 40 === 0 ? row.replace('\t', '\tnew ') : row)).join(''),
  u: 'one\n',
};

describe.each(['before', 'after'] as const)('a backup whose process dies %s a store call', (moment) => {
  it('leaves every listed backup whole and nothing that the next run trips over, whichever call it is', async () => {
    let survived = false;
    for (let call = 1; !survived; call++) {
      const store = new MemoryStore();
      await initRepository(store);
      await using repository = await openRepository(store, { workers: 1, packBytes: 64 * 1024 });
      const first = await backUp(repository, before);
      const faulty = new FaultyStore(store).dieAt(call, moment);
      survived = await dies(faulty).then(
        () => false,
        () => true,
      );
      const listed = await repository.backupKeys(never);
      for (const key of listed) {
        expect(await digests(repository, key), `call ${call}`).toEqual(
          digestsOf(key === first.key ? before : after),
        );
      }
      const next = await backUp(repository, after);
      expect(await digests(repository, next.key)).toEqual(digestsOf(after));
      const report = await verifyBackups(repository, [...listed, next.key], {
        depth: { kind: 'full' },
        signal: never,
      });
      expect(report.findings).toEqual([]);
      expect(call).toBeLessThan(60);
    }
  }, 120_000);

  /** Rejects when the backup did not fail. */
  async function dies(store: FaultyStore): Promise<void> {
    try {
      await using repository = await openRepository(store, { workers: 1, packBytes: 64 * 1024 });
      await backUp(repository, after);
    } catch (error) {
      expect(error).toMatchObject({ code: 'E_STORE_DENIED' });
      return;
    }
    throw new Error('survived');
  }
});
