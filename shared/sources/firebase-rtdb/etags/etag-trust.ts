import { CanonicalJson } from '../text/json.ts';
import { nodeHash } from '../text/node-hash.ts';

const PRIORITY = '".priority":';
/** A hash is computed of no more than this, and so often at most. */
const MOST_HASHED_CHARACTERS = 64 * 1024;
const MOST_HASHED = 8;

/** What has been shown of a server's ETags; kept with a backup, so that the next one need not show it again. */
export interface EtagProof {
  /** They change when what lies below a node changes. */
  readonly content: boolean;
  /** And when a priority alone changes. */
  readonly priorities: boolean;
}

/** What the last backup knew. */
export interface InheritedTrust {
  readonly proof: EtagProof | undefined;
  /** Whether it holds priorities. */
  readonly hasPriorities: boolean;
}

/** A node as it was read with its ETag. */
export interface SeenNode {
  readonly etag: string;
  /** Canonical, in export format. */
  readonly value: string;
}

/**
 * Whether ETags stand for the data. Nothing of that is documented of reads without data, and of others
 * little: so each part is shown on data that is read anyway, and nothing rests on ETags before.
 *
 * - A read without data gives the ETag of a read with all of it, though the answers differ. Of flags a
 *   shallow answer is the
 *   whole, and has the same ETag even if that is of the answer alone.
 * - It changes with the content. Two things show that: it is the hash that Google's clients compute of the
 *   whole node; or it
 * changed, since the parent, together with what lies below the node's children, if a shallow answer stayed as
 * it was.
 * - It changes with priorities, shown the same ways; needed only if there are any.
 *
 * One ETag with two contents, or two ETags with one content, contradict it all: then nothing is believed any
 * more.
 */
export class EtagTrust {
  #hasAgreed: boolean;
  #content: boolean;
  #priorities: boolean;
  readonly #inheritsPriorities: boolean;
  #sawPriorities = false;
  #isContradicted = false;
  #hashesLeft = MOST_HASHED;

  constructor({ proof, hasPriorities }: InheritedTrust = { proof: undefined, hasPriorities: false }) {
    this.#hasAgreed = proof?.content ?? false;
    this.#content = proof?.content ?? false;
    this.#priorities = proof?.priorities ?? false;
    this.#inheritsPriorities = hasPriorities;
  }

  get isTrusted(): boolean {
    const isShown = this.#hasAgreed && this.#content && (this.#priorities || !this.hasPriorities);
    return isShown && !this.#isContradicted;
  }

  /** Whether there are any, as far as is known. */
  get hasPriorities(): boolean {
    return this.#inheritsPriorities || this.#sawPriorities;
  }

  /** Whether there are priorities in what was seen of the database now. */
  get sawPriorities(): boolean {
    return this.#sawPriorities;
  }

  get isContradicted(): boolean {
    return this.#isContradicted;
  }

  get hasAgreed(): boolean {
    return this.#hasAgreed;
  }

  /** Whether a node with a priority, read with its ETag, could still show something. */
  get needsPriority(): boolean {
    return !this.#isContradicted && !this.#priorities && this.#hashesLeft > 0;
  }

  /** Undefined if the next backup must not trust ETags either. */
  get proof(): EtagProof | undefined {
    if (!this.#hasAgreed || !this.#content || this.#isContradicted) return undefined;
    return { content: true, priorities: this.#priorities };
  }

  /** A read without data gave the ETag of a read with data, and another answer. */
  agree(): void {
    this.#hasAgreed = true;
  }

  contradict(): void {
    this.#isContradicted = true;
  }

  /** Takes note of text that goes into the backup. */
  sawText(text: Buffer | string): void {
    this.#sawPriorities ||= text.includes(PRIORITY);
  }

  /** A node was read whole, with its ETag. */
  saw({ etag, value }: SeenNode): void {
    this.sawText(value);
    const isOpen = !this.#content || (this.hasPriorities && !this.#priorities && value.includes(PRIORITY));
    if (!isOpen || this.#hashesLeft <= 0 || value.length > MOST_HASHED_CHARACTERS) return;
    if (isFlags(value)) return;
    this.#hashesLeft--;
    if (nodeHash(value) !== etag) return;
    this.#content = true;
    this.#priorities ||= value.includes(PRIORITY);
  }

  /** One node at two times, read with its ETag each time. */
  compare(before: SeenNode, now: SeenNode): void {
    const isSameContent = before.value === now.value;
    if (isSameContent !== (before.etag === now.etag)) this.contradict();
    else if (!isSameContent && differsBelowOnly(before.value, now.value)) {
      if (withoutPriorities(before.value) === withoutPriorities(now.value)) this.#priorities = true;
      else this.#content = true;
    }
  }
}

/** Whether a shallow answer would be the whole. */
function isFlags(value: string): boolean {
  return !value.startsWith('{') || childrenOf(value).every((child) => child.value === 'true');
}

/** Whether a shallow answer, and one that knows the values of children too, would be the same for both. */
function differsBelowOnly(a: string, b: string): boolean {
  if (!a.startsWith('{') || !b.startsWith('{')) return false;
  const [left, right] = [childrenOf(a), childrenOf(b)];
  return (
    left.length === right.length &&
    left.every(({ key, value }, i) => {
      const other = right[i];
      if (other?.key !== key) return false;
      return value === other.value || (value.startsWith('{') && other.value.startsWith('{'));
    })
  );
}

function childrenOf(value: string) {
  return new CanonicalJson(value).members() ?? [];
}

function withoutPriorities(value: string): string {
  return JSON.stringify(JSON.parse(value, strip));
}

function strip(_: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const { '.priority': _priority, ...rest } = value as Readonly<Record<string, unknown>>;
  return '.value' in rest ? rest['.value'] : rest;
}
