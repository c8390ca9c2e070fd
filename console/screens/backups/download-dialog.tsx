import { useState } from 'preact/hooks';
import { kindNamed } from '../../api/kinds.ts';
import { Dialog } from '../../ui/dialog.tsx';
import { SelectField } from '../../ui/fields.tsx';
import { tell } from '../../ui/toasts.tsx';
import type { Detail } from './detail.ts';
import { download, type Format } from './download.ts';

const ANY = [{ format: 'ndjson', label: 'JSON, one record per line', needsDataset: false }] as const;

/** Asks in which form a backup is to be downloaded. */
export function DownloadDialog({
  backup,
  onClose,
}: {
  readonly backup: Detail;
  readonly onClose: () => void;
}) {
  const { exports } = kindNamed(backup.source.kind);
  const formats = exports.length > 0 ? exports : ANY;
  const [format, setFormat] = useState<Format>(formats[0]?.format ?? 'ndjson');
  const [dataset, setDataset] = useState('');
  const [phase, setPhase] = useState('');
  const datasets = (backup.sealed?.datasets ?? []).filter(({ kind }) => kind === 'data');
  const needsDataset = formats.find((one) => one.format === format)?.needsDataset ?? false;
  const act = async () => {
    const query = { format, ...(dataset === '' ? {} : { dataset }) };
    const fileName = await download(backup.key, query, setPhase);
    tell(`${fileName} is in your browser's downloads.`);
  };
  return (
    <Dialog
      title="Download"
      action="Download"
      onClose={onClose}
      act={act}
      why={needsDataset && dataset === '' ? 'Choose one dataset for this format.' : undefined}
    >
      <p class="soft">
        A plain, unencrypted copy that opens without Holdfast. Take care of it: anybody who has the file can
        read it. Your download is recorded in the audit trail.
      </p>
      <SelectField
        label="Format"
        value={format}
        onInput={(value) => setFormat(value as Format)}
        options={formats.map((one) => [one.format, one.label] as const)}
      />
      <SelectField
        label="What"
        value={dataset}
        onInput={setDataset}
        options={[['', 'The whole backup'], ...datasets.map(({ name }) => [name, name] as const)]}
      />
      {phase !== '' && (
        <p role="status" class="soft">
          {phase}
        </p>
      )}
    </Dialog>
  );
}
