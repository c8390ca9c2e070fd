import * as z from 'zod';
import {
  BackupKeyText,
  Count,
  Cursor,
  DrillMark,
  Moment,
  NameText,
  pageLimit,
  SourceName,
  Time,
} from './values.ts';

const DRILLS_LIMIT = { fallback: 100, most: 200 };

/** A drill, as its report has it. */
const Drill = DrillMark.omit({ source: true })
  .extend({
    name: z.string().describe('of the report: drill_20260301_020000_0123abcd'),
    backup: BackupKeyText,
    source: SourceName.nullable().describe('null: neither the report nor an existing backup says it'),
    isProven: z.boolean().describe('false: the API has no key to check it with'),
  })
  .meta({ id: 'Drill' });
/** A drill as routes answer it. */
export type ApiDrill = z.infer<typeof Drill>;

/** The query of `GET /drills`. */
export const DrillsQuery = z.strictObject({
  source: NameText.optional().describe('a source, by its full name; 404 if there is none'),
  from: Moment.optional(),
  to: Moment.optional().describe('before then; for a date: on that day or before'),
  limit: pageLimit(DRILLS_LIMIT.fallback, DRILLS_LIMIT.most),
  cursor: Cursor.optional(),
});
export type DrillsQuery = z.infer<typeof DrillsQuery>;

/** The answer of `GET /drills`: a page of drills. */
export const DrillsAnswer = z.object({
  drills: z.array(Drill).describe('newest first; with a source, a page may hold fewer than there are'),
  nextCursor: z.string().nullable().describe('null: there are no more'),
});
export type DrillsAnswer = z.infer<typeof DrillsAnswer>;

/** The part that only the key opens. */
const SealedEvidence = z.object({
  target: z.string().nullable().describe('where it was restored'),
  comparison: z.array(
    z.object({
      dataset: z.string(),
      equal: z.boolean(),
      backupRecords: Count,
      targetRecords: Count,
      missing: Count,
      unexpected: Count,
    }),
  ),
  schema: z
    .object({
      outcome: z.enum(['equal', 'different', 'names', 'none']),
      objects: Count,
      missing: z.array(z.string()),
      unexpected: z.array(z.string()),
      changed: z.array(z.string()),
      why: z.string().nullable(),
    })
    .nullable(),
  leftOut: z.array(z.string()).describe('what was not restored as in the backup, or not compared'),
  error: z.object({ code: z.string(), message: z.string() }).nullable(),
});

/** The answer of `GET /drills/{report}`: the evidence. */
export const DrillAnswer = Drill.extend({
  storedAt: Time.describe("by the store's clock"),
  sha256: z.string().describe("of the report's bytes"),
  software: z.string(),
  repository: z.string().describe('id of the repository'),
  signature: z
    .object({
      key: z.string().describe('id of the public key'),
      alg: z.enum(['Ed25519', 'ES256']),
      state: z.enum(['right', 'wrong', 'unknown-key']),
    })
    .nullable()
    .describe('null: nobody signed it'),
  manifestNow: z
    .string()
    .nullable()
    .describe('SHA-256 of the backup’s present manifest; null: the backup is gone'),
  sealed: SealedEvidence.nullable().describe('null if the API has no key'),
});
export type DrillAnswer = z.infer<typeof DrillAnswer>;
