import { HoldfastError, isHoldfastError } from '../../../shared/core/errors.ts';
import type { BackupContents, StoredDataset } from '../../../shared/sources/contents.ts';
import type { Target } from '../../../shared/sources/target.ts';
import { recordsOf } from '../world.ts';
import type { MemoryDatabase } from './database.ts';
import { SECRET } from './place.ts';

/** A target that breaks one promise, and the beginning of the promise that is to notice. */
export interface BrokenTarget {
  readonly breaks: string;
  readonly how: string;
  readonly target: (target: Target, database: MemoryDatabase) => Target;
}

type Change = (target: Target, database: MemoryDatabase) => Partial<Target>;

function changed(change: Change): BrokenTarget['target'] {
  return (target, database) => ({
    kind: target.kind,
    name: target.name,
    comparesItself: target.comparesItself,
    plan: (...args) => target.plan(...args),
    restore: (...args) => target.restore(...args),
    asSource: (like) => target.asSource(like),
    ...change(target, database),
  });
}

/** Restores another thing than the backup. */
function restoring(change: (contents: BackupContents) => BackupContents): BrokenTarget['target'] {
  return changed((target) => ({
    restore: (contents, plan, options) => target.restore(change(contents), plan, options),
  }));
}

function without(isLeftOut: (dataset: StoredDataset) => boolean): BrokenTarget['target'] {
  return restoring((contents) => ({
    ...contents,
    datasets: contents.datasets.filter((dataset) => !isLeftOut(dataset)),
  }));
}

/** Changes the bytes of each partition. */
function withText(change: (text: string, dataset: StoredDataset) => string): BrokenTarget['target'] {
  return restoring((contents) => ({
    ...contents,
    read: async function* (dataset, partition, signal) {
      const blocks = await Array.fromAsync(contents.read(dataset, partition, signal));
      yield Buffer.from(change(Buffer.concat(blocks).toString('utf8'), dataset));
    },
  }));
}

/** Does something beside. */
function beside(at: {
  readonly plan?: (database: MemoryDatabase) => void;
  readonly restore?: (database: MemoryDatabase) => void;
}): BrokenTarget['target'] {
  return changed((target, database) => ({
    plan: async (...args) => {
      const plan = await target.plan(...args);
      at.plan?.(database);
      return plan;
    },
    restore: async (...args) => {
      at.restore?.(database);
      await target.restore(...args);
    },
  }));
}

/** Takes such failures of a restore for a success. */
function quiet(isQuiet: (error: unknown) => boolean): BrokenTarget['target'] {
  return changed((target) => ({
    restore: async (...args) => {
      try {
        await target.restore(...args);
      } catch (error) {
        if (!isQuiet(error)) throw error;
      }
    },
  }));
}

const replacing: Change = (target) => ({
  restore: (contents, plan, options) => target.restore(contents, plan, { ...options, replace: true }),
});
const something = recordsOf([['k', 'v']]);

