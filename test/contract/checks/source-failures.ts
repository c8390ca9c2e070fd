import assert from 'node:assert/strict';
import { refuseEmpty } from '../../../shared/jobs/backup/judge-backup.ts';
import type { Source } from '../../../shared/sources/source.ts';
import {
  type Check,
  DATABASE_FAILED,
  expectFailure,
  expectReleased,
  expectSame,
  expectTyped,
  outcomeOf,
  putAll,
} from '../contract.ts';
import type { Place } from '../place.ts';
import { never, readPartition, readSource, readView } from '../reading.ts';
import { smallWorld } from './worlds.ts';

const STOPPED = /^E_ABORTED$/;

/** What goes wrong, or is stopped: no half read passes for a whole one, and nothing is left open. */
export const FAILURES: readonly Check<Place>[] = [
  {
    promise: 'fails with a code where a read breaks, or gives all of it: it never just ends',
    run: breaks,
  },
  {
    promise: 'refuses what is empty, not there, or may not be read whole',
    run: refuses,
  },
  {
    promise: 'does nothing when it is made, and has no secret in its name',
    run: async (place) => {
      const before = place.touched;
      const { name } = place.source();
      assert.equal(place.touched, before, 'the database was not touched');
      assert.equal(await place.openHandles(), 0);
      assert.notEqual(name, '');
      for (const secret of place.secrets) assert.ok(!name.includes(secret));
      assert.equal(place.source().name, name, 'the name chooses the parent: it is always the same');
    },
  },
  {
    promise: 'does not begin when it is stopped already',
    run: async (place) => {
      await putAll(place, smallWorld());
      const source = place.source();
      const stopped = AbortSignal.abort();
      await expectFailure(() => source.open(stopped), STOPPED, { about: 'open' });
      await using view = await source.open(never);
      const [dataset] = view.datasets.filter(({ kind }) => kind === 'data');
      const partition = dataset?.partitions[0];
      if (!dataset || !partition) assert.fail('there is a dataset');
      await expectFailure(() => readPartition(view, dataset, partition, { signal: stopped }), STOPPED, {
        about: 'read',
      });
    },
  },
  {
    promise: 'stops in the middle of a read when it is told to, and lets go of everything',
    run: async (place) => {
      await putAll(place, smallWorld());
      const stop = new AbortController();
      const onBlock = async (dataset: string) => {
        if (place.nameOf(dataset) === 'b_large') stop.abort();
      };
      await expectFailure(
        () => readSource(place.source(), { signal: stop.signal, check: false, onBlock }),
        STOPPED,
        {
          about: 'a read',
        },
      );
      await expectReleased(place, 'after it was stopped');
    },
  },
  {
    promise: 'stops though the database has fallen silent',
    without: ({ neverSilent }) => neverSilent,
    run: async (place) => {
      await putAll(place, smallWorld());
      if (!place.silence) assert.fail('the place says how its database falls silent');
      await using silence = await place.silence.arm();
      const stop = new AbortController();
      const reading = outcomeOf(() => readSource(place.source(), { signal: stop.signal, check: false }));
      await silence.begun;
      stop.abort();
      const outcome = await reading;
      if ('value' in outcome) assert.fail('a read of a silent database ended well');
      expectTyped(outcome.error, STOPPED, { about: 'silence' });
      await expectReleased(place, 'after the silence');
    },
  },
  {
    promise: 'lets go of everything when it is closed: after a whole read, half of one, and none',
    run: releases,
  },
  {
    promise: 'can be closed twice',
    run: async (place) => {
      await putAll(place, smallWorld());
      const view = await place.source().open(never);
      await view[Symbol.asyncDispose]();
      await view[Symbol.asyncDispose]();
      await expectReleased(place, 'after it was closed twice');
    },
  },
  {
    promise: 'never ends a read quietly that is under way when it is closed',
    run: closesUnderTheRead,
  },
];

async function breaks(place: Place): Promise<void> {
  const world = await putAll(place, smallWorld());
  const breakages = await place.breakages();
  assert.ok(breakages.length > 0, 'the place says how its reads break');
  for (const { name, isForGood, arm, during } of breakages) {
    await using _ = await arm();
    let isDone = false;
    const onBlock = async (dataset: string) => {
      if (isDone || !during || place.nameOf(dataset) !== 'b_large') return;
      isDone = true;
      await during('b_large');
    };
    const outcome = await outcomeOf(() => readSource(place.source(), { check: false, onBlock }));
    if (during) assert.ok(isDone, `${name}: it came to that`);
    if ('error' in outcome)
      expectTyped(outcome.error, DATABASE_FAILED, { about: name, secrets: place.secrets });
    else if (isForGood) assert.fail(`${name}: it ended well`);
    else expectSame(place.decode(outcome.value), world, `${name}: it ended well`);
    await _[Symbol.asyncDispose]();
    await expectReleased(place, name);
    if (during) await putAll(place, world);
  }
}

async function refuses(place: Place): Promise<void> {
  const refused = await place.refused();
  assert.ok(refused.length > 0, 'the place says what is to be refused');
  for (const { name, codes, source } of refused)
    await expectFailure(() => readSomething(source), new RegExp(`^(${codes.join('|')})$`), {
      about: name,
      secrets: place.secrets,
    });
  await expectReleased(place, 'after refusals');
}

/** As a backup does, which refuses a view without any data. */
async function readSomething(source: Source): Promise<void> {
  await using view = await source.open(never);
  refuseEmpty(view, source.name);
  await readView(source, view);
}

async function releases(place: Place): Promise<void> {
  await putAll(place, smallWorld());
  await readSource(place.source());
  await expectReleased(place, 'after a whole read');
  {
    await using _ = await place.source().open(never);
  }
  await expectReleased(place, 'after none');
  {
    await using view = await place.source().open(never);
    const dataset = view.datasets.find(({ name }) => place.nameOf(name) === 'b_large');
    const partition = dataset?.partitions[0];
    if (!dataset || !partition) assert.fail('b_large is there');
    for await (const block of view.read(dataset, partition, never)) {
      assert.ok(block.length > 0);
      break;
    }
  }
  await expectReleased(place, 'after half of a read');
}

async function closesUnderTheRead(place: Place): Promise<void> {
  const world = await putAll(place, smallWorld());
  const view = await place.source().open(never);
  const dataset = view.datasets.find(({ name }) => place.nameOf(name) === 'b_large');
  const partition = dataset?.partitions[0];
  if (!dataset || !partition) assert.fail('b_large is there');
  let isClosed = false;
  const outcome = await outcomeOf(() =>
    readPartition(view, dataset, partition, {
      onBlock: async () => {
        if (isClosed) return;
        isClosed = true;
        await view[Symbol.asyncDispose]();
      },
    }),
  );
  assert.ok(isClosed);
  if ('error' in outcome) expectTyped(outcome.error, /^E_(SOURCE_[A-Z]+|ABORTED)$/, { about: 'closed' });
  else if (dataset.partitions.length === 1) {
    const reading = {
      kind: place.source().kind,
      server: '',
      consistency: 'per-dataset',
      datasets: [{ ...dataset, partitions: new Map([[partition.name, outcome.value]]) }],
    } as const;
    const only = new Map([...world].filter(([name]) => name === 'b_large'));
    expectSame(place.decode(reading), only, 'what came after it was closed');
  } else assert.fail('a read of one of several partitions must not go on when its view is closed');
  await expectReleased(place, 'after it was closed under a read');
}
