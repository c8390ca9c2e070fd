import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readTimeline } from '../../shared/jobs/changes/timeline.ts';
import { MemoryStore } from '../../shared/store/memory-store.ts';
import type { PostgresServer } from '../../tools/embedded-postgres.ts';
import { makeTill, TILL, TILL_SERVER } from '../support/console/demo-till.ts';
import { ownPostgres } from '../support/postgres.ts';
import { initRepository, never, openCheaply } from '../support/repository/engine.ts';

describe('the till of the demo', () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await ownPostgres(18, { settings: TILL_SERVER });
  });
  afterAll(() => server?.stop());

  it('has what a timeline shows: moments, a gap that was healed, proofs that found all equal', async () => {
    const store = new MemoryStore();
    await initRepository(store);
    await using repository = await openCheaply(store);
    const till = await makeTill(repository, server, never);
    const look = () => readTimeline(repository, { source: TILL, signal: never });
    const before = await look();
    expect(before.breaks).toMatchObject([{ why: 'gap', healedBy: before.bases[1]?.key }]);
    expect(before.bases).toHaveLength(4);
    expect(before.ranges).toHaveLength(2);
    for (const { from, to } of before.ranges) expect(Date.parse(to) - Date.parse(from)).toBeGreaterThan(2000);
    expect(before.baseDue).toBeUndefined();
    const proofs = await Array.fromAsync(repository.reports.readAll(['proof'], never));
    expect(proofs.map(({ report }) => report?.body['outcome'])).toEqual(['equal', 'equal']);
    await till.sell();
    await till.poll();
    const after = await look();
    expect(after.segments).toBe(before.segments + 1);
    expect(String(after.readAt) > String(before.readAt)).toBe(true);
  }, 300_000);
});
