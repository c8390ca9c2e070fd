import type { ScratchServer } from '../../../shared/sources/scratch.ts';
import type { Source } from '../../../shared/sources/source.ts';
import type { Target } from '../../../shared/sources/target.ts';
import type { KindFacts, Place } from '../place.ts';
import { readSource } from '../reading.ts';
import type { Content } from '../world.ts';
import { recordsOf, singleValue } from '../world.ts';
import { MemoryDatabase } from './database.ts';
import { MemorySource } from './source.ts';
import { contentOf, type MemoryPlaces, MemoryScratchServer, MemoryTarget } from './target.ts';

export const MEMORY: KindFacts = {
  kind: 'memory',
  canName: () => true,
  canKey: () => true,
  canHold: () => true,
  keepsEmptyDatasets: true,
  ordersRecords: true,
  wholeReplaceRemoves: 'own',
  schemaOutcome: 'equal',
  patienceMs: 0,
};

export const SECRET = 'swordfish';
const NAME = 'shop';
const same = <T>(given: T): T => given;

/** What a test may put in the place of the real things, to see what the checks say of that. */
export interface Mutants {
  readonly source?: (source: Source, database: MemoryDatabase) => Source;
  readonly target?: (target: Target, database: MemoryDatabase) => Target;
  readonly scratchServer?: (server: ScratchServer, places: MemoryPlaces) => ScratchServer;
}

export function openMemory(mutants: Mutants = {}): Place {
  const database = new MemoryDatabase();
  const places: MemoryPlaces = new Map();
  const open = (of = database) => (mutants.source ?? same)(new MemorySource(of, NAME), of);
  const emptyDatabase = new MemoryDatabase();
  const put = async (name: string, content: Content | undefined) => database.put(name, content);
  const heal = () => {
    database.fault = undefined;
  };
  const whole = async (work: () => Promise<unknown>) => {
    const before = database.passedBytes;
    await work();
    return database.passedBytes - before;
  };
  const breakagesOf = async (work: () => Promise<unknown>) => {
    const bytes = await whole(work);
    return [0.1, 0.5, 0.99].flatMap((share) =>
      [true, false].map((isForGood) => ({
        name: `the connection breaks after ${share} of the bytes`,
        isForGood,
        arm: () => {
          database.fault = {
            kind: 'cut',
            atByte: database.passedBytes + Math.floor(bytes * share),
            isForGood,
          };
          return { [Symbol.asyncDispose]: async () => heal() };
        },
      })),
    );
  };
  return {
    facts: MEMORY,
    secrets: [SECRET],
    put,
    setRecord: async (name, key, value) => {
      const content = database.data.get(name);
      const records = content?.shape === 'records' ? content.records : new Map();
      await put(name, recordsOf(new Map([...records, [key, value]])));
    },
    vanish: async (name) => {
      database.put(name, undefined);
      return 'gone';
    },
    readByHand: async () => database.data,
    decode: ({ datasets }) =>
      new Map(
        datasets.map(({ name, attributes, partitions }) => [
          name,
          contentOf({ attributes }, Buffer.concat([...partitions.values()]).toString('utf8')),
        ]),
      ),
    nameOf: (name) => name,
    source: () => open(),
    target: () => (mutants.target ?? same)(new MemoryTarget(database, NAME), database),
    refused: async () => {
      const denied = new MemoryDatabase();
      denied.put('a', recordsOf([['k', 'v']]));
      denied.put('b', recordsOf([['k', 'v']]));
      denied.denied.add('b');
      return [
        { name: 'an empty database', codes: ['E_EMPTY_READ'], source: open(emptyDatabase) },
        { name: 'a dataset that may not be read', codes: ['E_SOURCE_DENIED'], source: open(denied) },
      ];
    },
    breakages: () => breakagesOf(() => readSource(new MemorySource(database, NAME))),
    writeBreakages: breakagesOf,
    silence: {
      arm: async () => {
        database.silenceBegun = Promise.withResolvers();
        database.fault = { kind: 'silence', atByte: database.passedBytes + 1000, isForGood: true };
        return {
          begun: database.silenceBegun.promise,
          [Symbol.asyncDispose]: async () => heal(),
        };
      },
    },
    openHandles: async () => database.openConnections,
    get touched() {
      return database.touched;
    },
    scratchServer: () => (mutants.scratchServer ?? same)(new MemoryScratchServer(places), places),
    listScratches: async () => [...places.keys()],
    readScratch: async (name) => places.get(name)?.database.data,
    spoilSchema: async (name) => places.get(name)?.database.put('a_first', singleValue('')),
    occupy: async (name) =>
      void places.set(name, { database: new MemoryDatabase(), mark: undefined, at: new Date() }),
    [Symbol.asyncDispose]: async () => {},
  };
}
