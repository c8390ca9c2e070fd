import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { type Plugin, rolldown } from 'rolldown';
import { dts } from 'rolldown-plugin-dts';

/**
 * Variance that zod claims of its type parameters, with comments for the compiler that bundling loses. The compiler finds it out by
 * itself.
 */
const VARIANCE = /([<,]\s*)(?:\/\*\* @ts-ignore[^*]*\*\/)?out (?=[A-Z])/g;

/** zod's messages in fifty languages, which no type of ours refers to. */
const noLanguages: Plugin = {
  name: 'no-languages',
  resolveId: {
    filter: { id: /\/locales\/index\.c?js$/ },
    handler: () => ({ id: 'zod/locales', external: true }),
  },
};

/**
 * Makes one file of declarations for each entry point, of what can be reached from it and no more, and what several have in common
 * once, types of zod with it. Each is there twice: as `.d.ts` for `import`, and as `.d.cts` for `require` in CommonJS.
 *
 * @param folder of all declarations, as the compiler makes them
 * @param entries module by the name of its entry point
 * @param into that gets the files
 * @returns names of the files
 * @throws if a declaration refers to one that is not there
 */
export async function bundleTypes(
  folder: string,
  entries: Readonly<Record<string, string>>,
  into: string,
): Promise<readonly string[]> {
  const input = Object.fromEntries(
    Object.entries(entries).map(([name, entry]) => [
      name,
      path.resolve(folder, entry.replace(/\.ts$/, '.d.ts')),
    ]),
  );
  const bundle = await rolldown({
    input,
    plugins: [noLanguages, dts({ dtsInput: true, oxc: true, tsconfig: false })],
    external: (id) => /^[^./]/.test(id) && id !== 'zod',
    checks: { pluginTimings: false },
  });
  const options = { format: 'es', minifyInternalExports: false, chunkFileNames: 'shared.d.ts' } as const;
  const { output } = await bundle.generate(options);
  await bundle.close();
  await rm(into, { recursive: true, force: true });
  await mkdir(into, { recursive: true });
  for (const file of output) {
    if (file.type !== 'chunk') throw new Error(`${file.fileName} is no declaration`);
    const code = file.code.replaceAll(VARIANCE, '$1');
    await writeFile(path.join(into, file.fileName), code);
    const common = code.replaceAll(/(from "\.[^"]*)\.js"/g, '$1.cjs"');
    await writeFile(path.join(into, file.fileName.replace(/\.d\.ts$/, '.d.cts')), common);
  }
  return output.map(({ fileName }) => fileName);
}
