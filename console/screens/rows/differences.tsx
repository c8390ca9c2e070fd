import { useState } from 'preact/hooks';
import { number, plural } from '../../../shared/core/plural.ts';
import { call } from '../../api/client.ts';
import { place, replacePlace, restoreHref } from '../../routes.ts';
import { Button } from '../../ui/button.tsx';
import { usePages } from '../../ui/pages.ts';
import { Card, Note } from '../../ui/parts.tsx';
import { ScrollX } from '../../ui/scroll-x.tsx';
import { Empty, FailureNote, Loading } from '../../ui/states.tsx';
import type { Detail } from '../backups/detail.ts';
import { type DatasetDiff, LIVE } from './answers.ts';
import { ChangedRows } from './changed-rows.tsx';
import { PickBar } from './pick-bar.tsx';
import { type PicksByDataset, selectionOf } from './picks.ts';
import { PutBack } from './put-back.tsx';

/** What differs between a backup and something else: counts, then the rows of one dataset, to be picked. */
export function Differences({
  backup,
  other,
  otherName,
  isPuttingBack,
  onPutBack,
}: {
  readonly backup: Detail;
  /** As the API names it. */
  readonly other: string;
  /** In the middle of a sentence. */
  readonly otherName: string;
  readonly isPuttingBack: boolean;
  readonly onPutBack: (isPuttingBack: boolean) => void;
}) {
  const { query, path } = place.value;
  const dataset = query.get('dataset') ?? '';
  const [picks, setPicks] = useState<PicksByDataset>(new Map());
  const rows = selectionOf(picks);
  if (isPuttingBack && rows) return <PutBack backup={backup} rows={rows} onBack={() => onPutBack(false)} />;
  const open = (name: string) => replacePlace(path, new URLSearchParams({ with: other, dataset: name }));
  return (
    <>
      <Counts backup={backup} other={other} otherName={otherName} onOpen={open} />
      {dataset !== '' && (
        <section class="card" aria-label={`Differences of ${dataset}`}>
          <ChangedRows
            key={dataset}
            backup={backup.name}
            source={backup.source.name}
            dataset={dataset}
            other={other}
            otherName={otherName}
            canRemove={other === LIVE}
            picks={picks}
            onPicks={setPicks}
          />
          <PickBar picks={picks} onPutBack={() => onPutBack(true)} onClear={() => setPicks(new Map())} />
        </section>
      )}
    </>
  );
}

function Counts({
  backup,
  other,
  otherName,
  onOpen,
}: {
  readonly backup: Detail;
  readonly other: string;
  readonly otherName: string;
  readonly onOpen: (dataset: string) => void;
}) {
  const found = usePages(`diff ${backup.name} ${other}`, async () => ({
    ...(await call('diff', { param: backup.name, query: { with: other } })),
    nextCursor: null,
  }));
  const [answer] = found.pages.value;
  const failure = found.failure.value;
  return (
    <Card title="Differences" isBare>
      {failure && (
        <div class="card-body stack">
          <FailureNote failure={failure} />
          <Button onClick={() => void found.more()}>Try again</Button>
        </div>
      )}
      {!answer && !failure && (
        <>
          <p class="card-body soft">Comparing. Of a large database this takes a while.</p>
          <Loading lines={4} />
        </>
      )}
      {answer && (
        <>
          {!answer.isComplete && (
            <div class="card-body">
              <Note tone="warn">
                There was no time to count everything. Show the rows of a dataset, or compare by the command
                line: <code>holdfast diff</code>
              </Note>
            </div>
          )}
          <CountTable backup={backup.name} datasets={answer.datasets} otherName={otherName} onOpen={onOpen} />
        </>
      )}
    </Card>
  );
}

function CountTable({
  backup,
  datasets,
  otherName,
  onOpen,
}: {
  readonly backup: string;
  readonly datasets: readonly DatasetDiff[];
  readonly otherName: string;
  readonly onOpen: (dataset: string) => void;
}) {
  const different = datasets.filter(differs);
  const same = datasets.length - different.length;
  if (different.length === 0)
    return <Empty title={`Nothing differs in ${plural(datasets.length, 'dataset')}`} />;
  return (
    <>
      <ScrollX label="Differences by dataset">
        <table class="table">
          <thead>
            <tr>
              <th>Dataset</th>
              <th class="number">Only in this backup</th>
              <th class="number">Only in {otherName}</th>
              <th class="number">Changed</th>
              <th>Definition</th>
            </tr>
          </thead>
          <tbody>
            {different.map((one) => (
              <CountRow key={one.name} backup={backup} diff={one} onOpen={onOpen} />
            ))}
          </tbody>
        </table>
      </ScrollX>
      <div class="list-foot">
        {different.some(({ schema }) => schema.length > 0) && (
          <span>The first is this backup, the second is {otherName}.</span>
        )}
        {same > 0 && (
          <span>{same === 1 ? '1 more dataset is equal.' : `${number(same)} more datasets are equal.`}</span>
        )}
      </div>
    </>
  );
}

function CountRow({
  backup,
  diff: { name, kind, isIn, added, removed, changed, schema },
  onOpen,
}: {
  readonly backup: string;
  readonly diff: DatasetDiff;
  readonly onOpen: (dataset: string) => void;
}) {
  return (
    <tr>
      <td>
        {name} {kind === 'schema' && <span class="faint small">schema</span>}
        {kind === 'data' && isIn === 'first' && (
          <>
            <br />
            <a href={restoreHref(backup)}>Restore the whole dataset</a>
          </>
        )}
        {kind === 'data' && isIn === 'both' && (
          <>
            <br />
            <Button onClick={() => onOpen(name)}>
              Show rows<span class="unseen"> of {name}</span>
            </Button>
          </>
        )}
      </td>
      <td class="number">{counted(removed)}</td>
      <td class="number">{counted(added)}</td>
      <td class="number">{counted(changed)}</td>
      <td>
        {schema.length === 0 ? (
          <span class="soft">the same</span>
        ) : (
          <ul class="plan">
            {schema.map((sentence) => (
              <li key={sentence}>{sentence}</li>
            ))}
          </ul>
        )}
      </td>
    </tr>
  );
}

/** Also if it was not counted. */
function differs({ added, removed, changed, schema, isIn }: DatasetDiff): boolean {
  return added !== 0 || removed !== 0 || changed !== 0 || schema.length > 0 || isIn !== 'both';
}

function counted(rows: number | null): string {
  return rows === null ? 'not counted' : number(rows);
}
