import { type CheckResult, differs, holds, unknown } from '../../source-checks.ts';
import { type NodePath, showPath } from '../connection/paths.ts';
import { isThere } from '../reading/key-listing.ts';
import { CanonicalJson } from '../text/json.ts';
import { compareKeys } from '../text/key-order.ts';
import type { CheckContext, FirebaseCheck } from './read.ts';
import { findSample } from './sample.ts';

const QUIETLY = { print: 'silent', disableTriggers: 'true' } as const;
const UNLIMITED = { ...QUIETLY, writeSizeLimit: 'unlimited' } as const;
/** Longer than a double is exact. */
const INTEGER = '9007199254740993';
/** In the order that Firebase is said to have: 32-bit integers by value, then UTF-16 code units. */
const ORDERED = ['-5', '2', '10', '"a"', '007x', 'B', 'a', 'é', '😀', '\uff5e'].toSorted(compareKeys);

const DATA = `{"deep":{"child":{"leaf":1,".priority":3},"other":{"x":true}},"flags":{"u1":true,"u2":true},\
"integer":${INTEGER},"keys":{${ORDERED.map((key) => `${JSON.stringify(key)}:1`).join(',')}},\
"list":["a","b",{"c":1}],"text":{".value":"é\\"\\\\\\n\\u2028😀",".priority":"p"}}`;

/** The first one makes what the others look at. */
export const WRITE: FirebaseCheck = {
  name: 'write',
  needs: 'reach',
  assumes: 'This login may write, and written data reads back unchanged, including priorities and odd texts.',
  neededFor: 'restore',
  follows: 'Nothing can be restored into this database by this login.',
  writes: true,
  look: async (look, signal) => {
    const { asker, own } = look;
    const { place } = own;
    await own.make(signal);
    await asker.send({ method: 'PUT', path: place, query: UNLIMITED, body: DATA });
    const { body } = await asker.get(place, { format: 'export' });
    const [wrote, read] = [DATA, body].map((json) => withoutInteger(new CanonicalJson(json).whole()));
    look.sample = await findSample(asker, place);
    return wrote === read ? holds('it reads back') : differs('it reads back otherwise');
  },
};

