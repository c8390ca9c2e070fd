/** The library: `import { openRepository, backup, restore, verify, list, prune, drill } from 'holdfast'`. docs/reference/library.md. */
export type { Compression } from '../config/compression.ts';
export { type ErrorCode, HoldfastError, isHoldfastError } from '../core/errors.ts';
export type { ProgressEvent } from '../core/progress.ts';
export type { BackupResult } from '../jobs/backup/backup.ts';
export type { TransactionDataset, TransactionRow } from '../jobs/changes/undo/transaction-rows.ts';
export type { UndoPlan } from '../jobs/changes/undo/undo.ts';
export type { DrillResult } from '../jobs/drill/drill-result.ts';
export type { BisectResult, BreakingTransaction, CheckedBackup } from '../jobs/inside/bisect/bisect.ts';
export type { CheckOutcome } from '../jobs/inside/bisect/run-check.ts';
export type { RowChoice } from '../jobs/inside/chosen-records.ts';
export type { DatasetDiff } from '../jobs/inside/diff.ts';
export type { ResultColumn, ResultValue } from '../jobs/inside/query/messages.ts';
export type { RowsOfBackup } from '../jobs/inside/read-rows.ts';
export type { RowChange } from '../jobs/inside/row-changes.ts';
export type { RowVersion } from '../jobs/inside/row-history.ts';
export type { DatasetRows, RowsPlan } from '../jobs/inside/rows-plan.ts';
export type { SubsetDataset } from '../jobs/inside/subset/choose-subset.ts';
export type { SubsetRestorePlan, SubsetRestoreResult } from '../jobs/inside/subset/restore-subset.ts';
export type { SubsetChoice, SubsetFollow } from '../jobs/inside/subset/subset-choice.ts';
export type { MaskCheck } from '../jobs/mask/check-mask.ts';
export type { MaskedColumnReport } from '../jobs/mask/mask-report.ts';
export type { MaskedRestorePlan, MaskedRestoreResult } from '../jobs/mask/restore-masked.ts';
export type { MaskRulesInput } from '../jobs/mask/rules.ts';
export type { MaskSuggestion } from '../jobs/mask/suggest.ts';
export type { RestoreResult } from '../jobs/restore/restore.ts';
export type { PruneResult } from '../jobs/retention/prune.ts';
export type { PrunePlan } from '../jobs/retention/prune-plan.ts';
export type { BackupSummary } from '../jobs/status/list.ts';
export type { VerifyReport } from '../jobs/verify/verify.ts';
export type { OnConflict, ShownRow } from '../sources/row-target.ts';
export type { Fields, RowColumn } from '../sources/rows.ts';
export type { RestorePlan } from '../sources/target.ts';
export { type BackupOptions, backup } from './backup.ts';
export { type BisectOptions, bisect } from './bisect.ts';
export { type DrillOptions, drill } from './drill.ts';
export {
  type DiffOptions,
  type DiffSide,
  type DiffSqlOptions,
  diff,
  diffSql,
  type HistoryOptions,
  history,
  type ReadRowsOptions,
  readBackupRows,
} from './inside.ts';
export { type ListOptions, list } from './list.ts';
export {
  checkMaskRules,
  type MaskedRestoreOptions,
  planMaskedRestore,
  restoreMasked,
  type SuggestMaskRulesOptions,
  suggestMaskRules,
} from './mask.ts';
export type { Place } from './places.ts';
export { type PruneOptions, planPrune, prune, type RetentionOptions } from './prune.ts';
export { type QueryBackupOptions, queryBackup } from './query.ts';
export {
  type BucketOptions,
  initRepository,
  type OpenOptions,
  OpenRepository,
  openRepository,
} from './repository.ts';
export { planRestore, type RestoreOptions, restore } from './restore.ts';
export { planRestoreRows, type RestoreRowsOptions, restoreRows } from './restore-rows.ts';
export { planRestoreSubset, restoreSubset, type SubsetRestoreOptions } from './subset.ts';
export { planUndo, type UndoOptions, undoTransaction } from './undo.ts';
export { type VerifyOptions, verify } from './verify.ts';
