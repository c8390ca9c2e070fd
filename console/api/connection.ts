import { signal } from '@preact/signals';

/** The state of the API: whether it responds, and when it is asked again. */
export interface Outage {
  readonly since: Date;
  /** When the API last responded. */
  readonly lastAnswerAt: Date | undefined;
  readonly nextTryAt: Date;
}

/** Undefined while the API answers. */
export const outage = signal<Outage | undefined>(undefined);
/** Counts how often the API came back: whatever was loaded before is then loaded again. */
export const revivals = signal(0);

const FIRST_WAIT_MS = 2_000;
const MOST_WAIT_MS = 30_000;

let lastAnswerAt: Date | undefined;
let waitMs = FIRST_WAIT_MS;
let timer: ReturnType<typeof setTimeout> | undefined;
let ask: () => Promise<unknown> = async () => {};

/** @param question a cheap call that shows whether the API is back */
export function watchConnection(question: () => Promise<unknown>): void {
  ask = question;
}

/** Says that a request was answered: an outage is over. */
export function answered(): void {
  lastAnswerAt = new Date();
  waitMs = FIRST_WAIT_MS;
  if (!outage.value) return;
  clearTimeout(timer);
  timer = undefined;
  outage.value = undefined;
  revivals.value++;
}

/** Says that a request was not answered: begins an outage, and when to ask next. */
export function unanswered(): void {
  if (timer !== undefined) return;
  const nextTryAt = new Date(Date.now() + waitMs);
  outage.value = { since: outage.value?.since ?? new Date(), lastAnswerAt, nextTryAt };
  timer = setTimeout(tryNow, waitMs);
  waitMs = Math.min(waitMs * 2, MOST_WAIT_MS);
}

/** Asks again at once, without waiting for the next try. */
export function tryNow(): void {
  clearTimeout(timer);
  timer = undefined;
  ask().catch(() => {});
}
