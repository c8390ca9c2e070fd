import { useState } from 'preact/hooks';
import { useRefusal, useStatus } from '../../api/status.ts';
import { Button } from '../../ui/button.tsx';
import { kindName } from '../../ui/source-name.tsx';
import { Empty } from '../../ui/states.tsx';
import { BackUpDialog } from './back-up-now.tsx';

const EXAMPLE = `{
  "repository": "./backups",
  "sources": { "shop": { "kind": "postgres", "url": "env:DATABASE_URL" } }
}`;

/** If there is no backup: the configured sources with a button each, or how to configure one. */
export function FirstBackups() {
  const sources = useStatus().value.value?.configured.sources;
  const refusal = useRefusal('operator');
  const [chosen, choose] = useState<string>();
  if (sources === undefined) return null;
  if (sources.length === 0)
    return (
      <Empty title="No source is configured">
        <p>
          Name the databases to back up in <code>holdfast.config.json</code>, then restart the server:
        </p>
        <pre class="example">{EXAMPLE}</pre>
        <p>
          <code>holdfast doctor</code> checks everything that a backup needs.
        </p>
      </Empty>
    );
  return (
    <Empty title="No backups yet">
      <p>Nothing is protected until each source has its first backup.</p>
      <ul class="ways">
        {sources.map(({ name, kind }) => (
          <li key={name}>
            <Button icon="play" why={refusal} onClick={() => choose(name)}>
              Back up {name}
            </Button>
            <span class="small soft">{kindName(kind)}</span>
          </li>
        ))}
      </ul>
      {chosen !== undefined && <BackUpDialog chosen={chosen} onClose={() => choose(undefined)} />}
    </Empty>
  );
}
