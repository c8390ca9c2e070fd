import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PostgresServer } from '../../tools/embedded-postgres.ts';
import { type CommandResult, runCommand } from '../support/command-line.ts';
import { ownPostgres } from '../support/postgres.ts';
import { TEST_KEY } from '../support/repository/engine.ts';

const SCHEMA = `
  CREATE TABLE kunden (id serial PRIMARY KEY, vorname text, "e-Mail" text UNIQUE, telefon text, geburtsdatum date,
    x1 text, x2 text, x3 text, x4 text, x5 text, x6 inet, rang int, akte jsonb, bild bytea NOT NULL);
  INSERT INTO kunden (vorname, "e-Mail", telefon, geburtsdatum, x1, x2, x3, x4, x5, x6, rang, akte, bild) VALUES
    ('Ada', 'ada@mail.test', '0151 1234567', '1990-01-02', 'ada@home.test', 'DE89370400440532013000', '4111 1111 1111 1111',
     'asked for a discount because the parcel was late', 'plain', '192.0.2.1', 3, '{"a": 1}', 'x'),
    ('Bo', 'bo@mail.test', '0151 7654321', '1980-05-06', 'bo@home.test', 'GB82WEST12345698765432', '5500 0000 0000 0004',
     'wants the invoice sent to another street than before', 'words', '192.0.2.2', 4, '{"a": 2}', 'y');
  CREATE TABLE bestellungen (id int PRIMARY KEY, kunde int REFERENCES kunden, summe numeric(10,2), iban text);
  INSERT INTO bestellungen VALUES (1, 1, 10, NULL), (2, 2, 20.5, NULL)`;

