import type { NamedSource } from '../../config/named-source.ts';
import { SECOND_MS } from '../../core/units.ts';
import { type ChangeStanding, readChangeStandings } from '../../jobs/changes/standing.ts';
import { readTimeline, type Timeline } from '../../jobs/changes/timeline.ts';
import type { SafetyFacts } from '../../jobs/verdict/facts.ts';
import type { Repository } from '../../repository/repository.ts';
import { presentChanges } from '../presenters/changes.ts';
import type { ChangesAnswer } from '../schema/changes.ts';
import { ApiError } from './api-error.ts';
import { Remembered } from './remembered.ts';

/** Changes are stored every minute, and pages ask often. */
const KEPT_MS = 10 * SECOND_MS;

/** How much of its log a server holds; null if it cannot be asked. */
export type AskServer = () => Promise<ChangesAnswer['held']>;

/** What is stored of the changes of all sources, remembered for a while. */
export class ChangesView {
  readonly #repository: Repository;
  readonly #sources: readonly NamedSource[];
  readonly #standings: Remembered<readonly ChangeStanding[]>;
  /** By the name of the source. */
  readonly #timelines: ReadonlyMap<string, Remembered<Timeline>>;

  constructor({
    repository,
    changes,
    sources,
  }: {
    readonly repository: Repository;
    /** Reads what segments say. */
    readonly changes: Repository;
    readonly sources: readonly NamedSource[];
  }) {
    const { clock } = repository;
    this.#repository = repository;
    this.#sources = sources;
    this.#standings = new Remembered(
      (signal) => readChangeStandings({ repository, changes }, sources, signal),
      KEPT_MS,
      clock,
    );
    const timelineOf = ({ kind, name }: NamedSource) =>
      new Remembered(
        (signal) => readTimeline(repository, { source: { kind, name }, changes, signal }),
        KEPT_MS,
        clock,
      );
    this.#timelines = new Map(
      sources.filter(({ continuous }) => continuous).map((source) => [source.name, timelineOf(source)]),
    );
  }

  standings(signal: AbortSignal): Promise<readonly ChangeStanding[]> {
    return this.#standings.get(signal);
  }

  /** The timeline of a known source. @throws 404 if its changes are not backed up; E_DAMAGED, E_STORE_* */
  async answer(
    name: string,
    {
      facts,
      askServer,
      signal,
    }: { readonly facts: SafetyFacts; readonly askServer: AskServer; readonly signal: AbortSignal },
  ): Promise<ChangesAnswer> {
    const source = this.#sources.find((one) => one.name === name);
    const remembered = this.#timelines.get(name);
    const changes = facts.sources.find((one) => one.name === name)?.changes;
    if (!source?.continuous || !remembered || !changes) throw notContinuous(name);
    const [timeline, held] = await Promise.all([remembered.get(signal), askServer()]);
    return presentChanges(timeline, {
      source,
      settings: source.continuous,
      facts: changes,
      held,
      now: this.#repository.clock.now(),
    });
  }

  forget(): void {
    this.#standings.forget();
    for (const timeline of this.#timelines.values()) timeline.forget();
  }
}

function notContinuous(name: string): ApiError {
  return new ApiError('E_USAGE', `the changes of ${name} are not backed up`, {
    status: 404,
    hint: 'Give the source `continuous` in the configuration: docs/guide/continuous.md.',
  });
}
