import { randomBytes } from 'node:crypto';
import { expect } from 'vitest';
import { DAY_MS } from '../../../shared/core/units.ts';
import { type Scratch, type ScratchMark, scratchName } from '../../../shared/sources/scratch.ts';
import { type Check, expectFailure, expectReleased, expectSame } from '../contract.ts';
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
      expect(outcome).toBe('different');
      expect(missing.length + unexpected.length + changed.length).toBeGreaterThan(0);
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
      expect(await place.listScratches()).toEqual([scratchName(mark)]);
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
      expect(next.warnings).toEqual([]);
      expect(await place.listScratches()).toEqual(expect.arrayContaining([kept.name]));
      await ended(next.scratch);
      expect(await place.listScratches()).toEqual([kept.name]);
    },
  },
  {
    promise: 'makes a place of a name that was chosen, says then that it is taken, and no drill removes it',
    run: async ({ place, contents }) => {
      const name = 'shop_copy';
      const server = place.scratchServer();
      expect(await server.inTheWayOf(name, never)).toEqual([]);
      const mark = { ...newMark(), name };
      const { scratch } = await made(place, contents, mark);
      await restore(scratch.target, contents, scratch.restoreOptions);
      await scratch.close();
      expect((await place.readScratch(name))?.size ?? 0).toBeGreaterThan(0);
      expect((await server.inTheWayOf(name, never)).join()).toContain(name);
      // Also not where who made it was killed, and it has its mark still.
      const next = await made(place, contents, later(mark));
      expect(next.warnings).toEqual([]);
      await ended(next.scratch);
      expect((await place.readScratch(name))?.size ?? 0).toBeGreaterThan(0);
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
      expect(await place.listScratches()).toEqual([]);
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
      expect(scratch.removal).toMatch(/\S/);
      expect(scratch.server).toMatch(/\S/);
      for (const sentence of scratch.leftOut) expect(sentence).toMatch(/\S/);
      const told = [
        server.name,
        server.sharedWarning,
        scratch.name,
        scratch.removal,
        ...scratch.leftOut,
      ].join();
      for (const secret of place.secrets) expect(told).not.toContain(secret);
      await ended(scratch);
    },
  },
];

async function makesAndRemoves({ place, contents, world }: Restoring): Promise<void> {
  await place.put('other', many(3, 10));
  const before = await place.readByHand();
  const { scratch, name, warnings } = await made(place, contents);
  expect(warnings).toEqual([]);
  expect(await place.listScratches()).toEqual([name]);
  expect((await place.readScratch(name))?.size ?? 0, 'it is empty').toBe(0);
  const plan = await restore(scratch.target, contents, scratch.restoreOptions);
  const held = await place.readScratch(name);
  if (!held) expect.fail('the scratch target is there');
  expectSame(held, world, 'the scratch target', { inOrder: place.facts.ordersRecords });
  const compared = await compare(scratch.target, contents, plan);
  expect(compared.filter(({ equal }) => !equal)).toEqual([]);
  const { outcome, ...found } = await scratch.compareSchema(contents, never);
  expect(outcome).toBe(place.facts.schemaOutcome);
  expect(found).toMatchObject({ missing: [], unexpected: [], changed: [] });
  await ended(scratch);
  expect(await place.listScratches()).toEqual([]);
  expectSame(await place.readByHand(), before, 'all that is not the drill’s');
  await expectReleased(place, 'after the drill');
}

async function removesLeftovers({ place, contents }: Restoring): Promise<void> {
  const [ours, theirs] = [newMark(), newMark()];
  const alive = await made(place, contents, { ...newMark(), repository: ours.repository });
  const beside = await made(place, contents, ours);
  expect(beside.warnings, 'a drill that goes on is left alone').toEqual([]);
  const other = await made(place, contents, theirs);
  await place.occupy('holdfast_drill_20200101t020000_00000000');
  for (const { scratch } of [alive, beside, other]) await scratch.close();
  const next = await made(place, contents, later(ours));
  for (const name of [alive.name, beside.name])
    expect(
      next.warnings.filter((warning) => warning.includes(name)),
      name,
    ).toHaveLength(1);
  expect([...(await place.listScratches())].sort()).toEqual(
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
