import { EVENT_SCHEMA, type EventType } from '../../shared/config/events.ts';
import { redact } from './redact.ts';
import { logger } from './telemetry.ts';

/** What an event of ours says; docs/reference/events.md. */
export interface EventDetail {
  readonly run?: string;
  readonly source?: string;
  readonly type?: string;
  readonly backup?: string;
  readonly error?: { readonly code: string; readonly message: string };
  readonly [name: string]: unknown;
}

/**
 * Puts an event on the bus in HOLDFAST_EVENT_BUS. Work is not undone because publishing failed: a failure is
 * logged, not thrown.
 */
export async function putEvent(type: EventType, detail: EventDetail): Promise<void> {
  const bus = process.env['HOLDFAST_EVENT_BUS'];
  if (!bus) return;
  try {
    const { putOne } = await import('./put-events.ts');
    if (!(await putOne(bus, type, { schema: EVENT_SCHEMA, ...deployment(), ...detail, ...shown(detail) })))
      logger.error('the event was not accepted', { event: type });
  } catch (error) {
    logger.error('the event could not be sent', { event: type, error: error as Error });
  }
}

/** Identifies the deployment, if an account has several. */
function deployment(): { readonly deployment?: string } {
  const name = process.env['HOLDFAST_DEPLOYMENT'];
  return name ? { deployment: name } : {};
}

/** Another system's message may quote its input. */
function shown({ error }: EventDetail): Pick<EventDetail, 'error'> {
  return error ? { error: { ...error, message: redact(error.message) } } : {};
}
