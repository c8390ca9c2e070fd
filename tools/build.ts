import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { build } from 'esbuild';
import { buildConsole } from './build-console.ts';
import { buildLambdas } from './build-lambdas.ts';

/** Beside each other, so that a module finds its worker by name wherever it ends up (shared/core/worker-url.ts). */
const ENTRIES = {
  main: 'cli/main.ts',
  config: 'shared/core/config.ts',
  cdk: 'infra/holdfast-cdk.ts',
  express: 'shared/api/express.ts',
  'codec-worker': 'shared/repository/codec-worker.ts',
  'pg-dump-worker': 'shared/sources/postgres/pg-dump-worker.ts',
};
/** Not bundled: what is loaded seldom and should be updated by itself, or comes with files of its own. */
const EXTERNAL = ['@aws-sdk/*', '@electric-sql/*', 'pg-native', 'aws-cdk-lib', 'aws-cdk-lib/*', 'constructs'];

rmSync('dist', { recursive: true, force: true });
await build({
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
});
execFileSync('npx', ['tsc', '-p', 'tsconfig.build.json'], { stdio: 'inherit' });
await buildLambdas('dist/lambdas');
await buildConsole('dist/console');
