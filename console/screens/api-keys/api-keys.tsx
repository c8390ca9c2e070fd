import { useState } from 'preact/hooks';
import { call } from '../../api/client.ts';
import { useResource } from '../../api/resource.ts';
import { useRefusal, useStatus } from '../../api/status.ts';
import { Button } from '../../ui/button.tsx';
import { Copied } from '../../ui/command.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { Card, Note, PageHead } from '../../ui/parts.tsx';
import { Empty, Shown } from '../../ui/states.tsx';
import { tell } from '../../ui/toasts.tsx';
import type { Key, Keys, Made } from './answers.ts';
import { KeyTable } from './key-table.tsx';
import { MakeKey } from './make-key.tsx';

/** API keys of machines: lists them and, for an admin, makes and revokes them. */
export function ApiKeys() {
  const status = useStatus();
  const why = useRefusal('admin');
  return (
    <div class="page">
      <PageHead title="API keys" back={{ href: '#/configuration', name: 'Configuration' }}>
        <p class="soft">
          For programs that use the admin API, such as a build or a script. Each key has its own roles, may be
          limited to some sources, and is named in the audit trail.
        </p>
      </PageHead>
      <Shown of={status}>
        {() =>
          why === undefined ? (
            <Managed />
          ) : (
            <Card>
              <Empty title="Only an admin can manage API keys">
                <p>{why}</p>
              </Empty>
            </Card>
          )
        }
      </Shown>
    </div>
  );
}

function Managed() {
  const keys = useResource<Keys>(
    'api-keys',
    () => call('apiKeys'),
    () => undefined,
  );
  const [isMaking, setMaking] = useState(false);
  const [made, setMade] = useState<Made>();
  const [leaving, setLeaving] = useState<Key>();
  const make = (
    <Button look="primary" onClick={() => setMaking(true)}>
      Make an API key
    </Button>
  );
  return (
    <>
      {made && <FreshKey made={made} onClose={() => setMade(undefined)} />}
      <Shown of={keys}>
        {({ keys: all, problems }) => (
          <>
            {problems.map((problem) => (
              <Note key={problem} tone="warn">
                This key does not work, because it cannot be trusted: {problem}
              </Note>
            ))}
            <Card title="Keys" isBare {...(all.length > 0 ? { aside: make } : {})}>
              {all.length === 0 ? (
                <Empty title="No API keys yet">
                  <p>A key lets a program use the API without a person signing in.</p>
                  {make}
                </Empty>
              ) : (
                <KeyTable keys={all} onRevoke={setLeaving} />
              )}
            </Card>
          </>
        )}
      </Shown>
      {isMaking && (
        <MakeKey
          onClose={() => setMaking(false)}
          onMade={async (one) => {
            setMade(one);
            await keys.refresh();
          }}
        />
      )}
      {leaving && <Revoke of={leaving} onClose={() => setLeaving(undefined)} onDone={() => keys.refresh()} />}
    </>
  );
}

/** The only time that the key itself is on the screen. */
function FreshKey({ made: { key, token }, onClose }: { readonly made: Made; readonly onClose: () => void }) {
  return (
    <section class="card" aria-label={`The API key ${key.name}`}>
      <div class="card-body" role="status">
        <p>
          <strong>Copy the key {key.name} now.</strong> It is shown only once; the repository keeps just a
          hash of it.
        </p>
        <Copied text={token} what="key" />
        <p>
          <Button onClick={onClose}>I have stored it</Button>
        </p>
      </div>
    </section>
  );
}

function Revoke({
  of: { id, name },
  onClose,
  onDone,
}: {
  readonly of: Key;
  readonly onClose: () => void;
  readonly onDone: () => Promise<void>;
}) {
  const act = async () => {
    await call('revokeApiKey', { param: id });
    tell(`Revoked: ${name}.`);
    await onDone();
  };
  return (
    <Dialog title={`Revoke ${name}`} action="Revoke" isDanger onClose={onClose} act={act}>
      <p class="soft">
        Programs with the key {name} ({id}) are refused from now on, in other processes within 30 seconds. You
        cannot undo this. Runs that the key has started continue.
      </p>
    </Dialog>
  );
}
