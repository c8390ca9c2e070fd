import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';

/** What the console is written for: releases of 2024 and later. */
const BROWSERS = ['chrome125', 'firefox128', 'safari18'];

/** Bundles the console into a folder: `index.html` and `assets/`, all that a web server needs to hand out. @returns its modules */
export async function buildConsole(outFolder: string): Promise<string[]> {
  const built = await build({
    configFile: false,
    root: fileURLToPath(new URL('../console', import.meta.url)),
    // Served from wherever its files lie: addresses in it are relative.
    base: './',
    logLevel: 'warn',
    oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
    build: {
      outDir: path.resolve(outFolder),
      emptyOutDir: true,
      target: BROWSERS,
      cssTarget: BROWSERS,
      // A data: address would need an exception in the content security policy.
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
    },
  });
  const outputs = (Array.isArray(built) ? built : [built]).flatMap((one) =>
    'output' in one ? one.output : [],
  );
  return outputs.flatMap((output) => (output.type === 'chunk' ? output.moduleIds : []));
}
