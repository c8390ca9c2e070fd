import { createHash, timingSafeEqual } from 'node:crypto';
import { DDL_PREFIX } from '../names.ts';
import { Definitions, parseNoted } from './definition.ts';
import { LOST } from './trigger.ts';

/** The type of a message of the stream, its flags and its place come before the prefix. */
const PREFIX_AT = 10;
const PREFIX = Buffer.from(`${DDL_PREFIX}\0`);
/** How much of a message says whether it is one of the trigger's. */
export const SEEN_OF_MESSAGE = PREFIX_AT + PREFIX.length;
/** Those of the trigger are shorter. */
export const MOST_NOTE_BYTES = 1_048_576;
const LENGTH_BYTES = 4;
/** Hex digits of an SHA-256. */
const SEAL_BYTES = 64;

/** Whether a message says that it is the trigger's: anybody may say so. @param bytes at least its beginning */
export function claimsToBeNote(bytes: Buffer, at: number): boolean {
  return bytes.compare(PREFIX, 0, PREFIX.length, at + PREFIX_AT, at + PREFIX_AT + PREFIX.length) === 0;
}

/** The text of a note, of what the message holds. */
export function textOfNote(content: string): string {
  return content.slice(SEAL_BYTES);
}

/**
 * Looks at the notes of a stretch: which of them are the trigger's, and whether a replay can do what they say. What was not written
 * by the trigger does not get into a segment, so that nobody who may only write messages has statements run by a restore.
 */
export class DefinitionWitness {
  readonly #key: Buffer | undefined;
  #xid = 0;
  #definitions = new Definitions();
  /** Statements that a replay runs. */
  statements = 0;
  /** Why it does not get past one: a sentence. */
  problem: string | undefined;

  constructor(key: Buffer | undefined) {
    this.#key = key;
  }

  begin(xid: number): void {
    this.#xid = xid;
    this.#definitions = new Definitions();
  }

  /** @param message whole @returns whether it belongs into the segment */
  take(message: Buffer): boolean {
    const content = message.subarray(SEEN_OF_MESSAGE + LENGTH_BYTES);
    if (content.equals(Buffer.from(LOST)))
      return this.#refuse('A statement could not be noted by the event trigger.');
    const text = content.subarray(SEAL_BYTES);
    if (!this.#key || !isSealed(content, text, this.#key)) return false;
    const noted = parseNoted(text.toString());
    if (!noted || BigInt.asUintN(32, BigInt(noted.xid)) !== BigInt(this.#xid)) return false;
    const meaning = this.#definitions.read(noted);
    if (meaning.kind === 'problem') return this.#refuse(`A statement cannot be run again: ${meaning.why}.`);
    if (meaning.kind === 'nothing') return false;
    this.statements++;
    return true;
  }

  #refuse(why: string): false {
    this.problem ??= why;
    return false;
  }
}

function isSealed(content: Buffer, text: Buffer, key: Buffer): boolean {
  const hash = (bytes: Buffer) => createHash('sha256').update(key).update(bytes).digest();
  const wanted = Buffer.from(hash(hash(text)).toString('hex'));
  const found = content.subarray(0, SEAL_BYTES);
  return found.length === wanted.length && timingSafeEqual(found, wanted);
}
