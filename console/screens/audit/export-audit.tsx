import { useState } from 'preact/hooks';
import type { AuditFormat } from '../../../shared/core/api-names.ts';
import { send } from '../../api/client.ts';
import { saveFile } from '../../api/save-file.ts';
import { Button } from '../../ui/button.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { Choice } from '../../ui/fields.tsx';
import { tell } from '../../ui/toasts.tsx';
import type { AuditFilter } from './filter.ts';

const FORMATS = [
  ['csv', 'CSV', 'For a spreadsheet. No entry can run as a formula.'],
  ['ndjson', 'JSON lines', 'For a program: one entry per line, as in the API.'],
] as const;

/** Saves all entries that pass the filters. */
export function ExportAudit({ filter }: { readonly filter: AuditFilter }) {
  const [isOpen, setOpen] = useState(false);
  const [format, setFormat] = useState<AuditFormat>('csv');
  const isFiltered = Object.keys(filter).length > 0;
  return (
    <>
      <Button icon="download" onClick={() => setOpen(true)}>
        Export
      </Button>
      {isOpen && (
        <Dialog
          title={isFiltered ? 'Export the entries that match the filters' : 'Export all entries'}
          action="Export entries"
          onClose={() => setOpen(false)}
          act={async () => {
            const name = await saveFile(await send('auditExport', { query: { ...filter, format } }));
            tell(`${name} was saved.`);
          }}
        >
          <div class="stack" role="radiogroup" aria-label="Format">
            {FORMATS.map(([name, title, sentence]) => (
              <Choice
                key={name}
                type="radio"
                name="format"
                title={title}
                isChosen={format === name}
                onChoose={() => setFormat(name)}
              >
                {sentence}
              </Choice>
            ))}
          </div>
        </Dialog>
      )}
    </>
  );
}
