import { expect } from 'vitest';
import { openMysqlReplay } from '../../../../../shared/sources/mysql/changes/replay.ts';
import { openMysqlChanges } from '../../../../../shared/sources/mysql/changes/stream.ts';
import { startMariadb } from '../../../../../tools/mariadb-server.ts';
import { describeWithPart } from '../../../../support/parts.ts';
import { never } from '../../../../support/repository/engine.ts';
import { turns } from '../../../../support/repository/torture.ts';
import { makeEverything } from '../everything.ts';
import { checksums, nativeDump } from '../round-trip.ts';
import { poll, type Segments } from './scene.ts';

const it = turns(2, 2);

/** Rows of tables without snapshots are in backups alone. */
const LOOSE = "ENGINE NOT IN ('InnoDB') AND ENGINE IS NOT NULL";

describeWithPart('mariadb', 'a stream of changes', () => {
  it.each([
    ['as it is usually logged', {}],
    [
      'that is compressed in the log, with events of a kilobyte',
      { 'log-bin-compress': '1', 'log-bin-compress-min-len': '10', 'binlog-row-event-max-size': '1024' },
    ],
  ])('brings every object and type of a database, %s', async (_, settings) => {
    const server = await startMariadb({ settings });
    try {
      await server.query(undefined, 'CREATE DATABASE everything; CREATE DATABASE copy');
      await using changes = openMysqlChanges(server.url('everything'), {}, {});
      const from = await changes.begins(never);
      await makeEverything(() => server.connect('everything'));
      const [row] = await server.query(
        'everything',
        `SELECT GROUP_CONCAT(TABLE_NAME) AS names FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'everything' AND ${LOOSE}`,
      );
      const loose = String(row?.['names'] ?? '').split(',');
      const segments: Segments = [];
      await poll(changes, segments, from, { mostBytes: 20_000 });
      const state = JSON.stringify({ at: from, database: 'everything' });
      await using replay = openMysqlReplay(
        server.url('copy'),
        {},
        {},
        { join: { from, state, at: '' }, until: {}, base: 'empty' },
      );
      await replay.begin(never);
      for (const segment of segments) await replay.apply(segment, never);
      await replay.finish(never);
      const sums = async (name: string) =>
        Object.entries(await checksums(server, name)).filter(([table]) => !loose.includes(table));
      expect(await sums('copy')).toEqual(await sums('everything'));
      const plain = async (name: string) =>
        (await nativeDump(server, name))
          .replaceAll(new RegExp(`^(INSERT|REPLACE) INTO \`(${loose.join('|')})\`.*\\n`, 'gm'), '')
          .replaceAll(/AUTO_INCREMENT=\d+ /g, '');
      expect(await plain('copy')).toBe(await plain('everything'));
    } finally {
      await server.stop();
    }
  });
});
