import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { Breakage, Silence } from './place.ts';

type Fault = { readonly kind: 'cut' | 'silence'; readonly afterBytes: number; readonly times: number };

/** A way to a server by TCP, which counts, and can be cut or fall silent. */
export interface Link extends AsyncDisposable {
  readonly port: number;
  /** Open now. */
  readonly connections: number;
  /** Opened so far. */
  readonly opened: number;
  /** Of what the server said. */
  readonly passedBytes: number;
  /** Of what the server was told. */
  readonly sentBytes: number;
}

/** What `openLink` gives; `spoil` breaks it. */
class TcpLink implements Link {
  opened = 0;
  passedBytes = 0;
  sentBytes = 0;
  readonly #sockets = new Set<Socket>();
  #open = 0;
  #fault: Fault | undefined;
  #cuts = 0;
  #begun = Promise.withResolvers<void>();
  readonly #server = createServer((client) => this.#connect(client));
  readonly #to: number;

  constructor(to: number) {
    this.#to = to;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get connections(): number {
    return this.#open;
  }

  async listen(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return this;
  }

  /** From now on; `afterBytes` more of both ways together. */
  spoil(fault: Fault): AsyncDisposable & { readonly begun: Promise<void> } {
    this.#begun = Promise.withResolvers();
    this.#cuts = 0;
    this.#fault = { ...fault, afterBytes: this.#total + fault.afterBytes };
    return {
      begun: this.#begun.promise,
      [Symbol.asyncDispose]: async () => {
        this.#fault = undefined;
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  get #total(): number {
    return this.passedBytes + this.sentBytes;
  }

  #connect(client: Socket): void {
    this.opened++;
    this.#open++;
    client.on('close', () => this.#open--);
    const server = connect(this.#to, '127.0.0.1');
    for (const socket of [client, server]) {
      this.#sockets.add(socket.on('error', () => undefined));
      socket.on('close', () => this.#sockets.delete(socket));
    }
    this.#pipe(client, server, (bytes) => {
      this.sentBytes += bytes;
    });
    this.#pipe(server, client, (bytes) => {
      this.passedBytes += bytes;
    });
  }

  #pipe(from: Socket, to: Socket, count: (bytes: number) => void): void {
    from.on('data', (bytes: Buffer) => {
      const part = this.#allowed(bytes);
      count(bytes.length);
      if (part.length > 0 && !to.write(part)) {
        from.pause();
        to.once('drain', () => from.resume());
      }
      if (part.length < bytes.length) this.#apply(from, to);
    });
    from.on('end', () => to.end());
    from.on('close', () => to.destroy());
  }

  /** What of it goes on before the fault. */
  #allowed(bytes: Buffer): Buffer {
    const left = (this.#fault?.afterBytes ?? Number.POSITIVE_INFINITY) - this.#total;
    return left >= bytes.length ? bytes : bytes.subarray(0, Math.max(0, left));
  }

  #apply(from: Socket, to: Socket): void {
    this.#begun.resolve();
    if (this.#fault?.kind !== 'cut') return;
    this.#cuts++;
    if (this.#cuts >= this.#fault.times) this.#fault = undefined;
    // What was let through arrives first.
    to.end(() => to.destroy());
    from.destroy();
  }
}

/** Opens a way to a port of this machine. */
export async function openLink(port: number): Promise<TcpLink> {
  return new TcpLink(port).listen();
}

export type { TcpLink };

const PLACES = [0.02, 0.4, 0.8, 0.99];

/**
 * The link breaks at several places of what `work` takes: once, and for good.
 *
 * @param work something that succeeds while the link holds
 */
export async function linkBreakages(
  link: TcpLink,
  work: () => Promise<unknown>,
): Promise<readonly Breakage[]> {
  const before = link.passedBytes + link.sentBytes;
  await work();
  const bytes = link.passedBytes + link.sentBytes - before;
  return PLACES.flatMap((share) =>
    [1, Number.POSITIVE_INFINITY].map((times) => ({
      name: `the connection breaks after ${Math.round(share * 100)} %${times === 1 ? '' : ', for good'}`,
      isForGood: times !== 1,
      arm: () => link.spoil({ kind: 'cut', afterBytes: Math.floor(bytes * share), times }),
    })),
  );
}

/** The link falls silent in the middle of what `work` takes. */
export function linkSilence(link: TcpLink, work: () => Promise<unknown>): Silence {
  return {
    arm: async () => {
      const before = link.passedBytes + link.sentBytes;
      await work();
      const bytes = link.passedBytes + link.sentBytes - before;
      return link.spoil({ kind: 'silence', afterBytes: Math.floor(bytes / 2), times: 1 });
    },
  };
}