export const BROKEN_TARGETS: readonly BrokenTarget[] = [
  { breaks: 'writes all', how: 'leaves a dataset out', target: without(({ name }) => name === 'd_last') },
  { breaks: 'writes all', how: 'leaves empty datasets out', target: without(({ records }) => records === 0) },
  {
    breaks: 'writes all',
    how: 'leaves the last record out',
    target: withText((text, { name }) =>
      name === 'a_first' ? text.slice(0, text.lastIndexOf('\n', text.length - 2) + 1) : text,
    ),
  },
  {
    breaks: 'writes all',
    how: 'turns the records around',
    target: withText((text) =>
      text
        .split(/(?<=\n)/)
        .reverse()
        .join(''),
    ),
  },
  {
    breaks: 'writes names, keys',
    how: 'normalises texts',
    target: withText((text) => text.normalize('NFC')),
  },
  {
    breaks: 'writes all',
    how: 'writes something else too',
    target: beside({ restore: (database) => database.put('more', something) }),
  },
  {
    breaks: 'writes all',
    how: 'keeps its connection',
    target: beside({ restore: (database) => void database.connect() }),
  },
  {
    breaks: 'writes all',
    how: 'names too little to compare',
    target: changed((target) => ({
      plan: async (...args) => ({ ...(await target.plan(...args)), compare: [] }),
    })),
  },
  {
    breaks: 'writes all',
    how: 'tells of no progress',
    target: changed((target) => ({
      restore: (contents, plan, options) =>
        target.restore(contents, plan, { ...options, onProgress: () => {} }),
    })),
  },
  {
    breaks: 'changes nothing while it plans',
    how: 'drops what is in the way when it plans',
    target: beside({ plan: (database) => database.put('a_first', undefined) }),
  },
  {
    breaks: 'changes nothing while it plans',
    how: 'makes something when it plans',
    target: beside({ plan: (database) => database.put('more', something) }),
  },
  {
    breaks: 'changes nothing while it plans',
    how: 'names nothing that is in the way',
    target: changed((target) => ({
      plan: async (...args) => ({ ...(await target.plan(...args)), conflicts: [] }),
    })),
  },
  {
    breaks: 'changes nothing while it plans',
    how: 'drops without being asked to',
    target: changed((target) => ({
      plan: (contents, options, signal) => target.plan(contents, { ...options, replace: true }, signal),
    })),
  },
  { breaks: 'refuses a target that holds', how: 'overwrites', target: changed(replacing) },
  {
    breaks: 'refuses a target that holds',
    how: 'writes what it can before it refuses',
    target: changed((target, database) => ({
      restore: async (contents, plan, options) => {
        if (!options.replace && plan.conflicts.length > 0) database.put('c_value', something);
        await target.restore(contents, plan, options);
      },
    })),
  },
  {
    breaks: 'looks again',
    how: 'believes its plan',
    target: changed((target) => ({
      restore: (contents, plan, options) =>
        target.restore(contents, plan, {
          ...options,
          replace: options.replace || plan.conflicts.length === 0,
        }),
    })),
  },
  {
    breaks: 'replaces with --replace',
    how: 'removes what the backup lacks',
    target: changed((target, database) => ({
      restore: async (contents, plan, options) => {
        if (options.replace) for (const name of database.data.keys()) database.put(name, undefined);
        await target.restore(contents, plan, options);
      },
    })),
  },
  {
    breaks: 'replaces with --replace',
    how: 'names nothing that it removes',
    target: changed((target) => ({
      plan: async (...args) => ({ ...(await target.plan(...args)), drops: [] }),
    })),
  },
  {
    breaks: 'replaces with --replace',
    how: 'keeps records that were there',
    target: changed((target, database) => ({
      restore: async (contents, plan, options) => {
        const before = database.data;
        await target.restore(contents, plan, options);
        for (const [name, content] of database.data) {
          const old = before.get(name);
          if (options.replace && content.shape === 'records' && old?.shape === 'records')
            database.put(name, recordsOf(new Map([...old.records, ...content.records])));
        }
      },
    })),
  },
  {
    breaks: 'comes to the same',
    how: 'removes what it wrote before',
    target: changed((target, database) => ({
      restore: async (contents, plan, options) => {
        await target.restore(contents, plan, options);
        for (const name of options.replace ? plan.drops : []) database.put(name, undefined);
      },
    })),
  },
  {
    breaks: 'restores one dataset',
    how: 'restores all',
    target: changed((target) => ({
      restore: (contents, plan, options) =>
        target.restore(contents, plan, { ...options, datasets: undefined, replace: true }),
    })),
  },
  {
    breaks: 'restores one dataset',
    how: 'removes the others',
    target: changed((target, database) => ({
      restore: async (contents, plan, options) => {
        if (options.datasets) database.put('other', undefined);
        await target.restore(contents, plan, options);
      },
    })),
  },
  {
    breaks: 'refuses a dataset that the backup lacks',
    how: 'passes over what is not there',
    target: changed((target) => {
      const known = ({ datasets }: BackupContents, names: readonly string[] | undefined) =>
        names?.filter((name) => datasets.some((dataset) => dataset.name === name));
      return {
        plan: (contents, options, signal) =>
          target.plan(contents, { ...options, datasets: known(contents, options.datasets) }, signal),
        restore: (contents, plan, options) =>
          target.restore(contents, plan, { ...options, datasets: known(contents, options.datasets) }),
      };
    }),
  },
  {
    breaks: 'does nothing when it is made',
    how: 'connects when it is made',
    target: (target, database) => {
      database.connect().close();
      return target;
    },
  },
  {
    breaks: 'does nothing when it is made',
    how: 'tells its password',
    target: changed((target) => ({
      plan: async (...args) => ({ ...(await target.plan(...args)), steps: [`log in with ${SECRET}`] }),
    })),
  },
  {
    breaks: 'does nothing when it is stopped',
    how: 'plans on',
    target: changed((target) => ({
      plan: (contents, options) => target.plan(contents, options, new AbortController().signal),
    })),
  },
  {
    breaks: 'does nothing when it is stopped',
    how: 'drops first',
    target: changed((target, database) => ({
      plan: async (contents, options, signal) => {
        if (options.replace) database.put('a_first', undefined);
        return target.plan(contents, options, signal);
      },
    })),
  },
  {
    breaks: 'fails when it is stopped',
    how: 'ends well when it is stopped',
    target: quiet((error) => isHoldfastError(error, 'E_ABORTED')),
  },
  {
    breaks: 'fails when it is stopped',
    how: 'fails without a code',
    target: changed((target) => ({
      restore: async (...args) =>
        target.restore(...args).catch((error: unknown) => {
          throw new Error(String(error));
        }),
    })),
  },
  {
    breaks: 'fails where the target breaks',
    how: 'ends well where the connection breaks',
    target: quiet((error) => isHoldfastError(error, 'E_SOURCE_LOST')),
  },
  {
    breaks: 'fails where the target breaks',
    how: 'tells its password where the connection breaks',
    target: changed((target) => ({
      restore: async (...args) =>
        target.restore(...args).catch(() => {
          throw new HoldfastError('E_SOURCE_LOST', `${SECRET} was refused`);
        }),
    })),
  },
  {
    breaks: 'fails where the backup',
    how: 'ends well where the backup is damaged',
    target: quiet((error) => isHoldfastError(error, 'E_DAMAGED')),
  },
  {
    breaks: 'is found equal',
    how: 'gives the backup itself to compare with',
    target: changed((target) => ({
      plan: async (...args) => {
        const plan = await target.plan(...args);
        return { ...plan, comparison: { contents: args[0], source: sourceOf(args[0], target) } };
      },
    })),
  },
  {
    breaks: 'is found equal',
    how: 'gives another place to compare with',
    target: changed((target) => ({
      asSource: (like) => ({
        ...plainSource(target, like),
        open: async (signal) => ({ ...(await target.asSource(like).open(signal)), datasets: [] }),
      }),
    })),
  },
];

function plainSource(target: Target, like: readonly StoredDataset[]) {
  const { kind, name, capabilities } = target.asSource(like);
  return { kind, name, capabilities };
}

/** A source that gives a backup as if it were the database. */
function sourceOf(contents: BackupContents, target: Target): ReturnType<Target['asSource']> {
  return {
    ...plainSource(target, contents.datasets),
    open: async () => ({
      position: '',
      server: contents.server,
      omitted: [],
      datasets: contents.datasets.map(({ name, kind, attributes, partitions }) => ({
        name,
        kind,
        attributes,
        partitions: partitions.map((part) => ({ name: part.name, estimatedBytes: part.plainBytes })),
      })),
      read: async function* ({ name }, partition, signal) {
        const dataset = contents.datasets.find((one) => one.name === name);
        const part = dataset?.partitions.find((one) => one.name === partition.name);
        if (dataset && part) yield* contents.read(dataset, part, signal);
      },
      check: async () => {},
      [Symbol.asyncDispose]: async () => {},
    }),
  };
}
