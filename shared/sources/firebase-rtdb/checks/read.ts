import { HoldfastError } from '../../../core/errors.ts';
import { type Check, type CheckResult, differs, holds, unknown } from '../../source-checks.ts';
import type { FirebaseConnection } from '../connection/connection.ts';
import { type FirebaseOptions, firebaseName } from '../connection/options.ts';
import { showPath } from '../connection/paths.ts';
import { isThere } from '../reading/key-listing.ts';
import { readRules } from '../reading/rules.ts';
import type { OwnNode } from '../scratch/own-node.ts';
import { CanonicalJson } from '../text/json.ts';
import { type Asker, findSample, type Sample } from './sample.ts';

/** What the checks of one database share. */
export interface CheckContext {
  readonly connection: FirebaseConnection;
  readonly options: FirebaseOptions;
  readonly asker: Asker;
  /** Written only if that was asked for. */
  readonly own: OwnNode;
  /** Looked for once; in the database's own data, or what the checks wrote. */
  sample: Sample | undefined;
}

/** A check of a Firebase database. */
export type FirebaseCheck = Check<CheckContext>;

const ETAGS_OFF =
  "Nothing is taken as unchanged: each backup reads everything. `etags: 'off'` saves the questions.";
const PAGES_OFF =
  'Children of large nodes are read one by one by a list of keys: more requests, the same data.';

/** Checks of what this login may read. */
export const ACCESS: readonly FirebaseCheck[] = [
  {
    name: 'reach',
    assumes: 'The database answers, and this login may list what lies at its URL.',
    neededFor: 'backup',
    follows: 'No backup can be made.',
    look: async ({ asker, options }) => {
      const { body, outcome } = await asker.get(options.base, { shallow: 'true' });
      if (outcome !== 'whole') return holds('more nodes than are listed here');
      const json = new CanonicalJson(body);
      const members = json.members();
      return holds(members ? `${members.length} nodes at ${showPath(options.base)}` : 'no nodes');
    },
  },
  {
    name: 'data',
    assumes: 'It holds data.',
    neededFor: 'backup',
    follows: 'An empty answer is never taken for a backup.',
    needs: 'reach',
    look: async ({ connection, options }, signal) => {
      if (await isThere(connection, options.base, signal)) return holds('it does');
      throw new HoldfastError('E_EMPTY_READ', `${firebaseName(options)} holds nothing`, {
        hint: 'Check the database URL and its path.',
      });
    },
  },
  {
    name: 'rules',
    needs: 'reach',
    assumes: 'This login may read the security rules.',
    neededFor: 'information',
    follows: 'Backups are made without them, and say so.',
    look: async ({ connection, options }, signal) => {
      if (options.base.length > 0) return unknown('the URL names a node, rules belong to the whole database');
      const rules = await readRules(connection, signal);
      return 'text' in rules ? holds(`${rules.text.length} characters`) : differs(rules.omitted);
    },
  },
];

