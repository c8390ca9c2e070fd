import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeEach, describe, expect, onTestFinished, vi } from 'vitest';
import { type FirebaseServer, startFirebaseServer } from '../../tools/firebase-server/server.ts';
import { failure, runCommand } from '../support/command-line.ts';
import { expectDocumented } from '../support/documented-json.ts';
import { TEST_KEY } from '../support/repository/engine.ts';
import { turns } from '../support/repository/torture.ts';
import { newFolder } from '../support/temporary.ts';

const it = turns(2);

// Two servers, a repository and worker threads: a busy machine takes its time.
vi.setConfig({ testTimeout: 120_000 });

const data = {
  characters: { alice: { name: 'Alice', '.priority': 2 }, bob: { name: 'Bob' } },
  version: 3,
};

describe('holdfast with Firebase', () => {
  let cwd: string;
  let env: Record<string, string>;
  let from: FirebaseServer;
  let to: FirebaseServer;
  beforeEach(async () => {
    cwd = await newFolder();
    from = await startFirebaseServer({ tokens: ['hush-token'] });
    to = await startFirebaseServer();
    onTestFinished(async () => {
      for (const server of [from, to]) await server[Symbol.asyncDispose]();
    });
    await from.set('/', data);
    env = {
      HOLDFAST_REPOSITORY: path.join(cwd, 'repository'),
      BACKUP_ENCRYPTION_KEY: TEST_KEY,
      FIREBASE_DATABASE_URL: from.url,
      FIREBASE_ACCESS_TOKEN: 'hush-token',
    };
    await holdfast('init');
  });

  const holdfast = (line: string) => runCommand(line, { env, cwd });

  it('backs up what FIREBASE_DATABASE_URL names, says what it read, restores a path and exports', async () => {
    const made = await holdfast('backup daily');
    expect(made).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(
        /read .* in \d+ requests, about \$0.0000 at \$1 a GB, which is assumed; 0 B had not changed/,
      ),
    });
    expect((await holdfast('backup daily')).stdout).toMatch(/; 71 B had not changed and were not read/);
    const json = (await holdfast('backup --full-read --json')).json();
    expect(json.cost).toMatchObject({ skippedBytes: 0, usdPerGB: 1 });
    expectDocumented('backup', json);
    expect((await holdfast('show latest')).stdout).toMatch(/atomic\n[\s\S]*characters +data/);

    const dry = await holdfast(`restore latest --to ${to.url} --path /characters/alice --dry-run`);
    expect(dry.stdout).toMatch(/1\. write 2 records of 1 node below \/characters\/alice/);
    expect(await to.get('/')).toBeNull();
    const restored = await holdfast(`restore latest --to ${to.url} --path /characters/alice --max-rate 5`);
    expect(restored).toMatchObject({ status: 0, stdout: expect.stringContaining('all equal') });
    expect(await to.get('/')).toEqual({ characters: { alice: data.characters.alice } });
    expect(await holdfast(`restore latest --to ${to.url} --quiet`)).toMatchObject(
      failure('E_TARGET_NOT_EMPTY', 'holds data at / (1 node); nothing was changed'),
    );
    expect(await holdfast(`restore latest --to ${to.url} --replace --quiet`)).toMatchObject(
      failure('E_USAGE', 'this would destroy something'),
    );
    expect(await holdfast(`restore latest --to ${to.url} --replace --yes --rules --quiet`)).toMatchObject({
      status: 0,
    });
    expect(await to.get('/')).toEqual(data);

    expect(JSON.parse((await holdfast('export latest -f json')).stdout)).toEqual(data);
    expect(JSON.parse((await holdfast('export latest -f json -p /characters/bob')).stdout)).toEqual({
      name: 'Bob',
    });
    expect((await holdfast('export latest -f ndjson -d characters')).stdout).toBe(
      '{"alice":{"name":"Alice",".priority":2}}\n{"bob":{"name":"Bob"}}\n',
    );
    expect(JSON.parse((await holdfast('export latest')).stdout)).toEqual(data);
    expect(await holdfast('export latest -f sql')).toMatchObject(
      failure('E_USAGE', 'a backup of Firebase has no sql'),
    );
    expect(await holdfast('restore latest --to ./files')).toMatchObject({ status: 0 });
    expect(await readFile(path.join(cwd, 'files', 'version'), 'utf8')).toBe('{"":3}\n');
  });

  it('takes a source of the configuration, and never shows the login', async () => {
    env = { ...env, FIREBASE_ACCESS_TOKEN: 'hush-wrong' };
    const config = {
      sources: { game: { kind: 'firebase-rtdb', url: `${from.url}/characters`, readers: 2 } },
    };
    await writeFile(path.join(cwd, 'holdfast.config.json'), JSON.stringify(config));
    const refused = await holdfast('backup --source game');
    expect(refused).toMatchObject(failure('E_SOURCE_REFUSED', 'Unauthorized request. (HTTP 401)'));
    env = { ...env, FIREBASE_ACCESS_TOKEN: 'hush-token', HOLDFAST_DEBUG: '1' };
    expect(await holdfast('backup --source game')).toMatchObject({ status: 0 });
    await from.set('/characters', null);
    const empty = await holdfast('backup --source game');
    expect(empty.stderr).toContain('holds nothing');
    expect((await holdfast('list --json')).json().backups).toHaveLength(1);
    for (const { stderr, stdout } of [refused, empty]) expect(stderr + stdout).not.toContain('hush');
  });

  it('drills in the database that is configured, only where one is', async () => {
    await holdfast('backup');
    const configure = (drill: object) =>
      writeFile(path.join(cwd, 'holdfast.config.json'), JSON.stringify({ drill }));
    for (const [drill, text] of [
      [{}, "drill: { 'firebase-rtdb': {"],
      [{ 'firebase-rtdb': { url: to.url, reader: 2 } }, 'reader is not a setting; did you mean readers?'],
      [{ 'firebase-rtdb': { readers: 2 } }, 'drill.firebase-rtdb.url'],
      [{ firebase_rtdb: { url: to.url } }, 'did you mean firebase-rtdb?'],
    ] as const) {
      await configure(drill);
      expect(await holdfast('drill')).toMatchObject({ status: 2, stderr: expect.stringContaining(text) });
    }
    await configure({ 'firebase-rtdb': { url: to.url, readers: 2 } });
    const drilled = await holdfast('drill');
    expect(drilled).toMatchObject({ status: 0, stdout: expect.stringContaining('restored and equal') });
    expect(drilled.stdout).toContain('security rules');
    const kept = (await holdfast(`drill --server ${to.url}/drills --keep --json`)).json();
    expect(kept).toMatchObject({ outcome: 'equal', removal: expect.stringContaining(`${kept.target}.json`) });
    expect(await to.get(kept.target.slice(to.url.length))).toEqual(data);
  });

  it('says what is wrong, and changes nothing', async () => {
    await holdfast('backup');
    for (const [line, code, message] of [
      ['restore latest --to ./files --path /a', 'E_USAGE', "a target of kind files has no option 'path'"],
      ['restore latest --to URL --max-rate fast', 'E_USAGE', "--max-rate is 'fast'"],
      ['restore latest --to URL --path /nowhere', 'E_NO_DATASET', 'the backup has nothing at /nowhere'],
      ['restore latest --to URL --replace --merge', 'E_USAGE', 'contradict each other'],
      ['restore latest --to URL --dataset version --path /version', 'E_USAGE', 'not both'],
      ['backup --source https://shop.example.com', 'E_USAGE', 'https:// is not a kind of database'],
      ['backup --source firebase-rtdb:http://shop.firebaseio.com', 'E_CONFIG', 'must begin with https://'],
    ] as const)
      expect(await holdfast(`${line.replace('URL', to.url)} --quiet`), line).toMatchObject(
        failure(code, message),
      );
    expect(await to.get('/')).toBeNull();
  });
});
