import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import type { PostgresServer } from '../../tools/embedded-postgres.ts';
import { runCommand } from '../support/command-line.ts';
import { blocksOf } from '../support/pages.ts';
import { ownPostgres } from '../support/postgres.ts';
import { turns } from '../support/repository/torture.ts';
import { newFolder } from '../support/temporary.ts';

const it = turns(2);

/** What a newcomer types in the first hour, as the pages have it, against a server that is reached as they reach it. */
describe('the first hour', { timeout: 120_000 }, () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await ownPostgres(18);
    await server.createDatabase('shop');
    await server.query(
      'shop',
      `CREATE TABLE orders (id int PRIMARY KEY, item text);
       INSERT INTO orders SELECT i, 'item ' || i FROM generate_series(1, 500) i`,
    );
  });
  afterAll(() => server?.stop());

  const doesWhatItSays = async (page: string): Promise<void> => {
    await server.query('postgres', 'DROP DATABASE IF EXISTS scratch');
    await server.createDatabase('scratch');
    const cwd = await newFolder();
    const env = { PGPORT: `${server.port}`, PGUSER: server.user, PGPASSWORD: server.password };
    const code = blocksOf(page).find((block) => block.code.includes('npx holdfast init'))?.code ?? '';
    const ran = await runLines(code, { cwd, env });
    expect(ran.filter(({ status }) => status !== 0)).toEqual([]);
    expect(ran.length).toBeGreaterThan(5);
    // What was restored is what is there.
    const { rows } = await server.query('scratch', 'SELECT count(*)::int AS orders FROM orders');
    expect(rows).toEqual([{ orders: 500 }]);
    const csv = await readFile(path.join(cwd, 'orders.csv'), 'utf8');
    expect(csv.split('\r\n').slice(0, 2)).toEqual(['id,item', '1,item 1']);
  };

  for (const page of ['README.md', 'docs/guide/first-backup.md'])
    it(`does what ${page} says, line by line`, () => doesWhatItSays(page));
});

interface Ran {
  readonly line: string;
  readonly status: number;
  readonly stderr: string;
}

/** Runs the lines of a block: `export`s, commands of Holdfast, and nothing else. */
async function runLines(
  code: string,
  world: { readonly cwd: string; readonly env: Readonly<Record<string, string>> },
): Promise<Ran[]> {
  const env: Record<string, string> = { ...world.env };
  const ran: Ran[] = [];
  const lines = code.split('\n').map((line) => line.replace(/\s+#.*$/, '').trim());
  for (const line of lines.filter((text) => text !== '' && !text.startsWith('#'))) {
    if (line.startsWith('export ')) {
      for (const [, name = '', value = ''] of line.matchAll(/(\w+)=(\S*)/g)) env[name] = value;
      continue;
    }
    const [, command] = /^(?:npx )?holdfast (.*)$/.exec(line) ?? [];
    if (command === undefined) throw new Error(`no command of Holdfast: ${line}`);
    const { status, stderr } = await runCommand(command, { env, cwd: world.cwd });
    ran.push({ line, status, stderr });
  }
  return ran;
}
