import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { openSource } from '../../../shared/jobs/source/open-source.ts';
import type { SourcePlugin } from '../../../shared/sources/plugin.ts';
import { KINDS } from '../../../shared/sources/registry.ts';

/** What may say more of kinds than their plugins do, and why. */
const MAY_NAME: Readonly<Record<string, string>> = {
  'shared/jobs/verify/probe.ts': 'generated lines of text, in a backup that nobody sees',
  'console/screens/backups/first-backups.tsx': 'an example of a configuration',
};
/** Of the seam itself; the rest of `shared/sources` is for `shared/jobs`, and its kinds for nobody. */
const SEAM = /^shared\/sources\/[a-z-]+\.ts$/;
const SOURCES = 'shared/sources/';

const files = ['shared', 'cli', 'lambdas', 'infra', 'console']
  .flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((file) => path.join(folder, file)),
  )
  .filter((file) => /\.tsx?$/.test(file) && !file.startsWith('console/api/generated/'));
const outside = files.filter((file) => !file.startsWith(SOURCES));

/** Without comments, and without the lines of help that show how a command is called. */
function codeOf(file: string): string {
  return readFileSync(file, 'utf8')
    .replaceAll(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '')
    .replaceAll(/^[^\n]*\bholdfast [a-z]+ [^\n]*$/gm, '');
}

function importsOf(file: string, form: RegExp): string[] {
  return [...codeOf(file).matchAll(form)].map(([, name = '']) => path.join(path.dirname(file), name));
}

const STATIC = /(?:^import|^export|^\} from)(?! type\b)[^'\n]*'(\.[^']+)'/gm;
const LAZY = /import\('(\.[^']+)'\)/g;
const ANY = /(?:from|import)\s*\(?\s*'(\.[^']+)'/g;

/** What a plugin loads when it is used. */
const PARTS = [
  'source',
  'target',
  'scratch',
  'checks',
  'export',
  'import',
  'changes/stream',
  'changes/setup',
  'changes/replay',
  'changes/decoder',
  'rows',
  'query',
  'row-statements',
  'row-target',
  'facts',
];

describe('the seam for databases', () => {
  it('is asked by everything: nothing else in the product names a kind of database', () => {
    const words = KINDS.flatMap(({ kind, displayName }) => [kind, displayName]).filter(
      (word) => word !== 'Files',
    );
    const quoted = new RegExp(
      `['"\`](${words.join('|')})['"\`]|\\b(PostgreSQL|Firebase)\\b|firebaseio|postgres(ql)?:\\/\\/`,
    );
    const naming = outside.filter((file) => quoted.test(codeOf(file)));
    expect(naming.toSorted()).toEqual(Object.keys(MAY_NAME).toSorted());
  });

  it('is all that others import: no file of a kind', () => {
    const reached = outside.flatMap((file) =>
      importsOf(file, ANY).flatMap((name) =>
        name.startsWith(SOURCES) && !SEAM.test(name) ? [`${file} imports ${name}`] : [],
      ),
    );
    expect(reached).toEqual([]);
  });

  it.each(KINDS.map(({ kind }) => kind))('%s: loads no driver before it is used', (kind) => {
    const own = `${SOURCES}${kind}/`;
    const seen = new Set([`${own}plugin.ts`]);
    // A set goes on to what is added to it meanwhile.
    for (const file of seen) for (const name of importsOf(file, STATIC)) seen.add(name);
    const packages = [...seen].flatMap((file) =>
      [...codeOf(file).matchAll(/^import (?!type\b)[^'\n]*'([^.'][^']*)'/gm)].map(([, name]) => name),
    );
    expect(packages.filter((name = '') => !['zod', 'node:fs', 'node:path'].includes(name))).toEqual([]);
    const parts = importsOf(`${own}plugin.ts`, LAZY).map((name) => path.relative(own, name));
    expect(PARTS.map((part) => `${part}.ts`)).toEqual(expect.arrayContaining(parts));
    expect([...seen].filter((file) => parts.some((part) => file === own + part))).toEqual([]);
  });
});

const URLS: Readonly<Record<string, string>> = {
  files: '/tmp',
  'firebase-rtdb': 'https://shop.firebaseio.com',
  postgres: 'postgres://me@db.example/shop',
  mysql: 'mysql://me@db.example/shop',
};

describe.each(KINDS.map((plugin): [string, SourcePlugin] => [plugin.kind, plugin]))('%s', (kind, plugin) => {
  const url = URLS[kind] ?? plugin.urlExample;

  it('opens what says that it is of its kind, and has what the plugin says of it', async () => {
    const config = { kind, url, options: {} };
    const source = await openSource(config, {});
    expect(source.kind).toBe(kind);
    expect(source.sharing !== undefined).toBe(plugin.sharesSnapshots ?? false);
    const target = await plugin.openTarget(config, {});
    expect(target.kind).toBe(kind);
    const own = Object.keys(plugin.restoreOptions ?? {});
    expect([...(target.specialOptions ?? [])].filter((name) => name !== 'keepGoing').toSorted()).toEqual(
      own.toSorted(),
    );
    expect((await plugin.openScratch(config, {})).kind).toBe(kind);
    expect((await plugin.openChecks(config, {})).kind).toBe(kind);
    expect(plugin.exporter === undefined).toBe((plugin.exports ?? []).length === 0);
  });

  it('knows its URL, and no other kind does before', () => {
    expect(KINDS.find(({ isUrl }) => isUrl(url))?.kind).toBe(kind);
  });
});

describe('options of restores', () => {
  it('have one meaning each: no two kinds state the same name or flag', () => {
    const stated = KINDS.flatMap(({ restoreOptions = {} }) => Object.entries(restoreOptions));
    for (const of of [stated.map(([name]) => name), stated.map(([, { flag }]) => flag)])
      expect(of.length).toBe(new Set(of).size);
  });
});
