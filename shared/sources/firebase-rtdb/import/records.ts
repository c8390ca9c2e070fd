import { keyFault, MOST_DEPTH, type NodePath, showPath } from '../connection/paths.ts';
import { READ_LIMITS } from '../connection/read-limits.ts';
import type { JsonEvents } from '../text/json-tokens.ts';
import { compareKeys } from '../text/key-order.ts';
import { refused } from './error.ts';

/** A value of a database, as large as a record may be; those of a larger one are its children's. */
export interface ImportedRecord {
  /** From the root of the database. Of a node that is in several records, what it says of itself ends in `.priority`. */
  readonly path: NodePath;
  /** Which objects of the file it lies in, the outermost first: two of the same path would be a key that is there twice. */
  readonly objects: readonly number[];
  /** Canonical JSON, never `null`. */
  readonly value: string;
}

/** Takes the records of a file. */
export interface RecordTaker {
  take(record: ImportedRecord): void;
  /** Told of each value of a node, with the number of keys that lead to it. */
  sawLeaf(top: string | undefined, depth: number): void;
}

/** Empty objects and lists may be deeper than what a database holds. */
const MOST_NESTING = 200;

interface Member {
  readonly key: string;
  readonly value: string;
}

/** An object or list that is not complete. */
interface Frame {
  /** From the root. */
  readonly path: NodePath;
  readonly isList: boolean;
  nextIndex: number;
  key: string;
  /** Children that are not handed on yet. */
  members: Member[];
  /** `.value` and `.priority`. */
  own: Member[];
  /** Of its canonical text, without braces. */
  characters: number;
  hasChildren: boolean;
  /** Which one it is, once it is too large for one record and its children are handed on by themselves. */
  object: number | undefined;
}

/**
 * Makes records of what a JSON text holds, those that a read of the same data makes, in the order of the text. Holds no
 * more than one record of each level.
 */
export class RecordBuilder implements JsonEvents {
  readonly #taker: RecordTaker;
  readonly #frames: Frame[] = [];
  #objects = 0;

  constructor(taker: RecordTaker) {
    this.#taker = taker;
  }

