import { EVENT_SCHEMA, type EventType } from '../../shared/config/events.ts';
import { redact } from './redact.ts';
import { logger } from './telemetry.ts';

export interface EventDetail {
  readonly run?: string;
  readonly source?: string;
  readonly type?: string;
  readonly backup?: string;
  readonly error?: { readonly code: string; readonly message: string };
  readonly [name: string]: unknown;
}

/**
 * Puts an event on the bus of HOLDFAST_EVENT_BUS. What was done is not undone because nobody could be told: a failure is logged,
 * not thrown.
 */
export async function putEvent(type: EventType, detail: EventDetail): Promise<void> {
  const bus = process.env['HOLDFAST_EVENT_BUS'];
  if (!bus) return;
  try {
    const { putOne } = await import('./put-events.ts');
    if (!(await putOne(bus, type, { schema: EVENT_SCHEMA, ...deployment(), ...detail, ...shown(detail) })))
      logger.error('the event was not taken', { event: type });
  } catch (error) {
    logger.error('the event could not be sent', { event: type, error: error as Error });
  }
}

/** Whose event it is, where an account has several deployments. */
function deployment(): { readonly deployment?: string } {
  const name = process.env['HOLDFAST_DEPLOYMENT'];
  return name ? { deployment: name } : {};
}

/** What another system said may quote what it was given. */
function shown({ error }: EventDetail): Pick<EventDetail, 'error'> {
  return error ? { error: { ...error, message: redact(error.message) } } : {};
}
