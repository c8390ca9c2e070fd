import { Duration } from 'aws-cdk-lib';
import type { IEventBus } from 'aws-cdk-lib/aws-events';
import { JsonPath, TaskInput, type TaskStateBase } from 'aws-cdk-lib/aws-stepfunctions';
import { EventBridgePutEvents, type EventBridgePutEventsProps } from 'aws-cdk-lib/aws-stepfunctions-tasks';
import type { Construct } from 'constructs';
import { EVENT_SOURCE, type EventType } from '../../shared/config/events.ts';

/** May put events only as Holdfast. */
class PutHoldfastEvents extends EventBridgePutEvents {
  constructor(scope: Construct, id: string, props: EventBridgePutEventsProps) {
    super(scope, id, props);
    for (const statement of this.taskPolicies ?? [])
      statement.addCondition('StringEquals', { 'events:source': EVENT_SOURCE });
  }
}

/** Context of constructs that belong to one deployment: its name, which its events carry. */
export const DEPLOYMENT = 'holdfast:deployment';

/** An event to be put, and where. */
export interface PutEventOptions {
  readonly eventBus: IEventBus;
  readonly detailType: EventType;
  readonly detail: Readonly<Record<string, unknown>>;
}

/** A state that puts an event, with five attempts. */
export function putEventState(
  scope: Construct,
  name: string,
  { eventBus, detailType, detail }: PutEventOptions,
): TaskStateBase {
  const deployment: unknown = scope.node.tryGetContext(DEPLOYMENT);
  const named = { ...detail, ...(deployment === undefined ? {} : { deployment }) };
  const state = new PutHoldfastEvents(scope, name, {
    stateName: name,
    entries: [{ source: EVENT_SOURCE, detailType, detail: TaskInput.fromObject(named), eventBus }],
    resultPath: JsonPath.DISCARD,
  });
  return state.addRetry({ maxAttempts: 5, interval: Duration.seconds(2), backoffRate: 2 });
}
