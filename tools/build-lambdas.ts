import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { type BuildOptions, build, type Metafile, type Plugin } from 'esbuild';
import { API_FUNCTION_NAMES, FUNCTION_NAMES, OPTIONAL_FUNCTION_NAMES } from '../shared/config/aws.ts';
import { ownSourceMap } from './own-source-map.ts';

/** pg_dump's own bytes, which its code looks for beside itself. */
export const PG_DUMP_WASM = fileURLToPath(
  new URL('pg_dump.wasm', import.meta.resolve('@electric-sql/pglite-tools/pg_dump')),
);

/** Functions: those of backups, and those of the admin API. */
const FUNCTIONS: readonly string[] = [...FUNCTION_NAMES, ...API_FUNCTION_NAMES, ...OPTIONAL_FUNCTION_NAMES];
const WORKERS = {
  'codec-worker': 'shared/repository/codec/codec-worker.ts',
  'pg-dump-worker': 'shared/sources/postgres/pg-dump/pg-dump-worker.ts',
};
/** Functions that read a schema. */
const WITH_PG_DUMP: readonly string[] = ['backup-partition', 'drill', 'restore', 'look', 'task'];
/** Functions that open no chunk and make none. */
const WITHOUT_CODEC: readonly string[] = [
  'plan',
  'watchdog',
  'prune',
  'lock',
  'copy',
  'poll',
  'poll-watchdog',
  'admin-api',
  'decide',
];

const COMMON = {
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node24',
  minify: true,
  sourcemap: 'linked',
  sourcesContent: false,
  outExtension: { '.js': '.mjs' },
  // Of packages that are there twice, the form that leaves out what nobody uses.
  mainFields: ['module', 'main'],
  external: ['pg-native'],
  legalComments: 'none',
  // Left as a file of its own, read if it is needed.
  loader: { '.authorities.json': 'copy' },
  assetNames: '[name]',
  banner: {
    js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
  },
  logLevel: 'warning',
} as const satisfies BuildOptions;

/** Ways to get credentials that a function never asks: it has its own in its environment. A task may need them. */
const WAYS = /^@aws-sdk\/credential-provider-(cognito-identity|ini|login|process|sso|web-identity)$/;
const WAY = 'way-to-credentials';

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

/** What functions have in the place of such a file. */
function noWay(names: readonly string[]): Uint8Array {
  return Buffer.from(`const none = () => async () => {
  throw Object.assign(new Error('there are no credentials in the environment'), {
    name: 'CredentialsProviderError', tryNextLink: true,
  });
};
export { ${names.map((name) => `none as ${name}`).join(', ')} };
`);
}

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

/**
 * Bundles every function, and the Fargate task, each into a folder of its own: `index.mjs`, what it loads when it needs it, and
 * its worker threads beside it.
 *
 * @param folder that gets one folder a function
 * @returns the modules that are in them
 */
export async function buildLambdas(folder: string): Promise<string[]> {
  await rm(folder, { recursive: true, force: true });
  const modules = await bundle(folder, [...FUNCTIONS, 'task']);
  await cp('lambdas/Dockerfile', path.join(folder, 'task', 'Dockerfile'));
  return modules;
}

/** Together, as most of their code is the same: what is common is one file, by one name. */
async function bundle(folder: string, names: readonly string[]): Promise<string[]> {
  const handlers = names.map((name) => [
    name,
    name === 'task' ? 'lambdas/task.ts' : `lambdas/${name}/handler.ts`,
  ]);
  const entryPoints = { ...Object.fromEntries(handlers), ...WORKERS };
  const { outputFiles, metafile } = await build({
    ...COMMON,
    entryPoints,
    plugins: [
      waysApart,
      noBrowsers,
      noPools,
      noNativeClient,
      smallErrors,
      fewShapes,
      fewPackageFields,
      standIns,
      noJsonSchemas,
    ],
    outdir: folder,
    write: false,
    metafile: true,
  });
  const contents = new Map(
    outputFiles.map(({ path: file, contents, text }) => [
      path.basename(file),
      file.endsWith('.map') ? Buffer.from(ownSourceMap(text, isOwn)) : contents,
    ]),
  );
  const outputs = new Map(
    Object.entries(metafile.outputs).map(([file, output]) => [path.basename(file), output]),
  );
  const built = { contents, outputs };
  const ofFunctions = withoutWays(built);
  for (const name of names)
    await writeOne(path.join(folder, name), name, name === 'task' ? built : ofFunctions);
  return Object.keys(metafile.inputs);
}

/** Bundles are made below `node_modules`, where packages are too: ours are above. */
const isOwn = (source: string) => /^(\.\.\/)+(lambdas|shared)\//.test(source);

interface Built {
  /** Files by name. */
  readonly contents: ReadonlyMap<string, Uint8Array>;
  /** What each of them is made of, and loads, at once or when it needs it. */
  readonly outputs: ReadonlyMap<string, Metafile['outputs'][string]>;
}

/** The same with something that finds no credentials in the place of each way to them. */
function withoutWays({ contents, outputs }: Built): Built {
  const ways = [...outputs].filter(([, { entryPoint }]) => entryPoint?.startsWith(`${WAY}:`));
  const kept = [...contents].filter(([file]) => !ways.some(([name]) => file === `${name}.map`));
  const stubs = ways.map(([file, { exports }]) => [file, noWay(exports)] as const);
  const loadNothing = ways.map(([file, output]): (typeof ways)[number] => [file, { ...output, imports: [] }]);
  return { contents: new Map([...kept, ...stubs]), outputs: new Map([...outputs, ...loadNothing]) };
}

