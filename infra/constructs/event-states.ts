import type { IEventBus } from 'aws-cdk-lib/aws-events';
import { JsonPath, type TaskStateBase } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import { EVENT_SCHEMA, type EventType } from '../../shared/config/events.ts';
import { putEventState } from './put-event.ts';

const BASE = {
  schema: EVENT_SCHEMA,
  execution: JsonPath.stringAt('$$.Execution.Id'),
  run: JsonPath.stringAt('$.plan.run'),
  source: JsonPath.stringAt('$.source'),
  type: JsonPath.stringAt('$.type'),
};
const BACKUP = { ...BASE, backup: JsonPath.stringAt('$.commit.key') };
/** The failure, at `$.failure`. */
export const FAILURE = {
  error: {
    code: JsonPath.stringAt('$.failure.Error'),
    message: JsonPath.stringAt('$.failure.Cause'),
  },
};
const FIGURES = Object.fromEntries(
  ['records', 'plainBytes', 'storedBytes', 'datasets', 'chunks', 'newChunks'].map((name) => [
    name,
    JsonPath.numberAt(`$.commit.${name}`),
  ]),
);

/**
 * The states of a backup that tell EventBridge how it went; docs/reference/events.md has the schema of their
 * details.
 */
export class EventStates extends Construct {
  readonly duplicate: TaskStateBase;
  readonly success: TaskStateBase;
  readonly suspect: TaskStateBase;
  readonly failure: TaskStateBase;
  readonly planFailure: TaskStateBase;
  readonly verificationFailure: TaskStateBase;
  readonly damage: TaskStateBase;
  readonly lockFailure: TaskStateBase;

  constructor(scope: Construct, id: string, eventBus: IEventBus) {
    super(scope, id);
    const put = (name: string, detailType: EventType, detail: Record<string, unknown>) =>
      putEventState(this, name, { eventBus, detailType, detail });
    const suspect = { suspect: JsonPath.objectAt('$.commit.suspect') };
    const head = JsonPath.objectAt('$.commit.head');
    const { run: _, ...unplanned } = BASE;
    this.duplicate = put('NotifyDuplicate', 'Backup Duplicate', BASE);
    this.success = put('NotifySuccess', 'Backup Succeeded', { ...BACKUP, figures: FIGURES, head });
    this.suspect = put('NotifySuspect', 'Backup Suspect', { ...BACKUP, figures: FIGURES, head, ...suspect });
    this.failure = put('NotifyFailure', 'Backup Failed', { ...BASE, ...FAILURE });
    this.planFailure = put('NotifyPlanFailure', 'Backup Failed', { ...unplanned, ...FAILURE });
    this.lockFailure = put('NotifyLockFailed', 'Lock Failed', { ...BACKUP, ...FAILURE });
    this.verificationFailure = put('NotifyVerificationFailed', 'Verification Failed', {
      ...BACKUP,
      ...FAILURE,
    });
    this.damage = put('NotifyDamage', 'Verification Failed', {
      ...BACKUP,
      damaged: JsonPath.listAt('$.verification.damaged'),
    });
  }
}
