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
  backup: 'No backup is listed. What was stored so far is removed by a later prune.',
  verify: 'No report is written.',
  drill: 'Its scratch database is dropped. No report is written.',
  restore:
    'The target may hold a part of the backup. This page says then how it stands, and what can be done.',
  export: 'No file is made.',
  copy: 'What was copied stays there. A later copy goes on.',
  lock: 'Locks that were made stay. A later lock makes the others.',
};

export function CancelRun({ run, onCancel }: { readonly run: ApiRun; readonly onCancel: () => void }) {
  const [isOpen, setOpen] = useState(false);
  const refusal = useRefusal(roleToCancel(run.kind));
  if (run.state !== 'running') return null;
  const asked = run.cancelledBy === null ? undefined : `${run.cancelledBy} has cancelled it: it is ending.`;
  const act = async () => {
    await call('cancel', { param: run.id });
    tell('The run is being cancelled.');
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
