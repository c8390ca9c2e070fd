import * as z from 'zod';
import { HoldfastError } from '../core/errors.ts';
import type { JsonObject } from '../core/json.ts';
import { parseJson } from './json-text.ts';
import { problems, refuseNewer } from './manifest.ts';

/**
 * Where Holdfast records which notifications were sent, and what was reported last: docs/reference/format.md,
 * "Notices". No backup needs them.
 */
export const NOTICES = 'notices/';
const NOTICE_FORMAT = 'holdfast-notice';
const NOTICE_VERSION = 1;
const MOST_TEXT_CHARS = 500;

/** Why a message is sent. */
export const NOTICE_KINDS = ['alarm', 'improved', 'recovered', 'reminder', 'run', 'digest', 'test'] as const;
/** One of these reasons. */
export type NoticeKind = (typeof NOTICE_KINDS)[number];

const time = z.iso.datetime();
const text = z.string().max(MOST_TEXT_CHARS);

/** What a channel was told last: the next notification reports what differs from it. */
const Said = z.object({
  /** When findings were last reported. */
  at: time,
  /** What was found, each under a stable name. */
  findings: z.array(z.string()),
  /** When the last backup of each source ended. */
  runs: z.record(z.string(), time),
});
/** What a message says, in words. */
export type Said = Readonly<z.infer<typeof Said>>;

const Notice = z.object({
  format: z.literal(NOTICE_FORMAT),
  version: z.literal(NOTICE_VERSION),
  repository: z.string().regex(/^[0-9a-f]{32}$/),
  /** The object's own path. */
  key: z.string(),
  channel: z.string(),
  kind: z.enum(NOTICE_KINDS),
  at: time,
  title: text,
  outcome: z.enum(['delivered', 'failed']),
  attempts: z.number().int().min(0),
  /** Status of the last HTTP response; null: there was none, or the channel is not HTTP. */
  status: z.number().int().nullable(),
  /** Why it failed; without secrets. */
  problem: text.nullable(),
  /** Null for digests and tests, which report no change. */
  said: Said.nullable(),
});
/** A message that was sent, or could not be. */
export type Notice = Readonly<z.infer<typeof Notice>>;

const KEY = /^notices\/([a-z][a-z0-9-]*)\/(\d{17})_([a-z]+)_([0-9a-f]{32}-\d+)_(delivered|failed)\.json$/;
const CLAIM = /^notices\/[a-z][a-z0-9-]*\/claim_([0-9a-f]{32})-(\d+)\.json$/;

/** A message by the name of its object. */
export interface NoticeKey {
  readonly channel: string;
  readonly kind: string;
  /** Id of the delivery: `<32 hex>-<number of the try>`. */
  readonly id: string;
  readonly outcome: string;
}

/** Paths for one channel ascend by time, to the millisecond; claims come after them. */
export function noticeKey(
  { channel, kind, outcome }: Pick<Notice, 'channel' | 'kind' | 'outcome'>,
  at: Date,
  id: string,
): string {
  const stamp = at.toISOString().replaceAll(/\D/g, '');
  return `${NOTICES}${channel}/${stamp}_${kind}_${id}_${outcome}.json`;
}

/** What the key of a notice says; undefined of other objects. */
export function parseNoticeKey(key: string): NoticeKey | undefined {
  const [, channel, , kind, id, outcome] = KEY.exec(key) ?? [];
  if (channel === undefined || kind === undefined || id === undefined || outcome === undefined)
    return undefined;
  return { channel, kind, id, outcome };
}

/** A process's claim that it is now sending a notification. */
export function claimKey(channel: string, claim: string, count: number): string {
  return `${NOTICES}${channel}/claim_${claim}-${count}.json`;
}

/** What the key of a claim says; undefined of other objects. */
export function parseClaimKey(key: string): { readonly claim: string; readonly count: number } | undefined {
  const [, claim, count] = CLAIM.exec(key) ?? [];
  return claim === undefined ? undefined : { claim, count: Number(count) };
}

/** A notice as it is stored; long texts are cut. */
export function encodeNotice(notice: Omit<Notice, 'format' | 'version'>): Buffer {
  const short = (given: string) => given.slice(0, MOST_TEXT_CHARS);
  const { title, problem } = notice;
  // Never write what could not be read again.
  const checked = Notice.parse({
    format: NOTICE_FORMAT,
    version: NOTICE_VERSION,
    ...notice,
    title: short(title),
    problem: problem === null ? null : short(problem),
  });
  return Buffer.from(`${JSON.stringify(checked)}\n`);
}

/** @throws E_DAMAGED, E_NEWER_FORMAT */
export function parseNotice(
  bytes: Uint8Array,
  { repository, key }: Pick<Notice, 'repository' | 'key'>,
): Notice {
  const document = parseJson(bytes, key);
  if (typeof document !== 'object' || document === null || Array.isArray(document))
    throw new HoldfastError('E_DAMAGED', `${key} is not a notice`);
  refuseNewer(document as JsonObject, NOTICE_FORMAT, key);
  const parsed = Notice.safeParse(document);
  if (!parsed.success)
    throw new HoldfastError('E_DAMAGED', `${key} is not a notice: ${problems(parsed.error)}`);
  if (parsed.data.repository !== repository || parsed.data.key !== key)
    throw new HoldfastError('E_DAMAGED', `${key} holds something that was written for another place`);
  return parsed.data;
}
