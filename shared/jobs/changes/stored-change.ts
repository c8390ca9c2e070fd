/** An object of segments: one of them, a bundle of them, or a pack of one. */
export interface StoredChange {
  readonly key: string;
  readonly folder: string;
  /** Of the segment, or of the last one in a bundle. */
  readonly number: number;
  /** Of the first segment in a bundle; undefined of other objects. */
  readonly first?: number | undefined;
  /** It is a pack, which is in no bundle. @default false */
  readonly isPack?: boolean;
  readonly bytes: number;
  readonly storedAt: Date;
}

/** An object whose segments lie in a larger bundle too. It goes if they are the same there, byte for byte. */
export interface BundledChange {
  readonly change: StoredChange;
  readonly bundle: StoredChange;
}
