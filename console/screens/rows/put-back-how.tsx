import { useEffect } from 'preact/hooks';
import type { Status } from '../../api/status.ts';
import { Button } from '../../ui/button.tsx';
import { Choice, SelectField } from '../../ui/fields.tsx';
import { Note } from '../../ui/parts.tsx';
import { kindName, shortSource } from '../../ui/source-name.tsx';
import type { Detail } from '../backups/detail.ts';
import type { RowSelection } from './answers.ts';

/** Where rows are put back, and how. */
export interface RowWish {
  /** A configured target; '' until one is chosen. */
  readonly to: string;
  readonly onConflict: NonNullable<RowSelection['onConflict']>;
  /** Into a new table beside their own. */
  readonly isBeside: boolean;
}

const CONFLICTS = [
  ['fail', 'Stop, and change nothing', 'The plan names the rows that differ.'],
  ['skip', 'Leave it as it is', 'Only rows that are gone come back.'],
  ['replace', 'Make it as in the backup', 'Changes made to it since the backup are lost.'],
] as const;

/** The step that says where the rows go, and what becomes of those that are there. */
export function PutBackHow({
  backup,
  configured,
  wish,
  tables,
  onChange,
  isBusy,
  onBack,
  onNext,
}: {
  readonly backup: Detail;
  readonly configured: Status['configured'];
  readonly wish: RowWish;
  /** Which tables they can go into. */
  readonly tables: readonly ('own' | 'beside')[];
  readonly onChange: (part: Partial<RowWish>) => void;
  readonly isBusy: boolean;
  readonly onBack: () => void;
  readonly onNext: () => void;
}) {
  const targets = configured.targets
    .filter(({ kind }) => kind === backup.source.kind)
    .map(({ name }) => name);
  const own = shortSource(backup.source.name);
  // the database of that name is where most people want them, and the plan comes first
  useEffect(() => {
    const [only] = targets;
    if (wish.to !== '' || only === undefined) return;
    if (targets.includes(own)) onChange({ to: own });
    else if (targets.length === 1) onChange({ to: only });
  }, []);
  if (targets.length === 0) return <NoTarget backup={backup} onBack={onBack} />;
  const why = wish.to === '' ? 'Choose the database first.' : undefined;
  return (
    <>
      <SelectField
        label="Into which database?"
        value={wish.to}
        onInput={(to) => onChange({ to })}
        options={[
          ...(wish.to === '' ? [['', 'Choose one'] as const] : []),
          ...targets.map((name) => [name, name] as const),
        ]}
        hint="A target in the configuration."
      />
      <fieldset class="choices">
        <legend>Into which table?</legend>
        {tables.includes('own') && (
          <Choice
            type="radio"
            name="table"
            title="Their own table"
            isChosen={!wish.isBeside}
            onChoose={() => onChange({ isBeside: false })}
          >
            Rows are matched by their key. All are written in one transaction, or none.
          </Choice>
        )}
        {tables.includes('beside') && (
          <Choice
            type="radio"
            name="table"
            title="A new table beside it"
            isChosen={wish.isBeside}
            onChoose={() => onChange({ isBeside: true })}
          >
            Their own table stays as it is.
          </Choice>
        )}
      </fieldset>
      {!wish.isBeside && (
        <fieldset class="choices">
          <legend>If a row exists and differs</legend>
          {CONFLICTS.map(([name, title, says]) => (
            <Choice
              key={name}
              type="radio"
              name="conflict"
              title={title}
              isChosen={wish.onConflict === name}
              onChoose={() => onChange({ onConflict: name })}
            >
              {says}
            </Choice>
          ))}
        </fieldset>
      )}
      <div class="dialog-foot">
        <Button onClick={onBack}>Back</Button>
        <Button look="primary" why={isBusy ? 'Making the plan…' : why} onClick={onNext}>
          {isBusy ? 'Planning…' : 'Continue'}
        </Button>
      </div>
    </>
  );
}

function NoTarget({ backup, onBack }: { readonly backup: Detail; readonly onBack: () => void }) {
  return (
    <>
      <Note tone="warn">
        <strong>No target takes these rows.</strong>
        <span>
          Add the database to <code>targets</code> in the configuration: one of kind{' '}
          {kindName(backup.source.kind)}. The database that is backed up can be a target too.
        </span>
      </Note>
      <div class="dialog-foot">
        <Button onClick={onBack}>Back</Button>
      </div>
    </>
  );
}
