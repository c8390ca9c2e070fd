import * as z from 'zod';
import { MiB } from '../core/units.ts';

/** The configuration's `suspects`: when a backup is suspect. */
export const SuspectsConfig = z.strictObject({
  recordsDownBy: z.number().gt(0).max(1).optional(),
  minRecords: z.number().int().min(1).max(1e9).optional(),
  recordSizeUp: z.number().min(1.1).max(100).optional(),
  minMiB: z.number().int().min(1).max(1_048_576).optional(),
  ignoreDatasets: z.array(z.string().min(1)).optional(),
});

/** When a backup is suspect, compared with the newest good one of its source. */
export interface SuspectThresholds {
  /** Share of records that a dataset, or the whole backup, must have lost. */
  readonly recordsDownBy: number;
  /** Datasets that had fewer records are not checked. */
  readonly minRecords: number;
  /** Growth of a compressed record, as a multiple of its former size. */
  readonly recordSizeUp: number;
  /** Sizes are not checked in datasets that had fewer plain bytes. */
  readonly minBytes: number;
  /** Datasets that are not checked; `*` matches anything. */
  readonly ignoreDatasets: readonly string[];
}

/** When a backup is suspect unless the configuration says otherwise. */
export const DEFAULT_SUSPECTS: SuspectThresholds = {
  recordsDownBy: 0.5,
  minRecords: 100,
  recordSizeUp: 2,
  minBytes: MiB,
  ignoreDatasets: [],
};

/** The thresholds of a configuration, with their defaults. */
export function suspectThresholds(given: z.infer<typeof SuspectsConfig> = {}): SuspectThresholds {
  const { recordsDownBy, minRecords, recordSizeUp, minMiB, ignoreDatasets } = given;
  return {
    recordsDownBy: recordsDownBy ?? DEFAULT_SUSPECTS.recordsDownBy,
    minRecords: minRecords ?? DEFAULT_SUSPECTS.minRecords,
    recordSizeUp: recordSizeUp ?? DEFAULT_SUSPECTS.recordSizeUp,
    minBytes: minMiB === undefined ? DEFAULT_SUSPECTS.minBytes : minMiB * MiB,
    ignoreDatasets: ignoreDatasets ?? DEFAULT_SUSPECTS.ignoreDatasets,
  };
}
