import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import asc from 'assemblyscript/asc';

/** Sources in AssemblyScript, and the modules that are made of them. */
export const WASM_MODULES = [
  { source: 'shared/format/columns/columns.assembly.ts', module: 'shared/format/columns/module.ts' },
  {
    source: 'shared/sources/mysql/rows/rows.assembly.ts',
    module: 'shared/sources/mysql/rows/rows-module.ts',
  },
] as const;

const OPTIONS = ['-O3', '--enable', 'simd,bulk-memory', '--runtime', 'stub', '--importMemory', '--noAssert'];

/** Compiles a source: the text of its module. @throws with the compiler's words */
export async function compileWasm(source: string): Promise<string> {
  const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-wasm-'));
  const built = path.join(folder, 'module.wasm');
  try {
    const { error, stderr } = await asc.main([source, ...OPTIONS, '-o', path.relative('.', built)]);
    if (error) throw new Error(`${source} does not compile: ${stderr.toString().slice(0, 2000)}`);
    const base64 = readFileSync(built).toString('base64');
    return `/** Built from ${path.basename(source)} by \`npm run wasm\`. */\nexport const MODULE =\n  '${base64}';\n`;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (import.meta.main)
  for (const { source, module } of WASM_MODULES) writeFileSync(module, await compileWasm(source));
