import { Button } from '../../ui/button.tsx';
import { Ago, Moment } from '../../ui/moment.tsx';
import { Badge, type Tone } from '../../ui/parts.tsx';
import { ScrollX } from '../../ui/scroll-x.tsx';
import type { Key } from './answers.ts';

const STATES: Readonly<Record<Key['state'], readonly [Tone, string]>> = {
  active: ['good', 'Active'],
  expired: ['warn', 'Expired'],
  revoked: ['plain', 'Revoked'],
};

/** The API keys, with a button that revokes each. */
export function KeyTable({
  keys,
  onRevoke,
}: {
  readonly keys: readonly Key[];
  readonly onRevoke: (key: Key) => void;
}) {
  return (
    <ScrollX label="API keys">
      <table class="table">
        <thead>
          <tr>
            {['Name', 'State', 'Roles', 'Sources', 'Last used', 'Expires', 'Made'].map((name) => (
              <th key={name}>{name}</th>
            ))}
            <th>
              <span class="unseen">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {keys.map((key) => (
            <Row key={key.id} of={key} onRevoke={onRevoke} />
          ))}
        </tbody>
      </table>
    </ScrollX>
  );
}

function Row({ of: key, onRevoke }: { readonly of: Key; readonly onRevoke: (key: Key) => void }) {
  const [tone, state] = STATES[key.state];
  return (
    <tr>
      <td>
        <strong>{key.name}</strong>
        <br />
        <code class="faint">{key.id}</code>
      </td>
      <td>
        <Badge tone={tone} title={key.revokedBy === null ? undefined : `by ${key.revokedBy}`}>
          {state}
        </Badge>
      </td>
      <td>{key.roles.join(', ')}</td>
      <td>{key.sources?.join(', ') ?? 'all'}</td>
      <td>{key.lastUsedOn ?? <span class="faint">not in 90 days</span>}</td>
      <td>{key.expiresAt === null ? 'never' : <Moment at={key.expiresAt} />}</td>
      <td>
        <Ago at={key.createdAt} />
        <br />
        <span class="small faint">{key.createdBy}</span>
      </td>
      <td>
        {key.state !== 'revoked' && (
          <Button look="quiet" onClick={() => onRevoke(key)}>
            Revoke<span class="unseen"> {key.name}</span>
          </Button>
        )}
      </td>
    </tr>
  );
}
