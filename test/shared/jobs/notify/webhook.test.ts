import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../../../shared/core/clock.ts';
import { sendWebhook, type WebRequest } from '../../../../shared/jobs/notify/send-webhook.ts';
import { makeAuthority, makeCertificate } from '../../../support/certificates.ts';
import { isSigned, startReceiver } from '../../../support/receiver.ts';
import { never } from '../../../support/repository/engine.ts';
import { newFolder } from '../../../support/temporary.ts';

const KEY = 'the-key-of-the-receiver';
const request = (url: string, more: Partial<WebRequest> = {}): WebRequest => ({
  url,
  body: JSON.stringify({ text: 'ünïcode “quotes”' }),
  delivery: 'd-1',
  kind: 'alarm',
  signingKey: KEY,
  ...more,
});

/** Sends without waiting between tries, and says how long it would have waited. */
async function send(
  given: WebRequest,
  options: { readonly attempts?: number; readonly timeoutMs?: number } = {},
) {
  const waits: number[] = [];
  const wait = async (ms: number) => void waits.push(ms);
  const delivery = await sendWebhook(given, { clock: systemClock, wait, signal: never, ...options });
  return { ...delivery, waits };
}

describe('a webhook', () => {
  it('is signed so that its receiver can tell it by code of its own', async () => {
    const receiver = await startReceiver();
    expect(await send(request(receiver.url))).toMatchObject({
      outcome: 'delivered',
      attempts: 1,
      status: 200,
    });
    const [received] = receiver.received;
    expect(isSigned(received!, KEY, new Date())).toBe(true);
    expect(isSigned(received!, 'another key', new Date())).toBe(false);
    expect(isSigned({ ...received!, body: `${received!.body} ` }, KEY, new Date())).toBe(false);
    expect(isSigned(received!, KEY, new Date(Date.now() + 3_600_000))).toBe(false);
    expect(received!.headers).toMatchObject({
      'content-type': 'application/json',
      'holdfast-delivery': 'd-1',
      'holdfast-kind': 'alarm',
    });
  });

  it.each([500, 502, 503, 429, 408])('is sent again after %i, under the same name', async (status) => {
    const receiver = await startReceiver([{ status }]);
    expect(await send(request(receiver.url))).toMatchObject({
      outcome: 'delivered',
      attempts: 2,
      status: 200,
    });
    expect(receiver.received.map(({ headers }) => headers['holdfast-delivery'])).toEqual(['d-1', 'd-1']);
  });

  it('is given up after four tries, with longer and longer waits between them', async () => {
    const receiver = await startReceiver(
      Array.from({ length: 9 }, () => ({ status: 500, body: 'out of order' })),
    );
    expect(await send(request(receiver.url))).toEqual({
      outcome: 'failed',
      attempts: 4,
      status: 500,
      problem: 'the receiver answered 500: out of order',
      answer: 'out of order',
      waits: [1000, 3000, 9000],
    });
    expect(receiver.received).toHaveLength(4);
  });

  it('waits as long as the receiver asks for, and no longer than 15 seconds', async () => {
    const receiver = await startReceiver([
      { status: 429, headers: { 'retry-after': '5' } },
      { status: 429, headers: { 'retry-after': '86400' } },
    ]);
    expect((await send(request(receiver.url))).waits).toEqual([5000, 15_000]);
  });

  it.each([400, 401, 403, 404, 410])('is not sent again after %i', async (status) => {
    const receiver = await startReceiver([{ status, body: 'no_service' }]);
    expect(await send(request(receiver.url))).toMatchObject({
      outcome: 'failed',
      attempts: 1,
      problem: `the receiver answered ${status}: no_service`,
    });
  });

  it.each([301, 302, 303, 307, 308])('does not follow a redirect (%i)', async (status) => {
    const elsewhere = await startReceiver();
    const receiver = await startReceiver([{ status, headers: { location: elsewhere.url } }]);
    const { outcome, problem } = await send(request(receiver.url));
    expect(outcome).toBe('failed');
    expect(problem).toContain('redirect');
    expect(elsewhere.received).toEqual([]);
  });

  it('does not wait for a receiver that never answers', async () => {
    const receiver = await startReceiver(['never', 'never']);
    const sent = await send(request(receiver.url), { attempts: 2, timeoutMs: 50 });
    expect(sent).toMatchObject({ outcome: 'failed', attempts: 2, status: null });
    expect(sent.problem).toBe('the receiver did not respond within 0.05 s');
  });

  it('does not trust a server whose certificate nobody vouches for, and asks it once', async () => {
    const folder = await newFolder();
    makeAuthority(folder);
    makeCertificate(folder, 'server', { host: 'localhost' });
    const read = (name: string) => readFileSync(path.join(folder, name), 'utf8');
    const receiver = await startReceiver([], { key: read('server.key'), cert: read('server.crt') });
    const sent = await send(request(receiver.url));
    expect(sent).toMatchObject({ outcome: 'failed', attempts: 1 });
    expect(sent.problem).toContain('could not prove who it is');
    expect(receiver.received).toEqual([]);
  });

  it('says why nobody is there', async () => {
    const sent = await send(request('http://127.0.0.1:1'), { attempts: 1 });
    expect(sent.problem).toMatch(/cannot be reached \(.+\)/);
  });

  it.each(['ftp://host/', 'no url', 'file:///etc/passwd', ''])('is not sent to %j', async (url) => {
    expect(await send(request(url))).toMatchObject({ outcome: 'failed', attempts: 0 });
  });

  it('says nothing secret that a receiver sends back', async () => {
    const receiver = await startReceiver();
    const url = `${receiver.url}/services/T000SECRET/B000SECRET?token=querysecret`;
    const echo = `no such hook: ${url} T000SECRET B000SECRET querysecret ${KEY}`;
    receiver.answers = [{ status: 404, body: echo }];
    const sent = JSON.stringify(await send(request(url)));
    expect(sent).toContain('no such hook');
    expect(sent).not.toMatch(/SECRET|querysecret|the-key/);
  });

  it('reads the beginning of an answer that does not end', async () => {
    const receiver = await startReceiver([{ status: 200, body: 'x'.repeat(5_000_000) }]);
    const { outcome, answer } = await send(request(receiver.url));
    expect(outcome).toBe('delivered');
    expect(answer).toHaveLength(200);
  });
});
