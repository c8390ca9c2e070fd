import { call, send } from '../../api/client.ts';
import { failureOf } from '../../api/problem.ts';
import { useResource } from '../../api/resource.ts';
import { saveFile } from '../../api/save-file.ts';
import { backupMoment } from '../../ui/backup-link.tsx';
import { Button } from '../../ui/button.tsx';
import { Card, Note, PageHead } from '../../ui/parts.tsx';
import { shortSource } from '../../ui/source-name.tsx';
import { Shown } from '../../ui/states.tsx';
import { tell } from '../../ui/toasts.tsx';
import type { Evidence } from './answer.ts';
import { Compared, LeftOut, Schema } from './compared.tsx';
import { Drilled, Result, Vouchers, WhereAndWhen } from './evidence.tsx';
import { Outcome } from './outcome.tsx';

/** What a drill proves, as one would file it: on the screen, on paper, and as the signed report. */
export function Drill({ name }: { readonly name: string }) {
  const found = useResource(`drill ${name}`, () => call('drillEvidence', { param: name }));
  const drill = found.value.value;
  const source = drill?.source ? `${shortSource(drill.source.name)} · ` : '';
  return (
    <div class="page evidence">
      <PageHead
        title={drill ? `Drill of ${source}${backupMoment(drill.backup)}` : name}
        back={{ href: '#/drills', name: 'Drills' }}
        actions={drill && <Actions drill={drill} />}
      >
        {drill && <Outcome drill={drill} />}
      </PageHead>
      <Shown of={found}>{(value) => <Parts drill={value} />}</Shown>
    </div>
  );
}

function Actions({ drill }: { readonly drill: Evidence }) {
  const save = async () => {
    try {
      const fileName = await saveFile(await send('drillReport', { param: drill.name }));
      tell(`${fileName} was saved.`);
    } catch (error) {
      tell(failureOf(error).message, 'bad');
    }
  };
  return (
    <>
      <Button icon="download" onClick={() => void save()}>
        Download report
      </Button>
      <Button look="primary" icon="audit" onClick={() => print()}>
        Print
      </Button>
    </>
  );
}

function Parts({ drill }: { readonly drill: Evidence }) {
  const { sealed } = drill;
  return (
    <>
      {sealed?.error && (
        <Note tone="bad">
          <strong>The drill failed.</strong>
          <span>{sealed.error.message}</span>
          <code class="faint">{sealed.error.code}</code>
        </Note>
      )}
      <Card title="What was found">
        <Result drill={drill} />
      </Card>
      <Card title="Restored backup">
        <Drilled drill={drill} />
      </Card>
      <Card title="When, where and by whom">
        <WhereAndWhen drill={drill} />
      </Card>
      {sealed ? (
        <>
          <Compared comparison={sealed.comparison} />
          <Schema schema={sealed.schema} />
          <LeftOut sentences={sealed.leftOut} />
        </>
      ) : (
        <Note tone="plain">
          <strong>Datasets are not shown.</strong>
          {drill.isProven ? (
            <span>The report of this drill has none.</span>
          ) : (
            <span>
              Their names are sealed, and this API has no key. <code>holdfast show {drill.name}</code> shows
              them.
            </span>
          )}
        </Note>
      )}
      <Card title="Proof">
        <Vouchers drill={drill} />
      </Card>
    </>
  );
}
