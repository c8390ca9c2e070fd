import { createDecipheriv } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { check, hkdf, load, refuse, sha256 } from './bytes.ts';
import { Authenticated, base64, count, digits, type Json, list, object, text } from './json.ts';

/** An entry of `keys`: a wrapped key of a run. */
export interface RunKey {
  readonly run: string;
  readonly purpose: string;
  readonly rootKeyId: string;
  readonly wrapped: string;
  readonly source: string | null;
}

export function runKey(value: unknown): RunKey {
  const json = object(value);
  const purpose = text(json['purpose']);
  check(['data', 'index', 'manifest'].includes(purpose), 'a key of an unknown purpose');
  const source = json['source'] === undefined ? null : text(json['source']);
  const { rootKeyId, wrapped } = json;
  return {
    run: digits(json['run'], 32),
    purpose,
    rootKeyId: text(rootKeyId),
    wrapped: text(wrapped),
    source,
  };
}

/** Opens AES-256-GCM: ciphertext, then a tag of 16 bytes. */
export function open(key: Buffer, nonce: Buffer, sealed: Buffer, associated: Buffer, what: string): Buffer {
  check(sealed.length >= 16, `${what} is too short`);
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: 16 });
  decipher.setAAD(associated);
  decipher.setAuthTag(sealed.subarray(-16));
  try {
    return Buffer.concat([decipher.update(sealed.subarray(0, -16)), decipher.final()]);
  } catch {
    return refuse(`${what} is damaged`);
  }
}

function idOf(root: Buffer): string {
  return `hex:${hkdf(root, 'holdfast/1 root key id', 8).toString('hex')}`;
}

type Entry = Pick<RunKey, 'run' | 'purpose' | 'rootKeyId' | 'wrapped'> & { readonly source?: string | null };

/** The keys of a repository that a root key of 64 digits opens. */
export class Keys {
  readonly repository: string;
  readonly maxBytes: number;
  readonly #own: string;
  readonly #roots = new Map<string, Buffer>();
  /** SHA-256s of the manifests that older root keys signed, where the repository says them. */
  #signedBefore: ReadonlySet<string> | null = null;

  constructor(folder: string, keyHex: string) {
    const root = Buffer.from(digits(keyHex, 64), 'hex');
    this.#own = idOf(root);
    this.#roots.set(this.#own, root);
    const file = new Authenticated(load(folder, 'repository.json'));
    file.says('holdfast-repository', [1, 2]);
    this.repository = digits(file.json['id'], 32);
    const secret = object(file.json['secret']);
    const rootKeyId = text(secret['rootKeyId']);
    if (rootKeyId !== this.#own) this.#readOlder(folder);
    const bytes = this.unwrap({
      run: this.repository,
      purpose: 'repository',
      rootKeyId,
      wrapped: text(secret['wrapped']),
    });
    file.prove(hkdf(bytes, 'holdfast/1 repository', 32));
    const chunker = object(file.json['chunker']);
    const sizes = ['minBytes', 'averageBytes', 'maxBytes'].map((name) => count(chunker[name]));
    const [min = 0, average = 0, max = 0] = sizes;
    check(256 <= min && min < average && average < max && max <= 8_388_608, 'sizes of chunks out of range');
    this.maxBytes = max;
  }

  /** The object of a change of key: all older root keys, under the one that this reader has. */
  #readOlder(folder: string): void {
    const key = `keys/${sha256(Buffer.from(this.#own)).slice(0, 32)}.json`;
    check(existsSync(join(folder, key)), 'the key is wrong: nothing here is wrapped under it');
    const file = new Authenticated(load(folder, key));
    file.says('holdfast-keys', [1]);
    const { json } = file;
    check(json['repository'] === this.repository && json['key'] === key, `${key} is of another place`);
    check(json['rootKeyId'] === this.#own, `${key} is of another root key`);
    const seal = object(json['seal']);
    const sealed = this.unwrap({
      run: this.repository,
      purpose: 'keys',
      rootKeyId: text(seal['rootKeyId']),
      wrapped: text(seal['wrapped']),
    });
    file.prove(hkdf(sealed, 'holdfast/1 keys', 32));
    for (const entry of list(json['older']).map(object)) {
      const id = text(entry['rootKeyId']);
      const wrapped = text(entry['wrapped']);
      const older = this.unwrap({ run: id, purpose: 'root', rootKeyId: this.#own, wrapped });
      check(idOf(older) === id, `an older root key is not ${id}`);
      this.#roots.set(id, older);
    }
    if (json['signedBefore'] !== undefined) this.#readSigned(folder, object(json['signedBefore']));
  }

  #readSigned(folder: string, signed: Json): void {
    const name = digits(signed['sha256'], 64);
    const bytes = load(folder, `keys/signed/${name}`);
    check(sha256(bytes) === name, 'what older root keys signed is damaged');
    check(bytes.length === count(signed['count']) * 32, 'what older root keys signed has another count');
    const digests = new Set<string>();
    for (let at = 0; at < bytes.length; at += 32) digests.add(bytes.toString('hex', at, at + 32));
    this.#signedBefore = digests;
  }

  unwrap({ run, purpose, rootKeyId, wrapped, source = null }: Entry): Buffer {
    const root = this.#roots.get(rootKeyId) ?? refuse(`the key is wrong: ${rootKeyId} is another one`);
    const bytes = base64(wrapped);
    check(bytes.length === 60, 'a wrapped key has another size');
    const key = hkdf(root, 'holdfast/1 wrap', 32, this.repository);
    const context = [this.repository, run, purpose, ...(source === null ? [] : [source])].join('/');
    return open(key, bytes.subarray(0, 12), bytes.subarray(12), Buffer.from(context), 'a wrapped key');
  }

  /** Refuses what an older root key signed and the change of key did not know. */
  checkBelieved(bytes: Buffer, { rootKeyId }: RunKey): void {
    if (rootKeyId === this.#own || this.#signedBefore === null) return;
    check(this.#signedBefore.has(sha256(bytes)), 'signed with an older root key after the change of key');
  }
}
