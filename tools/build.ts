import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { build } from 'esbuild';
import { buildConsole } from './build-console.ts';
import { buildLambdas, PG_DUMP_WASM } from './build-lambdas.ts';
import { packBundles } from './pack-bundles.ts';
import { keepPublicTypes } from './public-types.ts';
import { writeLicenses } from './third-party-licenses.ts';

/** Beside each other, so that a module finds its worker by name wherever it ends up (shared/core/worker-url.ts). */
const ENTRIES = {
  main: 'cli/main.ts',
  library: 'shared/library/index.ts',
  config: 'shared/config/config.ts',
  cdk: 'infra/holdfast-cdk.ts',
  express: 'shared/api/express.ts',
  'codec-worker': 'shared/repository/codec/codec-worker.ts',
  'pg-dump-worker': 'shared/sources/postgres/pg-dump/pg-dump-worker.ts',
};
/** Not bundled: what is loaded seldom and should be updated by itself. */
const EXTERNAL = ['@aws-sdk/*', 'pg-native', 'aws-cdk-lib', 'aws-cdk-lib/*', 'constructs'];
/** Where the functions' folders are made, before what they have in common is packed once. */
const LAMBDAS = 'node_modules/.cache/holdfast-lambdas/packed';

rmSync('dist', { recursive: true, force: true });
const { metafile } = await build({
  entryPoints: ENTRIES,
  outdir: 'dist',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node24',
  external: EXTERNAL,
  loader: { '.authorities.json': 'copy' },
  assetNames: '[name]',
  banner: {
    js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
  },
  logLevel: 'warning',
  metafile: true,
});
// Its code looks for it beside itself.
await copyFile(PG_DUMP_WASM, 'dist/pg_dump.wasm');
execFileSync('npx', ['tsc', '-p', 'tsconfig.build.json'], { stdio: 'inherit' });
await keepPublicTypes('dist/types', [
  'infra/holdfast-cdk',
  'shared/config/config',
  'shared/api/express',
  'shared/library/index',
]);
const functionModules = await buildLambdas(LAMBDAS);
await packBundles(LAMBDAS, 'dist/lambdas');
const consoleModules = await buildConsole('dist/console');
await writeLicenses('dist/third-party-licenses.txt', [
  ...Object.keys(metafile.inputs),
  ...functionModules,
  ...consoleModules,
]);
