import assert from 'node:assert/strict';
import type { BackupContents } from '../../../shared/sources/contents.ts';
import type { RestorePlan } from '../../../shared/sources/target.ts';
import {
  type Check,
  expectFailure,
  expectIncluded,
  expectReleased,
  expectSame,
  putAll,
} from '../contract.ts';
import type { Place } from '../place.ts';
import { never } from '../reading.ts';
import { carryOut, type Restoring, restore } from '../restoring.ts';
import { type Content, many, recordsOf, singleValue, type World } from '../world.ts';

const NOT_EMPTY = /^E_TARGET_NOT_EMPTY$/;
const OTHER = many(3, 30, 42);

/** What a restore writes, and what it leaves alone. */
export const WRITES: readonly Check<Restoring>[] = [
  {
    promise: 'writes all of the backup and nothing else, and lets go of everything',
    run: writesAll,
  },
  {
    promise: 'writes names, keys and texts as they are, however odd, once and again',
    run: async ({ place, odd: makeOdd }) => {
      const odd = await makeOdd();
      await restore(place.target(), odd.contents);
      await restore(place.target(), odd.contents, { replace: true });
      expectSame(await place.readByHand(), odd.world, 'what was restored, read by hand');
    },
  },
  {
    promise: 'changes nothing while it plans',
    run: plansOnly,
  },
  {
    promise: 'refuses a target that holds some of it, and changes nothing then',
    run: refusesConflicts,
  },
  {
    promise: 'looks again before it writes: what came after the plan is not overwritten',
    run: async ({ place, contents }) => {
      const plan = await place.target().plan(contents, {}, never);
      assert.deepEqual(plan.conflicts, []);
      await place.put('d_last', OTHER);
      await expectFailure(() => carryOut(place.target(), contents, plan), NOT_EMPTY, { about: 'a restore' });
      expectSame(await place.readByHand(), new Map([['d_last', OTHER]]), 'after it was refused');
    },
  },
  {
    promise:
      'replaces with --replace what the backup has, of whatever shape it was, and names what it removes',
    run: replaces,
  },
  {
    promise: 'comes to the same when it is done again with --replace',
    run: async ({ place, contents, world }) => {
      await restore(place.target(), contents);
      await restore(place.target(), contents, { replace: true });
      expectSame(await place.readByHand(), world, 'restored twice');
    },
  },
  {
    promise: 'restores one dataset that is asked for, and leaves all others alone',
    run: restoresOne,
  },
  {
    promise: 'refuses a dataset that the backup lacks, and changes nothing then',
    run: async ({ place, contents }) => {
      await place.put('other', OTHER);
      const asked = { datasets: [named(place, contents, 'a_first'), 'none of these'] };
      await expectFailure(() => restore(place.target(), contents, asked), /^E_NO_DATASET$/, {
        about: 'a plan',
      });
      expectSame(await place.readByHand(), new Map([['other', OTHER]]), 'after it was refused');
    },
  },
  {
    promise: 'does nothing when it is made, and has no secret in its name',
    run: async ({ place, contents }) => {
      const before = place.touched;
      const target = place.target();
      assert.equal(place.touched, before, 'the database was not touched');
      const { target: planned, steps, warnings } = await target.plan(contents, {}, never);
      assert.notEqual(target.name, '');
      for (const secret of place.secrets)
        assert.ok(
          ![target.name, target.asSource([]).name, planned, ...steps, ...warnings].join().includes(secret),
        );
    },
  },
];

async function writesAll({ place, contents, world }: Restoring): Promise<void> {
  let done = 0;
  const onDone = (plainBytes: number) => {
    assert.ok(plainBytes >= done, 'progress only grows');
    done = plainBytes;
  };
  const plan = await restore(place.target(), contents, { onDone });
  assert.ok(done > 0);
  expectSame(await place.readByHand(), world, 'what was restored, read by hand', {
    inOrder: place.facts.ordersRecords,
  });
  const data = plan.compare.filter(({ kind }) => kind === 'data').map(({ name }) => place.nameOf(name));
  expectIncluded(data, [...world.keys()], 'all of it is to be compared');
  await expectReleased(place, 'after the restore');
}

