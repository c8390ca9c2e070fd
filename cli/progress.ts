import type { OnProgress } from '../shared/core/progress.ts';
import { SECOND_MS } from '../shared/core/units.ts';
import { type Io, printable } from './io.ts';
import { ProgressText } from './progress-text.ts';
import { screenStyle } from './style.ts';

const REDRAW_MS = 100;
const PLAIN_LINE_MS = 5 * SECOND_MS;
/** Erase the line, go to its start (ECMA-48). */
const CLEAR_LINE = '\r\u001b[2K';

/** Draws progress on stderr: one line redrawn on a terminal, plain lines elsewhere, nothing when quiet. */
export class Progress {
  readonly #io: Io;
  readonly #isQuiet: boolean;
  readonly #isTerminal: boolean;
  readonly #text = new ProgressText(performance.now());
  #drawnAt = 0;
  #isDrawn = false;

  constructor(io: Io, { quiet }: { readonly quiet: boolean }) {
    this.#io = io;
    this.#isQuiet = quiet;
    this.#isTerminal = io.stderr.isTTY === true && io.env['TERM'] !== 'dumb';
  }

  readonly on: OnProgress = (event) => {
    if (event.kind === 'warning') return this.say(`warning: ${event.message}`);
    this.#text.note(event, performance.now());
    // A new phase is shown at once.
    if (event.kind === 'phase') this.#drawnAt = 0;
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
    const line = this.#text.at(now);
    if (!this.#isTerminal) {
      this.#io.stderr.write(`${line}\n`);
      return;
    }
    const { width = 80 } = screenStyle(this.#io.stderr, this.#io.env);
    this.#io.stderr.write(CLEAR_LINE + line.slice(0, width - 1));
    this.#isDrawn = true;
  }
}
