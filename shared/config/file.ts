import { readFile } from 'node:fs/promises';
// Not by its name: older releases of Node lack it, and are to say so themselves (bin/check-node.cjs).
import * as nodeModule from 'node:module';
import { pathToFileURL } from 'node:url';
import { HoldfastError } from '../core/errors.ts';

/** Tried in this order. */
export const DEFAULT_FILES = ['holdfast.config.ts', 'holdfast.config.js', 'holdfast.config.json'] as const;

/** The unchecked content of a configuration file. @throws E_CONFIG */
export async function readConfigFile(file: string): Promise<unknown> {
  try {
    if (file.endsWith('.json')) return JSON.parse(await readFile(file, 'utf8'));
    const module = (await importModule(pathToFileURL(file).href)) as { readonly default?: unknown };
    if (module.default !== undefined) return module.default;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.split('\n')[0] : String(cause);
    throw new HoldfastError('E_CONFIG', `${file} cannot be read: ${reason}`, {
      cause,
      hint: isWithoutHoldfast(cause)
        ? 'Install Holdfast in its folder too (npm install FILE.tgz), or write holdfast.config.json, which imports nothing.'
        : 'Correct it, or name another with --config.',
    });
  }
  throw new HoldfastError('E_CONFIG', `${file} has no default export`, {
    hint: 'Write: export default defineConfig({ … }).',
  });
}

/** A program that is installed for the whole machine is not found by what a file imports. */
function isWithoutHoldfast(cause: unknown): boolean {
  return (
    cause instanceof Error &&
    /^Cannot find (?:package 'holdfast'|module '[^']*node_modules\/holdfast\/)/.test(cause.message)
  );
}

/**
 * TypeScript is imported as an ES module even if the nearest package.json says "commonjs", as `npm init`
 * writes.
 */
async function importModule(url: string): Promise<unknown> {
  if (!url.endsWith('.ts')) return import(url);
  const hooks = nodeModule.registerHooks({
    load: (loaded, context, nextLoad) =>
      nextLoad(loaded, loaded === url ? { ...context, format: 'module-typescript' } : context),
  });
  try {
    return await import(url);
  } finally {
    hooks.deregister();
  }
}
