import type { RestoreWay } from '../../../shared/api/schema/runs.ts';
import type { AnswerOf, RestoreRun } from '../../api/types.ts';
import { restoreHref } from '../../routes.ts';

/** The answer to a dry run. */
export type Plan = Exclude<AnswerOf<'restore'>, { readonly run: string }>;

/** A moment that somebody wants restored: one of the two is given. */
export interface WishedMoment {
  readonly source: string;
  /** With its zone. */
  readonly at: string | undefined;
  readonly beforeTransaction: string | undefined;
}

/** What somebody wants to restore, as far as they have said. */
export interface Wish {
  /** Of a moment: the backup that it begins with, as far as the console knows. */
  readonly backup: string;
  /** A moment of a source that is backed up continuously. */
  readonly moment: WishedMoment | undefined;
  /** A configured target; with `newDatabase` the one whose server makes it, '' for the drill server. */
  readonly to: string;
  /** Name of a database to make; undefined: into the target itself. */
  readonly newDatabase: string | undefined;
  /** Undefined: all of them. */
  readonly datasets: readonly string[] | undefined;
  /** What to do if the target is not empty: refuse, drop what is in the way, or keep it. */
  readonly mode: 'empty' | 'replace' | 'merge';
  readonly resume: boolean;
  readonly keepGoing: boolean;
  /** What only targets of its kind know. */
  readonly options: Readonly<Record<string, string | number | boolean>>;
}

/** A restore before anything was chosen. */
export const NO_WISH: Wish = {
  backup: '',
  moment: undefined,
  to: '',
  newDatabase: undefined,
  datasets: undefined,
  mode: 'empty',
  resume: false,
  keepGoing: false,
  options: {},
};

/** The name of the place, which must be typed to confirm. */
export function placeOf({ to, newDatabase }: Wish): string {
  return newDatabase ?? to;
}

/** The request for it; the restore must send the same request as its plan. */
export function planOf(wish: Wish) {
  const { backup, moment, to, newDatabase, datasets, mode, resume, keepGoing, options } = wish;
  return {
    ...(moment === undefined ? { backup } : givenOf(moment)),
    ...(to === '' ? {} : { to }),
    ...(newDatabase === undefined ? {} : { newDatabase }),
    ...(datasets === undefined ? {} : { datasets }),
    replace: mode === 'replace',
    merge: mode === 'merge',
    resume,
    keepGoing,
    ...(Object.keys(options).length > 0 ? { options } : {}),
  };
}

function givenOf({ source, at, beforeTransaction }: WishedMoment) {
  return {
    source,
    ...(at === undefined ? {} : { at }),
    ...(beforeTransaction === undefined ? {} : { beforeTransaction }),
  };
}

/** The address of a complete restore, which only needs a last look at its plan. */
export function wishHref(wish: Wish): string {
  const { backup, moment, to, newDatabase, datasets, mode, resume, keepGoing, options } = wish;
  const query = new URLSearchParams({ mode });
  if (moment !== undefined) query.set('moment', JSON.stringify(givenOf(moment)));
  if (to !== '') query.set('to', to);
  if (newDatabase !== undefined) query.set('new', newDatabase);
  for (const name of datasets ?? []) query.append('dataset', name);
  if (resume) query.set('resume', '');
  if (keepGoing) query.set('keep-going', '');
  if (Object.keys(options).length > 0) query.set('options', JSON.stringify(options));
  return `${restoreHref(backup)}?${query}`;
}

/** The wish in an address; undefined if it names no place. */
export function wishOf(backup: string, query: URLSearchParams): Wish | undefined {
  const newDatabase = query.get('new') ?? undefined;
  const to = query.get('to') ?? '';
  if (newDatabase === undefined && to === '') return undefined;
  const datasets = query.getAll('dataset');
  const mode = query.get('mode');
  return {
    backup,
    moment: momentOf(query.get('moment')),
    to,
    newDatabase,
    datasets: datasets.length === 0 ? undefined : datasets,
    mode: mode === 'replace' || mode === 'merge' ? mode : 'empty',
    resume: query.has('resume'),
    keepGoing: query.has('keep-going'),
    options: optionsOf(query.get('options')),
  };
}

function momentOf(text: string | null): WishedMoment | undefined {
  const { source, at, beforeTransaction } = optionsOf(text);
  if (typeof source !== 'string') return undefined;
  return {
    source,
    at: typeof at === 'string' ? at : undefined,
    beforeTransaction: typeof beforeTransaction === 'string' ? beforeTransaction : undefined,
  };
}

/** Of an address: what is no object of plain values counts as nothing. */
function optionsOf(text: string | null): Wish['options'] {
  try {
    const given: unknown = JSON.parse(text ?? '{}');
    const entries = typeof given === 'object' && given !== null ? Object.entries(given) : [];
    return Object.fromEntries(
      entries.filter(([, value]) => ['string', 'number', 'boolean'].includes(typeof value)),
    );
  } catch {
    return {};
  }
}

/** The wish for one of the offered ways after a restore that did not end well. */
export function wishByWay(backup: string, run: RestoreRun, way: RestoreWay): Wish {
  const { to, newDatabase, datasets, mode, options, moment, missing } = run;
  const again: Wish = {
    ...NO_WISH,
    backup,
    moment: moment
      ? {
          source: moment.source,
          at: moment.at ?? undefined,
          beforeTransaction: moment.beforeTransaction ?? undefined,
        }
      : undefined,
    to: to ?? '',
    newDatabase: newDatabase ?? undefined,
    datasets: datasets ?? undefined,
    mode,
    options: options ?? {},
  };
  const changes: Readonly<Record<RestoreWay, Partial<Wish>>> = {
    again: {},
    replace: { mode: 'replace' },
    resume: { resume: true },
    'keep-going': { keepGoing: true },
    missing: { datasets: missing, mode: 'replace' },
  };
  return { ...again, ...changes[way] };
}
