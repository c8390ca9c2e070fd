import { expect, it } from 'vitest';
import { MemoryStore } from '../../../shared/store/memory-store.ts';
import { backUp, initRepository, openCheaply } from '../../support/repository/engine.ts';
import { seededRows } from '../../support/repository/rows.ts';

/** What nobody reads who has no key, in any of the forms that are stored. */
const SECRETS = ['secret_table', 'create table hidden', 'row of mallory'];

it('shows no row, no name of a table and no schema', async () => {
  const store = new MemoryStore();
  await initRepository(store);
  // Stored as they are, neither compressed nor as differences: only the seal hides them.
  await using repository = await openCheaply(store, { level: 0 });
  const rows = seededRows(200, 1).join('');
  await backUp(repository, {
    'pre-data': 'create table hidden ();\n',
    secret_table: `row of mallory\n${rows}`,
  });
  const { key } = await backUp(repository, { 'pre-data': 'create table hidden ();\n', secret_table: rows });
  await repository.reports.write(
    'hold',
    { backups: [key], body: { reason: 'audit' }, details: { dataset: 'secret_table' } },
    new AbortController().signal,
  );
  const forms = SECRETS.flatMap((text) => [
    Buffer.from(text),
    Buffer.from(Buffer.from(text).toString('base64').slice(0, -4)),
    Buffer.from(Buffer.from(text).toString('hex')),
  ]);
  let objects = 0;
  for await (const { key: object } of store.list('')) {
    const body = Buffer.from(await store.get(object));
    for (const form of forms) expect(body.includes(form), `${object}: ${form}`).toBe(false);
    objects++;
  }
  expect(objects).toBeGreaterThan(5);
});
