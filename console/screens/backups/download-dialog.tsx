import { useState } from 'preact/hooks';
import { Dialog } from '../../ui/dialog.tsx';
import { SelectField } from '../../ui/fields.tsx';
import { tell } from '../../ui/toasts.tsx';
import type { Detail } from './detail.ts';
import { download, type Format } from './download.ts';

const FORMATS: Readonly<Record<string, readonly (readonly [Format, string])[]>> = {
  postgres: [
    ['sql', 'SQL (psql opens it)'],
    ['csv', 'CSV'],
    ['ndjson', 'JSON, a record a line'],
  ],
  'firebase-rtdb': [
    ['json', 'JSON (Firebase imports it)'],
    ['ndjson', 'JSON, a record a line'],
  ],
};
const ANY: readonly (readonly [Format, string])[] = [['ndjson', 'JSON, a record a line']];

export function DownloadDialog({
  backup,
  onClose,
}: {
  readonly backup: Detail;
  readonly onClose: () => void;
}) {
  const formats = FORMATS[backup.source.kind] ?? ANY;
  const [format, setFormat] = useState<Format>(formats[0]?.[0] ?? 'ndjson');
  const [dataset, setDataset] = useState('');
  const [phase, setPhase] = useState('');
  const datasets = (backup.sealed?.datasets ?? []).filter(({ kind }) => kind === 'data');
  const needsDataset = format === 'csv' || (format === 'ndjson' && backup.source.kind === 'postgres');
  const act = async () => {
    const query = { format, ...(dataset === '' ? {} : { dataset }) };
    const fileName = await download(backup.key, query, setPhase);
    tell(`${fileName} is with the browser's downloads.`);
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
        A plain, unencrypted copy that opens without Holdfast. Take care of it: whoever has the file can read
        it. That you took it is in the audit trail.
      </p>
      <SelectField
        label="Format"
        value={format}
        onInput={(value) => setFormat(value as Format)}
        options={formats}
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
