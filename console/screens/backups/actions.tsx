import { useState } from 'preact/hooks';
import { isWaiting } from '../../../shared/core/backup-words.ts';
import { call } from '../../api/client.ts';
import { distrustAll } from '../../api/resource.ts';
import { refreshStatus, useRefusal } from '../../api/status.ts';
import { go, restoreHref } from '../../routes.ts';
import { Button } from '../../ui/button.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { Choice, TextField } from '../../ui/fields.tsx';
import { tell } from '../../ui/toasts.tsx';
import type { Detail } from './detail.ts';
import { DownloadDialog } from './download-dialog.tsx';

type Question = 'verify' | 'drill' | 'hold' | 'release' | 'accept' | 'download';

interface DialogProps {
  readonly backup: Detail;
  readonly onClose: () => void;
  readonly onChange: () => Promise<void>;
}

/** Actions on a backup; those that the caller may not use are shown, with the reason. */
export function Actions({
  backup,
  onChange,
}: {
  readonly backup: Detail;
  readonly onChange: () => Promise<void>;
}) {
  const [question, ask] = useState<Question>();
  const operator = useRefusal('operator');
  const restorer = useRefusal('restorer');
  const isHeld = backup.marks.hold !== undefined;
  const props = { backup, onChange, onClose: () => ask(undefined) };
  return (
    <>
      {isWaiting(backup) && (
        <Button icon="check" why={operator} onClick={() => ask('accept')}>
          Accept
        </Button>
      )}
      <Button icon="hold" why={operator} onClick={() => ask(isHeld ? 'release' : 'hold')}>
        {isHeld ? 'Release' : 'Hold'}
      </Button>
      <Button icon="verify" why={operator} onClick={() => ask('verify')}>
        Verify
      </Button>
      <Button icon="drill" why={operator} onClick={() => ask('drill')}>
        Drill
      </Button>
      <Button icon="download" why={restorer} onClick={() => ask('download')}>
        Download
      </Button>
      <Button look="primary" icon="restore" why={restorer} href={restoreHref(backup.key)}>
        Restore
      </Button>
      {question === 'verify' && <VerifyDialog {...props} />}
      {question === 'drill' && <DrillDialog {...props} />}
      {question === 'download' && <DownloadDialog {...props} />}
      {(question === 'hold' || question === 'release' || question === 'accept') && (
        <ReasonDialog {...props} question={question} />
      )}
    </>
  );
}

function VerifyDialog({ backup, onClose }: DialogProps) {
  const [depth, setDepth] = useState<'quick' | 'full'>('full');
  const begin = async () => {
    const { run } = await call('verify', { body: { backup: backup.name, depth } });
    tell('The verification has begun.');
    go(`runs/${run}`);
  };
  return (
    <Dialog title="Verify this backup" action="Verify" onClose={onClose} act={begin}>
      <Choice
        type="radio"
        name="depth"
        title="Full"
        isChosen={depth === 'full'}
        onChoose={() => setDepth('full')}
      >
        Reads every byte: decrypts, decompresses, hashes and counts.
      </Choice>
      <Choice
        type="radio"
        name="depth"
        title="Quick"
        isChosen={depth === 'quick'}
        onChoose={() => setDepth('quick')}
      >
        Checks that everything it needs exists with the right size.
      </Choice>
    </Dialog>
  );
}

function DrillDialog({ backup, onClose }: DialogProps) {
  const begin = async () => {
    const { run } = await call('drill', { body: { backup: backup.name } });
    tell('The drill has begun.');
    go(`runs/${run}`);
  };
  return (
    <Dialog title="Drill a restore" action="Drill" onClose={onClose} act={begin}>
      <p class="soft">
        Restores this backup into a scratch database of its own, compares every record, and drops it. The
        restore time and the evidence are kept. Nothing else is touched.
      </p>
    </Dialog>
  );
}

const REASONED = {
  hold: {
    title: 'Hold this backup',
    action: 'Hold',
    done: 'Held: retention leaves it alone.',
    says: 'It is kept, whatever retention says, until somebody releases it.',
  },
  release: {
    title: 'Release this backup',
    action: 'Release',
    done: 'Released: retention decides about it again.',
    says: 'Retention decides about it again; the next prune may remove it.',
  },
  accept: {
    title: 'Accept this backup',
    action: 'Accept',
    done: 'Accepted: it counts as a good backup.',
    says: 'You confirm that what made it suspect is as it should be. From then on it counts as a good backup, and prune resumes.',
  },
} as const;

function ReasonDialog({
  backup,
  onClose,
  onChange,
  question,
}: DialogProps & { readonly question: keyof typeof REASONED }) {
  const [reason, setReason] = useState('');
  const { title, action, done, says } = REASONED[question];
  const act = async () => {
    const given = { reason: reason.trim() };
    if (question === 'accept') await call('accept', { body: { backups: [backup.name], ...given } });
    else await call(question, { body: { backup: backup.name, ...given } });
    tell(done);
    distrustAll();
    refreshStatus();
    await onChange();
  };
  const why = reason.trim() === '' ? 'Give a reason first.' : undefined;
  return (
    <Dialog title={title} action={action} onClose={onClose} act={act} why={why}>
      <p class="soft">{says}</p>
      <TextField
        label="Reason"
        value={reason}
        onInput={setReason}
        hint="One line. It is kept in the audit trail, with your name."
      />
    </Dialog>
  );
}
