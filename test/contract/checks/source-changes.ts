import assert from 'node:assert/strict';
import {
  type Check,
  DATABASE_FAILED,
  expectSame,
  expectTyped,
  isSame,
  outcomeOf,
  putAll,
} from '../contract.ts';
import type { KindFacts, Place } from '../place.ts';
import { asContents, dataOf, never, type Reading, readPartition, readSource, readView } from '../reading.ts';
import { type Content, many, members, recordsOf, singleValue, text, type World } from '../world.ts';
import { smallWorld } from './worlds.ts';

/** What changes between two reads, or under one. */
export const CHANGES: readonly Check<Place>[] = [
  {
    promise: 'gives what is there now, whatever shape a dataset had at the last backup',
    run: (place) => walkShapes(place, datasetShapes(place.facts), ([a, m, z]) => ({ a, m, z })),
  },
  {
    promise: 'gives what is there now, whatever shape a record had at the last backup',
    run: (place) => walkShapes(place, RECORD_SHAPES, (values) => ({ m: recordsBetween(values) })),
  },
  {
    promise: 'says of a partition that it is as in the last backup only if it is, byte for byte',
    run: trustsTheParentRightly,
  },
  {
    promise: 'gives old or new of a dataset that changes under the read, as its consistency says, or fails',
    run: changesUnderTheRead,
  },
  {
    promise: 'never ends quietly where a dataset goes while it is read',
    run: goesUnderTheRead,
  },
  {
    promise: 'says no more of its consistency than is true',
    run: saysItsConsistency,
  },
];

function datasetShapes({ keepsEmptyDatasets }: KindFacts): readonly (Content | undefined)[] {
  return [
    undefined,
    singleValue('gone'),
    recordsOf([['k', 'one']]),
    many(3, 10),
    many(440, 950),
    recordsOf([['m', members(21, 20_000)]]),
    ...(keepsEmptyDatasets ? [recordsOf([])] : [singleValue('x'.repeat(500_000))]),
  ];
}

const RECORD_SHAPES: readonly (string | ReadonlyMap<string, string> | undefined)[] = [
  undefined,
  'tiny',
  'x'.repeat(450_000),
  new Map([['only', 'one']]),
  members(4, 10),
  members(21, 20_000),
];

/** Three values first, in the middle and last of the records of a dataset, as far as there are any. */
function recordsBetween(values: readonly (string | ReadonlyMap<string, string> | undefined)[]): Content {
  const keys = ['a', 'm', 'z'];
  return recordsOf(
    values.flatMap((value, i) => [
      ...(value === undefined ? [] : [[keys[i] ?? '', value] as const]),
      [`${keys[i]} stays`, 'x'] as const,
    ]),
  );
}

/**
 * Three places go through every ordered pair of shapes, each at another point of the way. What is read at each step is
 * the next one's parent.
 */
async function walkShapes<Shape>(
  place: Place,
  shapes: readonly Shape[],
  worldOf: (now: readonly [Shape, Shape, Shape]) => Readonly<Record<string, Content | undefined>>,
): Promise<void> {
  const steps = everyPair(shapes.length);
  const at = (step: number) => shapes[steps[step % steps.length] ?? 0] as Shape;
  const third = Math.floor(steps.length / 3);
  await place.put('b_stays', many(3, 10, 7));
  await place.put('y_stays', many(3, 10, 8));
  let parent: Reading | undefined;
  for (let step = 0; step <= steps.length; step++) {
    const now = [at(step), at(step + third), at(step + 2 * third)] as const;
    for (const [name, content] of Object.entries(worldOf(now))) await place.put(name, content);
    const reading: Reading = await readSource(place.source(), { parent });
    const about = `step ${step}: ${now.map(shapeOf).join(', ')}`;
    expectSame(place.decode(reading), await place.readByHand(), about);
    parent = reading;
  }
}

function shapeOf(shape: unknown): string {
  return (JSON.stringify(shape instanceof Map ? [...shape] : shape) ?? 'nothing').slice(0, 30);
}

/** A walk through 0 … n - 1 that goes from each to each other once: the circuit of a complete graph. */
function everyPair(n: number): readonly number[] {
  const left = Array.from({ length: n }, (_, from) =>
    Array.from({ length: n }, (_, to) => to).filter((to) => to !== from),
  );
  const path = [0];
  const walk: number[] = [];
  while (path.length > 0) {
    const next = left[path.at(-1) ?? 0]?.pop();
    if (next === undefined) walk.push(path.pop() ?? 0);
    else path.push(next);
  }
  return walk.slice(0, -1);
}

