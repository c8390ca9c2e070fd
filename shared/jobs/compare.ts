/** How one dataset of a database differs from the same dataset of a backup. Order of records does not matter. */
export interface DatasetComparison {
  readonly dataset: string;
  readonly equal: boolean;
  readonly backupRecords: number;
  readonly targetRecords: number;
  /** Records of the backup that the target has not (with multiplicity). 0 when equal. */
  readonly missing: number;
  /** Records of the target that the backup has not. 0 when equal. */
  readonly unexpected: number;
}
