import { createHash } from 'node:crypto';
import { about, HoldfastError, isHoldfastError } from '../../core/errors.ts';
import type { BackupKey } from '../../core/ids.ts';
import { isAuthentic, isDocumentProblem } from '../../format/authenticated-json.ts';
import { type Manifest, parseManifest } from '../../format/manifest.ts';
import type { ObjectStore } from '../../store/object-store.ts';
import type { RepositoryContext } from '../context.ts';
import type { Reports } from '../documents/reports.ts';
import { linkOf, type SequenceLinks } from '../documents/sequence-links.ts';
import type { DocumentMemory } from './document-memory.ts';
import type { ListedObjects } from './listed-objects.ts';

/** A manifest as found: its MAC or signature checked, neither (without a key), or its problem. */
export interface ManifestEntry {
  readonly key: BackupKey;
  readonly manifest: Manifest | undefined;
  readonly isProven: boolean;
  readonly problem: HoldfastError | undefined;
  /** By the store's clock, as the last listing said. */
  readonly storedAt?: Date | undefined;
  /** Of its bytes, in hex; undefined if they could not be read. */
  readonly sha256?: string | undefined;
  /** Whether a trusted key signed it. */
  readonly isSigned?: boolean;
  /** What the document says, even if forged: to be used only if that keeps more. */
  readonly claimed?: Manifest | undefined;
}

type Proof = Pick<ManifestEntry, 'isProven'> & { readonly isSigned: boolean };

/** Reads manifests, and says what proves them. */
export class ManifestReader {
  readonly #context: RepositoryContext;
  readonly #reports: Pick<Reports, 'isAdopted'>;
  readonly #listed: ListedObjects;
  readonly #links: SequenceLinks;
  readonly #memory: DocumentMemory<ManifestEntry> | undefined;
  readonly #objects: ObjectStore;

  constructor(
    context: RepositoryContext,
    known: {
      readonly reports: Pick<Reports, 'isAdopted'>;
      readonly listed: ListedObjects;
      /** Learns of manifests that were proven. */
      readonly links: SequenceLinks;
      /** @default every manifest is read each time */
      readonly memory?: DocumentMemory<ManifestEntry> | undefined;
      /** Where to read a manifest that was not just listed. @default the store of the context */
      readonly objects?: ObjectStore | undefined;
    },
  ) {
    this.#context = context;
    this.#reports = known.reports;
    this.#listed = known.listed;
    this.#links = known.links;
    this.#memory = known.memory;
    this.#objects = known.objects ?? context.store;
  }

