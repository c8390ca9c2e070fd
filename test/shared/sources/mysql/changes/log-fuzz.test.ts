import fc from 'fast-check';
import { beforeAll, expect, it } from 'vitest';
import { isHoldfastError } from '../../../../../shared/core/errors.ts';
import { contentsOf } from '../../../../../shared/jobs/restore/contents.ts';
import type { FollowedBase } from '../../../../../shared/sources/changes.ts';
import { mysqlDecoder } from '../../../../../shared/sources/mysql/changes/decoder.ts';
import { openMysqlChanges } from '../../../../../shared/sources/mysql/changes/stream.ts';
import { describeWithPart } from '../../../../support/parts.ts';
import { never } from '../../../../support/repository/engine.ts';
import { cases, testSeed, tortureTimeoutMs } from '../../../../support/repository/torture.ts';
import { newShop, startNamed } from '../../../jobs/changes/mariadb-shop.ts';
import { eventsIn, sealed } from './cut-rows.ts';
import { poll, type Segments, stored } from './scene.ts';

const TABLES = `CREATE TABLE t (id BIGINT UNSIGNED PRIMARY KEY, a TINYINT, b VARCHAR(300), c DECIMAL(20,4), d DATETIME(3), e ENUM('x','y'), f SET('a','b'), g BIT(9), h DOUBLE, i FLOAT,
  j TEXT, k TIME(6), l TIMESTAMP(1) NULL, m YEAR, n DATE, o BINARY(4), p TEXT COMPRESSED, q UUID, r INET6, s CHAR(3), u POINT)`;
const ROW = `1, -1, REPEAT('é', 140), -1.5, NOW(3), 'y', 'a,b', b'1', 1e300, 0.1, 'text', '-01:02:03.5', NOW(1), 2026, CURDATE(), 'ab', REPEAT('z', 300), UUID(), '::1', 'c', POINT(1, 2)`;

/** With other bytes, and shorter. The type may be another one; length and checksum are right again. */
function harm(
  event: Buffer,
  changed: readonly { readonly at: number; readonly value: number }[],
  cut: number | null,
): Buffer {
  const copy = Buffer.from(event.subarray(0, Math.max(23, event.length - (cut ?? 0))));
  const places = copy.length - 19 - 4;
  for (const { at, value } of changed) {
    if (at === 0) copy[4] = value;
    else if (places > 0) copy[19 + (at % places)] = value;
  }
  return sealed(copy);
}

describeWithPart('mariadb', 'damaged changes of MariaDB', () => {
  let base: FollowedBase;
  let logs: readonly { readonly segment: Segments[number]; readonly bytes: Buffer }[];
  beforeAll(async () => {
    const server = await startNamed({ 'log-bin-compress-min-len': '10' });
    try {
      const shop = await newShop(server, 'shop', TABLES);
      const key = await shop.backUp();
      const reader = await shop.repository.openBackup(key, never);
      const { join } = reader.catalog;
      if (!join) throw new Error('no join');
      base = { contents: contentsOf(reader), join };
      const segments: Segments = [];
      await using changes = openMysqlChanges(shop.url, {}, {});
      const change = `INSERT INTO t VALUES (${ROW}); UPDATE t SET id = 2, a = NULL; DELETE FROM t;
        XA START 'a'; INSERT INTO t VALUES (${ROW}); XA END 'a'; XA PREPARE 'a'; XA COMMIT 'a'; TRUNCATE t`;
      await shop.query(change);
      await poll(changes, segments, join.from);
      await shop.query(`SET GLOBAL log_bin_compress = 1; FLUSH LOGS; ${change}`);
      await poll(changes, segments, join.from);
      logs = await Promise.all(
        segments.map(async (segment) => ({
          segment,
          bytes: Buffer.concat(await Array.fromAsync(segment.bytes())),
        })),
      );
    } finally {
      await server.stop();
    }
  });

  async function read(bytes: Buffer, segment: Segments[number]): Promise<number> {
    const teller = await mysqlDecoder.following?.(base, never);
    if (!teller) throw new Error('nothing follows');
    let rows = 0;
    const changes = stored(segment.from, segment.to, segment.facts, [bytes]);
    for await (const transaction of teller.transactions(changes, never))
      for await (const { before, after } of transaction.changes) if (before ?? after) rows++;
    return rows;
  }

  it('are told whole as they are', async () => {
    const counts = await Promise.all(logs.map(({ bytes, segment }) => read(bytes, segment)));
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(8);
  });

  it(
    'give an error that says so, or rows: nothing else, and no more than there were, whatever bytes of an event are',
    async () => {
      const byte = fc.record({
        at: fc.nat(2000),
        value: fc.oneof(fc.constantFrom(0, 1, 127, 128, 252, 253, 254, 255), fc.nat(255)),
      });
      const damage = fc.record({
        log: fc.nat(10),
        event: fc.nat(200),
        bytes: fc.array(byte, { minLength: 1, maxLength: 4 }),
        cut: fc.option(fc.nat(100)),
      });
      await fc.assert(
        fc.asyncProperty(damage, async ({ log, event, bytes: changed, cut }) => {
          const { bytes, segment } = logs[log % logs.length]!;
          const events = [...eventsIn(bytes)];
          const chosen = 1 + (event % (events.length - 1));
          const harmed = events.map((one, i) => (i === chosen ? harm(one.bytes, changed, cut) : one.bytes));
          try {
            await read(Buffer.concat([bytes.subarray(0, 4), ...harmed]), segment);
          } catch (error) {
            if (
              !isHoldfastError(error) ||
              !['E_DAMAGED', 'E_SOURCE_UNSUPPORTED', 'E_CHANGES_GAP'].includes(error.code)
            )
              throw error;
          }
        }),
        { numRuns: cases(200, 1000, 33_000), seed: testSeed },
      );
    },
    tortureTimeoutMs,
  );
});
