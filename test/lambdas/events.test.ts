import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { mockClient } from 'aws-sdk-client-mock';
import { expect, it, onTestFinished, vi } from 'vitest';
import { putEvent } from '../../lambdas/runtime/events.ts';
import { keepSecret } from '../../lambdas/runtime/redact.ts';
import { logger } from '../../lambdas/runtime/telemetry.ts';

const BUS = 'arn:aws:events:eu-west-1:111122223333:event-bus/default';

function bus() {
  vi.stubEnv('HOLDFAST_EVENT_BUS', BUS);
  const events = mockClient(EventBridgeClient);
  onTestFinished(() => {
    events.restore();
    vi.unstubAllEnvs();
    vi.restoreAllMocks();
  });
  return events;
}

it('puts an event on the bus, with no secret in what another system said', async () => {
  const events = bus();
  events.on(PutEventsCommand).resolves({ FailedEntryCount: 0 });
  keepSecret('hush-hush');
  const error = { code: 'E_SOURCE_REFUSED', message: 'password hush-hush is wrong' };
  await putEvent('Drill Failed', { source: 'shop', error });
  const [entry] = events.commandCalls(PutEventsCommand)[0]?.args[0].input.Entries ?? [];
  expect(entry).toEqual({
    EventBusName: BUS,
    Source: 'holdfast',
    DetailType: 'Drill Failed',
    Detail: JSON.stringify({
      schema: 1,
      source: 'shop',
      error: { ...error, message: 'password *** is wrong' },
    }),
  });
});

it.each([
  ['is refused', { FailedEntryCount: 1 }],
  ['cannot be sent', new Error('no route')],
])('undoes nothing where the event %s: it is logged', async (_how, answer) => {
  const events = bus().on(PutEventsCommand);
  if (answer instanceof Error) events.rejects(answer);
  else events.resolves(answer);
  const logged = vi.spyOn(logger, 'error').mockReturnValue();
  await putEvent('Backup Suspect', { source: 'shop' });
  expect(logged).toHaveBeenCalledExactlyOnceWith(expect.stringMatching(/^the event/), expect.anything());
});
