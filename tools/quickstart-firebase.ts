import { number } from '../cli/format.ts';
import type { SourceConfig } from '../shared/jobs/source/adapters.ts';
import { startFirebaseServer } from './firebase-server/server.ts';
import { readCities, readCountries } from './quickstart-data.ts';
import type { Demo } from './quickstart-demo.ts';

const NOTE = `The Firebase server of this tour is ours: Google's own client code holds the data, its order, queries and ETags;
the HTTP around it was written for these tests, and nothing here was run against the real service (docs/reference/firebase.md).
`;

/** One in how many of the cities is taken: a tour should be short. */
const EVERY = 3;

/** Cities by country, as an application would keep them: countries are large children, their cities small ones. */
export async function startFirebaseDemo(): Promise<Demo> {
  const server = await startFirebaseServer({ namespaces: ['world', 'restored'] });
  const configOf = (namespace: string): SourceConfig => ({
    kind: 'firebase-rtdb',
    url: `${server.url}/?ns=${namespace}`,
    options: {},
  });
  const countries = readCountries();
  return {
    place: server.url,
    loads: 'load GeoNames cities and countries',
    changes: 'change the cities of 1 % of the countries',
    note: NOTE,
    load: async () => {
      const cities = Object.groupBy(
        readCities().filter((_, i) => i % EVERY === 0),
        ({ country }) => country,
      );
      await server.set('/', { countries, cities });
      const count = Object.values(cities).reduce((sum, list) => sum + (list?.length ?? 0), 0);
      return {
        value: configOf('world'),
        result: `${number(count)} cities of ${Object.keys(cities).length} countries`,
      };
    },
    change: async () => {
      const changed = Object.keys(countries).filter((_, i) => i % 100 === 0);
      for (const country of changed) await server.set(`/cities/${country}/0/visits`, changed.length);
      return { value: undefined, result: changed.join(', ') };
    },
    target: async () => configOf('restored'),
    stop: async () => {
      await server[Symbol.asyncDispose]();
    },
  };
}
