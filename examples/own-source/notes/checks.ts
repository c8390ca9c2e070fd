import {
  type CheckOptions,
  holds,
  runChecks,
  type SourceCheck,
  type SourceChecks,
} from '../../../shared/sources/source-checks.ts';
import { type NotesPlace, NotesSource } from './source.ts';

/** Looks whether notes can be backed up. */
export class NotesChecks implements SourceChecks {
  readonly kind = 'notes';
  readonly name: string;
  readonly #source: NotesSource;

  constructor(place: NotesPlace) {
    this.#source = new NotesSource(place);
    this.name = this.#source.name;
  }

  run(options: CheckOptions): AsyncIterable<SourceCheck> {
    const check = {
      name: 'reach',
      assumes: 'The file is there, may be read, and holds notes.',
      neededFor: 'backup',
      follows: 'No backup can be made.',
      look: async (source: NotesSource, signal: AbortSignal) => {
        await using view = await source.open(signal);
        return holds(`${view.datasets.length} headings`);
      },
    } as const;
    return runChecks([check], this.#source, options);
  }
}
