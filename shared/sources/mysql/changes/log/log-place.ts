import { FIRST_OFFSET, type LogPosition } from '../position.ts';
import type { LogItem } from './items.ts';

const WRAP = 2 ** 32;

/** Follows where in the server's log stored events end. */
export class LogPlace {
  #file: string | undefined;
  #offset = 0;
  #made = 0;

  /** Undefined before the first events. */
  get now(): LogPosition | undefined {
    return this.#file === undefined
      ? undefined
      : { file: this.#file, offset: this.#offset, made: this.#made };
  }

  take(item: LogItem): void {
    if (item.kind === 'format') {
      this.#made = item.format.made;
      this.#offset = Math.max(FIRST_OFFSET, item.event.next);
      return;
    }
    if (item.kind === 'rotate' && item.isArtificial) {
      this.#file = item.file;
      this.#offset = item.offset;
      return;
    }
    const { next } = item.event;
    if (next === 0) return;
    this.#offset = offsetAfter(this.#offset, next);
  }
}

/** Where an event ends that says the lowest 32 bits of that. @param before where an earlier one ended */
export function offsetAfter(before: number, next: number): number {
  return before + ((((next - before) % WRAP) + WRAP) % WRAP);
}
