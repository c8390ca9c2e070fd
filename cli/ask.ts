import { HoldfastError } from '../shared/core/errors.ts';
import type { Io } from './io.ts';
import { type Choice, plain } from './plain-prompts.ts';

/**
 * Questions on a terminal. Without a terminal, or without anything to choose from, the answer is undefined.
 */
export const ask = {
  isPossible(io: Io): boolean {
    return io.stdin.isTTY === true && io.stderr.isTTY === true;
  },

  async select<T extends string>(
    io: Io,
    message: string,
    options: readonly Choice<T>[],
  ): Promise<T | undefined> {
    if (!ask.isPossible(io) || options.length === 0) return undefined;
    if (isDumb(io)) return answered((await plain.select(io, message, options)) ?? Symbol('nothing'));
    const { select } = await prompts();
    return answered(await select({ message, options: [...options] as never, ...streams(io) })) as T;
  },

  async multiselect(
    io: Io,
    message: string,
    options: readonly Choice<string>[],
  ): Promise<string[] | undefined> {
    if (!ask.isPossible(io) || options.length === 0) return undefined;
    if (isDumb(io)) return [answered((await plain.select(io, message, options)) ?? Symbol('nothing'))];
    const { multiselect } = await prompts();
    return answered(
      await multiselect({ message, options: [...options] as never, ...streams(io) }),
    ) as string[];
  },

  async text(io: Io, message: string): Promise<string | undefined> {
    if (!ask.isPossible(io)) return undefined;
    if (isDumb(io)) return plain.text(io, message);
    const { text } = await prompts();
    return answered(await text({ message, ...streams(io) })) as string;
  },

  /** The input is not shown. */
  async secret(io: Io, message: string): Promise<string | undefined> {
    if (!ask.isPossible(io)) return undefined;
    const { password } = await prompts();
    return answered(await password({ message, ...streams(io) })) as string;
  },

  /**
   * Asks before something is destroyed.
   *
   * @throws E_DECLINED for a No; E_USAGE without a terminal, if only `--yes` can answer
   */
  async confirmDestruction(io: Io, message: string, { yes }: { readonly yes: boolean }): Promise<void> {
    await confirmed(io, message, { yes, what: 'this would destroy something' });
  },

  /** Asks before something is restored that may be wrong. @throws as `confirmDestruction` */
  async confirmDoubts(io: Io, message: string, { yes }: { readonly yes: boolean }): Promise<void> {
    await confirmed(io, message, { yes, what: 'this may not be what the database held' });
  },

  /** Asks before an irreversible change. @throws as `confirmDestruction` */
  async confirmChange(io: Io, message: string, { yes }: { readonly yes: boolean }): Promise<void> {
    await confirmed(io, message, { yes, what: 'this cannot be undone' });
  },
};

async function confirmed(
  io: Io,
  message: string,
  { yes, what }: { readonly yes: boolean; readonly what: string },
): Promise<void> {
  if (yes) return;
  if (!ask.isPossible(io)) {
    throw new HoldfastError('E_USAGE', `${what}, and there is nobody to ask: ${message}`, {
      hint: 'Pass --yes if that is what you want.',
    });
  }
  const isWanted = isDumb(io)
    ? await plain.confirm(io, message)
    : answered(await (await prompts()).confirm({ message, initialValue: false, ...streams(io) }));
  if (isWanted !== true) throw new HoldfastError('E_DECLINED', 'Nothing was changed.');
}

/** Such a terminal cannot move the cursor, and shows escape codes as text. */
function isDumb({ env }: Io): boolean {
  return env['TERM'] === 'dumb';
}

/** Loaded only when there is a question. */
function prompts() {
  return import('@clack/prompts');
}

function streams(io: Io) {
  return { input: io.stdin, output: io.stderr, signal: io.signal };
}

function answered<T>(answer: T | symbol): T {
  if (typeof answer === 'symbol') throw stopped();
  return answer as T;
}

function stopped(): HoldfastError {
  return new HoldfastError('E_ABORTED', 'stopped; nothing was changed');
}
