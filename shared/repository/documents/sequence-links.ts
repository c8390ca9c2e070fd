import type { BackupKey } from '../../core/ids.ts';
import { DAY_MS } from '../../core/units.ts';
import type { Manifest, ManifestRef } from '../../format/manifest.ts';

/** The place of a backup among those of its source. */
export type Sequence = NonNullable<Manifest['sequence']>;

type Source = Manifest['source'];

/** How long an import may take: its manifest says when it began. */
const IMPORT_MS = DAY_MS;

/** What a manifest says about its place among the backups of its source. */
export interface SequenceLink extends ManifestRef {
  readonly key: BackupKey;
  readonly source: Source;
  /** Missing in manifests of older releases. */
  readonly sequence: Sequence | undefined;
  /** When it was made, by its own claim. */
  readonly from: Date;
  readonly to: Date;
  readonly storedAt: Date | undefined;
}

/** The link of a manifest in its sequence. */
export function linkOf(manifest: Manifest, sha256: string, storedAt: Date | undefined): SequenceLink {
  const { key, source, sequence, startedAt, finishedAt, imported } = manifest;
  const from = new Date(imported?.at ?? startedAt);
  const to = imported ? new Date(from.getTime() + IMPORT_MS) : new Date(finishedAt);
  return { key: key as BackupKey, sha256, source, sequence, from, to, storedAt };
}

/** Links of manifests that were proven in this process; if there are many, the last ones. */
export class SequenceLinks {
  static readonly #MOST = 10_000;
  readonly #links = new Map<string, SequenceLink>();

  /** For a backup that was just listed. */
  readonly onListed = (manifest: Manifest, sha256: string): void => {
    this.note(linkOf(manifest, sha256, undefined));
  };

  note(link: SequenceLink): void {
    this.#links.delete(link.key);
    this.#links.set(link.key, link);
    const [oldest] = this.#links.keys();
    if (this.#links.size > SequenceLinks.#MOST && oldest !== undefined) this.#links.delete(oldest);
  }

  /** As it was read or listed last in this process. */
  last(key: string): SequenceLink | undefined {
    return this.#links.get(key);
  }

  /** Undefined if it was not read, or may have been replaced since. */
  get(key: string, storedAt: Date | undefined): SequenceLink | undefined {
    const link = this.#links.get(key);
    return link?.storedAt?.getTime() === storedAt?.getTime() ? link : undefined;
  }
}

/** Whether a link is of that source. */
export function isOf(source: Source, { source: { kind, name } }: Pick<SequenceLink, 'source'>): boolean {
  return kind === source.kind && name === source.name;
}
