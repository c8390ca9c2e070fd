import * as z from 'zod';
import { HoldfastError } from '../core/errors.ts';
import type { JsonObject } from '../core/json.ts';
import { RUN_KINDS, type RunKind } from '../core/run-kinds.ts';
import { parseJson } from './json-text.ts';
import { problems, refuseNewer } from './manifest.ts';

/**
 * Where runs leave notes of what they did and how it ended: docs/reference/format.md, "History". No backup
 * needs them.
 */
export const HISTORY = 'history/';
const HISTORY_FORMAT = 'holdfast-history';
const HISTORY_VERSION = 1;
const MOST_TEXT_CHARS = 300;

const OUTCOMES = ['succeeded', 'suspect', 'failed', 'stopped'] as const;

const count = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
const time = z.iso.datetime();
const text = z.string().max(MOST_TEXT_CHARS);

const Ended = z.object({
  at: time,
  /** `suspect`: a listed backup that somebody must look at. `stopped`: on request. */
  outcome: z.enum(OUTCOMES),
  /** Why it failed: a code of docs/reference/errors.md. */
  code: text.nullable(),
  /** The backup that it made, or was about. */
  backup: text.nullable(),
  /** Of records that were read or written, and of what was stored. */
  plainBytes: count.nullable(),
  storedBytes: count.nullable(),
  records: count.nullable(),
});
/** How a run ended. */
export type RunEnd = Readonly<z.infer<typeof Ended>>;

const Asked = z.object({
  note: text.optional(),
  noParent: z.boolean().optional(),
  /** Of a verification. */
  depth: z.enum(['quick', 'full']).optional(),
  since: text.optional(),
});

const HistoryNote = z.object({
  format: z.literal(HISTORY_FORMAT),
  version: z.literal(HISTORY_VERSION),
  repository: z.string().regex(/^[0-9a-f]{32}$/),
  /** The object's own path. */
  key: z.string(),
  run: z.string().regex(/^[0-9a-f]{32}$/),
  kind: z.enum(RUN_KINDS),
  source: text.nullable(),
  /** For a backup. */
  type: text.nullable(),
  backup: text.nullable(),
  /** For a restore: its name in the configuration, or its location. */
  target: text.nullable(),
  /** Who asked for it; null: somebody at a command line. */
  by: text.nullable(),
  /** The other options, to ask for the same again; missing for runs without options, and in older notes. */
  asked: Asked.optional(),
  startedAt: time,
  /** A run without a sign of life for this long has stopped. */
  silentMs: count,
  /** Missing in the note of its beginning. */
  ended: Ended.optional(),
});
/** What one note of the history says. */
export type HistoryNote = Readonly<z.infer<typeof HistoryNote>>;
/** What a run is about, known when it begins. */
export type RunAbout = Pick<HistoryNote, 'kind' | 'source' | 'type' | 'backup' | 'target' | 'by' | 'asked'>;

/**
 * `begun` and `ended-…` are notes; `alive-1`, `alive-2`, … are empty objects whose dates show that the run
 * goes on.
 */
export type HistoryPart = 'begun' | `ended-${(typeof OUTCOMES)[number]}` | `alive-${number}`;

const KEY =
  /^history\/([a-z]+)\/(\d{8})\/run_\2_(\d{6})_([0-9a-f]{32})_(begun|ended-[a-z]+|alive-\d+)\.json$/;

/** A note by the name of its object: what a listing alone tells. */
export interface HistoryKey {
  readonly kind: string;
  /** 14 digits, UTC. */
  readonly stamp: string;
  readonly run: string;
  readonly part: string;
  /** The outcome, in the note of an end; undefined in others. */
  readonly outcome: string | undefined;
}

/** The key of a note's object. */
export function historyKey(
  { kind, startedAt, run }: { readonly kind: RunKind; readonly startedAt: Date; readonly run: string },
  part: HistoryPart,
): string {
  const [date, time] = startedAt.toISOString().replace(/[-:]/g, '').slice(0, 15).split('T');
  return `${HISTORY}${kind}/${date}/run_${date}_${time}_${run}_${part}.json`;
}

/** What the key of a note says; undefined of other objects. */
export function parseHistoryKey(key: string): HistoryKey | undefined {
  const [, kind, date, time, run, part] = KEY.exec(key) ?? [];
  if (kind === undefined || run === undefined || part === undefined) return undefined;
  const outcome = part.startsWith('ended-') ? part.slice('ended-'.length) : undefined;
  return { kind, stamp: `${date}${time}`, run, part, outcome };
}

/** A note as it is stored; it throws if the note could not be read again. */
export function encodeHistoryNote(note: Omit<HistoryNote, 'format' | 'version'>): Buffer {
  // Never write what could not be read again.
  const checked = HistoryNote.parse({ format: HISTORY_FORMAT, version: HISTORY_VERSION, ...note });
  return Buffer.from(`${JSON.stringify(checked)}\n`);
}

/** @throws E_DAMAGED, E_NEWER_FORMAT, E_FOREIGN_REPOSITORY */
export function parseHistoryNote(
  bytes: Uint8Array,
  { repository, key }: Pick<HistoryNote, 'repository' | 'key'>,
): HistoryNote {
  const document = parseJson(bytes, key);
  if (typeof document !== 'object' || document === null || Array.isArray(document))
    throw new HoldfastError('E_DAMAGED', `${key} is not a note of a run`);
  refuseNewer(document as JsonObject, HISTORY_FORMAT, key);
  const parsed = HistoryNote.safeParse(document);
  if (!parsed.success)
    throw new HoldfastError('E_DAMAGED', `${key} is not a note of a run: ${problems(parsed.error)}`);
  if (parsed.data.repository !== repository || parsed.data.key !== key)
    throw new HoldfastError('E_DAMAGED', `${key} holds something that was written for another place`);
  return parsed.data;
}

/** A text as a note may hold it. */
export function noteText(text: string): string {
  return text.slice(0, MOST_TEXT_CHARS);
}