async function trustsTheParentRightly(place: Place): Promise<void> {
  await putAll(place, smallWorld());
  const parent = await readSource(place.source());
  await place.setRecord('b_large', 'r0011', 'changed');
  await place.setRecord('d_last', 'r0001', 'changed');
  const source = place.source();
  const whole = dataOf(await readSource(source));
  const known = asContents(parent);
  await using view = await source.open(never, { parent: known });
  for (const dataset of view.datasets.filter(({ kind }) => kind === 'data')) {
    const before = parent.datasets.find(({ name }) => name === dataset.name);
    for (const partition of dataset.partitions.filter(({ sameAsParent }) => sameAsParent)) {
      const bytes = before?.partitions.get(partition.name);
      assert.notEqual(bytes, undefined, `${dataset.name} is in the parent`);
      assert.ok((await readPartition(view, dataset, partition)).equals(bytes!), dataset.name);
    }
  }
  const delta = dataOf(await readSource(place.source(), { parent }));
  for (const [name, bytes] of Object.entries(whole))
    assert.ok(delta[name] === bytes, `${name} is the same with and without a parent`);
}

async function changesUnderTheRead(place: Place): Promise<void> {
  const before = await putAll(place, smallWorld());
  const after = changed(before, 'b_large', ['r0000', 'r0023']);
  const once = onceAtFirstBlock('b_large', place, async () => {
    await place.setRecord('b_large', 'r0000', CHANGED);
    await place.setRecord('b_large', 'r0023', CHANGED);
  });
  const outcome = await outcomeOf(() => readSource(place.source(), { onBlock: once.onBlock }));
  assert.ok(once.isDone, 'the dataset was changed while it was read');
  if ('error' in outcome) return expectTyped(outcome.error, DATABASE_FAILED, { about: 'a change' });
  const { consistency } = outcome.value;
  const given = place.decode(outcome.value);
  assert.ok(
    isSame(given, before) || isSame(given, after),
    `what was given is the data of before or of after (${consistency})`,
  );
}

async function goesUnderTheRead(place: Place): Promise<void> {
  for (const moment of ['before it is read', 'while it is read']) {
    const before = await putAll(place, smallWorld());
    const without = new Map([...before].filter(([name]) => name !== 'b_large'));
    const source = place.source();
    const outcome = await outcomeOf(async () => {
      await using view = await source.open(never);
      const early = moment === 'before it is read' ? await place.vanish('b_large') : undefined;
      const once = onceAtFirstBlock('b_large', place, async () => {
        if (early === undefined) await place.vanish('b_large');
      });
      return await readView(source, view, { onBlock: once.onBlock });
    });
    if ('error' in outcome) {
      expectTyped(outcome.error, DATABASE_FAILED, { about: `gone ${moment}` });
      continue;
    }
    const { consistency } = outcome.value;
    const given = place.decode(outcome.value);
    const gone = new Map([...given].filter(([name, content]) => name !== 'b_large' || !isEmpty(content)));
    assert.ok(
      isSame(given, before) || (consistency !== 'atomic' && isSame(gone, without)),
      `gone ${moment}: all of it or nothing of it (${consistency})`,
    );
  }
}

async function saysItsConsistency(place: Place): Promise<void> {
  const before = await putAll(place, smallWorld());
  const after = changed(changed(before, 'a_first', ['r0000']), 'd_last', ['r0000']);
  const source = place.source();
  const outcome = await outcomeOf(async () => {
    await using view = await source.open(never);
    const once = onceAtFirstBlock('b_large', place, async () => {
      await place.setRecord('a_first', 'r0000', CHANGED);
      await place.setRecord('d_last', 'r0000', CHANGED);
    });
    const reading = await readView(source, view, { onBlock: once.onBlock });
    assert.ok(once.isDone, 'the data was changed while it was read');
    return reading;
  });
  if ('error' in outcome) return expectTyped(outcome.error, DATABASE_FAILED, { about: 'a change' });
  const given = place.decode(outcome.value);
  if (outcome.value.consistency === 'atomic')
    assert.ok(isSame(given, before) || isSame(given, after), 'atomic: all of it is of one moment');
  else
    for (const [name, content] of given) {
      const moments = [before, after].map((world) => world.get(name));
      const only = new Map([[name, content]]);
      assert.ok(
        moments.some((moment) => moment && isSame(only, new Map([[name, moment]]))),
        `${name} is of one moment`,
      );
    }
}

/** As long as what it takes the place of: no size tells. */
const CHANGED = text(120_000, 99);

function changed(world: World, dataset: string, keys: readonly string[]): World {
  return new Map(
    [...world].map(([name, content]) => [
      name,
      name === dataset && content.shape === 'records'
        ? recordsOf([...content.records].map(([key, value]) => [key, keys.includes(key) ? CHANGED : value]))
        : content,
    ]),
  );
}

function isEmpty(content: Content): boolean {
  return content.shape === 'records' && content.records.size === 0;
}

/** Does something once, when the first block of a dataset has come. */
function onceAtFirstBlock(dataset: string, place: Place, work: () => Promise<void>) {
  let isDone = false;
  return {
    get isDone() {
      return isDone;
    },
    onBlock: async (name: string) => {
      if (isDone || place.nameOf(name) !== dataset) return;
      isDone = true;
      await work();
    },
  };
}
