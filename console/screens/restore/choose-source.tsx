import type { Status } from '../../api/status.ts';
import { Button } from '../../ui/button.tsx';
import { Ago } from '../../ui/moment.tsx';
import { kindName, shortSource } from '../../ui/source-name.tsx';
import { Empty } from '../../ui/states.tsx';

/** One click chooses and continues. */
export function ChooseSource({
  status,
  onChoose,
}: {
  readonly status: Status;
  readonly onChoose: (source: string) => void;
}) {
  if (status.sources.length === 0)
    return (
      <Empty title="There is nothing to restore yet">
        <p>There is no backup yet. Back up first: the overview has a button for it.</p>
        <Button href="#/">Open the overview</Button>
      </Empty>
    );
  return (
    <div class="stack">
      {status.sources.map(({ source, newestGood, backups }) => (
        <button
          key={`${source.kind} ${source.name}`}
          type="button"
          class="choice as-button"
          onClick={() => onChoose(source.name)}
        >
          <span>
            <strong>{shortSource(source.name)}</strong>
            <span class="small soft">
              {kindName(source.kind)} · {backups} backups ·{' '}
              {newestGood ? (
                <>
                  newest good one <Ago at={newestGood.startedAt} />
                </>
              ) : (
                'no good one'
              )}
            </span>
          </span>
        </button>
      ))}
    </div>
  );
}
