import { useState } from 'preact/hooks';
import { call } from '../api/client.ts';
import { type Failure, failureOf } from '../api/problem.ts';
import { useResource } from '../api/resource.ts';
import { refreshStatus, useRefusal } from '../api/status.ts';
import type { AnswerOf } from '../api/types.ts';
import { Button } from '../ui/button.tsx';
import { Moment, When } from '../ui/moment.tsx';
import { Badge, Card, Facts, Note, PageHead } from '../ui/parts.tsx';
import { ScrollX } from '../ui/scroll-x.tsx';
import { Empty, FailureNote, Shown } from '../ui/states.tsx';

type Channel = AnswerOf<'notifications'>['channels'][number];
type Delivery = Channel['deliveries'][number];
type Sent = AnswerOf<'notificationTest'>;

const KINDS: Readonly<Record<Channel['kind'], string>> = {
  webhook: 'Webhook',
  slack: 'Slack',
  teams: 'Microsoft Teams',
  email: 'E-mail by SNS',
  eventbridge: 'EventBridge',
};

/** Who is notified of changes, and what they were sent last. */
export function Notifications() {
  const found = useResource('notifications', () => call('notifications'));
  return (
    <div class="page">
      <PageHead title="Notifications">
        <p class="soft">
          Who is notified when findings change. Addresses and keys are secrets, and never shown.
        </p>
      </PageHead>
      <Shown of={found}>
        {({ channels }) =>
          channels.length === 0 ? (
            <Empty title="No channel is configured">
              <p>
                Nobody is notified when a backup fails. Add <code>notifications.channels</code> to the
                configuration.
              </p>
            </Empty>
          ) : (
            channels.map((channel) => (
              <ChannelCard key={channel.name} channel={channel} onSent={() => void found.refresh()} />
            ))
          )
        }
      </Shown>
    </div>
  );
}

function ChannelCard({ channel, onSent }: { readonly channel: Channel; readonly onSent: () => void }) {
  const { name, kind, destination, on, digest, sources, lastDelivered, lastFailed, deliveries } = channel;
  const isFailing = deliveries[0]?.outcome === 'failed';
  return (
    <Card title={name} aside={isFailing ? <Badge tone="bad">Failing</Badge> : undefined}>
      <div class="stack">
        <Facts
          facts={[
            ['Kind', KINDS[kind]],
            ['Destination', <code>{destination}</code>],
            ['Notified of', on === 'all' ? 'changes, and each backup' : 'changes'],
            ['Digest', digest],
            ['Sources', sources?.join(', ') ?? 'all'],
            ['Last delivery', lastDelivered ? <When at={lastDelivered.at} /> : 'none'],
            ['Last failure', lastFailed ? <When at={lastFailed.at} /> : 'none'],
          ]}
        />
        <Test name={name} onSent={onSent} />
        {deliveries.length > 0 && <Deliveries name={name} deliveries={deliveries} />}
      </div>
    </Card>
  );
}

function Test({ name, onSent }: { readonly name: string; readonly onSent: () => void }) {
  const [isSending, setSending] = useState(false);
  const [sent, setSent] = useState<Sent>();
  const [failure, setFailure] = useState<Failure>();
  const refusal = useRefusal('operator');
  const send = async () => {
    setSending(true);
    setSent(undefined);
    setFailure(undefined);
    try {
      setSent(await call('notificationTest', { body: { channel: name } }));
    } catch (error) {
      setFailure(failureOf(error));
    } finally {
      setSending(false);
      onSent();
      refreshStatus();
    }
  };
  const why = isSending ? 'Sending the test.' : refusal;
  return (
    <>
      <div>
        <Button icon="play" why={why} onClick={() => void send()}>
          {isSending ? 'Sending…' : 'Send a test'}
        </Button>
      </div>
      <div role="status">
        {sent && (
          <Note tone={sent.outcome === 'delivered' ? 'good' : 'bad'}>
            {sent.outcome === 'delivered' ? `The test was delivered${said(sent)}.` : sent.problem}
          </Note>
        )}
      </div>
      {failure && <FailureNote failure={failure} />}
    </>
  );
}

function said({ status, answer }: Sent): string {
  if (status === null) return '';
  return `: the receiver answered ${status}${answer === null ? '' : ` (${answer})`}`;
}

function Deliveries({
  name,
  deliveries,
}: {
  readonly name: string;
  readonly deliveries: readonly Delivery[];
}) {
  return (
    <ScrollX label={`Deliveries to ${name}`}>
      <table class="table">
        <thead>
          <tr>
            <th>When</th>
            <th>What</th>
            <th>Outcome</th>
          </tr>
        </thead>
        <tbody>
          {deliveries.map((delivery) => (
            <tr key={`${delivery.at} ${delivery.kind}`}>
              <td>
                <Moment at={delivery.at} />
              </td>
              <td>{delivery.title}</td>
              <td>
                <Badge tone={delivery.outcome === 'delivered' ? 'good' : 'bad'}>{delivery.outcome}</Badge>{' '}
                {delivery.problem}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </ScrollX>
  );
}
