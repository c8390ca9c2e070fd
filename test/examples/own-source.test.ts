import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { notesPlugin } from '../../examples/own-source/notes/plugin.ts';
import { backup, drill, initRepository, openRepository, restore } from '../../shared/library/index.ts';
import { newFolder } from '../support/temporary.ts';

const NOTES = `# of the shop
"orders"
["1","apples"]
["2",[["what","pears"],["where","Łódź"]]]
"version"
{"value":"3"}
`;
const OWN = 'examples/own-source/notes';
const REGISTRY = 'shared/sources/registry.ts';
const COPIED = ['cli', 'console', 'lambdas', 'shared', 'tools', 'test/support/sources/own-source-process.ts'];

type Command = {
  readonly line: string;
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
};
type Answer = { readonly status: number; readonly text: string };
interface Result {
  readonly commands: readonly Command[];
  readonly api: Readonly<Record<'status' | 'plan' | 'unknown' | 'wrong', Answer>>;
  readonly functions: { readonly mode: string; readonly records: number; readonly datasets: number };
}

/** A copy of the product with one more source: its folder, and its entry in the registry. Nothing else differs. */
async function addNotesTo(tree: string): Promise<void> {
  for (const name of COPIED) await cp(name, path.join(tree, name), { recursive: true });
  for (const name of ['package.json', 'tsconfig.json']) await cp(name, path.join(tree, name));
  await symlink(path.resolve('node_modules'), path.join(tree, 'node_modules'));
  await mkdir(path.join(tree, 'shared/sources/notes'));
  for (const name of await readdir(OWN)) {
    const text = await readFile(path.join(OWN, name), 'utf8');
    const inTree = text
      .replaceAll('../../../shared/sources/', '../')
      .replaceAll('../../../shared/', '../../');
    await writeFile(path.join(tree, 'shared/sources/notes', name), inTree);
  }
  const registry = await readFile(REGISTRY, 'utf8');
  const entered = registry
    .replace(
      'import { filesPlugin }',
      "import { notesPlugin } from './notes/plugin.ts';\nimport { filesPlugin }",
    )
    .replace('  filesPlugin,\n]', '  notesPlugin,\n  filesPlugin,\n]');
  expect(entered.length).toBeGreaterThan(registry.length + 50);
  await writeFile(path.join(tree, REGISTRY), entered);
}

