import { createCipheriv, createDecipheriv, hkdfSync } from 'node:crypto';
import * as z from 'zod';
import { HoldfastError } from '../core/errors.ts';
import { DOCUMENT_VERSION } from '../core/format-version.ts';
import type { JsonObject } from '../core/json.ts';
import { parseAuthenticated } from './authenticated-json.ts';
import { parseJson } from './json-text.ts';
import { problems, RunKey, refuseNewer } from './manifest.ts';
import { TAG_BYTES } from './seal.ts';
import { encodeSigned, type Sign } from './signature.ts';
import { compress, decompress } from './zstd.ts';

const REPORT_FORMAT = 'holdfast-report';
const LEVEL = 3;
const MOST_DETAILS_BYTES = 2 ** 28;

/** What was done or decided, kept as evidence. */
export const REPORT_KINDS = [
  'accept',
  'adopt',
  'apikey',
  'audit',
  'drill',
  'hold',
  'keyuse',
  'mask',
  'proof',
  'prune',
  'quarantine',
  'release',
  'repair',
  'revoke',
  'verify',
] as const;
/** A kind of report. */
export type ReportKind = (typeof REPORT_KINDS)[number];

/** Decisions that people make, and that nobody may make in their name. */
export const DECISIONS: readonly ReportKind[] = [
  'accept',
  'adopt',
  'apikey',
  'hold',
  'quarantine',
  'release',
  'revoke',
];

/** Whether a report is somebody's decision. */
export function isDecision(kind: ReportKind): boolean {
  return DECISIONS.includes(kind);
}

const Report = z.object({
  format: z.literal(REPORT_FORMAT),
  version: z.literal(DOCUMENT_VERSION),
  software: z.string(),
  repository: z.string().regex(/^[0-9a-f]{32}$/),
  /** Its own path, so that no report can be put in another's place. */
  key: z.string(),
  kind: z.enum(REPORT_KINDS),
  run: z.string().regex(/^[0-9a-f]{32}$/),
  /** By its writer's clock. */
  at: z.iso.datetime(),
  /** The backups that it is about. */
  backups: z.array(z.string()),
  /** The public part: no names of tables, no data. */
  body: z.record(z.string(), z.json()),
  /** The part that only the key opens, in base64; missing if there is none. */
  details: z.base64().optional(),
  /** This run's `manifest` key, for the MAC, and its `index` key if there are details. */
  keys: z.array(RunKey),
});

/** docs/reference/format.md, "Report". */
export type Report = Omit<Readonly<z.infer<typeof Report>>, 'body'> & { readonly body: JsonObject };

const KEY = /^reports\/([a-z]+)\/(\d{8})\/\1_\2_(\d{6})_([0-9a-f]{8})\.json$/;

/** @param unique 8 hex digits that distinguish reports of the same second */
export function reportKey(kind: ReportKind, at: Date, unique: string): string {
  const [date, time] = at.toISOString().replace(/[-:]/g, '').slice(0, 15).split('T');
  return `reports/${kind}/${date}/${kind}_${date}_${time}_${unique}.json`;
}

/** Whether an object is a report, by its key. */
export function isReportKey(key: string): boolean {
  return KEY.test(key);
}

/** The 8 hex digits of a report's path; for reports on an API key, its id. */
export function uniqueOf(key: string): string {
  return KEY.exec(key)?.[4] ?? '';
}

/** A report as it is stored, signed if something to sign with is given. */
export function encodeReport(
  report: Omit<Report, 'format' | 'version'>,
  macKey: Uint8Array,
  sign?: Sign,
): Promise<Buffer> {
  return encodeSigned({ format: REPORT_FORMAT, version: DOCUMENT_VERSION, ...report }, macKey, sign);
}

/** @throws E_DAMAGED, E_NEWER_FORMAT, E_FOREIGN_REPOSITORY */
export function parseReport(bytes: Uint8Array, key: string): Report {
  const document = parseAuthenticated(bytes, key);
  refuseNewer(document, REPORT_FORMAT, key);
  const parsed = Report.safeParse(document);
  if (!parsed.success)
    throw new HoldfastError('E_DAMAGED', `${key} is not a report: ${problems(parsed.error)}`);
  const { key: own, kind } = parsed.data;
  if (own !== key || !key.startsWith(`reports/${kind}/`))
    throw new HoldfastError('E_DAMAGED', `${key} holds the report ${own} of kind ${kind}`);
  return parsed.data as Report;
}

/** @param indexKey of a run that seals nothing else: the nonce is all zeros */
export function sealDetails(details: JsonObject, indexKey: Uint8Array, key: string): string {
  const cipher = createCipheriv('aes-256-gcm', detailsKey(indexKey), Buffer.alloc(12)).setAAD(
    Buffer.from(key),
  );
  const plain = compress(Buffer.from(JSON.stringify(details)), LEVEL);
  return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]).toString('base64');
}

/** @throws E_DAMAGED */
export function openDetails(sealed: string, indexKey: Uint8Array, key: string): JsonObject {
  const bytes = Buffer.from(sealed, 'base64');
  const decipher = createDecipheriv('aes-256-gcm', detailsKey(indexKey), Buffer.alloc(12), {
    authTagLength: TAG_BYTES,
  });
  try {
    decipher.setAAD(Buffer.from(key)).setAuthTag(bytes.subarray(-TAG_BYTES));
    const plain = Buffer.concat([decipher.update(bytes.subarray(0, -TAG_BYTES)), decipher.final()]);
    return parseJson(decompress(plain, MOST_DETAILS_BYTES), `the sealed part of ${key}`) as JsonObject;
  } catch (cause) {
    throw new HoldfastError('E_DAMAGED', `the details of ${key} were changed after they were sealed`, {
      cause,
    });
  }
}

function detailsKey(indexKey: Uint8Array): Buffer {
  return Buffer.from(hkdfSync('sha256', indexKey, new Uint8Array(0), 'holdfast/1 report', 32));
}
