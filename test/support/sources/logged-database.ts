import { appendFile, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { HoldfastError } from '../../../shared/core/errors.ts';
import type {
  ChangeDecoder,
  ChangeReplay,
  ReplayOptions,
  StoredChanges,
} from '../../../shared/sources/changes.ts';
import type { Source } from '../../../shared/sources/source.ts';
import type { ChangeLog } from './change-log.ts';

/** What the database holds: the lines of all its transactions. Its table is called `t`. */
interface Line {
  readonly id: number;
  readonly at: string;
  readonly line: string;
}

export const compare = (a: string, b: string) => Number(a) - Number(b);

/**
 * The database whose changes a log has.
 *
 * @param hidden so many of the newest transactions are in the log and not yet visible: a base lacks them, though they may be stored already
 */
export function loggedSource(log: ChangeLog, { hidden = 0 }: { readonly hidden?: number } = {}): Source {
  return {
    kind: 'files',
    name: 'logged',
    capabilities: { consistency: 'atomic', maxReaders: 1, joinsChanges: true },
    open: async (_signal, { isBase = false } = {}) => {
      const visible = log.written.slice(0, log.written.length - hidden);
      const bytes = Buffer.from(visible.map(({ line }) => line).join(''));
      const from = bytes.length;
      const join = { from: String(from), state: JSON.stringify(visible.map(({ id }) => id)), at: log.now };
      return {
        position: String(from),
        server: 'log 1',
        omitted: [],
        ...(isBase ? { join } : {}),
        datasets: [
          { name: 't', kind: 'data', attributes: {}, partitions: [{ name: '0000', estimatedBytes: from }] },
        ],
        read: async function* () {
          yield bytes;
        },
        check: async () => {},
        [Symbol.asyncDispose]: async () => {},
      };
    },
  };
}

/** Applies changes to the file `t` of a folder; dies after so many transactions. */
export function replayInto(
  folder: string,
  { join, until, base }: ReplayOptions,
  { diesAfter = Number.POSITIVE_INFINITY }: { readonly diesAfter?: number } = {},
): ChangeReplay {
  const note = path.join(folder, 'note.json');
  const has = new Set<number>(JSON.parse(join.state));
  let alive = diesAfter;
  const noted = async () => JSON.parse(await readFile(note, 'utf8').catch(() => 'null'));
  return {
    resumes: async () => {
      const found = await noted();
      if (found && found.base !== base)
        throw new HoldfastError('E_TARGET_NOT_EMPTY', `it is of ${found.base}`);
      return found ? { to: found.to } : undefined;
    },
    begin: async () => writeFile(note, JSON.stringify({ base, to: join.from, done: [] })),
    apply: async (changes) => {
      const { done } = await noted();
      const applied = new Set<number>(done);
      let transactions = 0;
      for await (const { id, at, line } of linesOf(changes)) {
        if (isBehind({ id, at }, until)) return { transactions, rows: transactions, isReached: true };
        if (has.has(id) || applied.has(id)) continue;
        if (alive-- <= 0) throw new HoldfastError('E_SOURCE_LOST', 'the target is gone');
        await appendFile(path.join(folder, 't'), line);
        applied.add(id);
        transactions++;
        await writeFile(note, JSON.stringify({ base, to: changes.from, done: [...applied] }));
      }
      await writeFile(note, JSON.stringify({ base, to: changes.to, done: [...applied] }));
      return { transactions, rows: transactions, isReached: false };
    },
    finish: async () => {
      await rm(note);
      return { warnings: [] };
    },
    [Symbol.asyncDispose]: async () => {},
  };
}

function isBehind({ id, at }: Pick<Line, 'id' | 'at'>, until: ReplayOptions['until']): boolean {
  return (until.at !== undefined && at > until.at) || String(id) === until.beforeTransaction;
}

export const decoder: ChangeDecoder & Required<Pick<ChangeDecoder, 'hasTransaction'>> = {
  transactions: async function* (changes) {
    for await (const { id, at } of linesOf(changes))
      yield { id: String(id), committedAt: at, position: changes.from, changes: none() };
  },
  hasTransaction: ({ state }, { id }) => (JSON.parse(state) as readonly number[]).includes(Number(id)),
};

async function* none(): AsyncGenerator<never> {
  // Rows are of no interest here.
}

async function* linesOf(changes: StoredChanges): AsyncGenerator<Line> {
  let rest = '';
  for await (const block of changes.bytes()) {
    const lines = (rest + Buffer.from(block).toString()).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) yield { ...JSON.parse(line), line: `${line}\n` };
  }
  if (rest !== '') throw new Error('the changes end within a line');
}

/** What the folder's table holds. */
export async function tableIn(folder: string): Promise<string> {
  return readFile(path.join(folder, 't'), 'utf8');
}