describe('a source of one’s own: a folder and an entry in the registry', () => {
  let folder: string;
  let result: Result;
  const ran = (line: string) => result.commands.find((one) => one.line.startsWith(line))!;
  let base: string;
  afterAll(() => rm(base, { recursive: true, force: true }));
  beforeAll(async () => {
    base = await mkdtemp(path.join(tmpdir(), 'holdfast-own-source-'));
    const tree = path.join(base, 'tree');
    folder = path.join(base, 'work');
    for (const made of [tree, folder]) await mkdir(made);
    await addNotesTo(tree);
    await writeFile(path.join(folder, 'diary.notes'), NOTES);
    const config = {
      repository: './backups',
      sources: { diary: { kind: 'notes', url: 'notes:./diary.notes', comment: '#' } },
      targets: { copy: { kind: 'notes', url: 'notes:./copy.notes' } },
      drill: { notes: { url: 'notes:./drills' } },
    };
    await writeFile(path.join(folder, 'holdfast.config.json'), JSON.stringify(config));
    const driver = path.join(tree, 'test/support/sources/own-source-process.ts');
    const { stdout } = await promisify(execFile)(process.execPath, [driver, folder], {
      cwd: tree,
      maxBuffer: 16 * 1024 * 1024,
    });
    result = JSON.parse(stdout);
  }, 120_000);

  it('is in the help of commands and in what the shell completes', () => {
    expect(ran('help backup').stdout).toMatch(/--source SOURCE[^-]+notes:PATH/);
    expect(ran('help restore').stdout).toMatch(/Notes only:\n\s+--keep-old\s+keep the file that is there/);
    expect(ran('help export').stdout).toMatch(/of Notes\s+ndjson/);
    expect(ran('__complete').stdout).toBe('--keep-old\tkeep the file that is there as FILE.old\n');
  });

  it('is looked at, backed up by name and by URL, and listed', () => {
    expect(ran('test --source diary')).toMatchObject({
      status: 0,
      stdout: expect.stringContaining('holds    reach: The file is there'),
    });
    expect(ran('backup daily')).toMatchObject({ status: 0, stderr: expect.not.stringContaining('error') });
    expect(JSON.parse(ran('backup daily').stdout)).toMatchObject({ records: 3, datasets: 2 });
    expect(ran('backup --source notes:').status).toBe(0);
    const { backups } = JSON.parse(ran('list').stdout);
    expect(backups.map(({ source }: { source: { kind: string } }) => source.kind)).toEqual([
      'notes',
      'notes',
    ]);
  });

  it('is restored, with its own option too, and to a folder', async () => {
    const read = (name: string) => readFile(path.join(folder, name), 'utf8');
    const [whole, , replaced] = result.commands.filter(({ line }) => line.includes('restored.notes'));
    const [, refused] = result.commands.filter(({ line }) => line.includes('restored.notes'));
    expect(whole?.status).toBe(0);
    expect(refused).toMatchObject({ status: 11, stderr: expect.stringContaining('has orders, version') });
    expect(replaced?.status).toBe(0);
    const withoutComment = NOTES.slice(NOTES.indexOf('\n') + 1);
    expect(await read('restored.notes')).toBe(withoutComment);
    expect(await read('restored.notes.old')).toBe(withoutComment);
    expect(ran('restore latest:diary --to ./files --json').status).toBe(0);
    expect(await read('files/version')).toBe('{"value":"3"}\n');
    expect(ran('restore latest:diary --to ./files --keep-old')).toMatchObject({
      status: 2,
      stderr: expect.stringContaining("a target of kind files has no option 'keepOld'"),
    });
  });

  it('is exported and drilled', () => {
    expect(ran('export')).toMatchObject({
      status: 0,
      stdout: '["1","apples"]\n["2",[["what","pears"],["where","Łódź"]]]\n',
    });
    expect(ran('drill').status).toBe(0);
    expect(JSON.parse(ran('drill').stdout)).toMatchObject({ outcome: 'equal', records: 3 });
  });

  it('is described by the API, for the console’s labels and forms; what it does not know is refused', () => {
    const { status, plan, unknown, wrong } = result.api;
    expect(status.status).toBe(200);
    const { kinds } = JSON.parse(status.text).configured;
    expect(kinds.find(({ kind }: { kind: string }) => kind === 'notes')).toEqual({
      kind: 'notes',
      name: 'Notes',
      exports: [{ format: 'ndjson', label: 'Notes, one a line', needsDataset: true }],
      takesEveryKind: false,
      restoreOptions: [
        {
          name: 'keepOld',
          label: 'Keep the old file',
          help: 'keep the file that is there as FILE.old',
          type: 'switch',
        },
      ],
    });
    expect(plan.status).toBe(200);
    expect(JSON.parse(plan.text).plan.steps[0]).toContain('keep the file that is there as');
    expect(unknown).toMatchObject({ status: 400, text: expect.stringContaining('options.keepNew') });
    expect(wrong).toMatchObject({ status: 400, text: expect.stringContaining('options.keepOld') });
  });

  it('is backed up by the bundled functions, which hold its code if they have a use for it', async () => {
    expect(result.functions).toEqual({ mode: 'shares', records: 3, datasets: 2 });
    const codeOf = async (name: string) => {
      const at = path.join(folder, 'lambdas', name);
      const files = (await readdir(at)).filter((file) => file.endsWith('.mjs'));
      return (await Promise.all(files.map((file) => readFile(path.join(at, file), 'utf8')))).join('\n');
    };
    expect(await codeOf('backup-partition')).toContain('holds no notes');
    expect(await codeOf('commit')).not.toContain('holds no notes');
    expect(await codeOf('export')).toContain('notes are exported as ndjson');
    expect(await codeOf('restore')).not.toContain('notes are exported as ndjson');
  });

  it('is shown by a console that is built without knowing of it', async () => {
    const assets = path.join(folder, 'console/assets');
    const scripts = (await readdir(assets)).filter((name) => name.endsWith('.js'));
    const text = (await Promise.all(scripts.map((name) => readFile(path.join(assets, name), 'utf8')))).join(
      '',
    );
    expect(text).toContain('restoreOptions');
    expect(text).not.toMatch(/notes:PATH|firebase-rtdb/);
  });
});

it('is backed up, restored and drilled by the library, which takes its plugin with the URL', async () => {
  const folder = await newFolder();
  await writeFile(path.join(folder, 'diary.notes'), NOTES);
  await mkdir(path.join(folder, 'drills'));
  const at = (name: string) => ({ url: `notes:${path.join(folder, name)}`, plugin: notesPlugin });
  const place = { repository: path.join(folder, 'repository'), encryptionKey: '7'.repeat(64) };
  await initRepository(place);
  await using repository = await openRepository(place);
  const { key } = await backup(repository, at('diary.notes'));
  await restore(repository, key, at('restored.notes'), { special: { keepOld: true } });
  expect(await readFile(path.join(folder, 'restored.notes'), 'utf8')).toBe(
    NOTES.slice(NOTES.indexOf('\n') + 1),
  );
  expect(await drill(repository, key, at('drills'))).toMatchObject({ outcome: 'equal', records: 3 });
});
