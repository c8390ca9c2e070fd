import { describe, expect } from 'vitest';
import { parsePostgresOptions } from '../../../../../shared/sources/postgres/connection/options.ts';
import { dumpSchema } from '../../../../../shared/sources/postgres/pg-dump/schema-dump.ts';
import { SnapshotReaders } from '../../../../../shared/sources/postgres/snapshot/readers.ts';
import { Snapshot } from '../../../../../shared/sources/postgres/snapshot/snapshot.ts';
import { describeWithPart } from '../../../../support/parts.ts';
import { ownPostgres, type PostgresVersion } from '../../../../support/postgres.ts';
import { turns } from '../../../../support/repository/torture.ts';
import { never } from './reading.ts';

const it = turns(2);

function suite(version: PostgresVersion): void {
  it('is said to whoever reads rows, and to whoever reads the schema', async () => {
    const server = await ownPostgres(version);
    try {
      const connection = parsePostgresOptions(server.url(), {}, {});
      const snapshot = await Snapshot.take(connection, never);
      const { id, version } = snapshot;
      expect(await dumpSchema(connection, 'pre-data', { id, version }, never)).not.toHaveLength(0);
      await snapshot[Symbol.asyncDispose]();
      await using readers = new SnapshotReaders(connection, id);
      const lost = {
        code: 'E_SOURCE_LOST',
        message: expect.stringMatching(/^the snapshot .* no longer exists/),
      };
      await expect(readers.acquire(never)).rejects.toMatchObject(lost);
      await expect(dumpSchema(connection, 'pre-data', { id, version }, never)).rejects.toMatchObject(lost);
    } finally {
      await server.stop();
    }
  });
}

describe('a snapshot that is held no more, of PostgreSQL 18', () => suite(18));
describeWithPart('postgresql-15', 'a snapshot that is held no more, of PostgreSQL 15', () => suite(15));
