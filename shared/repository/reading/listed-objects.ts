import type { ObjectInfo } from '../../store/object-store.ts';

/** What listings said last about objects. */
export class ListedObjects {
  readonly #infos = new Map<string, ObjectInfo>();

  note(info: ObjectInfo): void {
    this.#infos.set(info.key, info);
  }

  all(): readonly ObjectInfo[] {
    return [...this.#infos.values()];
  }

  /** By the store's clock. */
  storedAt(key: string): Date | undefined {
    return this.#infos.get(key)?.modifiedAt;
  }

  /** Changes if the object is replaced; undefined if it was not listed. */
  stampOf(key: string): string | undefined {
    const info = this.#infos.get(key);
    return info && objectStamp(info);
  }

  /** Zero if it was not listed. */
  sizeOf(key: string): number {
    return this.#infos.get(key)?.sizeBytes ?? 0;
  }
}

/** Says of an object that it is the same as before, without reading it. */
export function objectStamp({ etag, sizeBytes, modifiedAt }: Omit<ObjectInfo, 'key'>): string {
  return `${etag} ${sizeBytes} ${modifiedAt.getTime()}`;
}
