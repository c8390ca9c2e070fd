import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { build } from 'esbuild';
import { buildConsole } from './build-console.ts';
import { buildLambdas, PG_DUMP_WASM } from './build-lambdas.ts';
import { OF_THE_PACKAGE } from './build-options.ts';
import { ENTRY_POINTS, moduleOf, peersOfTheProgram, writeEntryPoints } from './entry-points.ts';
import { packBundles } from './pack-bundles.ts';
import { bundleTypes } from './public-types.ts';
import { writeLicenses } from './third-party-licenses.ts';

/** Beside each other, so that a module finds its worker by name wherever it ends up (shared/core/worker-url.ts). */
const ENTRIES = {
  main: 'cli/main.ts',
  'codec-worker': 'shared/repository/codec/codec-worker.ts',
  'pg-dump-worker': 'shared/sources/postgres/pg-dump/pg-dump-worker.ts',
  'query-worker': 'shared/jobs/inside/query/query-worker.ts',
  ...Object.fromEntries(Object.entries(ENTRY_POINTS).map(([name, file]) => [moduleOf(name), file])),
};
/** Where the functions' folders are made, before their common parts are packed once. */
const LAMBDAS = 'node_modules/.cache/holdfast-lambdas/packed';
/** Where the compiler writes all declarations, before those of the entry points are made from them. */
const DECLARATIONS = 'node_modules/.cache/holdfast-declarations';

rmSync('dist', { recursive: true, force: true });
const { metafile } = await build({
  entryPoints: ENTRIES,
  outdir: 'dist',
  ...OF_THE_PACKAGE,
  plugins: [peersOfTheProgram],
  metafile: true,
});
// Its code looks for it beside itself.
await copyFile(PG_DUMP_WASM, 'dist/pg_dump.wasm');
await writeEntryPoints('dist');
rmSync(DECLARATIONS, { recursive: true, force: true });
execFileSync('npx', ['tsc', '-p', 'tsconfig.build.json', '--outDir', DECLARATIONS], { stdio: 'inherit' });
await bundleTypes(DECLARATIONS, ENTRY_POINTS, 'dist/types');
const functionModules = await buildLambdas(LAMBDAS);
await packBundles(LAMBDAS, 'dist/lambdas', ['dist/pg_dump.wasm', 'dist/rds.authorities.json']);
const consoleModules = await buildConsole('dist/console');
await writeLicenses('dist/third-party-licenses.txt', [
  ...Object.keys(metafile.inputs),
  ...functionModules,
  ...consoleModules,
]);