  /** Reads a manifest and checks its signature and, with a key, its MAC. @throws E_NO_BACKUP, E_DAMAGED, E_NEWER_FORMAT, E_WRONG_KEY */
  async readManifest(key: BackupKey, signal: AbortSignal): Promise<Manifest> {
    const bytes = await manifestBytes(this.#objects, key, signal);
    const manifest = this.#ours(parseManifest(bytes, key));
    await this.#prove(bytes, manifest, signal);
    this.#note(manifest, sha256Of(bytes));
    return manifest;
  }

  /** As `readManifest`, but without checking its MAC: the key may not be available. */
  async readUnprovenManifest(key: BackupKey, signal: AbortSignal): Promise<Manifest> {
    return this.#ours(parseManifest(await manifestBytes(this.#objects, key, signal), key));
  }

  /** As `readManifest`, but returns the manifest's own problem as a value. @throws E_NO_BACKUP */
  inspectManifest(key: BackupKey, signal: AbortSignal): Promise<ManifestEntry> {
    return this.#inspectFrom(this.#objects, key, signal);
  }

  /** The same, wherever its bytes are. @throws what `read` throws, except for the object's own problem */
  async inspect(
    key: BackupKey,
    read: () => Promise<Uint8Array>,
    signal: AbortSignal,
  ): Promise<ManifestEntry> {
    let claimed: Manifest | undefined;
    let sha256: string | undefined;
    const storedAt = this.#listed.storedAt(key);
    try {
      const bytes = await read();
      sha256 = sha256Of(bytes);
      claimed = parseManifest(bytes, key);
      const manifest = this.#ours(claimed);
      const proof = await this.#prove(bytes, manifest, signal);
      return { key, manifest, ...proof, problem: undefined, storedAt, sha256, claimed };
    } catch (error) {
      if (!isDocumentProblem(error)) throw error;
      return { key, manifest: undefined, isProven: false, problem: error, storedAt, sha256, claimed };
    }
  }

  /** As `inspectManifest`, for a backup that was just listed; undefined if it was removed since. */
  async inspectIfListed(key: BackupKey, signal: AbortSignal): Promise<ManifestEntry | undefined> {
    const stamp = this.#listed.stampOf(key);
    const known = this.#memory?.get(key, stamp);
    if (known) return known;
    try {
      const entry = await this.#inspectFrom(this.#context.store, key, signal);
      if (stamp !== undefined && this.#isSettled(entry))
        this.#memory?.keep(key, { stamp, value: entry, sizeBytes: this.#listed.sizeOf(key) });
      return entry;
    } catch (error) {
      if (isHoldfastError(error, 'E_NO_BACKUP')) return undefined;
      throw error;
    }
  }

  async #inspectFrom(store: ObjectStore, key: BackupKey, signal: AbortSignal): Promise<ManifestEntry> {
    const entry = await this.inspect(key, () => manifestBytes(store, key, signal), signal);
    if (entry.manifest && entry.sha256 !== undefined) this.#note(entry.manifest, entry.sha256);
    return entry;
  }

  /**
   * Whether the same bytes will always be judged the same: somebody may sign later for an unsigned object.
   */
  #isSettled({ problem, isSigned }: ManifestEntry): boolean {
    return problem === undefined && (isSigned === true || !this.#context.signatures.trustsAny);
  }

  #note(manifest: Manifest, sha256: string): void {
    this.#links.note(linkOf(manifest, sha256, this.#listed.storedAt(manifest.key)));
  }

  #ours(manifest: Manifest): Manifest {
    const { key, repository } = manifest;
    if (repository === this.#context.file.id) return manifest;
    throw new HoldfastError(
      'E_DAMAGED',
      `${key} is of repository ${repository}, but this is ${this.#context.file.id}`,
    );
  }

  /** What a signature or a MAC proves. @throws E_DAMAGED, E_WRONG_KEY */
  async #prove(bytes: Uint8Array, manifest: Manifest, signal: AbortSignal): Promise<Proof> {
    const { key } = manifest;
    const { keys, signatures } = this.#context;
    const isSigned = await signatures.check(bytes, key, (sha256) => this.#reports.isAdopted(sha256));
    if (!keys.hasRootKey) return { isProven: isSigned, isSigned };
    const entry = manifest.keys.find(({ run, purpose }) => run === manifest.run && purpose === 'manifest');
    if (entry && isAuthentic(bytes, await about(key, () => keys.unwrap(entry, signal)))) {
      await keys.refuseUnbelieved(entry, bytes, key, signal);
      return { isProven: true, isSigned };
    }
    throw new HoldfastError(
      'E_DAMAGED',
      `${key} was changed after it was written, or was not written by Holdfast`,
      {
        hint: 'Restore it from an older version of the object, or use another backup.',
      },
    );
  }
}

async function manifestBytes(store: ObjectStore, key: BackupKey, signal: AbortSignal): Promise<Uint8Array> {
  try {
    return await store.get(key, { signal });
  } catch (error) {
    if (!isHoldfastError(error, 'E_OBJECT_NOT_FOUND')) throw error;
    throw new HoldfastError('E_NO_BACKUP', `there is no backup ${key} in ${store.location}`, {
      cause: error,
      hint: 'Run `holdfast list` to see what there is.',
    });
  }
}

function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