describe('masked copies from the command line', () => {
  let server: PostgresServer;
  let cwd: string;
  let holdfast: (line: string, more?: Record<string, string>) => Promise<CommandResult>;
  const rulesIn = async (file: string) => JSON.parse(await readFile(path.join(cwd, file), 'utf8'));

  beforeAll(async () => {
    server = await ownPostgres(18);
    cwd = await mkdtemp(path.join(tmpdir(), 'holdfast-test-'));
    await server.createDatabase('shop');
    await server.query('shop', SCHEMA);
    const env = {
      HOLDFAST_REPOSITORY: path.join(cwd, 'repository'),
      BACKUP_ENCRYPTION_KEY: TEST_KEY,
      SHOP: server.url('shop'),
      COPY: await server.createDatabase('copy'),
    };
    holdfast = (line, more = {}) => runCommand(line, { env: { ...env, ...more }, cwd });
    await holdfast('init');
    await holdfast('backup --source env:SHOP');
  });
  afterAll(async () => {
    await server?.stop();
    await rm(cwd, { recursive: true, force: true });
  });

  it('are made with suggested rules: what looks personal, by name or by content, in other languages too', async () => {
    const { status, stdout } = await holdfast('mask suggest latest --output rules.json --json');
    expect([status, JSON.parse(stdout)]).toMatchObject([0, { added: 18, undecided: [] }]);
    const { tables } = await rulesIn('rules.json');
    const { kunden, bestellungen } = {
      kunden: tables['public.kunden'],
      bestellungen: tables['public.bestellungen'],
    };
    const masks = Object.fromEntries(
      Object.entries(kunden as Record<string, { mask: string; because: string }>).map(([name, { mask }]) => [
        name,
        mask,
      ]),
    );
    expect(masks).toEqual({
      id: 'keep',
      vorname: 'name',
      'e-Mail': 'email',
      telefon: 'phone',
      geburtsdatum: 'date-shift',
      x1: 'email',
      x2: 'digits',
      x3: 'digits',
      x4: 'text',
      x5: 'keep',
      x6: 'ip',
      rang: 'keep',
      akte: 'json',
      bild: 'hash',
    });
    expect(kunden.x2.because).toBe('2 of 2 values look like IBANs');
    expect(bestellungen.kunde).toEqual({
      mask: 'follow',
      because: 'refers to public.kunden (bestellungen_kunde_fkey)',
    });
    expect(bestellungen.iban.mask).toBe('digits');
    expect((await holdfast('mask suggest latest --output rules.json')).stderr).toContain('already exists');
    const secret = { HOLDFAST_MASK_SECRET: 'a secret of some length' };
    const done = await holdfast('restore latest --to env:COPY --mask rules.json --json', secret);
    expect([done.status, done.json()['mask']]).toMatchObject([
      0,
      { report: expect.stringContaining('reports/mask/') },
    ]);
    const rows = await server.query(
      'copy',
      'SELECT k.*, b.summe FROM kunden k JOIN bestellungen b ON b.kunde = k.id',
    );
    expect(rows.rows.length).toBe(2);
    const text = JSON.stringify(rows.rows);
    for (const part of ['Ada', 'mail.test', '1234567', 'home.test', '0440532', '1111', 'discount', '192.0.2'])
      expect(text).not.toContain(part);
    const name = path.posix.basename(done.json()['mask'].report, '.json');
    const report = await holdfast(`mask report ${name}`);
    expect(report.stdout).toContain('public.bestellungen.kunde: keep (follows public.kunden.id)');
    expect((await holdfast(`mask report ${name} --json`)).json()).toMatchObject({ proof: 'authentic' });
  });

  it('are checked against a backup and a database: a column without a rule fails', async () => {
    const check = (more: string) => holdfast(`mask check ${more} --rules rules.json`);
    expect((await check('latest')).status).toBe(0);
    expect((await check('--database env:SHOP')).status).toBe(0);
    await server.query('shop', 'ALTER TABLE kunden ADD steuernummer text');
    const found = await check('--database env:SHOP');
    expect([found.status, found.stderr]).toEqual([
      11,
      expect.stringContaining('public.kunden.steuernummer (text)'),
    ]);
    expect((await check('--database env:SHOP --json')).json()).toMatchObject({
      unclassified: ['public.kunden.steuernummer (text)'],
      problems: [],
    });
    await holdfast('backup --source env:SHOP');
    const refused = await holdfast('restore latest --to env:COPY --replace --yes --mask rules.json', {
      HOLDFAST_MASK_SECRET: 'a secret of some length',
    });
    expect([refused.status, refused.stderr]).toEqual([11, expect.stringContaining('steuernummer')]);
    await holdfast('mask suggest latest --rules rules.json --output rules.json');
    expect((await check('latest')).status).toBe(0);
    const { tables } = await rulesIn('rules.json');
    expect(tables['public.kunden'].steuernummer.mask).toBe('hash');
    expect(tables['public.kunden'].x2.because).toBe('2 of 2 values look like IBANs');
  });

  it('refuse rules that would break a unique key, a condition or a reference, before anything is written', async () => {
    await server.query('shop', 'ALTER TABLE kunden ADD CONSTRAINT rank_high CHECK (rang > 2)');
    await holdfast('backup --source env:SHOP');
    const rules = await rulesIn('rules.json');
    const secret = { HOLDFAST_MASK_SECRET: 'a secret of some length' };
    const target = await server.createDatabase('broken');
    const refused = async (table: string, column: string, rule: unknown) => {
      const tables = { ...rules.tables, [table]: { ...rules.tables[table], [column]: rule } };
      await writeFile(path.join(cwd, 'broken.json'), JSON.stringify({ ...rules, tables }));
      const check = await holdfast('mask check latest --rules broken.json');
      const restore = await holdfast('restore latest --to env:BROKEN --mask broken.json', {
        ...secret,
        BROKEN: target,
      });
      expect([check.status, restore.status]).toEqual([11, 11]);
      expect(restore.stderr).toContain('nothing was written');
      const { rows } = await server.query(
        'broken',
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace",
      );
      expect(rows).toEqual([]);
      return check.stderr;
    };
    const kunden = 'public.kunden';
    const unique = await refused(kunden, 'e-Mail', 'name');
    expect(unique).toContain('e-Mail is in the unique key kunden_e-Mail_key: name could make two rows equal');
    expect(unique).toContain('docs/guide/masked-copies.md');
    expect(await refused(kunden, 'rang', { mask: 'constant', value: 1 })).toMatch(
      /masked values break the check rank_high of public.kunden .*: rang by constant; nothing was written/,
    );
    expect(await refused('public.bestellungen', 'kunde', 'hash')).toContain('public.bestellungen.kunde');
    expect(await refused(kunden, 'bild', 'null')).toContain('NOT NULL');
  });

  it('refuse what is wrong, and say what to do', async () => {
    const refused = async (line: string, more?: Record<string, string>) => {
      const { status, stderr } = await holdfast(line, more);
      return `${status} ${stderr}`;
    };
    expect(await refused('restore latest --to env:COPY --mask rules.json')).toMatch(
      /^2 .*HOLDFAST_MASK_SECRET is not set/s,
    );
    const short = { HOLDFAST_MASK_SECRET: 'short' };
    expect(await refused('restore latest --to env:COPY --mask rules.json', short)).toMatch(
      /^2 .*5 characters; it needs at least 16/s,
    );
    const secret = { HOLDFAST_MASK_SECRET: 'a secret of some length' };
    expect(await refused('restore latest --to env:COPY --mask nothing.json', secret)).toMatch(
      /^2 .*nothing.json cannot be read/s,
    );
    expect(await refused('restore latest --to env:COPY --roles --mask rules.json', secret)).toMatch(
      /^2 .*--roles restores users/s,
    );
    await writeFile(
      path.join(cwd, 'odd.json'),
      JSON.stringify({ version: 1, tables: { 'public.kunden': { id: 'guess' } } }),
    );
    expect(await refused('mask check latest --rules odd.json')).toMatch(/^2 .*public.kunden.*id/s);
    await writeFile(path.join(cwd, 'file.txt'), 'a line\n');
    await holdfast('backup --source ./file.txt');
    expect(await refused('mask suggest latest:file.txt')).toMatch(/^(2|10) /);
    expect(await refused('mask')).toMatch(/^2 .*mask needs an action/s);
    expect(await refused('mask guess')).toMatch(/^2 .*no action 'guess'/s);
    expect(await refused('mask check latest')).toMatch(/^2 .*--rules is missing/s);
    expect(await refused('mask report nothing')).toMatch(/^2 .*not a report of a masked copy/s);
    expect(await refused('mask suggest latest --rows 0')).toMatch(/^2 .*--rows is '0'/s);
  });
});
