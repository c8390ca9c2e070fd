import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Plugin } from 'esbuild';

/** What programs may import, by its name in `dist`: the module behind it. */
export const ENTRY_POINTS = {
  library: 'shared/library/index.ts',
  config: 'shared/config/config.ts',
  cdk: 'infra/holdfast-cdk.ts',
  express: 'shared/api/express.ts',
  testing: 'test/contract/index.ts',
};

/** The bundled module of an entry point. What programs import looks at the version of Node first, and then takes it. */
export const moduleOf = (name: string) => `${name}-module`;

/**
 * Writes what programs import, for `import` and for `require`. No module of ours has run before the version of Node was looked at;
 * none may wait at its top level, as `require` could not load it then.
 */
export async function writeEntryPoints(folder: string): Promise<void> {
  for (const name of Object.keys(ENTRY_POINTS)) {
    const imported = `import '../bin/check-node.cjs';\nexport * from './${moduleOf(name)}.js';\n`;
    await writeFile(path.join(folder, `${name}.js`), imported);
    const required = `require('../bin/check-node.cjs');\nmodule.exports = require('./${moduleOf(name)}.js');\n`;
    await writeFile(path.join(folder, `${name}.cjs`), required);
  }
}

/**
 * Packages that the program brings, if it wants them: they are looked for when the code runs, as a missing one could not be told of
 * otherwise.
 */
export const peersOfTheProgram: Plugin = {
  name: 'peers-of-the-program',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^(aws-cdk-lib|constructs)(\/|$)/ }, ({ path: name, namespace }) =>
      namespace === 'peer' ? { path: name, external: true } : { path: name, namespace: 'peer' },
    );
    onLoad({ filter: /./, namespace: 'peer' }, ({ path: name }) => ({
      contents: `try {
        module.exports = require('${name}');
      } catch (cause) {
        if (cause.code !== 'MODULE_NOT_FOUND') throw cause;
        const error = new Error('holdfast/cdk needs two packages beside it, run: npm install aws-cdk-lib constructs');
        error.stack = 'Error: ' + error.message;
        throw error;
      }`,
    }));
  },
};
