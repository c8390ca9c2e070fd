import { useState } from 'preact/hooks';
import { call } from '../../api/client.ts';
import { useRefusal, useStatus } from '../../api/status.ts';
import { go } from '../../routes.ts';
import { Button } from '../../ui/button.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { SelectField, TextField } from '../../ui/fields.tsx';
import { kindName } from '../../ui/source-name.tsx';
import { tell } from '../../ui/toasts.tsx';

/** A button that begins a backup, and asks first which. */
export function BackUpNow() {
  const [isOpen, setOpen] = useState(false);
  const refusal = useRefusal('operator');
  return (
    <>
      <Button icon="play" why={refusal} onClick={() => setOpen(true)}>
        Back up now
      </Button>
      {isOpen && <BackUpDialog onClose={() => setOpen(false)} />}
    </>
  );
}

/** @param chosen the source to offer first */
export function BackUpDialog({
  chosen,
  onClose,
}: {
  readonly chosen?: string;
  readonly onClose: () => void;
}) {
  const configured = useStatus().value.value?.configured;
  const sources = configured?.sources ?? [];
  const types = [...new Set(['manual', ...(configured?.types ?? [])])];
  const [source, setSource] = useState(chosen ?? sources[0]?.name ?? '');
  const [type, setType] = useState('manual');
  const [note, setNote] = useState('');
  const begin = async () => {
    const body = { source, type, ...(note.trim() === '' ? {} : { note: note.trim() }) };
    const { run } = await call('create', { body });
    tell('The backup has begun.');
    go(`runs/${run}`);
  };
  const why = sources.length === 0 ? 'No source is configured.' : undefined;
  return (
    <Dialog title="Back up now" action="Back up" onClose={onClose} act={begin} why={why}>
      <SelectField
        label="Source"
        value={source}
        onInput={setSource}
        options={sources.map(({ name, kind }) => [name, `${name} (${kindName(kind)})`])}
      />
      <SelectField
        label="Type"
        value={type}
        onInput={setType}
        options={types.map((name) => [name, name])}
        hint="Decides how long retention keeps it."
      />
      <TextField
        label="Note"
        value={note}
        onInput={setNote}
        hint="Optional. One line, kept with the backup."
      />
    </Dialog>
  );
}
