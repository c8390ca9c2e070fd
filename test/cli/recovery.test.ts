import { readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { beforeEach, describe, expect } from 'vitest';
import { main } from '../../cli/main.ts';
import { runArguments, runCommand } from '../support/command-line.ts';
import { expectDocumented } from '../support/documented-json.ts';
import { TEST_KEY } from '../support/repository/engine.ts';
import { readCode } from '../support/repository/qr-reader.ts';
import { turns } from '../support/repository/torture.ts';
import { newFolder } from '../support/temporary.ts';

const it = turns(3);

const TEXT = 'one\ntwo\n';

describe('a recovery sheet', () => {
  let cwd: string;
  let env: Record<string, string>;
  beforeEach(async () => {
    cwd = await newFolder();
    env = {
      HOLDFAST_REPOSITORY: path.join(cwd, 'repository'),
      HOLDFAST_KEY_FILE: path.join(cwd, 'root.key'),
    };
    await writeFile(path.join(cwd, 'data.txt'), TEXT);
    expect(await holdfast('init --new-key root.key')).toMatchObject({ status: 0 });
    await holdfast('backup daily --source data.txt');
  });

  const holdfast = (line: string, more: Record<string, string> = {}) =>
    runCommand(line, { env: { ...env, ...more }, cwd });
  const file = (name: string) => path.join(cwd, name);
  const read = (name: string) => readFile(file(name), 'utf8');
  const destroyKey = () => rm(file('root.key'));

  /** What somebody types from the page. */
  async function wordsOnPage(): Promise<string[]> {
    return [...(await read('sheet.html')).matchAll(/<li>([a-z]+)<\/li>/g)].map(([, word = '']) => word);
  }

  it('restores with the commands that it has, after the key is destroyed', async () => {
    expect(await holdfast('rekey --add-recovery --sheet sheet.html')).toMatchObject({ status: 0 });
    await holdfast('backup daily --source data.txt');
    await destroyKey();
    const words = await wordsOnPage();
    expect(words).toHaveLength(24);
    await writeFile(file('words.txt'), words.map((word, i) => `${i + 1}. ${word}`).join('\n'), {
      mode: 0o600,
    });
    const page = (await read('sheet.html')).replaceAll('&lt;', '<').replaceAll('&gt;', '>');
    const commands = [...page.matchAll(/<pre>(holdfast [^<]*)<\/pre>/g)].map(([, line = '']) => line);
    expect(commands).toHaveLength(3);
    for (const line of commands) {
      if (line.includes('postgres://')) continue;
      // No variable is set on another machine.
      const done = await runArguments(line.split(' ').slice(1), { env: {}, cwd });
      expect(done, line).toMatchObject({ status: 0 });
    }
    expect(await read('restored/data.txt')).toBe(TEXT);
  });

  it('is written once, to be read by its owner alone; the key is nowhere else', async () => {
    const done = await holdfast('rekey --add-recovery --sheet sheet.html');
    expect((await stat(file('sheet.html'))).mode & 0o777).toBe(0o600);
    const page = await read('sheet.html');
    const words = await wordsOnPage();
    const [, hex = ''] = /As hex digits: <code>([0-9a-f ]+)</.exec(page) ?? [];
    expect(hex.replaceAll(' ', '')).toMatch(/^[0-9a-f]{64}$/);
    for (const text of [done.stdout, done.stderr, (await holdfast('keys')).stdout]) {
      expect(text).not.toContain(`${words[0]} ${words[1]}`);
      expect(text).not.toContain(hex.slice(0, 8));
    }
    // It loads nothing: what a page asks the network for says that it was opened.
    expect(page).not.toMatch(/(src|href|url\()\s*=?\s*["']?(https?:)?\/\//);
    const again = await holdfast('rekey --add-recovery --sheet sheet.html');
    expect(again).toMatchObject({ status: 2, stderr: expect.stringContaining('never overwritten') });
    expect(await read('sheet.html')).toBe(page);
  });

  it('has a code that another program reads, with the words', async () => {
    await holdfast('rekey --add-recovery --sheet sheet.html');
    expect(readCode(await read('sheet.html'))).toBe((await wordsOnPage()).join(' '));
  });

  it('is printed on the terminal where no file is named, and restores from what is typed from it', async () => {
    const { stdout } = await holdfast('rekey --add-recovery');
    const rows = stdout.split('\n').filter((line) => /^ +\d+\. [a-z]+ +\d+\. /.test(line));
    const found = rows.flatMap((row) => [...row.matchAll(/(\d+)\. ([a-z]+)/g)]);
    const words = found.toSorted(([, a], [, b]) => Number(a) - Number(b)).map(([, , word = '']) => word);
    expect(words).toHaveLength(24);
    const [, hex = ''] = /As hex digits: ([0-9a-f ]+)\n/.exec(stdout) ?? [];
    await destroyKey();
    for (const [name, text] of [
      ['words.txt', words.join(' ')],
      ['hex.txt', hex],
    ] as const) {
      await writeFile(file(name), text, { mode: 0o600 });
      expect(await holdfast(`recover latest --recovery-key-file ${name} --to ./out-${name}`)).toMatchObject({
        status: 0,
      });
      expect(await read(`out-${name}/data.txt`)).toBe(TEXT);
    }
  });

  it('is asked for on a terminal, where what is typed is not shown', async () => {
    await holdfast('rekey --add-recovery --sheet sheet.html');
    await destroyKey();
    const words = await wordsOnPage();
    const stdin = Object.assign(new PassThrough(), { isTTY: true, setRawMode: () => {} });
    const stderr = Object.assign(new PassThrough(), { isTTY: true, columns: 80 });
    let shown = '';
    let isTyped = false;
    stderr.on('data', (bytes: Buffer) => {
      shown += bytes.toString();
      if (isTyped || !shown.includes('24 words')) return;
      isTyped = true;
      setImmediate(() => stdin.write(`${words.join(' ')}\r`));
    });
    const stdout = new PassThrough();
    stdout.resume();
    const status = await main(['recover', 'latest', '--to', './typed'], { stdin, stdout, stderr, env, cwd });
    expect(status, shown).toBe(0);
    expect(await read('typed/data.txt')).toBe(TEXT);
    for (const word of words.filter((one) => one.length > 5)) expect(shown).not.toContain(word);
  });

  it('tells a mistyped word by its place, another repository by its name, and shows no word', async () => {
    await holdfast('rekey --add-recovery --sheet sheet.html');
    const words = await wordsOnPage();
    const mistyped = words.with(4, words[4] === 'zebra' ? 'zoo' : 'zebra').join(' ');
    await writeFile(file('words.txt'), mistyped, { mode: 0o600 });
    const wrong = await holdfast('recover --check --recovery-key-file words.txt');
    expect(wrong).toMatchObject({
      status: 12,
      stderr: expect.stringContaining('word 5 is different from the sheet'),
    });
    for (const word of words.filter((one) => one.length > 5)) expect(wrong.stderr).not.toContain(` ${word}`);
    await writeFile(file('words.txt'), words.join(' '));
    await holdfast(`init -r ${cwd}/other --new-key other.key`, { HOLDFAST_KEY_FILE: '' });
    const elsewhere = await holdfast(`recover --check -r ${cwd}/other --recovery-key-file words.txt`);
    expect(elsewhere).toMatchObject({ status: 12, stderr: expect.stringContaining('does not belong to') });
  });

  it.each([
    ['rekey --add-recovery --complete-recovery', 'give only one of'],
    ['rekey --complete-recovery --sheet x', '--sheet needs --add-recovery'],
    ['rekey --add-recovery --json', '--json needs --sheet'],
    ['rekey --add-recovery --new-key x', 'not both'],
    ['rekey --complete-recovery', 'has no recovery key'],
    ['rekey --remove-recovery 00', 'has no recovery key 00'],
    ['recover --check', 'the recovery key is missing'],
    ['recover --check latest --recovery-key-file words.txt', 'takes no KEY'],
  ])('%s is refused', async (line, message) => {
    if (line.startsWith('recover')) await holdfast('rekey --add-recovery --sheet sheet.html');
    if (line.includes('words.txt'))
      await writeFile(file('words.txt'), (await wordsOnPage()).join(' '), { mode: 0o600 });
    const { status, stdout, stderr } = await holdfast(line);
    expect({ status, said: stdout + stderr }).toEqual({ status: 2, said: expect.stringContaining(message) });
  });

  it('is of a key that is listed, checked, completed and removed; the JSON is as documented', async () => {
    const check = expectDocumented;
    const added = (await holdfast('rekey --add-recovery --sheet sheet.html --json')).json();
    check('rekey', added);
    const [id] = added.recoveryKeys;
    expect((await holdfast('keys')).stdout).toMatch(new RegExp(`${id} +1 `));
    const { recovery } = (await holdfast('keys check --json')).json();
    expect(recovery).toMatchObject({ keys: [{ id }], notOpened: [], problems: [] });
    await rename(file('repository/recovery'), file('elsewhere'));
    const missing = await holdfast('keys check');
    expect(missing).toMatchObject({
      status: 12,
      stdout: expect.stringContaining(`${id} does not open 1 backup`),
    });
    const verified = await holdfast('verify latest --quick');
    expect(verified).toMatchObject({
      status: 0,
      stderr: expect.stringContaining('holdfast rekey --complete-recovery'),
    });
    expect((await holdfast('status')).stdout).toContain(`Recovery key ${id} does not open 1 backup`);
    check('verify', (await holdfast('verify latest --quick --json')).json());
    check('status', (await holdfast('status --json')).json());
    const completed = (await holdfast('rekey --complete-recovery --json')).json();
    check('rekey', completed);
    expect(completed).toMatchObject({ wrapped: 1, backups: 1 });
    await writeFile(file('words.txt'), (await wordsOnPage()).join(' '), { mode: 0o600 });
    const checked = (await holdfast('recover --check --recovery-key-file words.txt --json')).json();
    check('recover', checked);
    expect(checked.backups).toMatchObject([{ state: 'opens' }]);
    const removed = (await holdfast(`rekey --remove-recovery ${id} --json`)).json();
    check('rekey', removed);
    expect(removed).toMatchObject({ removed: 1 });
    expect((await holdfast('keys --json')).json().recovery.keys).toEqual([]);
    expect(await holdfast('recover --check --recovery-key-file words.txt')).toMatchObject({ status: 12 });
  });

  it('covers nothing that the configuration does not name', async () => {
    await holdfast('rekey --add-recovery --sheet sheet.html');
    await writeFile(file('holdfast.config.json'), JSON.stringify({ recoveryKeys: ['0'.repeat(32)] }));
    const { stderr } = await holdfast('backup daily --source data.txt', { BACKUP_ENCRYPTION_KEY: '' });
    expect(stderr).toContain(
      `recovery key ${'0'.repeat(32)} is in the configuration but not in the repository`,
    );
    await writeFile(file('holdfast.config.json'), JSON.stringify({ recoveryKeys: [TEST_KEY] }));
    expect(await holdfast('list')).toMatchObject({
      stderr: expect.stringContaining('not the id of a recovery key'),
    });
  });
});
