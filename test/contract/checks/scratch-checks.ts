import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { DAY_MS } from '../../../shared/core/units.ts';
import { type Scratch, type ScratchMark, scratchName } from '../../../shared/sources/scratch.ts';
import { type Check, expectFailure, expectIncluded, expectReleased, expectSame } from '../contract.ts';
import type { Place } from '../place.ts';
import { never } from '../reading.ts';
import { compare, type Restoring, restore } from '../restoring.ts';
import { many } from '../world.ts';
import { named } from './target-writes.ts';

/** What drills rely on: places of their own, and nobody else's touched. */
export const SCRATCH_CHECKS: readonly Check<Restoring>[] = [
  {
    promise: 'makes an empty place of a new name, where a restore comes out equal, and removes it',
    run: makesAndRemoves,
  },
  {
    promise: 'finds a schema that differs',
    without: ({ schemaOutcome }) => (schemaOutcome === 'none' ? 'it has no schema' : undefined),
    run: async ({ place, contents }) => {
      const { scratch, name } = await made(place, contents);
      await restore(scratch.target, contents, scratch.restoreOptions);
      await place.spoilSchema?.(name);
      const { outcome, missing, unexpected, changed } = await scratch.compareSchema(contents, never);
      assert.equal(outcome, 'different');
      assert.ok(missing.length + unexpected.length + changed.length > 0);
      await ended(scratch);
    },
  },
  {
    promise: 'never uses nor removes what has the name already',
    run: async ({ place, contents }) => {
      const mark = newMark();
      await place.occupy(scratchName(mark));
      const server = place.scratchServer();
      const make = () => server.make(contents, mark, { onWarning: () => {}, signal: never });
      await expectFailure(make, /^E_(SOURCE_|TARGET_NOT_EMPTY)/, { about: 'a name that is taken' });
      assert.deepEqual(await place.listScratches(), [scratchName(mark)]);
      await expectReleased(place, 'after it failed');
    },
  },
  {
    promise: 'removes what a drill of the same repository left that was killed, and nothing else',
    run: removesLeftovers,
  },
  {
    promise: 'leaves what is kept to who keeps it',
    run: async ({ place, contents }) => {
      const mark = newMark();
      const kept = await made(place, contents, mark);
      const { scratch } = kept;
      await restore(scratch.target, contents, {
        ...scratch.restoreOptions,
        datasets: [named(place, contents, 'a_first')],
      });
      await kept.scratch.keep(never);
      await kept.scratch.close();
      const next = await made(place, contents, later(mark));
      assert.deepEqual(next.warnings, []);
      expectIncluded(await place.listScratches(), [kept.name]);
      await ended(next.scratch);
      assert.deepEqual(await place.listScratches(), [kept.name]);
    },
  },
  {
    promise: 'makes a place of a name that was chosen, says then that it is taken, and no drill removes it',
    run: async ({ place, contents }) => {
      const name = 'shop_copy';
      const server = place.scratchServer();
      assert.deepEqual(await server.inTheWayOf(name, never), []);
      const mark = { ...newMark(), name };
      const { scratch } = await made(place, contents, mark);
      await restore(scratch.target, contents, scratch.restoreOptions);
      await scratch.close();
      assert.ok(((await place.readScratch(name))?.size ?? 0) > 0);
      assert.ok((await server.inTheWayOf(name, never)).join().includes(name));
      // Also not where who made it was killed, and it has its mark still.
      const next = await made(place, contents, later(mark));
      assert.deepEqual(next.warnings, []);
      await ended(next.scratch);
      assert.ok(((await place.readScratch(name))?.size ?? 0) > 0);
      await scratch.remove(never);
      await scratch.close();
    },
  },
  {
    promise: 'leaves nothing when it is stopped before it begins',
    run: async ({ place, contents }) => {
      const options = { onWarning: () => {}, signal: AbortSignal.abort() };
      await expectFailure(() => place.scratchServer().make(contents, newMark(), options), /^E_ABORTED$/, {
        about: 'a stopped drill',
      });
      assert.deepEqual(await place.listScratches(), []);
      await expectReleased(place, 'after it was stopped');
    },
  },
  {
    promise: 'can be removed and closed twice, and lets go of everything',
    run: async ({ place, contents }) => {
      const { scratch } = await made(place, contents);
      await scratch.remove(never);
      await scratch.remove(never);
      await scratch.close();
      await scratch.close();
      await expectReleased(place, 'after it was closed');
    },
  },
  {
    promise: 'says in plain words what it left out and how it is removed by hand, and tells no secret',
    run: async ({ place, contents }) => {
      const server = place.scratchServer();
      const { scratch } = await made(place, contents);
      assert.match(scratch.removal, /\S/);
      assert.match(scratch.server, /\S/);
      for (const sentence of scratch.leftOut) assert.match(sentence, /\S/);
      const told = [
        server.name,
        server.sharedWarning,
        scratch.name,
        scratch.removal,
        ...scratch.leftOut,
      ].join();
      for (const secret of place.secrets) assert.ok(!told.includes(secret));
      await ended(scratch);
    },
  },
];

