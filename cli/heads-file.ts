import { readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { HoldfastError } from '../shared/core/errors.ts';
import type { SequenceHead } from '../shared/jobs/verify/sequence-breaks.ts';
import type { SequenceReport } from '../shared/jobs/verify/sequence-check.ts';
import type { Io } from './io.ts';

/**
 * A file that remembers the newest backup of each source: somebody who removes it from the repository cannot
 * remove it there.
 */
export class HeadsFile {
  readonly seen: readonly SequenceHead[];
  readonly #file: string;

  private constructor(file: string, seen: readonly SequenceHead[]) {
    this.#file = file;
    this.seen = seen;
  }

  /** A file that does not exist yet has seen nothing. @throws E_USAGE for any other file */
  static async read(name: string, io: Io): Promise<HeadsFile> {
    const file = path.resolve(io.cwd, name);
    let text: string;
    try {
      text = await readFile(file, 'utf8');
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return new HeadsFile(file, []);
      throw unusable(file, 'cannot be read', cause);
    }
    return new HeadsFile(file, parse(text, file));
  }

  /** Forgets nothing if something is missing, nor a source that has no backup now. */
  async note(report: SequenceReport | undefined): Promise<void> {
    if (!report || report.breaks.length > 0) return;
    const nameOf = ({ source: { kind, name } }: SequenceHead) => JSON.stringify([kind, name]);
    const all = new Map([...this.seen, ...report.heads].map((head) => [nameOf(head), head]));
    const partial = `${this.#file}.tmp`;
    try {
      await writeFile(partial, `${JSON.stringify({ heads: [...all.values()] }, null, 2)}\n`);
      await rename(partial, this.#file);
    } catch (cause) {
      throw unusable(this.#file, 'cannot be written', cause);
    }
  }
}

function parse(text: string, file: string): readonly SequenceHead[] {
  let heads: unknown;
  try {
    heads = (JSON.parse(text) as { readonly heads?: unknown }).heads;
  } catch (cause) {
    throw unusable(file, 'is not JSON', cause);
  }
  if (Array.isArray(heads) && heads.every(isHead)) return heads;
  throw unusable(file, 'names no heads');
}

function isHead(value: unknown): value is SequenceHead {
  const { key, sha256, number, source } = (value ?? {}) as Partial<SequenceHead>;
  const isNamed = typeof source?.kind === 'string' && typeof source.name === 'string';
  return (
    typeof key === 'string' && /^[0-9a-f]{64}$/.test(String(sha256)) && Number.isInteger(number) && isNamed
  );
}

function unusable(file: string, problem: string, cause?: unknown): HoldfastError {
  return new HoldfastError('E_USAGE', `the file of heads ${file} ${problem}`, {
    cause,
    hint: 'Name a file that `holdfast verify --all --heads` or `holdfast status --json` wrote, or a new one.',
  });
}
