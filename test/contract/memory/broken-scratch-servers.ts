import type { Scratch, ScratchServer } from '../../../shared/sources/scratch.ts';
import { markText, scratchName } from '../../../shared/sources/scratch.ts';
import { many } from '../world.ts';
import { MemoryDatabase } from './database.ts';
import { SECRET } from './place.ts';
import { type MemoryPlaces, MemoryTarget } from './target.ts';

type Make = ScratchServer['make'];

/** A server for drills that breaks one promise, and the beginning of the promise that is to notice. */
export interface BrokenScratchServer {
  readonly breaks: string;
  readonly how: string;
  readonly scratchServer: (server: ScratchServer, places: MemoryPlaces) => ScratchServer;
}

function withMake(change: (make: Make, places: MemoryPlaces) => Make): BrokenScratchServer['scratchServer'] {
  return (server, places) => ({
    kind: server.kind,
    name: server.name,
    sharedWarning: server.sharedWarning,
    isServerOf: (source) => server.isServerOf(source),
    inTheWayOf: (name, signal) => server.inTheWayOf(name, signal),
    make: change((...args) => server.make(...args), places),
  });
}

function withScratch(change: (scratch: Scratch, places: MemoryPlaces, name: string) => Partial<Scratch>) {
  return withMake((make, places) => async (contents, mark, options) => {
    const scratch = await make(contents, mark, options);
    return { ...scratch, ...change(scratch, places, scratchName(mark)) };
  });
}

/** Removes some more of what is there before it makes its own. */
function removing(isRemoved: (name: string, mark: string | undefined, repository: string) => boolean) {
  return withMake((make, places) => async (contents, mark, options) => {
    for (const [name, { mark: text }] of places)
      if (isRemoved(name, text, mark.repository)) places.delete(name);
    return make(contents, mark, options);
  });
}

export const BROKEN_SCRATCH_SERVERS: readonly BrokenScratchServer[] = [
  {
    breaks: 'makes a place of a name that was chosen',
    how: 'calls it as it likes',
    scratchServer: withMake(
      (make) =>
        (contents, { name: _, ...mark }, options) =>
          make(contents, mark, options),
    ),
  },
  {
    breaks: 'makes a place of a name that was chosen',
    how: 'says that nothing is in the way',
    scratchServer: (server) => ({
      kind: server.kind,
      name: server.name,
      sharedWarning: server.sharedWarning,
      isServerOf: (source) => server.isServerOf(source),
      inTheWayOf: async () => [],
      make: (...args) => server.make(...args),
    }),
  },
  {
    breaks: 'makes an empty place',
    how: 'leaves it there',
    scratchServer: withScratch(() => ({ remove: async () => {} })),
  },
  {
    breaks: 'makes an empty place',
    how: 'makes one that is not empty',
    scratchServer: withScratch((_, places, name) => {
      places.get(name)?.database.put('left', many(1, 1));
      return {};
    }),
  },
  {
    breaks: 'makes an empty place',
    how: 'restores elsewhere',
    scratchServer: withScratch(() => ({ target: new MemoryTarget(new MemoryDatabase(), 'elsewhere') })),
  },
  {
    breaks: 'makes an empty place',
    how: 'calls every schema different',
    scratchServer: withScratch(() => ({
      compareSchema: async () => ({
        outcome: 'different',
        objects: 0,
        missing: [],
        unexpected: [],
        changed: [],
      }),
    })),
  },
  {
    breaks: 'finds a schema',
    how: 'calls every schema equal',
    scratchServer: withScratch(() => ({
      compareSchema: async () => ({ outcome: 'equal', objects: 0, missing: [], unexpected: [], changed: [] }),
    })),
  },
  {
    breaks: 'never uses nor removes',
    how: 'uses what is there',
    scratchServer: withMake((make, places) => async (contents, mark, options) => {
      places.delete(scratchName(mark));
      return make(contents, mark, options);
    }),
  },
  {
    breaks: 'never uses nor removes',
    how: 'removes it when it fails',
    scratchServer: withMake((make, places) => async (contents, mark, options) => {
      try {
        return await make(contents, mark, options);
      } catch (error) {
        places.delete(scratchName(mark));
        throw error;
      }
    }),
  },
  {
    breaks: 'removes what a drill',
    how: 'removes what has no mark',
    scratchServer: removing((_, mark) => mark === undefined),
  },
  {
    breaks: 'removes what a drill',
    how: 'removes what is of another repository',
    scratchServer: removing((_, mark, repository) => mark !== undefined && !mark.includes(repository)),
  },
  {
    breaks: 'removes what a drill',
    how: 'removes what goes on',
    scratchServer: removing((_, mark, repository) => mark?.includes(repository) ?? false),
  },
  {
    breaks: 'removes what a drill',
    how: 'removes nothing',
    scratchServer: withScratch((_, places, name) => {
      const made = places.get(name);
      if (made)
        places.set(name, { ...made, mark: markText({ repository: '0'.repeat(32), run: '0'.repeat(32) }) });
      return {};
    }),
  },
  {
    breaks: 'leaves what is kept',
    how: 'keeps the mark',
    scratchServer: withScratch(() => ({ keep: async () => {} })),
  },
  {
    breaks: 'leaves nothing',
    how: 'begins though it is stopped',
    scratchServer: withMake(
      (make) => (contents, mark, options) =>
        make(contents, mark, { ...options, signal: new AbortController().signal }),
    ),
  },
  {
    breaks: 'can be removed and closed twice',
    how: 'fails the second time',
    scratchServer: withScratch((scratch, places, name) => ({
      remove: async (signal) => {
        if (!places.has(name)) throw new Error('it is not there');
        await scratch.remove(signal);
      },
    })),
  },
  {
    breaks: 'says in plain words',
    how: 'tells its password',
    scratchServer: withScratch(() => ({ removal: `drop it with ${SECRET}` })),
  },
  {
    breaks: 'says in plain words',
    how: 'does not say how it is removed',
    scratchServer: withScratch(() => ({ removal: '' })),
  },
];