async function plansOnly({ place, contents }: Restoring): Promise<void> {
  const before = await putAll(
    place,
    new Map([
      ['a_first', OTHER],
      ['other', OTHER],
    ]),
  );
  const target = place.target();
  for (const replace of [false, true]) {
    const { conflicts, drops, steps, datasets } = await target.plan(contents, { replace }, never);
    assert.ok(conflicts.length > 0, 'what is in the way is named');
    assert.equal(drops.length > 0, replace, 'what is to be dropped is named');
    assert.ok(steps.length > 0);
    assert.ok(datasets.length > 0);
  }
  expectSame(await place.readByHand(), before, 'after the plans');
  await expectReleased(place, 'after the plans');
}

async function refusesConflicts({ place, contents }: Restoring): Promise<void> {
  for (const name of ['a_first', 'd_last']) {
    const before = new Map([[name, OTHER]]);
    await putAll(place, before);
    await expectFailure(() => restore(place.target(), contents), NOT_EMPTY, {
      about: `${name} is there`,
      secrets: place.secrets,
    });
    expectSame(await place.readByHand(), before, `after ${name} was in the way`);
    await place.put(name, undefined);
  }
  await expectReleased(place, 'after it was refused');
}

async function replaces({ place, contents, world }: Restoring): Promise<void> {
  const shapes: readonly Content[] = [singleValue('one'), recordsOf([['x', 'y']]), many(30, 3000, 5)];
  for (const [i, shape] of shapes.entries()) {
    const before = ['a_first', 'b_large', 'c_value', 'e_members', 'd_last', 'other'].slice(i);
    await putAll(place, new Map(before.map((name) => [name, shape])));
    const plan = await restore(place.target(), contents, { replace: true });
    const keepsOther = place.facts.wholeReplaceRemoves === 'own';
    const after: World = keepsOther ? new Map([...world, ['other', shape]]) : world;
    expectSame(await place.readByHand(), after, 'what is there after --replace');
    if (keepsOther)
      expectNamed(
        plan,
        before.filter((name) => name !== 'other'),
      );
    assert.ok(plan.drops.length > 0, 'what is removed is named');
  }
}

function expectNamed({ drops }: RestorePlan, names: readonly string[]): void {
  for (const name of names)
    assert.ok(
      drops.some((drop) => drop.includes(name)),
      `${name} is named among ${drops}`,
    );
  assert.ok(!drops.some((drop) => drop.includes('other')), 'what is kept is not named');
}

async function restoresOne({ place, contents, world }: Restoring): Promise<void> {
  const one = new Map([...world].filter(([name]) => name === 'b_large'));
  const others = await putAll(
    place,
    new Map([
      ['d_last', OTHER],
      ['other', OTHER],
    ]),
  );
  const datasets = [named(place, contents, 'b_large')];
  const plan = await restore(place.target(), contents, { datasets });
  expectSame(await place.readByHand(), new Map([...others, ...one]), 'one dataset beside others');
  assert.deepEqual(
    plan.datasets.filter(({ kind }) => kind === 'data').map(({ name }) => place.nameOf(name)),
    ['b_large'],
  );
  await expectFailure(() => restore(place.target(), contents, { datasets }), NOT_EMPTY, {
    about: 'once more',
  });
  await place.put('b_large', OTHER);
  await restore(place.target(), contents, { datasets, replace: true });
  expectSame(await place.readByHand(), new Map([...others, ...one]), 'one dataset replaced beside others');
}

/** The adapter's name of a dataset. */
export function named(place: Place, { datasets }: BackupContents, dataset: string): string {
  const found = datasets.find(({ kind, name }) => kind === 'data' && place.nameOf(name) === dataset);
  if (!found) return assert.fail(`${dataset} is in the backup`);
  return found.name;
}