/** Checks that write, each below a node of its own. */
export const WRITING: readonly FirebaseCheck[] = [
  {
    name: 'patch-paths',
    assumes: 'A PATCH takes paths, changes them together, and leaves what is beside them.',
    neededFor: 'restore',
    follows: 'Restores into this database fail.',
    writes: true,
    needs: 'write',
    look: async (look) => {
      await patch(look, '{"deep/child/leaf":2,"deep/new/x":1}');
      const wanted = '{"child":{"leaf":2,".priority":3},"new":{"x":1},"other":{"x":true}}';
      return equal(await valueAt(look, ['deep']), wanted);
    },
  },
  {
    name: 'patch-priority',
    assumes: 'A PATCH takes the priority of a node by its path.',
    neededFor: 'saving',
    follows: 'A restore puts each priority by itself.',
    writes: true,
    needs: 'write',
    look: async (look) => {
      await patch(look, '{"deep/child/.priority":5}');
      return equal(await valueAt(look, ['deep', 'child']), '{"leaf":2,".priority":5}');
    },
  },
  {
    name: 'export-pages',
    assumes: '`format=export` keeps priorities in pages too.',
    neededFor: 'backup',
    follows:
      'Large nodes lose the priorities of their children in backups: tell us, and do not rely on them.',
    writes: true,
    needs: 'write',
    look: async ({ asker, own: { place } }) => {
      const page = { format: 'export', orderBy: '"$key"', limitToFirst: '1' };
      const { body, outcome } = await asker.get([...place, 'deep'], page);
      if (outcome !== 'whole') return unknown('pages are refused');
      return equal(new CanonicalJson(body).whole(), '{"child":{"leaf":2,".priority":5}}');
    },
  },
  {
    name: 'key-order',
    assumes: 'Keys are ordered as in Google’s client: 32-bit integers by value, then by UTF-16 code units.',
    neededFor: 'saving',
    follows: 'Where a page does not begin behind the key that it should, nodes are read by lists of keys.',
    writes: true,
    needs: 'write',
    look: (look) => keyOrder(look),
  },
  {
    name: 'etag-content',
    assumes: 'The ETag of a silent read changes when a value deep below changes.',
    neededFor: 'backup',
    follows: "Set `etags: 'off'`: changes could be missed.",
    writes: true,
    needs: 'write',
    look: (look) => etagChanges(look, '{"deep/other/x":false}'),
  },
  {
    name: 'etag-priority',
    assumes: 'The ETag of a silent read changes when only a priority does.',
    neededFor: 'saving',
    follows:
      "Data with priorities are read whole each time. Without any yet, set `etags: 'off'` before you use the first one: it could be missed.",
    writes: true,
    needs: 'write',
    look: (look) => etagChanges(look, '{"deep/child":{"leaf":2,".priority":6}}'),
  },
  {
    name: 'integers',
    assumes: 'Integers beyond 2^53 stay digit for digit.',
    neededFor: 'information',
    follows: 'The database rounds them itself; a backup has what it answers.',
    writes: true,
    needs: 'write',
    look: async (look) => equal(await valueAt(look, ['integer']), INTEGER),
  },
  {
    name: 'export-objects',
    assumes: '`format=export` never has arrays.',
    neededFor: 'information',
    follows: 'Arrays are read as the objects that they are.',
    writes: true,
    needs: 'write',
    look: async ({ asker, own: { place } }) => {
      const { body } = await asker.get([...place, 'list'], { format: 'export' });
      return body.toString().trim().startsWith('[') ? differs('it has arrays') : holds('an object');
    },
  },
  {
    name: 'remove-by-size',
    assumes: '`writeSizeLimit=tiny` is taken, and what was removed is gone.',
    neededFor: 'restore',
    follows: '`restore --replace` and drills fail on this database.',
    writes: true,
    needs: 'write',
    look: async ({ asker, own: { place }, connection }, signal) => {
      const path = [...place, 'flags'];
      await asker.send({ method: 'DELETE', path, query: { ...QUIETLY, writeSizeLimit: 'tiny' } });
      return (await isThere(connection, path, signal)) ? differs('it is still there') : holds('it is gone');
    },
  },
  {
    name: 'left-nothing',
    assumes: 'What these checks wrote is removed again.',
    neededFor: 'information',
    follows: 'Remove that node, and its mark below holdfast_drills; a later run removes both after a day.',
    writes: true,
    needs: 'write',
    look: async ({ own }, signal) => {
      await own.remove(signal);
      return holds(showPath(own.place));
    },
  },
];

async function patch({ asker, own }: CheckContext, body: string): Promise<void> {
  await asker.send({ method: 'PATCH', path: own.place, query: UNLIMITED, body });
}

async function valueAt({ asker, own: { place } }: CheckContext, below: NodePath): Promise<string> {
  const { body } = await asker.get([...place, ...below], { format: 'export' });
  return new CanonicalJson(body).whole();
}

async function keyOrder({ asker, own: { place } }: CheckContext): Promise<CheckResult> {
  const found: string[] = [];
  for (let after: string | undefined; found.length <= ORDERED.length; after = found.at(-1)) {
    const more = after === undefined ? {} : { startAfter: JSON.stringify(after) };
    const query = { format: 'export', orderBy: '"$key"', limitToFirst: '1', ...more };
    const [next] = (await asker.keys([...place, 'keys'], query)) ?? [];
    if (next === undefined) break;
    found.push(next);
  }
  if (found.length === 0) return unknown('pages are refused');
  return found.join('\n') === ORDERED.join('\n') ? holds('the same') : differs(found.join(' '));
}

/** Only an ETag that is that of a whole read is ever relied on. */
async function etagChanges(look: CheckContext, change: string): Promise<CheckResult> {
  const { asker, own, options } = look;
  if (options.etags === 'off') return unknown('etags is off: nothing rests on them');
  const path = [...own.place, 'deep'];
  const silent = async () => (await asker.get(path, { print: 'silent' })).etag;
  const before = await silent();
  const whole = await asker.get(path, { format: 'export' });
  if (before === undefined || before !== whole.etag)
    return unknown('it has not that of a whole read: nothing rests on it');
  await patch(look, change);
  return (await silent()) === before ? differs('it stayed') : holds('it changed');
}

function equal(found: string, wanted: string): CheckResult {
  return found === wanted ? holds('it does') : differs(found.slice(0, 100));
}

/** Whether that one stays is a check of its own. */
function withoutInteger(json: string): string {
  return json.replace(/"integer":[^,}]+/, '');
}
