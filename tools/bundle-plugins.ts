import { readFile } from 'node:fs/promises';
import type { Plugin } from 'esbuild';

/** Ways to get credentials that a function never asks: it has its own in its environment. A task may need them. */
const WAYS = /^@aws-sdk\/credential-provider-(cognito-identity|ini|login|process|sso|web-identity)$/;
/** Begins the entry point of each of these ways. */
export const WAY = 'way-to-credentials';

/** Makes each of these ways a file of its own. */
const waysApart: Plugin = {
  name: 'ways-to-credentials-apart',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: WAYS }, ({ path: name, namespace, resolveDir }) =>
      namespace === WAY ? undefined : { path: name, namespace: WAY, pluginData: resolveDir },
    );
    onLoad({ filter: /./, namespace: WAY }, ({ path: name, pluginData }) => ({
      contents: `export * from '${name}';`,
      resolveDir: pluginData,
    }));
  },
};

/** The SDK brings a library that tells browsers apart, and asks it in browsers alone. */
const noBrowsers: Plugin = {
  name: 'no-browsers',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^bowser$/ }, () => ({ path: 'none', namespace: 'no-browsers' }));
    onLoad({ filter: /./, namespace: 'no-browsers' }, () => ({ contents: 'export default {};' }));
  },
};

/** The driver of PostgreSQL brings a pool of connections, and each job here has sessions of its own. */
const noPools: Plugin = {
  name: 'no-pools',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^pg-pool$/ }, () => ({ path: 'none', namespace: 'no-pools' }));
    onLoad({ filter: /./, namespace: 'no-pools' }, () => ({ contents: 'module.exports = class {};' }));
  },
};

/** It brings a second client too, over a library in C that is not there. */
const noNativeClient: Plugin = {
  name: 'no-native-client',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]pg[\\/]lib[\\/]native[\\/]index\.js$/ }, () => ({
      contents: 'module.exports = undefined;',
    }));
  },
};

/** As the SDK writes each of its hundreds of errors, whose fields differ and whose code does not. */
const SDK_ERROR =
  /^export class (\w+) extends __BaseException \{\n {4}static shapeId = ("[^"]+");\n {4}name = "\1";\n {4}\$fault = ("client"|"server");\n(?: {4}\w+;\n)* {4}constructor\(opts\) \{\n {8}super\(\{\n {12}name: "\1",\n {12}\$fault: \3,\n {12}\.\.\.opts,\n {8}\}\);\n {8}Object\.setPrototypeOf\(this, \1\.prototype\);\n(?: {8}this\.(\w+) = opts\.\4;\n)* {4}\}\n\}$/gm;

/** One class makes them all: the errors of SSM alone take as much as the code that reads a parameter. */
const smallErrors: Plugin = {
  name: 'small-errors',
  setup({ onLoad }) {
    onLoad(
      { filter: /@aws-sdk[\\/]client-[\w-]+[\\/]dist-es[\\/]models[\\/]errors\.js$/ },
      async ({ path: file }) => ({
        contents: `${(await readFile(file, 'utf8')).replaceAll(SDK_ERROR, 'export const $1 = /* @__PURE__ */ __error("$1", $2, $3);')}
function __error(name, shapeId, $fault) {
  return class extends __BaseException {
    static shapeId = shapeId;
    constructor(opts) {
      super({ name, $fault, ...opts });
      Object.assign(this, opts, { name, $fault });
    }
  };
}`,
      }),
    );
  },
};

/**
 * Shapes of the SDK's requests and answers have keys that are computed of constants, so none would be left out that nobody
 * uses. An error that is not listed keeps its name, and is of no class of its own.
 */
const fewShapes: Plugin = {
  name: 'few-shapes',
  setup({ onLoad }) {
    const unlisted =
      /^\w+\.registerError\((?!Parameter|InternalServerError|InvalidKeyId|ExecutionAlreadyExists|\w+ServiceException)\w+\$, \w+\);$/gm;
    onLoad(
      { filter: /@aws-sdk[\\/]client-[\w-]+[\\/]dist-es[\\/]schemas[\\/]schemas_0\.js$/ },
      async ({ path: file }) => {
        const text = await readFile(file, 'utf8');
        const constants = new Map(
          [...text.matchAll(/^const (_\w+) = ("[^"]*");$/gm)].map(([, name, value]) => [name, value]),
        );
        const plain = text.replaceAll(/\[(_\w+)\]:/g, (whole, name: string) => {
          const value = constants.get(name);
          return value === undefined ? whole : `${value}:`;
        });
        return { contents: file.includes('client-s3') ? plain : plain.replaceAll(unlisted, '') };
      },
    );
  },
};

/** Packages ask their own `package.json` for their name and version, and nothing else of it. */
const fewPackageFields: Plugin = {
  name: 'few-package-fields',
  setup({ onLoad }) {
    onLoad({ filter: /node_modules[\\/].*[\\/]package\.json$/ }, async ({ path: file }) => {
      const { name, version } = JSON.parse(await readFile(file, 'utf8'));
      return { contents: JSON.stringify({ name, version }), loader: 'json' };
    });
  },
};

/** What libraries bring and no function uses: with what stands in its place, by what is asked for. */
const STAND_INS: readonly { readonly filter: RegExp; readonly contents: string }[] = [
  // Whether Node is as new as some release of years ago.
  { filter: /^semver$/, contents: 'module.exports = { gte: () => true };' },
  // X-Ray's ways to trace clients of AWS, with what they know of each service. Functions trace their own calls.
  { filter: /^\.\/patchers\/aws3?_p$/, contents: 'module.exports = {};' },
  { filter: /\/resources\/aws_whitelist(\.json)?$/, contents: 'module.exports = { services: {} };' },
  // Streams of events: S3 answers with them to selects, and Lambda to calls that stream.
  {
    filter: /^@smithy\/core\/event-streams$/,
    contents: `export const eventStreamSerdeProvider = () => ({});
export const resolveEventStreamSerdeConfig = (config) => config;
export class EventStreamSerde {
  constructor() { throw new Error('functions read no streams of events'); }
}`,
  },
];

const standIns: Plugin = {
  name: 'stand-ins',
  setup({ onResolve, onLoad }) {
    for (const [i, { filter, contents }] of STAND_INS.entries()) {
      const namespace = `stand-in-${i}`;
      onResolve({ filter }, () => ({ path: 'none', namespace }));
      onLoad({ filter: /./, namespace }, () => ({ contents }));
    }
  },
};

const EXPORTED = /^export (?:const|function) (\w+)|^export \{ \w+ as (\w+) \};$/gm;

/** Each schema of zod can be made a JSON Schema, which is how the API is documented. No function does that. */
const noJsonSchemas: Plugin = {
  name: 'no-json-schemas',
  setup({ onLoad }) {
    onLoad(
      { filter: /zod[\\/]v4[\\/]core[\\/](to-json-schema|json-schema-processors)\.js$/ },
      async ({ path: file }) => {
        const names = [...(await readFile(file, 'utf8')).matchAll(EXPORTED)].map(
          ([, own, given]) => own ?? given,
        );
        return {
          contents: `const none = () => () => { throw new Error('functions make no JSON Schemas'); };
export { ${names.map((name) => `none as ${name}`).join(', ')} };`,
        };
      },
    );
  },
};

/** How bundles are made smaller than what their libraries bring. */
export const BUNDLE_PLUGINS: readonly Plugin[] = [
  waysApart,
  noBrowsers,
  noPools,
  noNativeClient,
  smallErrors,
  fewShapes,
  fewPackageFields,
  standIns,
  noJsonSchemas,
];
