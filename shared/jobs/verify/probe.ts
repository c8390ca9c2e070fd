import { createHash, randomBytes } from 'node:crypto';
import { HoldfastError } from '../../core/errors.ts';
import type { BackupKey } from '../../core/ids.ts';
import { packKey } from '../../format/pack.ts';
import type { Repository } from '../../repository/repository.ts';
import type { Source, SourceView } from '../../sources/source.ts';
import { runBackup } from '../backup/backup.ts';
import { verifyBackups } from './verify.ts';

const RECORDS = 2_000;
const TYPE = 'probe';

/** What a probe of a repository took. */
export interface ProbeResult {
  readonly key: BackupKey;
  readonly records: number;
  readonly plainBytes: number;
  readonly storedBytes: number;
  /** One sentence for each thing that was shown to work. */
  readonly proved: readonly string[];
}

/**
 * `holdfast test`: a real backup (type `probe`), full verify and read-back of generated records, then removed
 * again.
 */
export async function runProbe(repository: Repository, signal: AbortSignal): Promise<ProbeResult> {
  const records = Buffer.from(
    Array.from({ length: RECORDS }, (_, i) => `${i}\t${randomBytes(12).toString('hex')}\n`).join(''),
  );
  const result = await runBackup(repository, probeSource(records), { type: TYPE, signal });
  try {
    const proved = [
      `${repository.store.location} took a backup of ${RECORDS} records, encrypted under ${repository.rootKeyId}`,
    ];
    const report = await verifyBackups(repository, [result.key], { depth: { kind: 'full' }, signal });
    const [finding] = report.findings;
    if (finding) throw new HoldfastError('E_VERIFY_FAILED', `the probe does not verify: ${finding.problem}`);
    proved.push(`every byte of its ${report.packs} packs was read back, decrypted and checked`);
    await compareProbe(repository, result.key, records, signal);
    proved.push('what a restore gives is what was backed up, byte for byte');
    return {
      key: result.key,
      records: RECORDS,
      plainBytes: result.plainBytes,
      storedBytes: result.storedBytes,
      proved,
    };
  } finally {
    await removeProbe(repository, result.key, signal);
  }
}

function probeSource(records: Uint8Array): Source {
  const partition = { name: '0', estimatedBytes: records.length };
  const view: SourceView = {
    position: '',
    server: 'probe',
    datasets: [{ name: 'probe', kind: 'data', attributes: {}, partitions: [partition] }],
    omitted: [],
    read: async function* () {
      yield records;
    },
    check: async () => {},
    [Symbol.asyncDispose]: async () => {},
  };
  return {
    kind: 'files',
    name: `probe:${randomBytes(4).toString('hex')}`,
    capabilities: { consistency: 'atomic', maxReaders: 1 },
    open: async () => view,
  };
}

async function compareProbe(
  repository: Repository,
  key: BackupKey,
  records: Uint8Array,
  signal: AbortSignal,
): Promise<void> {
  const reader = await repository.openBackup(key, signal);
  const hash = createHash('sha256');
  for await (const block of reader.read(reader.root('probe', '0'), { signal })) hash.update(block);
  if (hash.digest().equals(createHash('sha256').update(records).digest())) return;
  throw new HoldfastError('E_RESTORE_DIFFERS', 'the probe does not read back as it was written');
}

/**
 * Its packs hold only the probe, so they go at once; the manifest first, so that it is never listed without
 * them.
 */
async function removeProbe(repository: Repository, key: BackupKey, signal: AbortSignal): Promise<void> {
  const manifest = await repository.readManifest(key, signal);
  const { objects } = await repository.lists.all(manifest, signal);
  await repository.store.delete(key, { signal });
  for (const { id } of objects) await repository.store.delete(packKey(id as never), { signal });
}