async function writeOne(folder: string, name: string, { contents, outputs }: Built): Promise<void> {
  await mkdir(folder, { recursive: true });
  const needed = filesFor(name, outputs);
  for (const file of needed) {
    const placed = file === `${name}.mjs` ? 'index.mjs' : file;
    await writeFile(path.join(folder, placed), contents.get(file) ?? '');
    const map = contents.get(`${file}.map`);
    if (map) await writeFile(path.join(folder, `${file}.map`), map);
  }
  if (!WITH_PG_DUMP.includes(name)) return;
  await cp(PG_DUMP_WASM, path.join(folder, path.basename(PG_DUMP_WASM)));
}

/** What opens which parts of a kind of database. Who has none of these has no use for the part, though every plugin names it. */
const OPENERS: Readonly<Record<string, readonly string[]>> = {
  'shared/jobs/source/open-source.ts': ['source'],
  'shared/jobs/source/adapters.ts': ['target', 'scratch'],
  'shared/jobs/source/open-checks.ts': ['checks'],
  'shared/jobs/restore/transfers.ts': ['export'],
  'shared/jobs/inside/row-shape.ts': ['rows'],
  'shared/jobs/inside/diff-sql.ts': ['row-statements'],
  'shared/jobs/inside/restore-rows.ts': ['row-target'],
  'shared/jobs/mask/read-facts.ts': ['facts'],
  'shared/jobs/changes/openers.ts': ['changes/stream', 'changes/setup'],
  'shared/jobs/changes/restore-moment.ts': ['changes/replay'],
  'shared/jobs/changes/choose-until.ts': ['changes/decoder'],
  'shared/jobs/changes/base-and-stream.ts': ['changes/decoder'],
  'shared/jobs/changes/proof/prove-base.ts': ['changes/decoder'],
  'shared/jobs/drill/drill-moment.ts': ['changes/replay', 'changes/decoder'],
  'shared/jobs/changes/newest-changes.ts': ['changes/base-join'],
  'shared/jobs/backup/plan-backup.ts': ['sharing'],
  'shared/jobs/backup/backup-share.ts': ['sharing'],
};
const PART =
  /^shared\/sources\/[^/]+\/(source|target|scratch|checks|export|import|rows|query|row-statements|row-target|facts|sharing|changes\/(?:stream|setup|replay|decoder|base-join))\.ts$/;

/** Functions and tasks have no disk to back up (infra/constructs/pipeline-checks.ts). */
const ON_DISK = /^shared\/sources\/files\//;

/** The files of a function: all that its code can load, but for parts of kinds of databases that it never opens. */
function filesFor(name: string, outputs: Built['outputs']): ReadonlySet<string> {
  const begin = [`${name}.mjs`, ...workersOf(name)];
  const modules = [...reach(begin, outputs, [])].flatMap((file) =>
    Object.keys(outputs.get(file)?.inputs ?? {}),
  );
  return reach(
    begin,
    outputs,
    modules.flatMap((module) => OPENERS[module] ?? []),
  );
}

function reach(
  begin: readonly string[],
  outputs: Built['outputs'],
  parts: readonly string[],
): ReadonlySet<string> {
  const reached = new Set(begin);
  // A set goes on to what is added to it meanwhile.
  for (const file of reached)
    for (const { path: imported } of outputs.get(file)?.imports ?? []) {
      const found = path.basename(imported);
      const entryPoint = outputs.get(found)?.entryPoint ?? '';
      const part = PART.exec(entryPoint)?.[1];
      const isOpened = part === undefined || (parts.includes(part) && !ON_DISK.test(entryPoint));
      if (outputs.has(found) && isOpened) reached.add(found);
    }
  return reached;
}

function workersOf(name: string): string[] {
  return [
    ...(WITHOUT_CODEC.includes(name) ? [] : ['codec-worker.mjs']),
    ...(WITH_PG_DUMP.includes(name) ? ['pg-dump-worker.mjs'] : []),
  ];
}

/** How large a function is. */
export interface BundleSize {
  readonly name: string;
  /** Of code. Source maps, and pg_dump's WebAssembly if it is there, come on top. */
  readonly codeBytes: number;
  readonly wasmBytes: number;
  /** About what a zip of all that takes, with the authorities of RDS. */
  readonly packedBytes: number;
}

/** Sizes of what `buildLambdas` made. */
export async function bundleSizes(folder: string): Promise<BundleSize[]> {
  const names = await readdir(folder);
  return Promise.all(names.toSorted().map((name) => sizeOf(name, path.join(folder, name))));
}

async function sizeOf(name: string, folder: string): Promise<BundleSize> {
  const size = { name, codeBytes: 0, wasmBytes: 0, packedBytes: 0 };
  for (const file of await readdir(folder)) {
    if (!/\.(mjs|wasm|json)$/.test(file)) continue;
    const bytes = await readFile(path.join(folder, file));
    if (file.endsWith('.wasm')) size.wasmBytes += bytes.length;
    if (file.endsWith('.mjs')) size.codeBytes += bytes.length;
    size.packedBytes += gzipSync(bytes).length;
  }
  return size;
}

const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(2)} MB`;

if (import.meta.main) {
  const folder = path.resolve(process.argv[2] ?? 'dist/lambdas');
  await buildLambdas(folder);
  for (const { name, codeBytes, wasmBytes, packedBytes } of await bundleSizes(folder)) {
    const wasm = wasmBytes > 0 ? ` and ${megabytes(wasmBytes)} of pg_dump` : '';
    console.log(`${name.padEnd(18)}${megabytes(codeBytes)}${wasm}, zipped about ${megabytes(packedBytes)}`);
  }
}
