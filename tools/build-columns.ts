import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import asc from 'assemblyscript/asc';

const SOURCE = 'shared/format/columns/columns.assembly.ts';
const MODULE = 'shared/format/columns/module.ts';

/** Compiles the column codec: the text of `shared/format/columns/module.ts`. @throws with the compiler's words */
export async function compileColumns(): Promise<string> {
  const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-columns-'));
  const built = path.join(folder, 'columns.wasm');
  try {
    const options = [
      '-O3',
      '--enable',
      'simd,bulk-memory',
      '--runtime',
      'stub',
      '--importMemory',
      '--noAssert',
    ];
    const { error, stderr } = await asc.main([SOURCE, ...options, '-o', path.relative('.', built)]);
    if (error) throw new Error(`${SOURCE} does not compile: ${stderr.toString().slice(0, 2000)}`);
    const base64 = readFileSync(built).toString('base64');
    return `/** Built from columns.assembly.ts by \`npm run columns\`. */\nexport const MODULE =\n  '${base64}';\n`;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (import.meta.main) writeFileSync(MODULE, await compileColumns());
