/** The package `holdfast/cdk`: constructs for any CDK app. */
export { AdminApi, type AdminApiProps } from './constructs/admin-api.ts';
export { AdminConsole, type AdminConsoleProps } from './constructs/admin-console.ts';
export { BackupCopies, type BackupCopiesProps } from './constructs/backup-copies.ts';
export type { MetricName } from './constructs/backup-metrics.ts';
export {
  BackupMonitoring,
  type BackupMonitoringProps,
  type Webhook,
} from './constructs/backup-monitoring.ts';
export { BackupPipeline } from './constructs/backup-pipeline.ts';
export type { BackupPipelineProps } from './constructs/backup-pipeline-props.ts';
export {
  BackupReceiver,
  type BackupReceiverProps,
  BackupReceiverStack,
} from './constructs/backup-receiver.ts';
export { BackupSchedules, type BackupSchedulesProps } from './constructs/backup-schedules.ts';
export { BackupStateMachine } from './constructs/backup-state-machine.ts';
export type { BackupStateMachineProps } from './constructs/backup-state-machine-props.ts';
export { BackupStorage, type BackupStorageProps, type PackTransition } from './constructs/backup-storage.ts';
export { DatabaseBackups } from './constructs/database-backups.ts';
export type { DatabaseBackupsProps } from './constructs/database-backups-props.ts';
export { JobFunction, type JobFunctionProps } from './constructs/job-function.ts';
export { type HoldfastAppInput, holdfastApp } from './holdfast-app.ts';
