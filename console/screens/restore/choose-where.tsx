import { pairingWarnings } from '../../../shared/api/schema/pairing.ts';
import { kindNamed } from '../../api/kinds.ts';
import type { Status } from '../../api/status.ts';
import { Choice, type Option, SelectField, TextField } from '../../ui/fields.tsx';
import { Note } from '../../ui/parts.tsx';
import { kindName, shortSource } from '../../ui/source-name.tsx';
import type { Detail } from '../backups/detail.ts';
import { KindOptions } from './kind-options.tsx';
import type { Wish } from './plan.ts';

const NAME = /^[A-Za-z][A-Za-z0-9_-]{0,62}$/;

interface WhereProps {
  readonly detail: Detail;
  readonly wish: Wish;
  readonly configured: Status['configured'];
  readonly onChange: (part: Partial<Wish>) => void;
}

/** `shop_20261126_0200`: the source and the moment of the backup, in UTC. */
export function newNameFor({ source, startedAt }: Pick<Detail, 'source' | 'startedAt'>): string {
  const name = shortSource(source.name)
    .replaceAll(/[^A-Za-z0-9_-]+/g, '_')
    .replace(/^[^A-Za-z]+/, '')
    .slice(0, 40);
  const [date = '', time = ''] = startedAt.split('T');
  return `${name || 'restored'}_${date.replaceAll('-', '')}_${time.slice(0, 5).replace(':', '')}`;
}

/** The backup as if it were made at the moment that is restored. */
export function asOf(detail: Pick<Detail, 'source' | 'startedAt'>, { moment }: Wish): typeof detail {
  return moment?.at === undefined
    ? detail
    : { source: detail.source, startedAt: new Date(moment.at).toISOString() };
}

/** Whether a new database may have that name. */
export function isGoodName(name: string): boolean {
  return NAME.test(name);
}

/** Where new databases of a kind can be made: on the server of drills, or of a target. */
export function serversFor(kind: string, { newDatabases, targets }: Status['configured']): readonly Option[] {
  return [
    ...(newDatabases.includes(kind) ? [['', 'the drill server'] as const] : []),
    ...targets
      .filter((target) => target.kind === kind)
      .map(({ name }) => [name, `the server of ${name}`] as const),
  ];
}

/** The step of a restore that chooses where to. */
export function Where({ detail, wish, configured, onChange }: WhereProps) {
  const { kind } = detail.source;
  const fitting = configured.targets.filter(
    (target) => target.kind === kind || kindNamed(target.kind).takesEveryKind,
  );
  const servers = serversFor(kind, configured);
  if (fitting.length === 0 && servers.length === 0)
    return (
      <Note tone="warn">
        <strong>No target fits this backup.</strong>
        <span>
          Add one of kind {kindName(kind)} to <code>targets</code> in the configuration, or restore with the
          command line: <code>holdfast restore {detail.name} --to …</code>
        </span>
      </Note>
    );
  const names = new Map(configured.sources.map(({ name }) => [name, [name]]));
  const warnings =
    wish.newDatabase === undefined && wish.to !== ''
      ? pairingWarnings({ name: wish.to, location: '' }, shortSource(detail.source.name), names)
      : [];
  const chosen = fitting.find(({ name }) => wish.newDatabase === undefined && name === wish.to)?.kind;
  return (
    <>
      {servers.length > 0 && <NewDatabase {...{ detail, wish, configured, onChange }} servers={servers} />}
      {fitting.map(({ name, kind: of }) => (
        <Choice
          key={name}
          type="radio"
          name="target"
          title={name}
          isChosen={wish.newDatabase === undefined && wish.to === name}
          onChoose={() => onChange({ to: name, newDatabase: undefined, mode: 'empty', options: {} })}
        >
          {kindName(of)}, a target in the configuration
        </Choice>
      ))}
      {chosen !== undefined && <KindOptions kind={chosen} wish={wish} onChange={onChange} />}
      {warnings.map((warning) => (
        <Note key={warning} tone="warn">
          <strong>{warning}</strong>
        </Note>
      ))}
    </>
  );
}

function NewDatabase({
  detail,
  wish,
  servers,
  onChange,
}: WhereProps & { readonly servers: readonly Option[] }) {
  const { newDatabase } = wish;
  const choose = () =>
    onChange({
      to: servers[0]?.[0] ?? '',
      newDatabase: newNameFor(asOf(detail, wish)),
      mode: 'empty',
      options: {},
    });
  return (
    <>
      <Choice
        type="radio"
        name="target"
        title="A new database"
        isChosen={newDatabase !== undefined}
        onChoose={choose}
      >
        It is made for this restore: no existing data is touched.
      </Choice>
      {newDatabase !== undefined && (
        <div class="two-fields">
          <TextField
            label="Name of the new database"
            value={newDatabase}
            onInput={(name) => onChange({ newDatabase: name })}
            isMono
            isBad={!isGoodName(newDatabase)}
          />
          {servers.length > 1 && (
            <SelectField label="On" value={wish.to} onInput={(to) => onChange({ to })} options={servers} />
          )}
        </div>
      )}
    </>
  );
}
