import type { RestoreWay, TargetState } from '../../../shared/api/schema/runs.ts';
import type { AnswerOf, RestoreRun } from '../../api/types.ts';

type RunAnswer = AnswerOf<'run'>;

import { backupName } from '../../../shared/core/backup-words.ts';
import { useRefusal } from '../../api/status.ts';
import { compareHref, restoreHref } from '../../routes.ts';
import { Button } from '../../ui/button.tsx';
import { Card } from '../../ui/parts.tsx';
import { wishByWay, wishHref } from '../restore/plan.ts';

const STATES: Readonly<Record<TargetState, (place: string) => string>> = {
  untouched: (place) => `Nothing was changed at ${place}.`,
  empty: (place) => `${place} was checked afterwards: nothing of the backup is there.`,
  part: (place) => `${place} was checked afterwards: it holds a part of the backup.`,
  uncompared: (place) => `Everything was written to ${place}, but not fully compared with the backup.`,
  incomplete: (place) => `${place} was compared with the backup: some objects are missing.`,
  different: (place) => `${place} was compared with the backup, and differs from it.`,
  removed: (place) => `The new database ${place} was dropped again: nothing is left of it.`,
  unknown: (place) => `${place} could not be checked: it may hold a part of the backup.`,
};

const WAYS: Readonly<Record<RestoreWay, readonly [name: string, says: string]>> = {
  resume: ['Resume', 'Write only what is missing.'],
  missing: ['Restore only the missing datasets', 'The others stay as they are.'],
  again: ['Restore again', 'The same restore once more.'],
  replace: ['Restore with replace', 'Drops whatever is in the way first; you see what before it begins.'],
  'keep-going': ['Restore and keep going', 'Skip what the database refuses, and restore everything else.'],
};

/**
 * The target's state after a restore that did not end well, and what can be done. Each way shows its plan
 * first.
 */
export function AfterFailure({ run }: { readonly run: RunAnswer }) {
  const why = useRefusal('restorer');
  if (run.kind !== 'restore' || (run.state !== 'failed' && run.state !== 'cancelled')) return null;
  const { restore, backup, target } = run;
  if (!restore?.state || backup === null)
    return (
      <Card title="What you can do">
        <p>The state of {target ?? 'the target'} is not known here: check it before you restore again.</p>
        {backup !== null && (
          <Button icon="restore" why={why} href={restoreHref(backup)}>
            Restore again
          </Button>
        )}
      </Card>
    );
  const place = restore.newDatabase ?? restore.to ?? target ?? 'the target';
  return (
    <Card title="What you can do">
      <p>
        <strong>{STATES[restore.state](place)}</strong>
      </p>
      <Missing restore={restore} />
      {restore.ways.length === 0 && (
        <Button why={why} href={compareHref(backup)}>
          Compare with the database
        </Button>
      )}
      <ul class="ways">
        {restore.ways.map((way, i) => {
          const [name, says] = WAYS[way];
          const href = wishHref(wishByWay(backupName(backup), restore, way));
          return (
            <li key={way}>
              <Button why={why} href={href} {...(i === 0 ? { look: 'primary' as const } : {})}>
                {name}
              </Button>
              <span class="small soft">{says}</span>
            </li>
          );
        })}
      </ul>
    </Card>
  );
}

const MOST_NAMED = 20;

function Missing({ restore: { missing } }: { readonly restore: RestoreRun }) {
  if (missing.length === 0) return null;
  const more = missing.length - MOST_NAMED;
  return (
    <p class="small">
      Not whole: {missing.slice(0, MOST_NAMED).join(', ')}
      {more > 0 && ` and ${more} more`}.
    </p>
  );
}
