import { readdirSync, readlinkSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { FilesScratchServer } from '../../../shared/sources/files/scratch.ts';
import { FilesSource } from '../../../shared/sources/files/source.ts';
import { FilesTarget } from '../../../shared/sources/files/target.ts';
import type { Source } from '../../../shared/sources/source.ts';
import type { Breakage, KindFacts, Place } from '../place.ts';
import { type Content, recordsOf, singleValue, type World } from '../world.ts';

export const FILES: KindFacts = {
  kind: 'files',
  canName: (name) =>
    !/^\.{0,2}$|^\.\.?\/|^\/|\0/.test(name) && name.isWellFormed() && Buffer.byteLength(name) <= 255,
  canKey: () => true,
  canHold: () => true,
  keepsEmptyDatasets: true,
  ordersRecords: true,
  wholeReplaceRemoves: 'own',
  schemaOutcome: 'none',
  neverSilent: 'a file of this machine does not fall silent',
};

/** Long ago, so that any later write shows in a file's times. */
const LONG_AGO = new Date('2020-01-01T00:00:00Z');
const NOBODY = 65534;

/** A folder: a file a dataset, a JSON text a line; a single value is a file without a newline. */
export async function openFolder(): Promise<Place> {
  const base = await mkdtemp(path.join(tmpdir(), 'holdfast-contract-'));
  const root = path.join(base, 'root');
  const drills = path.join(base, 'drills');
  await mkdir(root);
  await mkdir(drills);
  await chmod(base, 0o755);
  const at = (name: string) => path.join(root, name);
  const put = async (name: string, content: Content | undefined) => {
    await rm(at(name), { recursive: true, force: true });
    if (content) await write(at(name), content);
  };
  return {
    facts: FILES,
    secrets: [],
    put,
    setRecord: async (name, key, value) => {
      const content = decodeFile(await readFile(at(name), 'utf8'));
      const records = content.shape === 'records' ? content.records : new Map();
      await writeFile(at(name), encode(recordsOf(new Map([...records, [key, value]]))));
    },
    vanish: async (name) => {
      await rm(at(name));
      return 'gone';
    },
    readByHand: () => readFolder(root),
    decode: ({ datasets }) =>
      new Map(
        datasets.map(({ name, attributes, partitions }) => {
          const lines = Buffer.concat([...partitions.values()]).toString('utf8');
          return [name, decodeFile(attributes['finalNewline'] === false ? lines.slice(0, -1) : lines)];
        }),
      ),
    nameOf: (name) => name,
    source: () => new FilesSource(root),
    target: () => new FilesTarget(root),
    refused: () => refused(base),
    breakages: async () => fileBreakages(at),
    writeBreakages: async () => [
      blocked(at('a'), (place) => writeFile(place, '')),
      blocked(at('b_large'), (place) => mkdir(path.join(place, 'inner'), { recursive: true })),
    ],
    openHandles: async () => openFilesBelow(base),
    touched: 0,
    scratchServer: () => new FilesScratchServer(drills),
    listScratches: () => readdir(drills),
    readScratch: async (name) => {
      if (!(await readdir(drills)).includes(name)) return undefined;
      return readFolder(path.join(drills, name, 'files')).catch(() => new Map());
    },
    occupy: async (name) => {
      await mkdir(path.join(drills, name));
    },
    [Symbol.asyncDispose]: () => rm(base, { recursive: true, force: true }),
  };
}

async function write(file: string, content: Content): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, encode(content));
  await utimes(file, LONG_AGO, LONG_AGO);
}

function encode(content: Content): string {
  if (content.shape === 'value') return JSON.stringify(content.value);
  return [...content.records]
    .map(([key, value]) => `${JSON.stringify([key, typeof value === 'string' ? value : [...value]])}\n`)
    .join('');
}

function decodeFile(text: string): Content {
  if (text !== '' && !text.endsWith('\n')) return singleValue(JSON.parse(text));
  const rows = text.split('\n').slice(0, -1);
  return recordsOf(
    rows.map((line) => {
      const [key, value] = JSON.parse(line);
      return [key, typeof value === 'string' ? value : new Map(value)];
    }),
  );
}

async function readFolder(folder: string, prefix = ''): Promise<World> {
  const world = new Map<string, Content>();
  for (const entry of await readdir(path.join(folder, prefix), { withFileTypes: true })) {
    const name = path.join(prefix, entry.name);
    if (entry.isDirectory())
      for (const [below, content] of await readFolder(folder, name)) world.set(below, content);
    else world.set(name, decodeFile(await readFile(path.join(folder, name), 'utf8')));
  }
  return world;
}

async function refused(base: string) {
  const folder = async (name: string) => {
    await mkdir(path.join(base, name));
    await writeFile(path.join(base, name, 'a'), 'a\n');
    return path.join(base, name);
  };
  await mkdir(path.join(base, 'empty'));
  const denied = await folder('denied');
  await chmod(path.join(denied, 'a'), 0);
  const closed = await folder('closed');
  await mkdir(path.join(closed, 'inner'), { mode: 0 });
  return [
    { name: 'an empty folder', codes: ['E_EMPTY_READ'], source: new FilesSource(path.join(base, 'empty')) },
    {
      name: 'a folder that is not there',
      codes: ['E_SOURCE_UNREACHABLE'],
      source: new FilesSource(path.join(base, 'none')),
    },
    { name: 'a file that may not be read', codes: ['E_SOURCE_DENIED'], source: asNobody(denied) },
    { name: 'a folder that may not be listed', codes: ['E_SOURCE_DENIED'], source: asNobody(closed) },
  ] as const;
}

/** Root may read everything: then somebody else opens the folder. */
function asNobody(folder: string): Source {
  const source = new FilesSource(folder);
  if (process.geteuid?.() !== 0) return source;
  return {
    kind: source.kind,
    name: source.name,
    capabilities: source.capabilities,
    open: async (signal) => {
      process.seteuid?.(NOBODY);
      try {
        return await source.open(signal);
      } finally {
        process.seteuid?.(0);
      }
    },
  };
}

function fileBreakages(at: (name: string) => string): readonly Breakage[] {
  const nothing = () => ({ [Symbol.asyncDispose]: async () => {} });
  return [
    {
      name: 'the file is cut short while it is read',
      isForGood: true,
      arm: nothing,
      during: (name) => truncate(at(name), 1_500_000),
    },
    {
      name: 'the file is emptied while it is read',
      isForGood: true,
      arm: nothing,
      during: (name) => truncate(at(name), 0),
    },
    {
      name: 'the file grows while it is read',
      isForGood: true,
      arm: nothing,
      during: (name) => writeFile(at(name), '"more"\n', { flag: 'a' }),
    },
  ];
}

/** A file lies where a folder must be, or a folder where a file must be. */
function blocked(place: string, make: (place: string) => Promise<unknown>): Breakage {
  return {
    name: `something else is in the place of ${path.basename(place)}`,
    isForGood: true,
    arm: async () => {
      await rm(place, { recursive: true, force: true });
      await make(place);
      return { [Symbol.asyncDispose]: () => rm(place, { recursive: true, force: true }) };
    },
  };
}

function openFilesBelow(folder: string): number {
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith(folder);
    } catch {
      // It was that of the listing itself.
      return false;
    }
  }).length;
}
