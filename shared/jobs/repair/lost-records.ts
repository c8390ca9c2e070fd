/** A range of whole records of a partition that is lost. */
export interface LostRange {
  /** Plain bytes of the partition before it, and up to its end. */
  readonly start: number;
  readonly end: number;
  /** Number of its first record in the partition, counted from 1. */
  readonly fromRecord: number;
  readonly records: number;
  readonly problem: string;
}

/** A chunk, or what is below a lost tree node, in the order of the partition. */
export type Segment =
  | {
      readonly kind: 'good';
      readonly plainBytes: number;
      /** Number of newlines in it. */
      readonly records: number;
      readonly endsInside: boolean;
      /** Where its first and its last newline are, from its start. Called only if it has one. */
      readonly newlines: () => Promise<{ readonly first: number; readonly last: number }>;
    }
  | {
      readonly kind: 'lost';
      readonly plainBytes: number;
      readonly records: number;
      /** Undefined: not known, as its tree node is lost. */
      readonly endsInside: boolean | undefined;
      readonly problem: string;
    };

/**
 * Where records are lost, in whole records: nothing is kept of a record that is only partly left. If it is
 * not known whether a gap ends inside a record, the next record counts as lost too.
 */
export async function findLostRecords(segments: AsyncIterable<Segment>): Promise<LostRange[]> {
  const finder = new GapFinder();
  for await (const segment of segments) {
    if (segment.kind === 'lost') await finder.lost(segment);
    else await finder.good(segment);
  }
  return finder.gaps;
}

type Good = Extract<Segment, { kind: 'good' }>;
type Lost = Extract<Segment, { kind: 'lost' }>;

class GapFinder {
  readonly gaps: { -readonly [K in keyof LostRange]: LostRange[K] }[] = [];
  #at = 0;
  #records = 0;
  /** Where the record begins in which the last good segment ends. */
  #unfinished: (() => Promise<number>) | undefined;
  /** The last gap ends inside a record, or may. */
  #isOpen = false;

  async good({ plainBytes, records, endsInside, newlines }: Good): Promise<void> {
    const start = this.#at;
    const last = this.gaps.at(-1);
    this.#at += plainBytes;
    this.#records += records;
    if (this.#isOpen && last && records === 0) {
      last.end = this.#at;
      return;
    }
    if (this.#isOpen && last) {
      last.end = start + (await newlines()).first + 1;
      last.records += 1;
      this.#isOpen = false;
    }
    if (!endsInside) this.#unfinished = undefined;
    else if (records > 0) this.#unfinished = async () => start + (await newlines()).last + 1;
    else this.#unfinished ??= async () => start;
  }

  async lost({ plainBytes, records, endsInside, problem }: Lost): Promise<void> {
    const start = (await this.#unfinished?.()) ?? this.#at;
    const last = this.gaps.at(-1);
    this.#at += plainBytes;
    if (last && (this.#isOpen || last.end === start)) {
      last.end = this.#at;
      last.records += records;
    } else this.gaps.push({ start, end: this.#at, fromRecord: this.#records + 1, records, problem });
    this.#records += records;
    this.#isOpen = endsInside !== false;
    this.#unfinished = undefined;
  }
}
