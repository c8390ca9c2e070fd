import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { EVENT_SOURCE } from '../../shared/config/events.ts';

/** Puts one event on a bus. @returns whether it was accepted */
export async function putOne(EventBusName: string, DetailType: string, detail: object): Promise<boolean> {
  const entry = { EventBusName, Source: EVENT_SOURCE, DetailType, Detail: JSON.stringify(detail) };
  const command = new PutEventsCommand({ Entries: [entry] });
  const { FailedEntryCount = 0 } = await new EventBridgeClient({}).send(command);
  return FailedEntryCount === 0;
}
