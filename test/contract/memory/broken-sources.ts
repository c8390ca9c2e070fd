import { HoldfastError } from '../../../shared/core/errors.ts';
import {
  type BrokenSource,
  changed,
  inTurns,
  isLost,
  isStopped,
  keeping,
  mixing,
  quiet,
  sameAs,
  trusting,
  turned,
  withLines,
  withOpen,
  withoutSnapshot,
  withView,
} from './breaking.ts';
import { SECRET } from './place.ts';

export const BROKEN_SOURCES: readonly BrokenSource[] = [
  {
    breaks: 'gives every record',
    how: 'drops the last record',
    source: withLines((lines, { name }) => (name === 'g_last' ? lines.slice(0, -1) : lines)),
  },
  {
    breaks: 'gives every record',
    how: 'drops a record over 3 MB',
    source: withLines((lines) => lines.filter((line) => line.length < 3_000_000)),
  },
  {
    breaks: 'gives every record',
    how: 'gives a record that is not there',
    source: withLines((lines, { name }) => (name === 'g_last' ? [...lines, '["more","x"]\n'] : lines)),
  },
  {
    breaks: 'gives every record',
    how: 'leaves a dataset out',
    source: withView(({ datasets }) => ({ datasets: datasets.slice(0, -1) })),
  },
  {
    breaks: 'gives every record',
    how: 'changes a text',
    source: withLines((lines) => lines.map((line) => line.replace('xx', 'x'))),
  },
  {
    breaks: 'gives names, keys',
    how: 'normalises texts',
    source: withLines((lines) => lines.map((line) => line.normalize('NFC'))),
  },
  {
    breaks: 'gives names, keys',
    how: 'takes upper and lower case for the same',
    source: withView(({ datasets, read }) => ({
      datasets: datasets.filter(
        ({ name }, i) => datasets.findIndex((one) => one.name.toLowerCase() === name.toLowerCase()) === i,
      ),
      read,
    })),
  },
  {
    breaks: 'gives names, keys',
    how: 'leaves out what begins with a dot',
    source: withView(({ datasets }) => ({ datasets: datasets.filter(({ name }) => !name.startsWith('.')) })),
  },
  {
    breaks: 'ends what it gives',
    how: 'leaves the last newline out',
    source: withLines((lines) => [lines.join('').slice(0, -1)]),
  },
  {
    breaks: 'leaves a block alone',
    how: 'reads ahead into the same buffer',
    source: withView(({ read }) => ({
      read: async function* (...args) {
        const buffer = Buffer.alloc(8 * 1024 * 1024);
        for await (const block of read(...args)) {
          buffer.set(block);
          setImmediate(() => buffer.fill(0));
          yield buffer.subarray(0, block.length);
        }
      },
    })),
  },
  {
    breaks: 'names datasets',
    how: 'names a dataset twice',
    source: withView(({ datasets }) => ({ datasets: [...datasets, ...datasets.slice(0, 1)] })),
  },
  {
    breaks: 'names datasets',
    how: 'names a partition twice',
    source: withView(({ datasets }) => ({
      datasets: datasets.map((one) => ({ ...one, partitions: [...one.partitions, ...one.partitions] })),
    })),
  },
  {
    breaks: 'names datasets',
    how: 'says what JSON cannot hold',
    source: withView(({ datasets }) => ({
      datasets: datasets.map((one) => ({ ...one, attributes: { at: new Date() as never } })),
    })),
  },
  { breaks: 'gives the same bytes', how: 'gives another order each time', source: inTurns() },
  { breaks: 'gives the same when', how: 'mixes what is read at once', source: mixing() },
  {
    breaks: 'gives to who joins',
    how: 'gives who joins what is there now',
    source: (source) =>
      changed(source, {
        sharing: {
          join: async (view, signal) => ({ ...(await source.open(signal)), datasets: view.datasets }),
        },
      }),
  },
  { breaks: 'gives to who joins', how: 'has no handle', source: withView(() => ({ handle: undefined })) },
  {
    breaks: 'gives what is there now, whatever shape a dataset',
    how: 'trusts the number of records',
    source: trusting(
      (dataset, parent) =>
        dataset.attributes['shape'] === 'value' &&
        parent.datasets.some(({ name, records }) => name === dataset.name && records === 1),
    ),
  },
  {
    breaks: 'gives what is there now, whatever shape a dataset',
    how: 'drops what is a value now',
    source: withView(({ datasets }, { parent }) => ({
      datasets: datasets.filter(({ attributes }) => !parent || attributes['shape'] !== 'value'),
    })),
  },
  {
    breaks: 'gives what is there now, whatever shape a dataset',
    how: 'keeps what is no more',
    source: keeping(),
  },
  {
    breaks: 'gives what is there now, whatever shape a record',
    how: 'drops a record that was large and is small',
    source: withView((view, { parent }) => ({
      read: async function* (dataset, partition, signal) {
        const before = parent?.datasets.find(({ name }) => name === dataset.name);
        for await (const block of view.read(dataset, partition, signal))
          yield (before?.plainBytes ?? 0) > 100_000
            ? Buffer.from(block.toString().replace(/^\["z","tiny"\]\n/m, ''))
            : block;
      },
    })),
  },
  {
    breaks: 'gives what is there now, whatever shape a record',
    how: 'trusts the number of records',
    source: trusting((dataset, parent) =>
      parent.datasets.some(({ name, records }) => name === dataset.name && records === 5),
    ),
  },
  {
    breaks: 'says of a partition',
    how: 'says it of all',
    source: sameAs((_, parent) => parent !== undefined),
  },
  {
    breaks: 'says of a partition',
    how: 'says it without a parent that has it',
    source: sameAs((dataset) => dataset.name === 'b_large'),
  },
  {
    breaks: 'says of a partition',
    how: 'gives another order with a parent',
    source: withView((view, { parent }) => ({
      read: async function* (dataset, partition, signal) {
        for await (const block of view.read(dataset, partition, signal)) yield parent ? turned(block) : block;
      },
    })),
  },
  {
    breaks: 'gives old or new',
    how: 'reads what is there at each moment',
    source: withoutSnapshot('per-dataset'),
  },
  { breaks: 'never ends quietly', how: 'ends where nothing is left', source: withoutSnapshot('per-dataset') },
  {
    breaks: 'says no more of its consistency',
    how: 'calls it atomic without a snapshot',
    source: withoutSnapshot('atomic'),
  },
  { breaks: 'fails with a code', how: 'ends where the connection breaks', source: quiet(isLost) },
  {
    breaks: 'fails with a code',
    how: 'fails without a code',
    source: withView((view) => ({
      read: async function* (...args) {
        try {
          yield* view.read(...args);
        } catch (error) {
          throw new Error(String(error));
        }
      },
    })),
  },
  {
    breaks: 'fails with a code',
    how: 'tells its password',
    source: withView((view) => ({
      read: async function* (...args) {
        try {
          yield* view.read(...args);
        } catch {
          throw new HoldfastError('E_SOURCE_LOST', `postgres://me:${SECRET}@db broke`);
        }
      },
    })),
  },
  {
    breaks: 'refuses what is empty',
    how: 'leaves out what may not be read',
    source: withOpen((open, database) => async (signal, options) => {
      database.denied.clear();
      const view = await open(signal, options);
      return { ...view, datasets: view.datasets.filter(({ name }) => name !== 'b') };
    }),
  },
  {
    breaks: 'refuses what is empty',
    how: 'gives something of nothing',
    source: withOpen((open, database) => async (signal, options) => {
      if (database.data.size === 0) database.put('a', { shape: 'value', value: '' });
      return open(signal, options);
    }),
  },
  {
    breaks: 'does nothing when it is made',
    how: 'connects when it is made',
    source: (source, database) => {
      database.connect().close();
      return source;
    },
  },
  {
    breaks: 'does nothing when it is made',
    how: 'has its password in its name',
    source: (source) => changed(source, { name: `memory:${SECRET}` }),
  },
  {
    breaks: 'does not begin',
    how: 'opens though it is stopped',
    source: withOpen((open) => async (_, options) => open(new AbortController().signal, options)),
  },
  { breaks: 'does not begin', how: 'reads nothing though it is stopped', source: quiet(isStopped) },
  {
    breaks: 'stops in the middle',
    how: 'ends quietly when it is stopped',
    source: quiet((error) => isStopped(error) || isLost(error)),
  },
  {
    breaks: 'stops in the middle',
    how: 'reads on',
    source: withView((view) => ({
      read: (dataset, partition) => view.read(dataset, partition, new AbortController().signal),
      check: async () => {},
    })),
  },
  { breaks: 'stops though', how: 'ends quietly when it is stopped in a silence', source: quiet(isStopped) },
  {
    breaks: 'lets go of everything',
    how: 'keeps its connection',
    source: withView(() => ({ [Symbol.asyncDispose]: async () => {} })),
  },
  {
    breaks: 'can be closed twice',
    how: 'fails the second time',
    source: withView((view) => {
      let isClosed = false;
      return {
        [Symbol.asyncDispose]: async () => {
          if (isClosed) throw new Error('closed already');
          isClosed = true;
          await view[Symbol.asyncDispose]();
        },
      };
    }),
  },
  { breaks: 'never ends a read quietly', how: 'ends a read when it is closed', source: quiet(isLost) },
];