async function makesAndRemoves({ place, contents, world }: Restoring): Promise<void> {
  await place.put('other', many(3, 10));
  const before = await place.readByHand();
  const { scratch, name, warnings } = await made(place, contents);
  assert.deepEqual(warnings, []);
  assert.deepEqual(await place.listScratches(), [name]);
  assert.equal((await place.readScratch(name))?.size ?? 0, 0, 'it is empty');
  const plan = await restore(scratch.target, contents, scratch.restoreOptions);
  const held = await place.readScratch(name);
  if (!held) assert.fail('the scratch target is there');
  expectSame(held, world, 'the scratch target', { inOrder: place.facts.ordersRecords });
  const compared = await compare(scratch.target, contents, plan);
  assert.deepEqual(
    compared.filter(({ equal }) => !equal),
    [],
  );
  const { outcome, ...found } = await scratch.compareSchema(contents, never);
  assert.equal(outcome, place.facts.schemaOutcome);
  assert.partialDeepStrictEqual(found, { missing: [], unexpected: [], changed: [] });
  await ended(scratch);
  assert.deepEqual(await place.listScratches(), []);
  expectSame(await place.readByHand(), before, 'all that is not the drill’s');
  await expectReleased(place, 'after the drill');
}

async function removesLeftovers({ place, contents }: Restoring): Promise<void> {
  const [ours, theirs] = [newMark(), newMark()];
  const alive = await made(place, contents, { ...newMark(), repository: ours.repository });
  const beside = await made(place, contents, ours);
  assert.deepEqual(beside.warnings, [], 'a drill that goes on is left alone');
  const other = await made(place, contents, theirs);
  await place.occupy('holdfast_drill_20200101t020000_00000000');
  for (const { scratch } of [alive, beside, other]) await scratch.close();
  const next = await made(place, contents, later(ours));
  for (const name of [alive.name, beside.name])
    assert.equal(next.warnings.filter((warning) => warning.includes(name)).length, 1, name);
  assert.deepEqual(
    [...(await place.listScratches())].sort(),
    ['holdfast_drill_20200101t020000_00000000', other.name, next.name].sort(),
  );
  await ended(next.scratch);
}

interface Made {
  readonly scratch: Scratch;
  readonly name: string;
  readonly warnings: readonly string[];
}

async function made(place: Place, contents: Restoring['contents'], mark = newMark()): Promise<Made> {
  const warnings: string[] = [];
  const onWarning = (message: string) => void warnings.push(message);
  const scratch = await place.scratchServer().make(contents, mark, { onWarning, signal: never });
  return { scratch, name: scratchName(mark), warnings };
}

/** As drills do. */
async function ended(scratch: Scratch): Promise<void> {
  await scratch.remove(never);
  await scratch.close();
}

function newMark(): ScratchMark {
  const id = () => randomBytes(16).toString('hex');
  return { repository: id(), run: id(), at: new Date() };
}

/** Of another drill of the same repository, when no earlier one can go on any more. */
function later({ repository, at }: ScratchMark): ScratchMark {
  return { ...newMark(), repository, at: new Date(at.getTime() + 3 * DAY_MS) };
}
