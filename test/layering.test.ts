import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { VERSION } from '../shared/core/version.ts';

/** Lowest layer first: what each folder may import, besides itself. */
const LAYERS: ReadonlyArray<readonly [folder: string, mayImport: readonly string[]]> = [
  ['shared/core', []],
  ['shared/sources', ['shared/core']],
  ['shared/config', ['shared/core', 'shared/sources']],
  ['shared/store', ['shared/core', 'shared/config']],
  ['shared/format', ['shared/core', 'shared/config']],
  ['shared/keys', ['shared/core']],
  ['shared/api/schema', ['shared/core', 'shared/config']],
  ['shared/repository', ['shared/core', 'shared/config', 'shared/store', 'shared/format', 'shared/keys']],
  [
    'shared/jobs',
    [
      'shared/core',
      'shared/sources',
      'shared/config',
      'shared/store',
      'shared/format',
      'shared/keys',
      'shared/repository',
      'shared/api/schema',
    ],
  ],
  [
    'shared/api',
    [
      'shared/core',
      'shared/sources',
      'shared/config',
      'shared/store',
      'shared/repository',
      'shared/jobs',
      'shared/api/schema',
    ],
  ],
  ['shared/library', ['shared/core', 'shared/config', 'shared/sources', 'shared/repository', 'shared/jobs']],
  [
    'lambdas',
    ['shared/core', 'shared/sources', 'shared/config', 'shared/jobs', 'shared/api/schema', 'shared/api'],
  ],
  [
    'cli',
    ['shared/core', 'shared/sources', 'shared/config', 'shared/jobs', 'shared/api/schema', 'shared/api'],
  ],
  ['console', ['shared/core', 'shared/config', 'shared/api/schema']],
  ['infra', ['shared/core', 'shared/sources', 'shared/config', 'shared/api/schema']],
];

const IMPORT = /(?:from|import)\s*\(?\s*'(\.[^']+)'/g;
/** The layer of a file: of folders inside each other the inner one. */
const layerOf = (file: string) =>
  LAYERS.filter(([folder]) => file.startsWith(`${folder}/`)).reduce<(typeof LAYERS)[number] | undefined>(
    (inner, layer) => (inner && inner[0].length > layer[0].length ? inner : layer),
    undefined,
  );
const files = ['shared', 'cli', 'lambdas', 'infra', 'console']
  .flatMap((folder) => listFolder(folder))
  .filter((file) => /\.tsx?$/.test(file));

function listFolder(folder: string): string[] {
  try {
    return readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((file) => path.join(folder, file));
  } catch {
    return [];
  }
}

/** The file without its comments, so that words in them do not count. */
function codeOf(file: string): string {
  return readFileSync(file, 'utf8').replaceAll(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '');
}

describe('layers', () => {
  it('are listed lowest first, so that no two can import each other', () => {
    for (const [i, [, mayImport]] of LAYERS.entries()) {
      const below = LAYERS.slice(0, i).map(([folder]) => folder);
      expect(below).toEqual(expect.arrayContaining([...mayImport]));
    }
  });

  it.each(files)('%s imports only from below', (file) => {
    const [folder, mayImport] = layerOf(file)!;
    for (const [, specifier] of codeOf(file).matchAll(IMPORT)) {
      const target = layerOf(path.join(path.dirname(file), specifier!))?.[0];
      expect([folder, ...mayImport], `${file} imports ${specifier}`).toContain(target);
    }
  });

  it.each(files)(
    '%s takes zod as a namespace: its messages in all languages are left out of bundles then',
    (file) => {
      expect(codeOf(file)).not.toMatch(/import \{[^}]*\} from 'zod'/);
    },
  );

  it.each(files.filter((file) => file.startsWith('shared/')))(
    '%s reads no environment, prints nothing',
    (file) => {
      const code = codeOf(file);
      expect(code).not.toMatch(/\bprocess\.env\b|\bconsole\./);
      if (file !== 'shared/core/clock.ts') expect(code).not.toMatch(/\bDate\.now\(|new Date\(\)/);
    },
  );
});

describe('kinds of databases', () => {
  /** `postgres`; undefined for what all kinds share. */
  const kindOf = (file: string) => /^shared\/sources\/([a-z-]+)\//.exec(file)?.[1];
  // What knows of Amazon's databases, of whichever kind.
  const SHARED = ['rds'];

  it.each(files.filter((file) => kindOf(file) !== undefined))(
    '%s imports no file of another kind',
    (file) => {
      const others = importsOf(file)
        .map(kindOf)
        .filter((kind) => kind !== undefined && kind !== kindOf(file) && !SHARED.includes(kind));
      expect(others).toEqual([]);
    },
  );
});

describe('files', () => {
  it('import no file in a circle, types included', () => {
    expect(circles()).toEqual([]);
  });
});

/** Each circle of imports once, as the files that it goes through. */
function circles(): string[][] {
  const found: string[][] = [];
  const done = new Set<string>();
  const imports = new Map(files.map((file) => [file, importsOf(file)]));
  const visit = (file: string, way: readonly string[]): void => {
    const at = way.indexOf(file);
    if (at >= 0) found.push([...way.slice(at), file]);
    if (at >= 0 || done.has(file)) return;
    for (const imported of imports.get(file) ?? []) visit(imported, [...way, file]);
    done.add(file);
  };
  for (const file of files) visit(file, []);
  return found;
}

function importsOf(file: string): string[] {
  return [...codeOf(file).matchAll(IMPORT)].map(([, specifier]) => path.join(path.dirname(file), specifier!));
}

describe('package', () => {
  it('says the version that backups are marked with', () => {
    expect(JSON.parse(readFileSync('package.json', 'utf8')).version).toBe(VERSION);
  });
});
