import { MiB } from '../../../core/units.ts';
import type { Answer, FirebaseConnection } from '../connection/connection.ts';
import { isAddressable, type NodePath } from '../connection/paths.ts';
import { CanonicalJson } from '../text/json.ts';
import { EtagTrust, type InheritedTrust, type SeenNode } from './etag-trust.ts';

/** Comparisons that show nothing, as the node changes all the time or each ETag is another one. */
const MOST_INCONCLUSIVE = 8;
/** For an answer from which only the ETag is wanted. */
const MOST_ANSWER_BYTES = 1 * MiB;

/** Asks for the ETags of subtrees without reading them, and finds out what they are worth. */
export class EtagProbe {
  readonly trust: EtagTrust;
  readonly #connection: FirebaseConnection;
  #isSilent = true;
  #inconclusive = 0;
  /** Nodes that could be compared; when agreed on, every second, fourth, eighth… of them is. */
  #seen = 0;

  constructor(connection: FirebaseConnection, inherited?: InheritedTrust) {
    this.#connection = connection;
    this.trust = new EtagTrust(inherited);
  }

  /** Whether ETags of probes are known to stand for all that lies below. */
  get isTrusted(): boolean {
    return this.trust.isTrusted;
  }

  /** Undefined if the server gives none, or only worthless ones. */
  async probe(path: NodePath, signal: AbortSignal): Promise<string | undefined> {
    return (await this.#look(path, signal))?.etag;
  }

  /** Takes note of a node that was read whole; now and then it is asked for without its data too. */
  async saw(path: NodePath, node: SeenNode, signal: AbortSignal): Promise<void> {
    const { trust } = this;
    trust.saw(node);
    if (trust.isContradicted || !node.value.startsWith('{')) return;
    this.#seen++;
    if (trust.hasAgreed && !isPowerOfTwo(this.#seen)) return;
    const looked = await this.#look(path, signal);
    if (looked?.etag === undefined) return;
    if (looked.etag !== node.etag) await this.#disagreement(path, looked.etag, signal);
    else if (differs(looked, node.value)) trust.agree();
  }

  /** It may have changed between the two questions: they contradict each other if both stay as they are. */
  async #disagreement(path: NodePath, asked: string, signal: AbortSignal): Promise<void> {
    const { etag: whole } = await this.#ask(path, { format: 'export' }, signal);
    const again = await this.probe(path, signal);
    const isSteady = again === asked;
    if (isSteady && whole === asked) return;
    if (isSteady && this.#isSilent && !this.trust.hasAgreed) this.#isSilent = false;
    else if (isSteady || ++this.#inconclusive >= MOST_INCONCLUSIVE) this.trust.contradict();
  }

  /** Asks for no data, or little of it. */
  async #look(path: NodePath, signal: AbortSignal): Promise<Answer | undefined> {
    if (!this.#connection.usesEtags || this.trust.isContradicted || !isAddressable(path)) return undefined;
    if (this.#isSilent) {
      const answer = await this.#ask(path, { print: 'silent' }, signal);
      if (answer.etag !== undefined) return answer;
      if (answer.outcome !== 'too-large') this.#isSilent = false;
    }
    return this.#ask(path, { shallow: 'true' }, signal);
  }

  #ask(path: NodePath, query: Readonly<Record<string, string>>, signal: AbortSignal): Promise<Answer> {
    const ask = { method: 'GET', path, query, etag: true, mostBytes: () => MOST_ANSWER_BYTES } as const;
    return this.#connection.ask(ask, (answer) => answer, signal);
  }
}

/** Whether one ETag of both cannot be that of the answer alone. What was not read to its end shows nothing. */
function differs({ body, outcome }: Answer, value: string): boolean {
  if (body.length === 0) return true;
  return outcome === 'whole' && new CanonicalJson(body).whole() !== value;
}

function isPowerOfTwo(count: number): boolean {
  return (count & (count - 1)) === 0;
}

/** After how many bytes of a node it is looked at again: what changes and changes back in between is not seen. */
const LOOK_BYTES = 1 * MiB;

/** Watches one node while it is read in parts, by its ETag. */
export class NodeWatch {
  readonly #probe: EtagProbe;
  readonly #path: NodePath;
  #etag: string | undefined;
  #sinceBytes = 0;
  #isSteady = true;

  private constructor(probe: EtagProbe, path: NodePath, etag: string | undefined) {
    this.#probe = probe;
    this.#path = path;
    this.#etag = etag;
  }

  static async begin(probe: EtagProbe, path: NodePath, signal: AbortSignal): Promise<NodeWatch> {
    return new NodeWatch(probe, path, await probe.probe(path, signal));
  }

  /** The ETag that it had all the time; undefined if the server gives none. */
  get etag(): string | undefined {
    return this.#isSteady ? this.#etag : undefined;
  }

  /** Whether it had another in between. */
  get hasChanged(): boolean {
    return !this.#isSteady;
  }

  /** Takes note of bytes that were read, and looks now and then. */
  async passed(bytes: number, signal: AbortSignal): Promise<void> {
    this.#sinceBytes += bytes;
    if (this.#sinceBytes >= LOOK_BYTES) await this.look(signal);
  }

  async look(signal: AbortSignal): Promise<void> {
    this.#sinceBytes = 0;
    if (this.#etag === undefined || !this.#isSteady) return;
    const now = await this.#probe.probe(this.#path, signal);
    // ETags that are worth nothing any more say neither that it changed nor that it stayed.
    if (now === undefined) this.#etag = undefined;
    else this.#isSteady = now === this.#etag;
  }
}
