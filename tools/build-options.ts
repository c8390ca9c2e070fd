import type { BuildOptions } from 'esbuild';

/** Begins modules that are bundled: packages of CommonJS call `require`. */
export const REQUIRE_BANNER =
  "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);";

/** How the package's code is built, whatever its entry points are. */
export const OF_THE_PACKAGE = {
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  // Older releases can read it then, and say that they are too old.
  target: 'node20',
  // Names stay, for traces; what is between them is a fifth of the package.
  minifyWhitespace: true,
  minifySyntax: true,
  // Not bundled: what is loaded seldom and should be updated by itself, and what the program brings if it wants it.
  external: ['@aws-sdk/*', '@duckdb/node-api', 'pg-native'],
  loader: { '.authorities.json': 'copy' },
  assetNames: '[name]',
  banner: { js: REQUIRE_BANNER },
  logLevel: 'warning',
} satisfies BuildOptions;
