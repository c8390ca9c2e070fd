import { execFile } from 'node:child_process';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'vitest';
import { blocksOf, PAGES } from '../support/pages.ts';
import { turns } from '../support/repository/torture.ts';

// The compiler looks at most of the project for it.
const it = turns(3);

/** What begins with a setting is a part of a configuration. */
const PART = /^\w+: /;
/** What only declares types. */
const TYPES = /^(interface|type) \w/;
const TIMEOUT_MS = 120_000;

/** Each example of a page as a module. */
function examplesOf(page: string) {
  const blocks = blocksOf(page).filter(({ language }) => language === 'ts');
  // Types of a page go by each other.
  const types = blocks.filter(({ code }) => TYPES.test(code)).map(({ code }) => code);
  const others = blocks.filter(({ code }) => !TYPES.test(code));
  return [...others, ...(types.length > 0 ? [{ code: `${types.join('\n')}\nexport {};\n` }] : [])].map(
    ({ code }, i) => ({
      name: `${page.replaceAll('/', '-').replace('.md', '')}-${i + 1}.ts`,
      code: PART.test(code)
        ? `import { defineConfig } from 'holdfast/config';\nexport default defineConfig({${code}});\n`
        : inPlace(code),
    }),
  );
}

/** Files of CONTRIBUTING.md are of `cli/commands` and `test/cli`, and import what lies there. */
function inPlace(code: string): string {
  const above = code.includes("from 'vitest'") ? 'test' : 'cli';
  return code
    .replaceAll("from '../../", `from '${path.resolve('.')}/`)
    .replaceAll("from '../", `from '${path.resolve(above)}/`);
}

it(
  'every TypeScript example of the documents type-checks as it stands, strictly',
  async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'holdfast-examples-'));
    const examples = PAGES.flatMap(examplesOf);
    expect(examples.length).toBeGreaterThan(10);
    try {
      await symlink(path.resolve('node_modules'), path.join(folder, 'node_modules'));
      for (const { name, code } of examples) await writeFile(path.join(folder, name), code);
      const settings = {
        compilerOptions: {
          target: 'es2024',
          module: 'nodenext',
          lib: ['es2024', 'esnext.disposable', 'esnext.array', 'esnext.iterator'],
          strict: true,
          noUnusedLocals: false,
          noEmit: true,
          skipLibCheck: true,
          allowImportingTsExtensions: true,
          resolveJsonModule: true,
          types: ['node'],
          // What the package exports (package.json).
          paths: {
            holdfast: [path.resolve('shared/library/index.ts')],
            'holdfast/config': [path.resolve('shared/config/config.ts')],
            'holdfast/cdk': [path.resolve('infra/holdfast-cdk.ts')],
            'holdfast/express': [path.resolve('shared/api/express.ts')],
            'holdfast/fetch': [path.resolve('shared/api/express.ts')],
            'holdfast/testing': [path.resolve('test/contract/index.ts')],
          },
        },
        files: examples.map(({ name }) => name),
      };
      await writeFile(path.join(folder, 'package.json'), '{"type":"module"}');
      await writeFile(path.join(folder, 'tsconfig.json'), JSON.stringify(settings));
      const tsc = path.resolve('node_modules/.bin/tsc');
      const { stdout } = await promisify(execFile)(tsc, ['-p', folder]).catch((error) => error);
      // Code of the project is held to settings of its own.
      const found = stdout.split('\n').filter((line: string) => line.includes(path.basename(folder)));
      expect(found).toEqual([]);
    } finally {
      await rm(folder, { recursive: true });
    }
  },
  TIMEOUT_MS,
);
