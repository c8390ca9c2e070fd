import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { type BuildOptions, build, type Metafile } from 'esbuild';
import { API_FUNCTION_NAMES, FUNCTION_NAMES, OPTIONAL_FUNCTION_NAMES } from '../shared/config/aws.ts';
import { REQUIRE_BANNER } from './build-options.ts';
import { BUNDLE_PLUGINS, WAY } from './bundle-plugins.ts';
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
  banner: { js: REQUIRE_BANNER },
  logLevel: 'warning',
} as const satisfies BuildOptions;

/** Without the banner, if nothing calls `require`; its line stays, for the source map. */
function withoutIdleBanner(text: string): string {
  const code = text.slice(REQUIRE_BANNER.length);
  return text.startsWith(REQUIRE_BANNER) && !/\brequire\b/.test(code) ? code : text;
}

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
    plugins: [...BUNDLE_PLUGINS],
    outdir: folder,
    write: false,
    metafile: true,
  });
  const contents = new Map(
    outputFiles.map(({ path: file, contents, text }) => [
      path.basename(file),
      contentsOf(file, { text, contents }),
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

function contentsOf(
  file: string,
  { text, contents }: { readonly text: string; readonly contents: Uint8Array },
): Uint8Array {
  if (file.endsWith('.map')) return Buffer.from(ownSourceMap(text, isOwn));
  return file.endsWith('.mjs') ? Buffer.from(withoutIdleBanner(text)) : contents;
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
