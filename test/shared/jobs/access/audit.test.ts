import { expect, it } from 'vitest';
import { parseBody } from '../../../../shared/format/report-bodies.ts';
import { writeAudit } from '../../../../shared/jobs/access/audit.ts';
import { MemoryStore } from '../../../../shared/store/memory-store.ts';
import { backUp, initRepository, never, openRepository } from '../../../support/repository/engine.ts';

it('keeps who asked for what, names of datasets sealed, and does not count it as a mark', async () => {
  const store = new MemoryStore();
  await initRepository(store);
  await using repository = await openRepository(store);
  const { key } = await backUp(repository, { orders: 'a\n' });
  const record = {
    action: 'download',
    by: 'ana@shop.example',
    outcome: 'begun',
    run: undefined,
    backups: [key],
    details: { datasets: ['orders'] },
  } as const;
  const report = await writeAudit(repository, record, never);
  const [stored] = await Array.fromAsync(repository.reports.read('audit', never));
  expect(stored).toMatchObject({ key: report, isProven: true, problem: undefined });
  expect(parseBody('audit', stored!.report!)).toEqual({
    action: 'download',
    by: 'ana@shop.example',
    outcome: 'begun',
  });
  expect(await repository.reports.details(stored!.report!, never)).toEqual({ datasets: ['orders'] });
  expect(Buffer.from(await store.get(report)).toString()).not.toContain('orders');
  expect((await repository.marks(never)).of(key)).toEqual({});
});
