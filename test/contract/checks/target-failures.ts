import assert from 'node:assert/strict';
import { HoldfastError } from '../../../shared/core/errors.ts';
import type { BackupContents } from '../../../shared/sources/contents.ts';
import {
  type Check,
  expectFailure,
  expectReleased,
  expectSame,
  expectTyped,
  outcomeOf,
} from '../contract.ts';
import { compare, type Restoring, restore } from '../restoring.ts';
import { type Content, many, recordsOf, type World } from '../world.ts';
import { named } from './target-writes.ts';

const STOPPED = /^E_ABORTED$/;
/** Anything but a bug. */
const TYPED = /^E_(?!INTERNAL)/;

/** Restores that fail or are stopped say so, and a comparison finds what differs. */
export const FAILURES: readonly Check<Restoring>[] = [
  {
    promise: 'does nothing when it is stopped already',
    run: async ({ place, contents }) => {
      const other = many(2, 20, 9);
      await place.put('a_first', other);
      const signal = AbortSignal.abort();
      await expectFailure(() => place.target().plan(contents, {}, signal), STOPPED, { about: 'a plan' });
      await expectFailure(() => restore(place.target(), contents, { signal, replace: true }), STOPPED, {
        about: 'a restore',
      });
      expectSame(await place.readByHand(), new Map([['a_first', other]]), 'after it was stopped');
    },
  },
  {
    promise: 'fails when it is stopped in the middle, lets go of everything, and can be done again',
    run: async ({ place, contents, world }) => {
      const stop = new AbortController();
      const stopped = { signal: stop.signal, onDone: () => stop.abort() };
      await expectFailure(() => restore(place.target(), contents, stopped), STOPPED, { about: 'a restore' });
      await expectReleased(place, 'after it was stopped');
      await restore(place.target(), contents, { replace: true });
      expectSame(await place.readByHand(), world, 'restored after it was stopped');
    },
  },
  {
    promise: 'fails where the target breaks while it writes, or has written all',
    run: breaks,
  },
  {
    promise: 'fails where the backup cannot be read to its end',
    run: async ({ place, contents }) => {
      const damaged = withDamage(contents, named(place, contents, 'b_large'));
      await expectFailure(() => restore(place.target(), damaged), /^E_DAMAGED$/, {
        about: 'a damaged backup',
      });
      await expectReleased(place, 'after it failed');
    },
  },
  {
    promise:
      'is found equal when it holds what the backup holds, and different by one record, member or dataset',
    run: findsDifferences,
  },
];

async function breaks({ place, contents, world }: Restoring): Promise<void> {
  const breakages = await place.writeBreakages(() => restore(place.target(), contents, { replace: true }));
  assert.ok(breakages.length > 0, 'the place says how its restores break');
  for (const { name, isForGood, arm } of breakages) {
    const armed = await arm();
    const outcome = await outcomeOf(() => restore(place.target(), contents, { replace: true }));
    await armed[Symbol.asyncDispose]();
    if ('error' in outcome) expectTyped(outcome.error, TYPED, { about: name, secrets: place.secrets });
    else if (isForGood) assert.fail(`${name}: it ended well`);
    else expectSame(await place.readByHand(), world, `${name}: it ended well`);
    await expectReleased(place, name);
  }
  await restore(place.target(), contents, { replace: true });
  expectSame(await place.readByHand(), world, 'restored after all these');
}

/** The same backup, one of whose datasets breaks off. */
function withDamage(contents: BackupContents, dataset: string): BackupContents {
  const damage = () => new HoldfastError('E_DAMAGED', `${dataset} is damaged`);
  return {
    ...contents,
    read: async function* (...args) {
      for await (const block of contents.read(...args)) {
        yield block;
        if (args[0].name === dataset) throw damage();
      }
    },
    copy: async function* (...args) {
      for await (const bytes of contents.copy(...args)) {
        yield bytes;
        if (args[0].name === dataset) throw damage();
      }
    },
  };
}

async function findsDifferences({ place, contents, world }: Restoring): Promise<void> {
  const target = place.target();
  const names = ['a_first', 'c_value', 'd_last', 'e_members', 'odd_keys', 'odd_texts'];
  const datasets = names.map((name) => named(place, contents, name));
  const plan = await restore(target, contents, { datasets });
  const different = async () =>
    (await compare(target, contents, plan))
      .filter(({ equal }) => !equal)
      .map(({ dataset }) => place.nameOf(dataset).replace(/^\//, ''));
  assert.deepEqual(await different(), []);
  for (const [what, dataset, content] of changesOf(world)) {
    await place.put(dataset, content);
    assert.deepEqual(await different(), [dataset], `${what} of ${dataset}`);
    await place.put(dataset, world.get(dataset));
  }
  assert.deepEqual(await different(), [], 'put back by hand');
}

type Change = readonly [what: string, dataset: string, content: Content | undefined];

function changesOf(world: World): readonly Change[] {
  const records = (name: string) => {
    const content = world.get(name);
    return content?.shape === 'records' ? [...content.records] : [];
  };
  const [first, ...rest] = records('a_first');
  const last = rest.at(-1);
  if (!first || !last) throw new Error('a_first has records');
  const [key, value] = last;
  return [
    ['the first record is missing', 'a_first', recordsOf(rest)],
    [
      'the last record has one character changed',
      'a_first',
      recordsOf([first, ...rest.slice(0, -1), [key, `${String(value).slice(0, -1)}~`]]),
    ],
    ['there is a record more', 'a_first', recordsOf([first, ...rest, ['zz', '']])],
    [
      'a key has one character changed',
      'a_first',
      recordsOf([first, ...rest.slice(0, -1), [`${key}x`, value]]),
    ],
    [
      'a member is another',
      'e_members',
      recordsOf(
        records('e_members').map(([name, of]) => [
          name,
          of instanceof Map ? new Map([...of, ['r0003', 'another']]) : of,
        ]),
      ),
    ],
    ['the dataset is gone', 'd_last', undefined],
    ['it is a dataset of another shape', 'c_value', many(1, 10)],
  ];
}
