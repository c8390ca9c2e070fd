import { type IncomingMessage, request } from 'node:http';

/** Asks another server the same, with the body that was read already. */
export function passOn(incoming: IncomingMessage, body: Buffer, to: URL): Promise<IncomingMessage> {
  const { method, url, headers } = incoming;
  return new Promise((resolve, reject) => {
    const outward = request({ host: to.hostname, port: to.port, method, path: url, headers }, resolve);
    outward.on('error', reject).end(body);
  });
}
