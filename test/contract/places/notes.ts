import { readdirSync, readlinkSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { NotesScratchServer } from '../../../examples/own-source/notes/scratch.ts';
import { NotesSource } from '../../../examples/own-source/notes/source.ts';
import { NotesTarget } from '../../../examples/own-source/notes/target.ts';
import type { Source } from '../../../shared/sources/source.ts';
import type { Breakage, KindFacts, Place } from '../place.ts';
import { type Content, recordsOf, singleValue, type World } from '../world.ts';

export const NOTES: KindFacts = {
  kind: 'notes',
  canName: () => true,
  canKey: () => true,
  canHold: () => true,
  keepsEmptyDatasets: true,
  ordersRecords: true,
  wholeReplaceRemoves: 'own',
  schemaOutcome: 'none',
  neverSilent: 'a file of this machine does not fall silent',
};

const NOBODY = 65534;
const nothing = () => ({ [Symbol.asyncDispose]: async () => {} });

/** A file of notes: headings, and notes below them. */
export async function openNotes(): Promise<Place> {
  const base = await mkdtemp(path.join(tmpdir(), 'holdfast-contract-'));
  await chmod(base, 0o755);
  const file = path.join(base, 'all.notes');
  const drills = path.join(base, 'drills');
  await mkdir(drills);
  const at = (name: string) => ({ file: path.join(base, name), comment: '#' });
  const here = at('all.notes');
  const read = () => readFile(file, 'utf8').then(decodeFile, () => new Map<string, Content>());
  const write = async (world: World) => {
    await writeFile(`${file}.hand`, encode(world));
    await rename(`${file}.hand`, file);
  };
  const put = async (name: string, content: Content | undefined) => {
    const world = new Map(await read());
    if (content) world.set(name, content);
    else world.delete(name);
    await write(world);
  };
  return {
    facts: NOTES,
    secrets: [],
    put,
    setRecord: async (name, key, value) => {
      const content = (await read()).get(name);
      const records = content?.shape === 'records' ? content.records : new Map();
      await put(name, recordsOf(new Map([...records, [key, value]])));
    },
    vanish: async (name) => {
      await put(name, undefined);
      return 'gone';
    },
    readByHand: read,
    decode: ({ datasets }) =>
      new Map(
        datasets.map(({ name, partitions }) => [
          name,
          contentOf(
            Buffer.concat([...partitions.values()])
              .toString('utf8')
              .split('\n')
              .slice(0, -1),
          ),
        ]),
      ),
    nameOf: (name) => name,
    source: () => new NotesSource(here),
    target: () => new NotesTarget(here),
    refused: async () => {
      await writeFile(at('empty').file, '');
      await writeFile(at('torn').file, '"a"\n["1","x');
      await writeFile(at('denied').file, '"a"\n["1","x"]\n', { mode: 0 });
      return [
        { name: 'a file without notes', codes: ['E_EMPTY_READ'], source: new NotesSource(at('empty')) },
        {
          name: 'a file that is not there',
          codes: ['E_SOURCE_UNREACHABLE'],
          source: new NotesSource(at('none')),
        },
        { name: 'a file that was cut', codes: ['E_SOURCE_UNSUPPORTED'], source: new NotesSource(at('torn')) },
        { name: 'a file that may not be read', codes: ['E_SOURCE_DENIED'], source: asNobody(at('denied')) },
      ];
    },
    breakages: async () => [
      during('the file is cut short while it is read', () => truncate(file, 1_500_000)),
      during('the file is emptied while it is read', () => truncate(file, 0)),
      during('the file grows while it is read', () => writeFile(file, '["more","x"]\n', { flag: 'a' })),
    ],
    writeBreakages: async () => [
      {
        name: 'a folder is in the way of the new file',
        isForGood: true,
        arm: async () => {
          await mkdir(`${file}.new`);
          return { [Symbol.asyncDispose]: () => rm(`${file}.new`, { recursive: true, force: true }) };
        },
      },
    ],
    openHandles: async () => openFilesBelow(base),
    touched: 0,
    scratchServer: () => new NotesScratchServer(drills),
    listScratches: async () => (await readdir(drills)).map((name) => name.replace(/\.notes$/, '')),
    readScratch: (name) =>
      readFile(path.join(drills, `${name}.notes`), 'utf8').then(decodeFile, () => undefined),
    occupy: (name) => writeFile(path.join(drills, `${name}.notes`), ''),
    [Symbol.asyncDispose]: () => rm(base, { recursive: true, force: true }),
  };
}

function during(name: string, work: () => Promise<void>): Breakage {
  return { name, isForGood: true, arm: nothing, during: work };
}

function encode(world: World): string {
  return [...world].map(([name, content]) => `${JSON.stringify(name)}\n${linesOf(content)}`).join('');
}

function linesOf(content: Content): string {
  if (content.shape === 'value') return `${JSON.stringify({ value: content.value })}\n`;
  return [...content.records]
    .map(([key, value]) => `${JSON.stringify([key, typeof value === 'string' ? value : [...value]])}\n`)
    .join('');
}

function decodeFile(text: string): World {
  const world = new Map<string, string[]>();
  let notes: string[] = [];
  for (const line of text.split('\n').slice(0, -1)) {
    if (line.startsWith('#')) continue;
    if (line.startsWith('"')) {
      notes = [];
      world.set(JSON.parse(line), notes);
    } else notes.push(line);
  }
  return new Map([...world].map(([name, lines]) => [name, contentOf(lines)]));
}

function contentOf(lines: readonly string[]): Content {
  const [first = ''] = lines;
  if (first.startsWith('{')) return singleValue(JSON.parse(first).value);
  return recordsOf(
    lines.map((line) => {
      const [key, value] = JSON.parse(line);
      return [key, typeof value === 'string' ? value : new Map(value)];
    }),
  );
}

/** Root may read everything: then somebody else opens the file. */
function asNobody(place: { readonly file: string; readonly comment: string }): Source {
  const source = new NotesSource(place);
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
