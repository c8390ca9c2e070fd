import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { ENTRY_POINTS } from './entry-points.ts';
import { bundleTypes } from './public-types.ts';

/** TypeDoc, with packages of its own. */
const TYPEDOC = path.resolve('tools/reference');
const DECLARATIONS = 'node_modules/.cache/holdfast-declarations/reference';
const BUNDLED = 'dist/types';

/** Writes `dist/reference`: pages of all that programs can import, from the comments of the code. @throws if TypeDoc warns of something */
export async function buildReference(): Promise<void> {
  const inherit = { stdio: 'inherit' } as const;
  execFileSync('npx', ['tsc', '-p', 'tsconfig.build.json', '--outDir', DECLARATIONS], inherit);
  await bundleTypes(DECLARATIONS, ENTRY_POINTS, BUNDLED);
  execFileSync(
    'npm',
    ['ci', '--prefix', TYPEDOC, '--ignore-scripts', '--no-audit', '--no-fund', '--silent'],
    inherit,
  );
  execFileSync(process.execPath, [path.join(TYPEDOC, 'node_modules/typedoc/bin/typedoc')], {
    ...inherit,
    cwd: TYPEDOC,
  });
}

if (import.meta.main) await buildReference();
