import { plural } from '../shared/core/plural.ts';
import type { OnProgress, Phase } from '../shared/core/progress.ts';
import { SECOND_MS } from '../shared/core/units.ts';
import { bytes, duration } from './format.ts';
import { type Io, printable } from './io.ts';

const REDRAW_MS = 100;
const PLAIN_LINE_MS = 5 * SECOND_MS;
/** Erase the line, go to its start (ECMA-48). */
const CLEAR_LINE = '\r\u001b[2K';

const PHASES: Readonly<Record<Phase, string>> = {
  connect: 'connecting',
  scratch: 'making a scratch target',
  schema: 'reading the schema',
  import: 'reading the file',
  read: 'backing up',
  commit: 'committing',
  plan: 'planning',
  prune: 'removing',
  lock: 'locking',
  clear: 'removing what is there',
  write: 'restoring',
  finish: 'building indexes and constraints',
  compare: 'comparing',
  'compare-schema': 'comparing the schema',
  remove: 'removing the scratch target',
  verify: 'verifying',
  copy: 'copying',
};

/** Draws progress on stderr: one line redrawn on a terminal, plain lines elsewhere, nothing when quiet. */
export class Progress {
  readonly #io: Io;
  readonly #isQuiet: boolean;
  readonly #isTerminal: boolean;
  #phase: Phase = 'connect';
  #total = 0;
  #done = 0;
  #removed = 0;
  #phaseSince = performance.now();
  #drawnAt = 0;
  #isDrawn = false;

  constructor(io: Io, { quiet }: { readonly quiet: boolean }) {
    this.#io = io;
    this.#isQuiet = quiet;
    this.#isTerminal = io.stderr.isTTY === true && io.env['TERM'] !== 'dumb';
  }

  readonly on: OnProgress = (event) => {
    if (event.kind === 'warning') return this.say(`warning: ${event.message}`);
    if (event.kind === 'total') this.#total = event.plainBytes;
    if (event.kind === 'done') this.#done = event.plainBytes;
    if (event.kind === 'removed') this.#removed = event.nodes;
    if (event.kind === 'phase') {
      this.#phase = event.phase;
      this.#phaseSince = performance.now();
      this.#drawnAt = 0;
    }
    this.#draw();
  };

  /** A line of its own, above the redrawn one. Warnings come even when quiet. */
  say(line: string): void {
    this.clear();
    this.#io.stderr.write(`${printable(line)}\n`);
  }

  clear(): void {
    if (this.#isDrawn) this.#io.stderr.write(CLEAR_LINE);
    this.#isDrawn = false;
  }

  #draw(): void {
    const now = performance.now();
    if (this.#isQuiet || now - this.#drawnAt < (this.#isTerminal ? REDRAW_MS : PLAIN_LINE_MS)) return;
    this.#drawnAt = now;
    const line = this.#line(now);
    if (!this.#isTerminal) {
      this.#io.stderr.write(`${line}\n`);
      return;
    }
    this.#io.stderr.write(CLEAR_LINE + line.slice(0, (this.#io.stderr.columns ?? 80) - 1));
    this.#isDrawn = true;
  }

  #line(now: number): string {
    const name = PHASES[this.#phase];
    if (this.#phase === 'clear' && this.#removed > 0) return `${name}  ${plural(this.#removed, 'node')}`;
    const seconds = (now - this.#phaseSince) / SECOND_MS;
    const hasRate =
      ['read', 'write', 'verify', 'copy'].includes(this.#phase) && this.#done > 0 && seconds > 0.2;
    if (!hasRate) return name;
    const rate = this.#done / seconds;
    const share = this.#total > 0 ? Math.min(0.99, this.#done / this.#total) : undefined;
    const percent = share === undefined ? '' : ` ${Math.floor(share * 100)} %`;
    const left =
      share === undefined || share >= 0.99
        ? ''
        : `, ${duration(((this.#total - this.#done) / rate) * SECOND_MS)} left`;
    return `${name}${percent}  ${bytes(this.#done)}, ${bytes(rate)}/s${left}`;
  }
}
