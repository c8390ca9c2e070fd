import { createInterface } from 'node:readline/promises';
import { type Io, printable } from './io.ts';

/** Questions on a terminal that can only print lines (`TERM=dumb`): choices are numbered. */
export const plain = {
  async text(io: Io, message: string): Promise<string> {
    const lines = createInterface({ input: io.stdin, output: io.stderr, terminal: false });
    try {
      return (await lines.question(`${printable(message)} `, { signal: io.signal })).trim();
    } finally {
      lines.close();
    }
  },

  /** Asks until the answer is valid; undefined for an empty line. */
  async select<T extends string>(
    io: Io,
    message: string,
    options: readonly Choice<T>[],
  ): Promise<T | undefined> {
    const rows = options.map(({ label, hint }, i) => `  ${i + 1}  ${label}${hint ? `  (${hint})` : ''}\n`);
    io.stderr.write(printable(`${message}\n${rows.join('')}`));
    for (;;) {
      const text = await plain.text(io, `1 to ${options.length}, or nothing:`);
      if (text === '') return undefined;
      const chosen = options[Number(text) - 1];
      if (chosen) return chosen.value;
    }
  },

  async confirm(io: Io, message: string): Promise<boolean> {
    return /^y(es)?$/i.test(await plain.text(io, `${message} [y/N]`));
  },
};

/** One answer to a question, and what is shown of it. */
export interface Choice<T> {
  readonly value: T;
  readonly label: string;
  readonly hint?: string;
}
