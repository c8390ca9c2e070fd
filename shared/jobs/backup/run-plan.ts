import { ERRORS, type ErrorCode, HoldfastError } from '../../core/errors.ts';
import type { RunBody } from '../../format/run-bodies.ts';
import type { RunDocuments } from '../../repository/documents/run-documents.ts';
import type { ViewToCommit } from '../../repository/writing/backup-to-write.ts';
import type { ReadingCost, SharedView, Source, SourceView } from '../../sources/source.ts';
import type { AncestorFigures, JudgedBy } from './loss-detection.ts';
import { readOf } from './read-snapshot.ts';

/** Names of a run's documents. */
export const PLAN = 'plan';
/** The document that lets the keeper of the snapshot go. */
export const RELEASED = 'released';
/** The document that says the snapshot stood to the end. */
export const HELD = 'held';
/** The document of a failure. */
export const FAILURE_DOCUMENT = 'failure';
/** The document of one share's result. */
export const shareName = (share: number) => `share-${share}`;

/** Longest message of a failure: causes may be whole answers of other services. */
export const MOST_CAUSE_CHARS = 2_000;

/** A plan as it is kept in the repository. */
export type StoredPlan = RunBody<'plan'>;
type ViewBody = NonNullable<RunBody<'share'>['view']>;

/** @throws E_NO_RUN, and the errors of reading it */
export async function readPlan(documents: RunDocuments, signal: AbortSignal): Promise<StoredPlan> {
  const plan = await documents.get(PLAN, 'plan', signal);
  if (plan) return plan;
  throw new HoldfastError('E_NO_RUN', `nothing is planned under run ${documents.run}`, {
    hint: 'Plan it first. A run leaves documents for some days only: after that start a new one.',
  });
}

/** @throws E_RUN_ABORTED */
export async function refuseAborted(documents: RunDocuments, signal: AbortSignal): Promise<void> {
  const released = await documents.get(RELEASED, 'released', signal);
  if (released?.by === 'abort') throw runAborted(documents.run, released.reason);
}

/** The error of a run that was given up. */
export function runAborted(run: string, reason: string | undefined): HoldfastError {
  return new HoldfastError('E_RUN_ABORTED', `run ${run} was given up${reason ? `: ${reason}` : ''}`, {
    hint: 'Start a new run.',
  });
}

/** In the words of the holder, or of whatever ended it. */
export function didNotStand(run: string, { error }: RunBody<'held'>): HoldfastError {
  const { code = '', message = 'no reason is given', hint = 'Start a new run.' } = error ?? {};
  // That the holder was stopped does not mean that this run was.
  const isKnown = Object.hasOwn(ERRORS, code) && code !== 'E_ABORTED';
  return new HoldfastError(
    isKnown ? (code as ErrorCode) : 'E_SOURCE_LOST',
    `the snapshot of run ${run} was not kept open to the end: ${message}`,
    { hint },
  );
}

/** @throws E_USAGE if the plan is of another source */
export function refuseOtherSource({ source: { kind, name } }: StoredPlan, source: Source): void {
  if (source.kind === kind && source.name === name) return;
  throw new HoldfastError('E_USAGE', `the run is for ${name}, but the given source is ${source.name}`, {
    hint: 'Give each part of a run the same source.',
  });
}

/** A snapshot's facts, for a document. */
export function viewBody(view: SourceView, { capabilities }: Source, after?: number): ViewBody {
  const { window, datasets, omitted, base, ...said } = readOf(view, capabilities, after);
  const { cost } = view;
  return {
    ...said,
    omitted: [...omitted],
    ...(base ? { base } : {}),
    ...(window ? { window: { from: window.from.toISOString(), to: window.to.toISOString() } } : {}),
    ...(cost ? { cost: { ...cost } } : {}),
    datasets: view.datasets.map(({ name, kind, attributes, partitions }) => ({
      name,
      kind,
      attributes,
      partitions: partitions.map((partition) => ({ ...partition })),
    })),
  } as ViewBody;
}

/** What a plan keeps of a source's snapshot, for the commit. */
export function viewToCommit({
  server,
  position,
  omitted,
  consistency,
  window,
  datasets,
  base,
}: ViewBody): ViewToCommit {
  return {
    server,
    position,
    omitted,
    consistency,
    window: window && { from: new Date(window.from), to: new Date(window.to) },
    datasets: datasets as ViewToCommit['datasets'],
    base,
  };
}

/** What reading cost, if the source bills by the byte. */
export function costOf({ cost }: ViewBody): ReadingCost | undefined {
  return cost as ReadingCost | undefined;
}

/** The snapshot that other processes join. */
export function sharedView({ view, handle }: NonNullable<StoredPlan['shared']>): SharedView {
  const { server, position, omitted, consistency, datasets } = view;
  return { server, position, omitted, consistency, datasets, handle } as SharedView;
}

/** What the plan's backup is judged against. */
export function judgedBy({ parent, good, isParentGood }: StoredPlan): JudgedBy {
  const figures = (one: StoredPlan['parent']): AncestorFigures | undefined =>
    one && { ...one, suspect: one.suspect, datasets: one.datasets as AncestorFigures['datasets'] };
  const ofParent = figures(parent);
  return { parent: ofParent, good: isParentGood ? ofParent : figures(good) };
}
