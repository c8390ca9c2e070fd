import { useState } from 'preact/hooks';
import { backupName } from '../../../shared/core/backup-words.ts';
import { call } from '../../api/client.ts';
import { type Status, useRefusal, useStatus } from '../../api/status.ts';
import type { Run as ApiRun } from '../../api/types.ts';
import { go } from '../../routes.ts';
import { Button } from '../../ui/button.tsx';
import { tell } from '../../ui/toasts.tsx';

type Configured = Status['configured'];

/**
 * Repeats a run that did not end well, with the same options. Restores and exports have ways of their own.
 */
export function RunAgain({ run }: { readonly run: ApiRun }) {
  const [isBusy, setBusy] = useState(false);
  const refusal = useRefusal('operator');
  const configured = useStatus().value.value?.configured;
  const isOver = run.state === 'failed' || run.state === 'cancelled' || run.state === 'stopped';
  const start = isOver && configured ? STARTS[run.kind](run, configured) : undefined;
  if (!start) return null;
  const begin = async () => {
    setBusy(true);
    try {
      go(`runs/${(await start()).run}`);
    } catch (error) {
      tell(error instanceof Error ? error.message : 'It could not be started.', 'bad');
    } finally {
      setBusy(false);
    }
  };
  return (
    <Button
      icon="runs"
      look="primary"
      why={refusal ?? (isBusy ? 'It is starting.' : undefined)}
      onClick={() => void begin()}
    >
      Run again
    </Button>
  );
}

/** Undefined if the API cannot repeat the run. */
type StartOf = (run: ApiRun, configured: Configured) => (() => Promise<{ run: string }>) | undefined;

const startBackup: StartOf = ({ source, type, asked }, { sources }) => {
  if (source === null || !sources.some(({ name }) => name === source)) return undefined;
  const { note, noParent = false } = asked ?? {};
  const body = { source, noParent, ...(note === undefined ? {} : { note }) };
  return () => call('create', { body: type === null ? body : { ...body, type } });
};

const startVerify: StartOf = ({ backup, asked }) => {
  const { depth = 'full', since } = asked ?? {};
  if (backup !== null) return () => call('verify', { body: { backup: backupName(backup), depth } });
  return since === undefined ? undefined : () => call('verify', { body: { since, depth } });
};

const startDrill: StartOf = ({ backup, source }) => {
  if (backup !== null) return () => call('drill', { body: { backup: backupName(backup) } });
  return source === null ? undefined : () => call('drill', { body: { source } });
};

const STARTS: Readonly<Record<ApiRun['kind'], StartOf>> = {
  backup: startBackup,
  verify: startVerify,
  drill: startDrill,
  copy:
    ({ target }) =>
    () =>
      call('copy', { body: target === null ? {} : { place: target } }),
  lock: () => () => call('lock', { body: {} }),
  restore: () => undefined,
  export: () => undefined,
};
