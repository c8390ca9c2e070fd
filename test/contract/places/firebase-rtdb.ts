import { openFirebaseScratch } from '../../../shared/sources/firebase-rtdb/scratch.ts';
import { openFirebaseSource } from '../../../shared/sources/firebase-rtdb/source.ts';
import { openFirebaseTarget } from '../../../shared/sources/firebase-rtdb/target.ts';
import { type FirebaseServer, startFirebaseServer } from '../../../tools/firebase-server/server.ts';
import { linkBreakages, linkSilence, openLink } from '../link.ts';
import type { Breakage, KindFacts, Place } from '../place.ts';
import { readSource } from '../reading.ts';
import { type Content, recordsOf, singleValue, type World } from '../world.ts';

const MOST_KEY_BYTES = 768;

function isKey(key: string): boolean {
  return key.isWellFormed() && /^[^.#$[\]/\p{Cc}]+$/u.test(key) && Buffer.byteLength(key) <= MOST_KEY_BYTES;
}

export const FIREBASE: KindFacts = {
  kind: 'firebase-rtdb',
  canName: isKey,
  canKey: (key) => isKey(key.toWellFormed()),
  canHold: () => true,
  keepsEmptyDatasets: false,
  ordersRecords: false,
  wholeReplaceRemoves: 'all',
  schemaOutcome: 'none',
};

const TOKEN = 'swordfish';
/** Tries come soon after one another. */
const OPTIONS = { firstPauseMs: 1 };

/** A database of our own server: a top-level node a dataset, its children the records, whose members are children again. */
export async function openTree(): Promise<Place> {
  const server = await startFirebaseServer({ tokens: [TOKEN] });
  const link = await openLink(Number(new URL(server.url).port));
  const at = (port = link.port, token = TOKEN) => `http://127.0.0.1:${port}/?access_token=${token}`;
  const open = (url = at()) => openFirebaseSource(url, OPTIONS, {});
  const target = () => openFirebaseTarget(at(), OPTIONS, {});
  const hand = handOf(server.url);
  const put = (name: string, content: Content | undefined) => hand.write([name], treeOf(content));
  return {
    facts: FIREBASE,
    secrets: [TOKEN],
    put,
    setRecord: (name, key, value) => hand.write([name, key], value),
    vanish: async (name) => {
      await put(name, undefined);
      return 'gone';
    },
    readByHand: async () => worldOf(await hand.read([])),
    decode: ({ datasets }) => worldOf(treeOfRecords(datasets)),
    nameOf: (name) => name,
    source: () => open(),
    target,
    refused: async () => {
      await hand.write(['a'], 'something');
      const empty = await startFirebaseServer();
      const none = await openLink(1);
      return [
        { name: 'an empty database', codes: ['E_EMPTY_READ'], source: open(empty.url) },
        { name: 'an empty node', codes: ['E_EMPTY_READ'], source: open(at().replace('/?', '/nothing?')) },
        {
          name: 'a wrong token',
          codes: ['E_SOURCE_REFUSED', 'E_SOURCE_DENIED'],
          source: open(at(link.port, 'x')),
        },
        { name: 'a server that hangs up', codes: ['E_SOURCE_LOST'], source: open(at(none.port)) },
      ] as const;
    },
    breakages: async () => [
      ...(await linkBreakages(link, () => readSource(open()))),
      ...answerBreakages(server),
    ],
    writeBreakages: (work) => linkBreakages(link, work),
    silence: linkSilence(link, () => readSource(open())),
    openHandles: async () => link.connections,
    get touched() {
      return link.opened;
    },
    scratchServer: () => openFirebaseScratch(at(), OPTIONS, {}),
    // Of an empty one there is only its mark.
    listScratches: async () => {
      const marks = Object.keys((await hand.read(['holdfast_drills'])) ?? {});
      const nodes = Object.keys((await hand.read([])) ?? {});
      return [...new Set([...marks, ...nodes])].filter((name) => name.startsWith('holdfast_drill_'));
    },
    readScratch: async (name) => worldOf(await hand.read([name])),
    occupy: (name) => hand.write([name], 'nobody’s drill'),
    [Symbol.asyncDispose]: async () => {
      await link[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

/** Plain JSON, as the REST interface takes and gives it. */
type Tree = string | number | boolean | null | readonly Tree[] | { readonly [key: string]: Tree };

function handOf(url: string) {
  const place = (keys: readonly string[]) =>
    `${url}/${keys.map(encodeURIComponent).join('/')}.json?access_token=${TOKEN}`;
  const ask = async (keys: readonly string[], init: RequestInit) => {
    const answer = await fetch(place(keys), init);
    const body = await answer.text();
    if (!answer.ok) throw new Error(`${answer.status} ${body}`);
    return JSON.parse(body) as Tree;
  };
  return {
    read: (keys: readonly string[]) => ask(keys, {}),
    write: async (keys: readonly string[], tree: Tree) => {
      await ask(keys, { method: 'PUT', body: JSON.stringify(tree) });
    },
  };
}

function treeOf(content: Content | undefined): Tree {
  if (!content) return null;
  if (content.shape === 'value') return content.value;
  return nodeOf(
    [...content.records].map(([key, value]) => [key, typeof value === 'string' ? value : nodeOf(value)]),
  );
}

/** Keys such as `__proto__` too are members of it. */
function nodeOf(members: Iterable<readonly [string, Tree]>): { [key: string]: Tree } {
  return Object.fromEntries(members);
}

function entriesOf(tree: Tree): readonly (readonly [string, Tree])[] {
  // A node whose keys are mostly 0, 1, 2 … comes as an array.
  if (Array.isArray(tree))
    return tree.map((value, i) => [String(i), value] as const).filter(([, value]) => value !== null);
  return typeof tree === 'object' && tree !== null ? Object.entries(tree) : [];
}

function worldOf(tree: Tree): World {
  return new Map(
    entriesOf(tree).map(([name, node]) => [
      name,
      typeof node === 'string'
        ? singleValue(node)
        : recordsOf(
            entriesOf(node).map(([key, value]) => [
              key,
              typeof value === 'string'
                ? value
                : new Map(entriesOf(value).map(([member, text]) => [member, String(text)])),
            ]),
          ),
    ]),
  );
}

/** "Firebase Realtime Database" of docs/reference/format.md: a line `{"path":value}` each, the path from the dataset's node. */
function treeOfRecords(datasets: Parameters<Place['decode']>[0]['datasets']): Tree {
  const root = new Map<string, unknown>();
  for (const { name, kind, attributes, partitions } of datasets) {
    if (kind !== 'data') continue;
    const start = attributes['role'] === 'node' ? [name] : [];
    for (const line of Buffer.concat([...partitions.values()])
      .toString('utf8')
      .split('\n')
      .slice(0, -1)) {
      const [[path, value] = ['', null]] = Object.entries(JSON.parse(line) as Record<string, Tree>);
      setAt(root, [...start, ...(path === '' ? [] : path.split('/'))], value);
    }
  }
  return plain(root) as Tree;
}

function setAt(root: Map<string, unknown>, keys: readonly string[], value: Tree): void {
  let node = root;
  for (const key of keys.slice(0, -1)) {
    if (!(node.get(key) instanceof Map)) node.set(key, new Map());
    node = node.get(key) as Map<string, unknown>;
  }
  node.set(keys.at(-1) ?? '', value);
}

function plain(node: unknown): unknown {
  if (!(node instanceof Map)) return node;
  return Object.fromEntries([...node].map(([key, value]) => [key, plain(value)]));
}

/** What a proxy in between, or a server that dies, makes of answers that are whole for HTTP. */
function answerBreakages(server: FirebaseServer): readonly Breakage[] {
  return (['truncate', 'invalid-json', 'drop'] as const).flatMap((kind) =>
    [/b_large/, /a_first/, /shallow/, /./].flatMap((match) =>
      [1, 1_000_000].map((times) => ({
        name: `an answer: ${kind}, of ${match}, ${times === 1 ? 'once' : 'for good'}`,
        isForGood: times > 1,
        arm: () => {
          let isArmed = true;
          const armed = Object.assign(new RegExp(match), {
            test: (request: string) => isArmed && match.test(request),
          });
          server.fail({ kind, match: armed, times });
          return {
            [Symbol.asyncDispose]: async () => {
              isArmed = false;
            },
          };
        },
      })),
    ),
  );
}
