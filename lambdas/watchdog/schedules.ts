import {
  GetScheduleCommand,
  type GetScheduleCommandOutput,
  SchedulerClient,
  ScheduleState,
} from '@aws-sdk/client-scheduler';
import { parallel } from '../../shared/core/parallel.ts';

/** A schedule of ours that does not fire. */
export interface ScheduleOff {
  readonly schedule: string;
  readonly state: 'disabled' | 'missing';
}

/** Requests at once: Scheduler allows 50 a second. */
const AT_ONCE = 5;

/**
 * Names of a group's schedules that are not on.
 *
 * @throws Scheduler's error
 */
export async function schedulesOff(
  group: string,
  names: readonly string[],
  signal: AbortSignal,
): Promise<ScheduleOff[]> {
  const client = new SchedulerClient({});
  const off: ScheduleOff[] = [];
  await parallel(names, { most: AT_ONCE, signal }, async (schedule) => {
    const state = (await find(client, { GroupName: group, Name: schedule }, signal))?.State;
    if (state !== ScheduleState.ENABLED)
      off.push({ schedule, state: state === undefined ? 'missing' : 'disabled' });
  });
  return off.toSorted((a, b) => (a.schedule < b.schedule ? -1 : 1));
}

/** When the oldest existing schedule was made; undefined if there is none. @throws as `schedulesOff` */
export async function scheduledSince(
  group: string,
  names: readonly string[],
  signal: AbortSignal,
): Promise<Date | undefined> {
  const client = new SchedulerClient({});
  const dates: Date[] = [];
  for (const Name of names) {
    const found = await find(client, { GroupName: group, Name }, signal);
    if (found?.CreationDate) dates.push(found.CreationDate);
  }
  return dates.toSorted((a, b) => a.getTime() - b.getTime())[0];
}

/** Undefined if there is none. */
async function find(
  client: SchedulerClient,
  input: { readonly GroupName: string; readonly Name: string },
  abortSignal: AbortSignal,
): Promise<GetScheduleCommandOutput | undefined> {
  try {
    return await client.send(new GetScheduleCommand(input), { abortSignal });
  } catch (error) {
    if ((error as Error).name === 'ResourceNotFoundException') return undefined;
    throw error;
  }
}
