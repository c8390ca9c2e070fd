import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeEach, describe, expect, onTestFinished, vi } from 'vitest';
import { KiB } from '../../shared/core/units.ts';
import { type FirebaseServer, startFirebaseServer } from '../../tools/firebase-server/server.ts';
import { failure, runCommand } from '../support/command-line.ts';
import { TEST_KEY } from '../support/repository/engine.ts';
import { turns } from '../support/repository/torture.ts';
import { newChildren } from '../support/sources/firebase.ts';
import { differenceOf, readWholeTree } from '../support/sources/firebase-plain-reader.ts';
import { newFolder } from '../support/temporary.ts';

const it = turns(4);

// Four servers, a repository and worker threads: a busy machine takes its time.
vi.setConfig({ testTimeout: 120_000 });

const EU = {
  characters: { alice: { name: 'Alice', '.priority': 2 }, bob: { name: 'Bob' } },
  large: newChildren(40, 16 * KiB, 1),
  '.priority': 'of the root of eu',
};
const US = { characters: { carol: { name: 'Carol' } }, players: newChildren(150, 20, 2), version: 3 };
const rules = (text: string) => `{\n  // ${text}\n  "rules": { ".read": true }\n}`;

describe('several instances of a Firebase project as one source', () => {
  let cwd: string;
  let eu: FirebaseServer;
  let us: FirebaseServer;
  let toEu: FirebaseServer;
  let toUs: FirebaseServer;
  beforeEach(async () => {
    cwd = await newFolder();
    [eu, us, toEu, toUs] = await Promise.all([
      startFirebaseServer(),
      startFirebaseServer(),
      startFirebaseServer(),
      startFirebaseServer(),
    ]);
    onTestFinished(async () => {
      for (const server of [eu, us, toEu, toUs]) await server[Symbol.asyncDispose]();
    });
    await eu.set('/', EU);
    await us.set('/', US);
    for (const [server, of] of [[eu, 'eu'] as const, [us, 'us'] as const])
      await fetch(`${server.url}/.settings/rules.json`, { method: 'PUT', body: rules(of) });
    await configure({ eu: eu.url, us: us.url });
    await holdfast('init');
  });

  const configure = (instances: object | string) =>
    writeFile(
      path.join(cwd, 'holdfast.config.json'),
      JSON.stringify({
        repository: './repository',
        sources: {
          game: { kind: 'firebase-rtdb', instances, firstPauseMs: 1 },
          alone: { kind: 'firebase-rtdb', url: eu.url },
        },
        targets: {
          copy: { kind: 'firebase-rtdb', instances: { us: toUs.url, eu: toEu.url } },
          half: { kind: 'firebase-rtdb', instances: { eu: toEu.url, asia: toUs.url } },
        },
      }),
    );
  const holdfast = (line: string) => runCommand(line, { env: { BACKUP_ENCRYPTION_KEY: TEST_KEY }, cwd });
  const backUp = async (more = '') => (await holdfast(`backup daily --source game --json ${more}`)).json();
  const count = async () => (await holdfast('list --json')).json().backups.length;

  it('backs up all, and restores each instance to its namesake, with rules and priorities of roots', async () => {
    const made = await backUp();
    expect(made.source.name).toBe('game');
    expect(made.omitted).toEqual([expect.stringMatching(/^eu, us: Users of Authentication/)]);
    const shown = (await holdfast('show latest --json')).json();
    expect(shown.datasets.map(({ name }: { name: string }) => name)).toMatchObject(
      expect.arrayContaining([
        'eu/characters',
        'eu/.priority',
        'eu/.settings/rules',
        'us/.etags',
        'us/version',
      ]),
    );
    const dry = await holdfast('restore latest:game --to copy --dry-run');
    expect(dry.stdout).toContain(`eu to ${toEu.url}: write`);
    expect(dry.stdout).toContain(`us to ${toUs.url}: write`);
    const restored = await holdfast('restore latest:game --to copy --rules');
    expect(restored, restored.stderr).toMatchObject({ status: 0 });
    expect(restored.stdout).toMatch(/6 datasets compared with the backup, all equal/);
    for (const [from, to, of] of [[eu, toEu, 'eu'] as const, [us, toUs, 'us'] as const]) {
      expect(differenceOf(await readWholeTree(from.url), await readWholeTree(to.url))).toBeUndefined();
      expect(await (await fetch(`${to.url}/.settings/rules.json`)).text()).toBe(rules(of));
    }
  });

  it('reads only the instance that changed, and never calls the whole atomic', async () => {
    const first = await backUp();
    const before = us.stats;
    const [bytes, kinds] = [before.bytesSent, { ...before.byKind }];
    await eu.set('/characters/dora', { name: 'Dora' });
    const second = await backUp();
    expect(second.parent).toBe(first.key);
    for (const kind of ['read', 'query', 'shallow']) expect(us.stats.byKind[kind]).toBe(kinds[kind]);
    // Its rules, which have no ETag.
    expect(us.stats.bytesSent - bytes).toBe(rules('us').length);
    const { consistency, window } = (await holdfast('show latest --json')).json();
    expect(consistency).toBe('per-subtree');
    expect(window).toBeDefined();
    expect((await holdfast('restore latest --to copy --quiet')).status).toBe(0);
    expect(differenceOf(await readWholeTree(eu.url), await readWholeTree(toEu.url))).toBeUndefined();
    expect(differenceOf(await readWholeTree(us.url), await readWholeTree(toUs.url))).toBeUndefined();
  });

  it('makes no backup where one instance is down, denied or empty, and names it', async () => {
    us.fail({ kind: 'status', status: 503, times: 1000 });
    expect(await holdfast('backup --source game')).toMatchObject(
      failure('E_SOURCE_UNREACHABLE', `instance us (${us.url})`),
    );
    const denied = await startFirebaseServer({ tokens: ['another'] });
    onTestFinished(() => denied[Symbol.asyncDispose]());
    await configure({ eu: eu.url, us: denied.url });
    expect(await holdfast('backup --source game')).toMatchObject(
      failure('E_SOURCE_DENIED', `instance us (${denied.url})`),
    );
    await configure({ eu: eu.url, us: toUs.url });
    expect(await holdfast('backup --source game')).toMatchObject(
      failure('E_EMPTY_READ', `instance us (${toUs.url})`),
    );
    expect(await count()).toBe(0);
    expect((await holdfast('backup --source game --allow-empty')).status).toBe(0);
    // Nothing changed, so nothing of it is read: still it is refused.
    expect(await holdfast('backup --source game')).toMatchObject(
      failure('E_EMPTY_READ', `instance us (${toUs.url})`),
    );
    expect(await count()).toBe(1);
    expect((await holdfast(`drill latest --server ${toEu.url} --json`)).json().outcome).toBe('equal');
    expect((await holdfast('restore latest --to copy --quiet')).status).toBe(0);
    expect(differenceOf(await readWholeTree(eu.url), await readWholeTree(toEu.url))).toBeUndefined();
    expect(await toUs.get('/')).toBeNull();
  });

  it('fails where an instance breaks off while it is read', async () => {
    us.fail({ kind: 'drop', times: 1000, match: /GET \/characters/ });
    expect(await holdfast('backup --source game')).toMatchObject(
      failure('E_SOURCE_LOST', `instance us (${us.url})`),
    );
    expect(await count()).toBe(0);
  });

  it('calls a backup suspect that lost one instance’s data', async () => {
    await backUp();
    await us.set('/', null);
    expect(await holdfast('backup --source game')).toMatchObject(
      failure('E_EMPTY_READ', `instance us (${us.url})`),
    );
    const lost = await holdfast('backup --source game --allow-empty');
    expect(lost.status).toBe(40);
    expect(lost.stderr).toContain('us/players');
    // Its ETag is that of the last backup now.
    expect(await holdfast('backup --source game')).toMatchObject(
      failure('E_EMPTY_READ', `instance us (${us.url})`),
    );
  });

  it('restores one instance, or datasets of one, into one database', async () => {
    await backUp();
    const byDataset = await holdfast(`restore latest --to ${toUs.url} --dataset eu/characters --quiet`);
    expect(byDataset, byDataset.stderr).toMatchObject({ status: 0 });
    expect(await toUs.get('/')).toEqual({ characters: EU.characters });
    const byName = await holdfast(`restore latest --to ${toEu.url} --instance us --quiet`);
    expect(byName, byName.stderr).toMatchObject({ status: 0 });
    expect(differenceOf(await readWholeTree(us.url), await readWholeTree(toEu.url))).toBeUndefined();
    const byPath = `restore latest --to ${toEu.url} --instance eu --path /characters/alice --to-path /copy --quiet`;
    expect((await holdfast(byPath)).status).toBe(0);
    expect(await toEu.get('/copy')).toEqual(EU.characters.alice);
  });

  it('refuses what does not say which instance goes where, and writes nothing', async () => {
    await backUp();
    const refused = async (line: string, message: string | RegExp) =>
      expect(await holdfast(line)).toMatchObject(failure('E_USAGE', message));
    await refused(`restore latest --to ${toEu.url}`, /several instances \(eu, us\).*is one database/);
    await refused(`restore latest --to ${toEu.url} -d eu/large -d us/version`, 'is one database');
    await refused('restore latest --to half', "the target has no instance 'us'; it has eu, asia");
    await refused('restore latest --to copy --instance asia', "no instance 'asia'; it has eu, us");
    await refused('restore latest --to copy --path /characters', 'several instances');
    await refused('restore latest --to copy --instance eu -d us/version', "a dataset of 'us'");
    await refused('export latest -f json', 'an export is of one database');
    await refused('import ./holdfast.config.json --source game', 'a file comes from one database');
    expect(await holdfast('restore latest --to copy -d characters')).toMatchObject(
      failure('E_NO_DATASET', "no dataset 'characters'"),
    );
    await holdfast('backup --source alone');
    await refused('restore latest:alone --to copy', 'the target has several: us, eu');
    await refused(`restore latest:alone --to ${toEu.url} --instance eu`, "has no instance 'eu'");
    expect([await toEu.get('/'), await toUs.get('/')]).toEqual([null, null]);
    expect((await holdfast('restore latest:alone --to copy --instance us --quiet')).status).toBe(0);
    expect(differenceOf(await readWholeTree(eu.url), await readWholeTree(toUs.url))).toBeUndefined();
  });

  it('writes to no instance where one of the targets is in use', async () => {
    await backUp();
    await toUs.set('/mine', true);
    expect(await holdfast('restore latest --to copy --quiet')).toMatchObject(
      failure('E_TARGET_NOT_EMPTY', 'us: '),
    );
    expect(await toEu.get('/')).toBeNull();
    const replaced = await holdfast('restore latest --to copy --replace --yes --quiet');
    expect(replaced, replaced.stderr).toMatchObject({ status: 0 });
    expect(differenceOf(await readWholeTree(us.url), await readWholeTree(toUs.url))).toBeUndefined();
  });

  it('exports, drills and checks each instance', async () => {
    await backUp();
    for (const [of, server] of [['eu', eu] as const, ['us', us] as const]) {
      const { stdout } = await holdfast(`export latest -f json --instance ${of}`);
      expect(JSON.parse(stdout)).toEqual((await server.get('/')) as object);
    }
    const drilled = await holdfast(`drill latest --server ${toEu.url} --json`);
    expect(drilled, drilled.stderr).toMatchObject({ status: 0 });
    expect(drilled.json().outcome).toBe('equal');
    const compared = drilled.json().comparison.map(({ dataset }: { dataset: string }) => dataset);
    expect(compared).toEqual(expect.arrayContaining(['eu/characters', 'us/characters', 'us/version']));
    expect(await toEu.get('/')).toBeNull();
    expect((await holdfast('drill latest --server game')).stderr).toContain('drills run in one database');
    us.fail({ kind: 'status', status: 401, times: 1000, text: '{"error":"Permission denied"}' });
    const looked = await holdfast('test --source game --json');
    expect(looked.status).toBe(30);
    const differing = looked
      .json()
      .checks.filter(({ outcome }: { outcome: string }) => outcome === 'differs')
      .map(({ name }: { name: string }) => name.split('/')[0]);
    expect(new Set(differing)).toEqual(new Set(['us']));
    expect(looked.json().checks.map(({ name }: { name: string }) => name)).toContain('eu/shallow');
  });

  it('finds what is wrong in the configuration, and shows no URL', async () => {
    const secret = `${eu.url}/?auth=hush`;
    for (const [instances, message] of [
      [{ 'e/u': eu.url }, 'give databases by name'],
      [{ eu: 5 }, 'sources.game.instances'],
      [{ eu: 'ftp://nowhere' }, 'give databases by name'],
      [{ eu: secret, us: `${secret}&x=1` }, "unknown parameter 'x'"],
      [{ eu: secret, us: `${eu.url}/tenants?auth=hush` }, 'the instances eu and us are the same database'],
      [{}, 'give databases by name'],
      ['eu=ftp://x?auth=hush', 'give databases by name'],
    ] as const) {
      await configure(instances);
      const result = await holdfast('backup --source game');
      expect(result).toMatchObject(failure('E_CONFIG', message));
      expect(result.stderr).not.toContain('hush');
    }
    const config = { drill: { 'firebase-rtdb': { url: eu.url, instances: { eu: eu.url } } } };
    await writeFile(path.join(cwd, 'holdfast.config.json'), JSON.stringify(config));
    expect((await holdfast('list')).stderr).toMatch(/drill.firebase-rtdb.instances is not a setting$/m);
  });
});
