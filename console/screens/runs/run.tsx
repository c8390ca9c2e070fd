import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import { bytes, duration } from '../../../shared/core/human.ts';
import { number } from '../../../shared/core/plural.ts';
import { distrustAll } from '../../api/resource.ts';
import { useRun } from '../../api/run-stream.ts';
import { refreshStatus } from '../../api/status.ts';
import type { AnswerOf } from '../../api/types.ts';
import { backupHref } from '../../routes.ts';
import { Button } from '../../ui/button.tsx';
import { Moment, TimeOfDay } from '../../ui/moment.tsx';
import { Card, Facts, Note, PageHead } from '../../ui/parts.tsx';
import { FailureText, Shown } from '../../ui/states.tsx';
import { AfterFailure } from './after-failure.tsx';
import { RunAgain } from './again.tsx';
import { CancelRun } from './cancel.tsx';
import { RunProgress } from './progress.tsx';
import { RunState, runTitle, Subject, tookMs } from './runs.tsx';

type RunDetail = AnswerOf<'run'>;

/** The screen of one run, with its log while it goes on. */
export function Run({ id }: { readonly id: string }) {
  const found = useRun(id);
  const run = found.value.value;
  const state = run?.state;
  // Before anybody sees that it ended: going back at once must not show old data.
  useLayoutEffect(() => {
    if (state === undefined || state === 'running') return;
    distrustAll();
    refreshStatus();
  }, [state]);
  return (
    <div class="page">
      <PageHead
        title={run ? runTitle(run) : 'Run'}
        back={{ href: '#/runs', name: 'Runs' }}
        actions={
          run && (
            <>
              <RunAgain run={run} />
              <CancelRun run={run} onCancel={() => void found.refresh()} />
              {run.backup !== null && (
                <Button icon="backups" href={backupHref(run.backup)}>
                  Open backup
                </Button>
              )}
            </>
          )
        }
      >
        {run && <RunState run={run} />}
      </PageHead>
      <Shown of={found}>{(value) => <Parts run={value} />}</Shown>
    </div>
  );
}

function Parts({ run }: { readonly run: RunDetail }) {
  return (
    <>
      {run.error && (
        <Note tone={run.state === 'cancelled' ? 'warn' : 'bad'}>
          <FailureText failure={{ ...failureOf(run.error) }} />
        </Note>
      )}
      <AfterFailure run={run} />
      <div role="status">
        {run.state === 'succeeded' && run.kind === 'restore' && (
          <Note tone="good">
            <strong>
              Restored, read back, and compared with the backup
              {run.restore?.moment && '; then its changes were applied up to the moment'}.
            </strong>
            <NotCarried result={run.result} />
          </Note>
        )}
        {run.state === 'running' && (
          <Card title="Progress">
            <RunProgress run={run} />
          </Card>
        )}
      </div>
      <Card title="Details">
        <Facts
          facts={[
            ['Source', <Subject run={run} />],
            ['Started', <Moment at={run.startedAt} />],
            ['Took', duration(tookMs(run))],
            ['By', run.by ?? 'a schedule'],
            ['Run', <code>{run.id}</code>],
            ...figuresOf(run.result),
          ]}
        />
      </Card>
      <Card title="Log">
        <Log lines={run.log} />
      </Card>
    </>
  );
}

/** What the restored moment lacks. */
function NotCarried({ result }: Pick<RunDetail, 'result'>) {
  const said = result?.['notCarried'];
  const lacking = Array.isArray(said) ? said.filter((one) => typeof one === 'string') : [];
  if (lacking.length === 0) return null;
  return (
    <>
      <p>The stored changes don’t cover everything:</p>
      <ul>
        {lacking.map((what) => (
          <li key={what}>{what}</li>
        ))}
      </ul>
    </>
  );
}

function failureOf({ code, message, hint }: NonNullable<RunDetail['error']>) {
  return {
    kind: 'refused' as const,
    code,
    message,
    hint: hint ?? undefined,
    fields: [],
    retryAfterMs: undefined,
  };
}

/** The figures of a result that are clear by name: `storedBytes` is shown as a size. */
function figuresOf(result: RunDetail['result']): readonly (readonly [string, string])[] {
  return Object.entries(result ?? {}).flatMap(([name, value]) => {
    if (typeof value !== 'number') return [];
    return [[titleOf(name), figure(name, value)] as const];
  });
}

function titleOf(name: string): string {
  const words = name
    .replace(/Ms$/, 'Time')
    .replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
    .trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function figure(name: string, value: number): string {
  if (name.endsWith('Bytes') || name === 'bytes') return bytes(value);
  return name.endsWith('Ms') ? duration(value) : number(Math.round(value));
}

/** The end of the log; follows the newest line as long as one does not scroll away. */
function Log({ lines }: { readonly lines: RunDetail['log'] }) {
  const list = useRef<HTMLOListElement>(null);
  const isAtEnd = useRef(true);
  // a new line moves the end
  useEffect(() => {
    if (list.current && isAtEnd.current) list.current.scrollTop = list.current.scrollHeight;
  }, [lines.length]);
  if (lines.length === 0) return <p class="soft">Nothing yet.</p>;
  return (
    <ol
      ref={list}
      class="log"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
      tabIndex={0}
      aria-label="Log"
      onScroll={({ currentTarget: { scrollTop, scrollHeight, clientHeight } }) => {
        isAtEnd.current = scrollHeight - scrollTop - clientHeight < 20;
      }}
    >
      {lines.map(({ at, level, message }, i) => (
        <li key={`${at} ${i}`} class={level}>
          <TimeOfDay at={at} />
          <span>{message}</span>
        </li>
      ))}
    </ol>
  );
}
