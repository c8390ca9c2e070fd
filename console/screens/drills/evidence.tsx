import { backupName } from '../../../shared/core/backup-words.ts';
import { bytes, duration } from '../../../shared/core/human.ts';
import { number } from '../../../shared/core/plural.ts';
import { backupHref } from '../../routes.ts';
import { Moment, utc } from '../../ui/moment.tsx';
import { Facts } from '../../ui/parts.tsx';
import { kindName, SourceName } from '../../ui/source-name.tsx';
import type { Evidence } from './answer.ts';

const OUTCOMES: Readonly<Record<Evidence['outcome'], string>> = {
  equal: 'Restored, and equal to the backup in everything that was compared',
  different: 'Restored, and not equal to the backup',
  failed: 'Not restored, or not fully compared',
};

const SCHEMAS: Readonly<Record<NonNullable<Evidence['schema']>, string>> = {
  equal: 'equal',
  different: 'different',
  names: 'all there by name; definitions could not be compared',
  none: 'not compared: there is none, or the drill did not get that far',
};

const MEANS =
  'Every record was read back from the restored database, and its digest compared with the backup.';

/** What came of the drill, with its figures. */
export function Result({ drill }: { readonly drill: Evidence }) {
  const { outcome, restoreMs, compareMs, records, plainBytes, datasets, differentDatasets, schema } = drill;
  return (
    <div class="stack">
      <Facts
        facts={[
          ['Result', OUTCOMES[outcome]],
          ['Restored in', outcome === 'failed' ? '—' : duration(restoreMs)],
          ['Compared in', compareMs === undefined ? 'not recorded' : duration(compareMs)],
          ['Records compared', number(records)],
          ['Size', plainBytes === undefined ? 'not recorded' : bytes(plainBytes)],
          ['Datasets compared', datasets === undefined ? 'not recorded' : number(datasets)],
          [
            'Datasets that differ',
            differentDatasets === undefined ? 'not recorded' : number(differentDatasets),
          ],
          ['Schema', schema === undefined ? 'not recorded' : SCHEMAS[schema]],
        ]}
      />
      {outcome !== 'failed' && <p class="small soft">{MEANS}</p>}
    </div>
  );
}

/** The backup that was restored, and whether its manifest is the same today. */
export function Drilled({
  drill: { source, backup, manifestSha256, manifestNow },
}: {
  readonly drill: Evidence;
}) {
  return (
    <Facts
      facts={[
        [
          'Source',
          source ? (
            <>
              <SourceName source={source} /> <span class="faint">({kindName(source.kind)})</span>
            </>
          ) : (
            'not recorded'
          ),
        ],
        ['Backup', <a href={backupHref(backup)}>{backupName(backup)}</a>],
        ['Today', today(manifestSha256, manifestNow)],
        ['SHA-256 of its manifest', <Hash of={manifestSha256} />],
      ]}
    />
  );
}

function today(then: string | undefined, now: string | null) {
  if (now === null) return 'the backup is gone';
  if (then === undefined) return 'the backup exists; its hash at the time was not recorded';
  return then === now ? (
    'the backup exists, unchanged'
  ) : (
    <strong class="ink-bad">it has a different manifest now</strong>
  );
}

/** The server, and when and by whom it was begun. */
export function WhereAndWhen({ drill }: { readonly drill: Evidence }) {
  const { startedAt, at, by, server, sealed, software } = drill;
  return (
    <Facts
      facts={[
        ['Began', startedAt === undefined ? 'not recorded' : <Both at={startedAt} />],
        ['Ended', <Both at={at} />],
        ['Requested by', by ?? 'a command line or a schedule'],
        ['Restored into', server ?? 'no server: it was not reached'],
        ...(sealed?.target ? [['Scratch database', sealed.target] as const] : []),
        ['Done with', software],
      ]}
    />
  );
}

/** Digest and signature of the report, to be checked elsewhere. */
export function Vouchers({ drill }: { readonly drill: Evidence }) {
  const { name, sha256, repository, isProven, signature } = drill;
  return (
    <div class="stack">
      <Facts
        facts={[
          ['Report', <span class="mono">{name}</span>],
          ['SHA-256 of the report', <Hash of={sha256} />],
          ['Repository', <span class="mono">{repository}</span>],
          [
            'MAC',
            isProven
              ? 'right: written with the key of this repository'
              : 'not checked: this API does not have the key of the repository',
          ],
          ['Signature', signatureText(signature)],
        ]}
      />
      <p class="small soft">
        <code>holdfast show {name}</code> checks both. With just the public key, OpenSSL checks the signature
        of the downloaded report: docs/reference/security.md, “Checking the evidence of a drill”.
      </p>
    </div>
  );
}

function signatureText(signature: Evidence['signature']) {
  if (signature === null) return 'none: no signing key was available';
  const { key, alg, state } = signature;
  if (state === 'right')
    return (
      <>
        right: {alg}, key <span class="mono">{key}</span>
      </>
    );
  return (
    <>
      {alg}, by the key <span class="mono">{key}</span>, which is not one of signing.publicKeys here
    </>
  );
}

/** Paper has no pointer, so both zones are shown: local and UTC. */
function Both({ at }: { readonly at: string }) {
  return (
    <>
      <Moment at={at} />
      <br />
      <span class="small faint">{utc(new Date(at))}</span>
    </>
  );
}

function Hash({ of }: { readonly of: string | undefined }) {
  return of === undefined ? <>not recorded</> : <span class="mono hash">{of}</span>;
}
