import { useState } from 'preact/hooks';
import { roleToCancel } from '../../../shared/core/api-names.ts';
import { call } from '../../api/client.ts';
import { useRefusal } from '../../api/status.ts';
import type { Run as ApiRun } from '../../api/types.ts';
import { Button } from '../../ui/button.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { tell } from '../../ui/toasts.tsx';

/** What is left of each kind of run that is cancelled. */
const LEFT: Readonly<Record<ApiRun['kind'], string>> = {
  backup: 'No backup is listed. A later prune removes what was stored so far.',
  verify: 'No report is written.',
  drill: 'Its scratch database is dropped. No report is written.',
  restore: 'The target may hold a part of the backup. This page will say so, and what you can do.',
  export: 'No file is made.',
  copy: 'What was copied stays there. A later copy continues.',
  lock: 'Existing locks stay. A later lock run makes the others.',
};

/** Asks before a run is stopped. */
export function CancelRun({ run, onCancel }: { readonly run: ApiRun; readonly onCancel: () => void }) {
  const [isOpen, setOpen] = useState(false);
  const refusal = useRefusal(roleToCancel(run.kind));
  if (run.state !== 'running') return null;
  const asked = run.cancelledBy === null ? undefined : `${run.cancelledBy} has cancelled it: it is ending.`;
  const act = async () => {
    await call('cancel', { param: run.id });
    tell('Cancelling the run.');
    onCancel();
  };
  return (
    <>
      <Button icon="close" why={asked ?? refusal} onClick={() => setOpen(true)}>
        {asked === undefined ? 'Cancel run' : 'Cancelling…'}
      </Button>
      {isOpen && (
        <Dialog title="Cancel this run" action="Cancel run" isDanger onClose={() => setOpen(false)} act={act}>
          <p>{LEFT[run.kind]}</p>
        </Dialog>
      )}
    </>
  );
}
