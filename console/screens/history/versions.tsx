import { useRefusal } from '../../api/status.ts';
import { BackupLink } from '../../ui/backup-link.tsx';
import { Button } from '../../ui/button.tsx';
import { Moment, utc } from '../../ui/moment.tsx';
import { Badge } from '../../ui/parts.tsx';
import { ScrollX } from '../../ui/scroll-x.tsx';
import { secondText } from '../restore/reach.ts';
import { charactersIn, Value } from '../rows/value.tsx';
import type { RowVersion } from './answer.ts';
import { changesBetween, type FieldChange } from './field-changes.ts';

/** The versions of a row, the newest first, each with what it changed. */
export function Versions({
  versions,
  onPutBack,
}: {
  /** Oldest first. */
  readonly versions: readonly RowVersion[];
  readonly onPutBack: (version: RowVersion) => void;
}) {
  const all = versions.map((version, i) => ({ version, before: versions[i - 1] })).toReversed();
  return (
    <ol class="versions">
      {all.map(({ version, before }, i) => (
        <li key={i}>
          <Version version={version} before={before} isNewest={i === 0} onPutBack={onPutBack} />
        </li>
      ))}
    </ol>
  );
}

function Version({
  version,
  before,
  isNewest,
  onPutBack,
}: {
  readonly version: RowVersion;
  readonly before: RowVersion | undefined;
  readonly isNewest: boolean;
  readonly onPutBack: (version: RowVersion) => void;
}) {
  const { startedAt, transaction, key, values } = version;
  return (
    <>
      <div class="version-head">
        <div>
          <h3>
            {transaction === null ? <Moment at={startedAt} /> : <Second at={startedAt} />}{' '}
            <What version={version} before={before} />
            {isNewest && <Badge tone="info">newest</Badge>}
          </h3>
          <p class="small soft">
            {transaction !== null && <>Transaction {transaction}. </>}
            {key !== null && (
              <>
                First in the backup of <BackupLink of={key} />.
              </>
            )}
            {key === null && 'No backup has this version.'}
          </p>
        </div>
        {values !== null && <PutBackButton version={version} onPutBack={onPutBack} />}
      </div>
      {values !== null && <Fields version={version} before={before} />}
    </>
  );
}

function PutBackButton({
  version,
  onPutBack,
}: {
  readonly version: RowVersion;
  readonly onPutBack: (version: RowVersion) => void;
}) {
  const refusal = useRefusal('restorer');
  const none =
    version.key === null
      ? 'No backup has this version: restore the moment into another database.'
      : undefined;
  return (
    <Button icon="restore" why={refusal ?? none} onClick={() => onPutBack(version)}>
      Put back this version
    </Button>
  );
}

function What({
  version,
  before,
}: {
  readonly version: RowVersion;
  readonly before: RowVersion | undefined;
}) {
  if (version.values === null) return <Badge tone="warn">{before ? '− Removed' : 'Not there yet'}</Badge>;
  if (!before) return <Badge>Oldest known</Badge>;
  return before.values === null ? <Badge tone="good">+ Added</Badge> : <Badge tone="info">~ Changed</Badge>;
}

function Fields({
  version,
  before,
}: {
  readonly version: RowVersion;
  readonly before: RowVersion | undefined;
}) {
  const changes = changesBetween(before, version);
  const isChange = before?.values != null;
  return (
    <ScrollX label={isChange ? 'What changed' : 'Values'}>
      <table class="table rows">
        <thead>
          <tr>
            <th scope="col">Column</th>
            {isChange && <th scope="col">Before</th>}
            <th scope="col">{isChange ? 'After' : 'Value'}</th>
          </tr>
        </thead>
        <tbody>
          {changes.map((change) => (
            <tr key={change.column}>
              <th scope="row">{change.column}</th>
              {isChange && <td>{sideOf(change.before, before)}</td>}
              <td>{sideOf(change.after, version)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </ScrollX>
  );
}

function sideOf(side: FieldChange['before'], of: RowVersion | undefined) {
  if (side === undefined) return <span class="no-value">no such column</span>;
  return <Value text={side.value} characters={charactersIn(of?.cut, side.place)} />;
}

/** Transactions follow each other within a minute. */
function Second({ at }: { readonly at: string }) {
  return (
    <time dateTime={at} title={utc(new Date(at))}>
      {secondText(at)}
    </time>
  );
}
