import { isDocumentProblem } from '../../format/authenticated-json.ts';
import { parseBody } from '../../format/report-bodies.ts';
import type { StoredReport } from '../documents/stored-report.ts';

/** Unsigned objects that somebody signed for later, by the SHA-256 of their bytes. Read on first use. */
export class Adopted {
  readonly #read: () => AsyncIterable<StoredReport>;
  #hashes: Promise<ReadonlySet<string>> | undefined;

  constructor(read: () => AsyncIterable<StoredReport>) {
    this.#read = read;
  }

  /** @throws E_STORE_* */
  async has(sha256: string): Promise<boolean> {
    this.#hashes ??= this.#all();
    this.#hashes.catch(() => {
      this.#hashes = undefined;
    });
    return (await this.#hashes).has(sha256);
  }

  /** What was read is out of date. */
  forget(): void {
    this.#hashes = undefined;
  }

  async #all(): Promise<ReadonlySet<string>> {
    const hashes = new Set<string>();
    for await (const { report, isSigned } of this.#read())
      if (report && isSigned) for (const sha256 of adoptedBy(report)) hashes.add(sha256);
    return hashes;
  }
}

function adoptedBy(report: NonNullable<StoredReport['report']>): readonly string[] {
  try {
    return parseBody('adopt', report).objects.map(({ sha256 }) => sha256);
  } catch (error) {
    if (!isDocumentProblem(error)) throw error;
    return [];
  }
}