/** They read a few KB, and write nothing. */
export const READING: readonly FirebaseCheck[] = [
  {
    name: 'sample',
    needs: 'reach',
    assumes: 'A node of at most 64 KiB has children with children, to see the rest on.',
    neededFor: 'information',
    follows: 'What needs one stays unknown; `--write` makes one.',
    look: async (look) => {
      look.sample ??= await findSample(look.asker, look.options.base);
      return look.sample ? holds(showPath(look.sample.path)) : unknown('none was found');
    },
  },
  onSample({
    name: 'shallow',
    assumes: '`shallow=true` lists exactly the keys that a whole read has.',
    neededFor: 'backup',
    follows:
      'Every key that is listed and not read fails the backup, which loses nothing, and cannot be made.',
    look: async ({ asker }, { path, keys }) =>
      same(await asker.keys(path, { shallow: 'true' }), keys, `${keys.length} keys`),
  }),
  onSample({
    name: 'pages',
    assumes: '`orderBy="$key"` with `limitToFirst` gives the first children in Firebase’s order of keys.',
    neededFor: 'saving',
    follows: PAGES_OFF,
    look: async ({ asker }, { path, keys }) =>
      same(
        await asker.keys(path, { format: 'export', orderBy: '"$key"', limitToFirst: '1' }),
        keys.slice(0, 1),
        'the first key',
      ),
  }),
  onSample({
    name: 'start-after',
    assumes: 'A quoted `startAfter` begins such a page behind that key.',
    neededFor: 'saving',
    follows: PAGES_OFF,
    look: async ({ asker }, { path, keys }) => {
      if (keys.length < 2) return unknown(`${showPath(path)} has one child only`);
      const after = { orderBy: '"$key"', limitToFirst: '1', startAfter: JSON.stringify(keys[0]) };
      return same(await asker.keys(path, { format: 'export', ...after }), keys.slice(1, 2), 'the second key');
    },
  }),
  onSample({
    name: 'shallow-parts',
    assumes: '`shallow=true` takes `limitToFirst` and `startAfter`, with quotes or without.',
    neededFor: 'saving',
    follows: 'Keys are listed whole; a node whose list of keys is refused as too large cannot be backed up.',
    look: ({ asker }, sample) => shallowParts(asker, sample),
  }),
  onSample({
    name: 'silent',
    assumes: '`print=silent` answers a read without a body.',
    neededFor: 'saving',
    follows: ETAGS_OFF,
    look: async ({ asker }, { path }) => {
      const { body } = await asker.get(path, { print: 'silent' });
      return body.length === 0 ? holds('no body') : differs(`${body.length} bytes`);
    },
  }),
  onSample({
    name: 'etag',
    assumes: 'A whole read has an ETag when it is asked for one.',
    neededFor: 'saving',
    follows: ETAGS_OFF,
    look: async (_, { etag }) => (etag === undefined ? differs('none was given') : holds('there is one')),
  }),
  onSample({
    name: 'etag-silent',
    assumes: 'A silent read has the ETag of a whole read of the same node.',
    neededFor: 'saving',
    follows: `The ETag of a shallow read is tried. ${ETAGS_OFF}`,
    look: (look, sample) => sameEtag(look.asker, sample, { print: 'silent' }),
  }),
  onSample({
    name: 'etag-shallow',
    assumes: 'A shallow read has the ETag of a whole read of the same node.',
    neededFor: 'information',
    follows: 'It is tried only where silent reads have none.',
    look: (look, sample) => sameEtag(look.asker, sample, { shallow: 'true' }),
  }),
];

/** A check that needs a node to see it on. */
function onSample({
  look,
  ...check
}: Omit<FirebaseCheck, 'look'> & {
  readonly look: (look: CheckContext, sample: Sample) => Promise<CheckResult>;
}): FirebaseCheck {
  return {
    ...check,
    needs: 'reach',
    look: async (context) =>
      context.sample ? look(context, context.sample) : unknown('there is no node to see it on'),
  };
}

async function shallowParts(asker: Asker, { path, keys }: Sample): Promise<CheckResult> {
  const [first = '', second] = keys;
  if (second === undefined) return unknown(`${showPath(path)} has one child only`);
  const forms: string[] = [];
  const refusals: string[] = [];
  for (const [form, startAfter] of Object.entries({ plain: first, quoted: JSON.stringify(first) })) {
    try {
      const found = await asker.keys(path, { shallow: 'true', limitToFirst: '1', startAfter });
      if (found?.length === 1 && found[0] === second) forms.push(form);
    } catch (error) {
      refusals.push(error instanceof Error ? error.message : String(error));
    }
  }
  if (forms.length > 0) return holds(`it takes the key ${forms.join(' and ')}`);
  return differs(refusals[0] ?? 'the list did not go on behind the key');
}

async function sameEtag(
  asker: Asker,
  { path, etag }: Sample,
  query: Readonly<Record<string, string>>,
): Promise<CheckResult> {
  const { etag: asked } = await asker.get(path, query);
  if (asked === undefined) return differs('it has none');
  if (etag === undefined) return unknown('a whole read has none');
  if (asked === etag) return holds('they are equal');
  const { etag: again } = await asker.get(path, { format: 'export' });
  return again === etag ? differs('they differ') : unknown(`${showPath(path)} changed meanwhile`);
}

function same(found: readonly string[] | undefined, wanted: readonly string[], what: string): CheckResult {
  if (!found) return differs('it was refused as too large, or is not a list');
  const isSame = found.length === wanted.length && found.every((key) => wanted.includes(key));
  return isSame
    ? holds(what)
    : differs(`${found.slice(0, 3).join(', ')} instead of ${wanted.slice(0, 3).join(', ')}`);
}
