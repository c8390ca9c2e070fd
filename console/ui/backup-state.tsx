import { depthName, isWaiting } from '../../shared/core/backup-words.ts';
import type { Backup as ApiBackup } from '../api/types.ts';
import { Ago, momentText } from './moment.tsx';
import { Badge } from './parts.tsx';

type Backup = Pick<ApiBackup, 'state' | 'problem' | 'isMisdated' | 'suspect' | 'marks'>;

/** Whether it is known to be less than whole. */
export function isDamaged({ state, marks }: Pick<Backup, 'state' | 'marks'>): boolean {
  return state === 'damaged' || marks.verify?.isWhole === false;
}

/** A backup's state at a glance. */
export function BackupState({
  backup,
  isShort = false,
}: {
  readonly backup: Backup;
  /** Without the pointer's details: two of them fit in a row. */
  readonly isShort?: boolean;
}) {
  const { suspect, marks, problem, isMisdated } = backup;
  return (
    <span class="row">
      {isDamaged(backup) && (
        <Badge tone="bad" icon="bad" title={problem ?? undefined}>
          Damaged
        </Badge>
      )}
      {isMisdated && (
        <Badge
          tone="bad"
          icon="bad"
          title="Stored long before its own date: it does not count as a good backup"
        >
          Misdated
        </Badge>
      )}
      {suspect.length > 0 &&
        (isWaiting(backup) ? (
          <Badge tone="warn" icon="attention">
            Suspect
          </Badge>
        ) : (
          <Badge>Suspect, accepted</Badge>
        ))}
      {marks.hold && (
        <Badge tone="info" icon="hold" title={marks.hold.reason}>
          Held
        </Badge>
      )}
      {marks.verify?.isWhole && (
        <Badge
          tone="good"
          icon="check"
          title={`${depthName(marks.verify.depth)}, ${momentText(marks.verify.at)}`}
        >
          {isShort ? (
            'Verified'
          ) : (
            <>
              Verified ({depthName(marks.verify.depth)}) <Ago at={marks.verify.at} />
            </>
          )}
        </Badge>
      )}
      {marks.drill?.outcome === 'equal' && (
        <Badge tone="good" icon="drill">
          Drilled
        </Badge>
      )}
      {marks.drill && marks.drill.outcome !== 'equal' && (
        <Badge tone="bad" icon="drill">
          Drill {marks.drill.outcome}
        </Badge>
      )}
    </span>
  );
}
