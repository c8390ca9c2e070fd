import assert from 'node:assert/strict';
import type { SourceView } from '../../../shared/sources/source.ts';
import { type Check, expectSame, putAll } from '../contract.ts';
import type { Place } from '../place.ts';
import { dataOf, never, readPartition, readSource, readView } from '../reading.ts';
import { HOSTILE_TEXTS, recordsOf, type World } from '../world.ts';
import { hostileWorld, mediumWorld, sizesWorld, smallWorld } from './worlds.ts';

/** What is in the database is in what the source gives, in the form that the interface states. */
export const COMPLETE: readonly Check<Place>[] = [
  {
    promise: 'gives every record of every dataset, and no other',
    run: (place) => givesAll(place, sizesWorld(place.facts)),
  },
  {
    promise: 'gives names, keys and texts as they are, however odd',
    run: (place) => givesAll(place, hostileWorld(place.facts)),
  },
  {
    promise: 'can hold all odd texts that its table of facts does not rule out',
    run: rulesOutOnlyWhatCannotBe,
  },
  {
    promise: 'ends what it gives of a partition with a newline, or gives nothing',
    run: async (place) => {
      await putAll(place, mediumWorld(place.facts));
      for (const { name, partitions } of (await readSource(place.source(), { schema: true })).datasets)
        for (const bytes of partitions.values())
          assert.ok([undefined, 0x0a].includes(bytes.at(-1)), `the last byte of ${name}`);
    },
  },
  {
    promise: 'leaves a block alone until the next one is asked for',
    run: async (place) => {
      await putAll(place, smallWorld());
      // `readPartition` looks.
      await readSource(place.source());
    },
  },
  {
    promise: 'names datasets and their partitions once each, and says what a manifest can hold',
    run: async (place) => {
      await putAll(place, hostileWorld(place.facts));
      await using view = await place.source().open(never);
      checkPlan(view);
    },
  },
  {
    promise: 'gives the same bytes in the same order whenever it reads the same data',
    run: async (place) => {
      await putAll(place, mediumWorld(place.facts));
      const first = dataOf(await readSource(place.source()));
      const second = dataOf(await readSource(place.source()));
      for (const [name, bytes] of Object.entries(first))
        assert.ok(second[name] === bytes, `${name} is the same`);
      assert.deepEqual(Object.keys(second), Object.keys(first));
    },
  },
  {
    promise: 'gives the same when as many partitions are read at once as it allows',
    run: readsAtOnce,
  },
  {
    promise: 'gives to who joins a view what the view gives, where it lets others join',
    run: sharesItsView,
  },
];

async function givesAll(place: Place, world: World): Promise<void> {
  await putAll(place, world);
  expectSame(await place.readByHand(), world, 'what the database holds, read by hand');
  const reading = await readSource(place.source());
  expectSame(place.decode(reading), world, 'what the source gave', { inOrder: place.facts.ordersRecords });
}

/** A table that rules too much out would make the checks of odd names see nothing. */
async function rulesOutOnlyWhatCannotBe(place: Place): Promise<void> {
  const { canName, canKey, canHold } = place.facts;
  const holds = async (dataset: string, key: string, value: string) => {
    const content = recordsOf([[key, value]]);
    try {
      await place.put(dataset, content);
      const held = (await place.readByHand()).get(dataset);
      return held?.shape === 'records' && held.records.get(key) === value;
    } catch {
      return false;
    }
  };
  for (const text of HOSTILE_TEXTS) {
    if (!canName(text))
      assert.equal(await holds(text, 'k', 'v'), false, `as a name: ${JSON.stringify(text)}`);
    if (!canKey(text))
      assert.equal(await holds('keys', text, 'v'), false, `as a key: ${JSON.stringify(text)}`);
    if (!canHold(text))
      assert.equal(await holds('texts', 'k', text), false, `as text: ${JSON.stringify(text)}`);
  }
}

function checkPlan({ datasets, server, omitted }: SourceView): void {
  const names = datasets.map(({ name }) => name);
  assert.deepEqual(
    names.filter((name, i) => names.indexOf(name) !== i),
    [],
  );
  assert.ok(!names.includes(''));
  for (const { name, kind, attributes, partitions } of datasets) {
    assert.ok(['schema', 'data'].includes(kind), name);
    assert.deepEqual(JSON.parse(JSON.stringify(attributes)), attributes, `the attributes of ${name}`);
    const parts = partitions.map((part) => part.name);
    assert.equal(new Set(parts).size, parts.length, `the partitions of ${name}`);
    assert.ok(parts.length > 0, `the partitions of ${name}`);
    for (const { estimatedBytes } of partitions)
      assert.ok(Number.isFinite(estimatedBytes) && estimatedBytes >= 0, `the estimate of ${name}`);
  }
  assert.notEqual(server, '');
  for (const sentence of omitted) assert.match(sentence, /\S/);
}

async function readsAtOnce(place: Place): Promise<void> {
  await putAll(place, mediumWorld(place.facts));
  const source = place.source();
  const { maxReaders } = source.capabilities;
  assert.ok(Number.isInteger(maxReaders) && maxReaders >= 1);
  const oneByOne = await readSource(source);
  await using view = await source.open(never);
  const parts = view.datasets
    .filter(({ kind }) => kind === 'data')
    .flatMap((dataset) => dataset.partitions.map((partition) => ({ dataset, partition })));
  const lanes = Array.from({ length: maxReaders }, async () => {
    for (let next = parts.shift(); next; next = parts.shift()) {
      const { dataset, partition } = next;
      const bytes = await readPartition(view, dataset, partition);
      const alone = oneByOne.datasets
        .find(({ name }) => name === dataset.name)
        ?.partitions.get(partition.name);
      assert.ok(alone && bytes.equals(alone), `${dataset.name} read beside others`);
    }
  });
  await Promise.all(lanes);
}

async function sharesItsView(place: Place): Promise<void> {
  const world = await putAll(place, smallWorld());
  const source = place.source();
  await using view = await source.open(never, { isForOthers: true });
  const { sharing } = source;
  assert.equal(
    view.handle !== undefined,
    sharing !== undefined,
    'a view has a handle where its source lets others join',
  );
  assert.equal(view.gather !== undefined, sharing?.isGathered === true);
  if (!sharing) return;
  const { server, position, omitted, datasets, handle = {} } = view;
  assert.equal(view.changed, undefined);
  assert.deepEqual(
    datasets.filter(({ readLast }) => readLast),
    [],
  );
  const { consistency } = source.capabilities;
  const told = JSON.parse(JSON.stringify({ server, position, omitted, datasets, handle, consistency }));
  const change = () => place.setRecord('a_first', 'r0000', 'changed after the view was opened');
  if (!sharing.isGathered) await change();
  const [joining] = await Promise.all([
    place.source().sharing!.join(told, never, 0),
    view.gather?.(1, { waitMs: 60_000, signal: never }),
  ]);
  await using joined = joining;
  if (sharing.isGathered) await change();
  const theirs = await readView(source, joined);
  expectSame(place.decode(theirs), world, 'what the joined view gave');
  assert.deepEqual(
    theirs.datasets.map(({ name }) => name),
    datasets.filter(({ kind }) => kind === 'data').map(({ name }) => name),
  );
}
