import { useState } from 'preact/hooks';
import { DEFAULT_KEY_DAYS, hasRole, KEY_ROLES, type KeyRole } from '../../../shared/core/api-names.ts';
import { call } from '../../api/client.ts';
import { useStatus } from '../../api/status.ts';
import { Dialog } from '../../ui/dialog.tsx';
import { Choice, SelectField, TextField } from '../../ui/fields.tsx';
import type { Made } from './answers.ts';

const ABOUT: Readonly<Record<KeyRole, string>> = {
  viewer: 'Looks.',
  operator: 'Views, backs up, verifies, drills, holds and accepts.',
  restorer: 'Views, downloads and restores.',
};
const NEVER = 'never';
const PERIODS = [
  ['30', '30 days'],
  [String(DEFAULT_KEY_DAYS), `${DEFAULT_KEY_DAYS} days`],
  ['365', 'a year'],
  [NEVER, 'never'],
] as const;

/** Asks for name, roles and end of a new API key. */
export function MakeKey({
  onClose,
  onMade,
}: {
  readonly onClose: () => void;
  readonly onMade: (made: Made) => Promise<void>;
}) {
  const status = useStatus().value.value;
  const [name, setName] = useState('');
  const [roles, setRoles] = useState<readonly KeyRole[]>([]);
  const [sources, setSources] = useState<readonly string[]>([]);
  const [period, setPeriod] = useState(String(DEFAULT_KEY_DAYS));
  const known = [...new Set((status?.sources ?? []).map(({ source }) => source.name))];
  const mine = status?.caller.roles ?? [];
  const act = async () => {
    const body = {
      name: name.trim(),
      roles: [...roles],
      ...(sources.length > 0 ? { sources: [...sources] } : {}),
      expiresInDays: period === NEVER ? null : Number(period),
    };
    await onMade(await call('createApiKey', { body }));
  };
  const missing = name.trim() === '' ? 'Give a name first.' : 'Choose a role first.';
  const why = name.trim() === '' || roles.length === 0 ? missing : undefined;
  return (
    <Dialog title="Make an API key" action="Make key" onClose={onClose} act={act} why={why}>
      <TextField
        label="Name"
        value={name}
        onInput={setName}
        hint="What it is for. Shown in the audit trail."
      />
      <fieldset class="choices">
        <legend>Roles</legend>
        {KEY_ROLES.filter((role) => hasRole(mine, role)).map((role) => (
          <Choice
            key={role}
            type="checkbox"
            name="role"
            title={role}
            isChosen={roles.includes(role)}
            onChoose={(isChosen) => setRoles(chosen(roles, role, isChosen))}
          >
            {ABOUT[role]}
          </Choice>
        ))}
      </fieldset>
      <fieldset class="choices">
        <legend>Sources</legend>
        <p class="small soft">
          {sources.length === 0
            ? 'None chosen: the key is for all sources.'
            : 'The key sees and uses only these, and restores only into new databases.'}
        </p>
        {known.map((source) => (
          <Choice
            key={source}
            type="checkbox"
            name="source"
            title={source}
            isChosen={sources.includes(source)}
            onChoose={(isChosen) => setSources(chosen(sources, source, isChosen))}
          />
        ))}
      </fieldset>
      <SelectField label="Expires" value={period} onInput={setPeriod} options={PERIODS} />
    </Dialog>
  );
}

function chosen<T>(all: readonly T[], one: T, isChosen: boolean): readonly T[] {
  return isChosen ? [...all, one] : all.filter((other) => other !== one);
}