  begin(kind: 'object' | 'array'): void {
    const parent = this.#frames.at(-1);
    const path = parent ? [...parent.path, nextKey(parent)] : [];
    if (path.at(-1)?.startsWith('.'))
      throw refused(`${showPath(path)} holds children; only a text, a number or a truth value belongs there`);
    if (path.length > MOST_NESTING) throw tooDeep(path);
    this.#frames.push({
      path,
      isList: kind === 'array',
      nextIndex: 0,
      key: '',
      members: [],
      own: [],
      characters: 0,
      hasChildren: false,
      object: parent ? undefined : this.#objects++,
    });
  }

  key(key: string): void {
    const frame = this.#frames.at(-1);
    if (!frame) return;
    const isOwn = key === '.value' || key === '.priority';
    const fault = isOwn ? undefined : keyFault(key);
    if (fault)
      throw refused(
        `a key in ${showPath(frame.path)} ${fault}: '${key.slice(0, 100)}'`,
        'No Firebase database can hold that. Check that the file is an export of one, and which --format it has.',
      );
    frame.key = key;
  }

  scalar(json: string): void {
    const frame = this.#frames.at(-1);
    if (!frame) {
      if (json === 'null') return;
      this.#taker.sawLeaf(undefined, 0);
      this.#taker.take({ path: [], objects: [], value: json });
      return;
    }
    const key = nextKey(frame);
    if (json === 'null') return;
    if (key === '.priority' && !/^["\d-]/.test(json))
      throw refused(`${showPath([...frame.path, key])} is ${json}; a priority is a text or a number`);
    const depth = frame.path.length + (key.startsWith('.') ? 0 : 1);
    if (depth > MOST_DEPTH) throw tooDeep(frame.path);
    this.#taker.sawLeaf(frame.path[0] ?? key, depth);
    this.#add(frame, { key, value: json });
  }

  end(): void {
    const frame = this.#frames.pop();
    if (!frame) return;
    checkOwn(frame);
    const parent = this.#frames.at(-1);
    const key = frame.path.at(-1) ?? '';
    if (frame.object !== undefined) {
      this.#finishLarge(frame);
      if (parent && frame.hasChildren) parent.hasChildren = true;
      return;
    }
    const value = wholeValue(frame);
    if (parent && value !== undefined) this.#add(parent, { key, value });
  }

  #add(frame: Frame, member: Member): void {
    const { key, value } = member;
    if (key.startsWith('.')) {
      if (frame.own.some((one) => one.key === key)) throw twice([...frame.path, key]);
      frame.own.push(member);
    } else {
      frame.hasChildren = true;
      if (frame.object !== undefined) {
        this.#take(frame, member);
        return;
      }
      frame.members.push(member);
    }
    frame.characters += JSON.stringify(key).length + value.length + 2;
    if (frame.members.length > 0 && frame.characters + 1 > READ_LIMITS.recordCharacters) this.#split(frame);
  }

  /** A frame that is too large makes those around it too large. */
  #split(last: Frame): void {
    for (const frame of [...this.#frames.slice(0, this.#frames.indexOf(last)), last]) {
      if (frame.object !== undefined) continue;
      frame.object = this.#objects++;
      for (const member of frame.members) this.#take(frame, member);
      frame.members = [];
    }
  }

  #take(frame: Frame, { key, value }: Member): void {
    const at = frame.path.length;
    const objects = this.#frames.slice(0, at).flatMap(({ object }) => object ?? []);
    this.#taker.take({ path: [...frame.path, key], objects: [...objects, frame.object ?? 0], value });
  }

  /** What such a node says of itself is a record for each, or the only one of a node without children. */
  #finishLarge(frame: Frame): void {
    if (frame.hasChildren) {
      for (const member of frame.own) this.#take(frame, member);
      return;
    }
    const value = wholeValue(frame);
    if (value !== undefined) this.#taker.take({ path: frame.path, objects: [], value });
  }
}

function nextKey(frame: Frame): string {
  return frame.isList ? String(frame.nextIndex++) : frame.key;
}

/** @throws E_IMPORT_REFUSED for what Firebase would not take, or take for something else */
function checkOwn({ path, own, hasChildren }: Frame): void {
  const has = (key: string) => own.some((member) => member.key === key);
  if (has('.value') && hasChildren) throw refused(`${showPath(path)} has both a .value and children`);
  if (has('.priority') && !has('.value') && !hasChildren)
    throw refused(`${showPath(path)} has a .priority, but neither a value nor children`);
}

/** Canonical JSON of a whole node, undefined if it holds nothing. */
function wholeValue({ path, members, own }: Frame): string | undefined {
  const [only] = own;
  if (members.length === 0 && own.length === 1 && only?.key === '.value') return only.value;
  if (members.length + own.length === 0) return undefined;
  const sorted = members.sort((a, b) => compareKeys(a.key, b.key));
  for (let i = 1; i < sorted.length; i++)
    if (sorted[i]?.key === sorted[i - 1]?.key) throw twice([...path, sorted[i]?.key ?? '']);
  own.sort((a, b) => compareKeys(a.key, b.key));
  return `{${[...sorted, ...own].map(({ key, value }) => `${JSON.stringify(key)}:${value}`).join(',')}}`;
}

/** The error of a path that a file has twice. */
export function twice(path: NodePath): Error {
  return refused(
    `${showPath(path)} appears twice`,
    'Nothing was stored: nobody can say which of them is meant. Take one out.',
  );
}

function tooDeep(path: NodePath): Error {
  return refused(
    `${showPath(path.slice(0, 4))}/… has more levels than the ${MOST_DEPTH} that Firebase allows`,
    'No Firebase database can hold that. Check that the file is an export of one, and which --format it has.',
  );
}
