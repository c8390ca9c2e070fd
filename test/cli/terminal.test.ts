import { readdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import { beforeEach, describe, expect } from 'vitest';
import { main } from '../../cli/main.ts';
import { Styled } from '../../cli/style.ts';
import { type Column, renderTable } from '../../cli/table.ts';
import { runCommand } from '../support/command-line.ts';
import { TEST_KEY } from '../support/repository/engine.ts';
import { turns } from '../support/repository/torture.ts';
import { newFolder } from '../support/temporary.ts';

const it = turns(2);

const COLUMNS: readonly Column[] = [
  { title: 'KEY' },
  { title: 'SIZE', isNumber: true, leaveOut: 1 },
  { title: 'STATE', least: 5, look: (cell) => (cell === 'whole' ? 'green' : 'red') },
  { title: 'SOURCE', least: 6 },
];
const ROWS = [
  ['daily_20260301_020000', '1.20 MiB', 'whole', 'shop'],
  [
    'daily_20260302_020000',
    '900 B',
    'whole, suspect (accepted), held',
    'postgres://db.example:5432/a_shop_with_a_long_name',
  ],
];

describe('tables', () => {
  const lines = (width: number | undefined, hasColour = false) =>
    renderTable(COLUMNS, ROWS, { width, hasColour }).text.trimEnd().split('\n');

  it('lose nothing where nothing limits them; one long cell pads no other row', () => {
    const [head, first, second] = lines(undefined);
    expect(head).toMatch(/^KEY +SIZE {2}STATE +SOURCE$/);
    for (const cell of ROWS[1]!) expect(second).toContain(cell);
    expect(first!.length).toBeLessThan(80);
    expect(first).toMatch(/ 1\.20 MiB {2}whole +shop$/);
  });

  it('fit every width that a key fits, and cut no key', () => {
    for (let width = 37; width < 160; width++) {
      for (const line of lines(width)) expect(line.length).toBeLessThan(width);
      for (const line of lines(width).slice(1)) expect(line).toMatch(/^daily_2026030[12]_020000/);
    }
  });

  it('give the room that is left over to what is last', () => {
    expect(lines(160)[2]).toContain(ROWS[1]!.at(-1));
  });

  it('are cut before a column is left out, and say so', () => {
    const cut = lines(70);
    expect(cut[0]).toContain('SIZE');
    expect(cut[2]).toContain('…');
    expect(lines(44)[0]).not.toContain('SIZE');
  });

  it('have a bold header and coloured states, without which they are the same', () => {
    const coloured = lines(100, true);
    expect(coloured[0]).toContain('\u001b[1mKEY\u001b[0m');
    expect(coloured[1]).toContain('\u001b[32mwhole\u001b[0m');
    expect(coloured.map(stripVTControlCharacters).map((line) => line.trimEnd())).toEqual(lines(100));
    expect(new Styled(coloured.join('\n')).plain).toBe(coloured.map(stripVTControlCharacters).join('\n'));
  });

  it('show a name that would steer the terminal as it is', () => {
    const { text } = renderTable([{ title: 'A' }], [['\u001b[31mred']], { width: 80, hasColour: true });
    expect(text).toContain('\ufffd[31mred');
  });
});

describe('on a terminal', () => {
  let cwd: string;
  let env: Record<string, string>;
  beforeEach(async () => {
    cwd = await newFolder();
    env = { HOLDFAST_REPOSITORY: path.join(cwd, 'repository'), BACKUP_ENCRYPTION_KEY: TEST_KEY };
    await writeFile(path.join(cwd, 'shop.txt'), 'of shop\n'.repeat(100));
    await runCommand('init', { env, cwd });
  });
  const holdfast = (line: string) => runCommand(line, { env, cwd });

  /** Runs a command at a terminal, and answers its questions line by line. */
  async function at(
    line: string,
    {
      columns = 80,
      answers = [],
      ...given
    }: { columns?: number; answers?: readonly string[]; TERM?: string } & Record<string, unknown> = {},
  ) {
    const stdin = Object.assign(new PassThrough(), { isTTY: true });
    const [stdout, stderr] = [0, 1].map(() => Object.assign(new PassThrough(), { isTTY: true, columns }));
    const left = [...answers];
    let said = '';
    stderr!.on('data', (bytes: Buffer) => {
      said += bytes.toString();
      // A question ends without a new line.
      if (/[:?\]] $/.test(said) && left.length > 0) stdin.write(`${left.shift()}\n`);
    });
    const status = await main(line.split(' '), {
      stdin,
      stdout: stdout!,
      stderr: stderr!,
      env: { ...env, TERM: 'xterm', ...(given as Record<string, string>) },
      cwd,
      signal: new AbortController().signal,
    });
    return { status, stdout: String(stdout!.read() ?? ''), stderr: said };
  }

  it.each([60, 80, 120])(
    'lists in %d columns, by short keys, ages and names; a pipe gets everything',
    async (columns) => {
      const config = { sources: { shop: { kind: 'files', url: './shop.txt' } } };
      await writeFile(path.join(cwd, 'holdfast.config.json'), JSON.stringify(config));
      await holdfast('backup daily');
      const { stdout } = await at('list', { columns });
      const lines = stripVTControlCharacters(stdout).trimEnd().split('\n');
      for (const line of lines) expect(line.length).toBeLessThan(columns);
      expect(lines[0]).toMatch(/^KEY +AGE /);
      expect(lines[1]).toMatch(/^daily_\d{8}_\d{6} {2}just now .* shop$/);
      expect(stdout).toContain('\u001b[1mKEY');
      expect(stdout).toContain('\u001b[32mwhole');
      const [key = ''] = /^\S+/.exec(lines[1]!) ?? [];
      expect((await holdfast(`show ${key}`)).status).toBe(0);
      const piped = await holdfast('list');
      expect(piped.stdout).toMatch(new RegExp(`backup_${key} {2}\\d{4}-.* shop\n`));
      expect(piped.stdout).not.toContain('\u001b');
    },
  );

  it.each([
    ['NO_COLOR', { NO_COLOR: '1' }],
    ['TERM=dumb', { TERM: 'dumb' }],
  ])('has no escapes with %s', async (_, given) => {
    const made = await at('backup daily --source ./shop.txt', given);
    const { stdout } = await at('list', given);
    expect(stdout).toContain('daily_');
    expect(stdout).not.toContain('\u001b');
    if ('TERM' in given) expect(made.stderr).not.toContain('\u001b');
  });

  it('colours what is piped only if it is asked to', async () => {
    await holdfast('backup daily --source ./shop.txt');
    const { stdout } = await runCommand('list', { env: { ...env, CLICOLOR_FORCE: '1' }, cwd });
    expect(stdout).toContain('\u001b[1mKEY');
  });

  it('takes No for an answer, and not for an error', async () => {
    await holdfast('backup daily --source ./shop.txt');
    await holdfast('restore latest --to ./out');
    const before = await readdir(path.join(cwd, 'out'));
    const answer = await at('restore latest --to ./out --replace -q', { TERM: 'dumb', answers: ['n'] });
    expect(answer).toMatchObject({ status: 130, stdout: '' });
    expect(answer.stderr).toMatch(/\? \[y\/N\] Nothing was changed\.\n$/);
    expect(answer.stderr).not.toContain('error');
    expect(answer.stderr).not.toContain('\u001b');
    expect(await readdir(path.join(cwd, 'out'))).toEqual(before);
    const yes = await at('restore latest --to ./out --replace -q', { TERM: 'dumb', answers: ['y'] });
    expect(yes.status).toBe(0);
  });

  it('offers to accept what is suspect, and nothing else', async () => {
    await holdfast('backup daily --source ./shop.txt');
    expect(await at('accept', { TERM: 'dumb' })).toMatchObject({
      status: 0,
      stdout: expect.stringContaining('No backup is waiting'),
    });
    await rm(path.join(cwd, 'shop.txt'));
    await writeFile(path.join(cwd, 'shop.txt'), 'one\n');
    expect((await holdfast('backup weekly --source ./shop.txt')).status).toBe(40);
    const { status, stdout, stderr } = await at('accept', { TERM: 'dumb', answers: ['1', 'on purpose'] });
    expect(stderr).toContain('1  backup_weekly');
    expect(stderr).not.toContain('backup_daily');
    expect([status, stdout]).toEqual([0, expect.stringContaining('Accepted backup_weekly')]);
  });

  it('offers the sources that were backed up before', async () => {
    await holdfast('backup daily --source ./shop.txt');
    const { status, stdout, stderr } = await at('backup weekly -q', { TERM: 'dumb', answers: ['1'] });
    expect(stderr).toMatch(/1 {2}\S*shop\.txt\n {2}2 {2}another/);
    expect([status, stdout]).toEqual([0, '']);
    expect((await holdfast('list weekly')).stdout).toContain('shop.txt');
  });
});
