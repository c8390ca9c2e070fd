import * as z from 'zod';
import { BackupKeyText, Count, SourceName, Time } from './values.ts';

/** How far the stored changes of a source reach, and how far they should. */
export const RecoveryPoint = z
  .object({
    agreedSeconds: Count.describe('how old stored changes may be: `continuous.rpo`'),
    lagSeconds: Count.nullable().describe(
      'how long ago everything was stored; null: nothing is stored, or it is not known',
    ),
    isMet: z.boolean(),
    sentence: z.string(),
  })
  .meta({ id: 'RecoveryPoint' });
export type RecoveryPoint = z.infer<typeof RecoveryPoint>;

/** The answer of `GET /changes/{source}`. Its size does not grow with the stream. */
export const ChangesAnswer = z.object({
  now: Time,
  source: SourceName,
  everySeconds: Count.describe('between polls'),
  keepSeconds: Count.describe('how far back every moment can be restored'),
  recoveryPoint: RecoveryPoint,
  isPaused: z.boolean().describe('polling is paused'),
  readAt: Time.nullable().describe('everything committed by then is stored, by the clock of the database'),
  segments: Count,
  storedBytes: Count.describe('of segments; packs that lie by themselves are not counted'),
  restorable: z
    .array(z.object({ from: Time, to: Time, base: BackupKeyText.describe('the oldest of it') }))
    .describe('every moment of these can be restored; newest first'),
  bases: z
    .array(z.object({ key: BackupKeyText, at: Time.describe('when it was begun') }))
    .describe('backups that changes can be applied to; newest first'),
  hours: z
    .array(
      z.object({
        hour: Time.describe('its begin'),
        segments: Count.describe('that were stored in it'),
        storedBytes: Count,
      }),
    )
    .describe(
      'newest first; hours without a segment are left out. What is only left in a bundle counts when that was stored',
    ),
  gaps: z
    .array(
      z.object({
        from: Time.nullable(),
        to: Time,
        why: z.enum(['gap', 'definitions']).describe('changes are lost, or table definitions changed'),
        says: z.string(),
        healedBy: BackupKeyText.nullable().describe('the backup from which moments can be restored again'),
      }),
    )
    .describe('moments that cannot be restored, between others; newest first'),
  left: z
    .object({ restorable: Count, bases: Count, hours: Count, gaps: Count })
    .describe('how many older ones were left out of each list'),
  baseDue: z
    .string()
    .nullable()
    .describe('why the newest changes cannot be restored until there is a new backup'),
  held: z
    .object({
      bytes: Count.nullable().describe('of its log that the server holds for Holdfast; null: not known'),
      limitBytes: Count.describe('from this on, a watchdog makes the server release it, which leaves a gap'),
      problem: z.string().nullable().describe('what the server says is wrong, or why it was not asked'),
    })
    .nullable()
    .describe('null if it was not asked'),
  warnings: z.array(z.string()).describe('of the newest segment: what the changes lack'),
});
export type ChangesAnswer = z.infer<typeof ChangesAnswer>;
