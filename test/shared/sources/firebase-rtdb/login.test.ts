import { createVerify, generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { FetchedToken } from '../../../../shared/sources/firebase-rtdb/connection/credentials.ts';
import { parseFirebaseOptions } from '../../../../shared/sources/firebase-rtdb/connection/options.ts';
import {
  parseExternalAccount,
  workloadIdentityToken,
} from '../../../../shared/sources/firebase-rtdb/connection/workload-identity.ts';
import { openFirebaseSource } from '../../../../shared/sources/firebase-rtdb/source.ts';
import { startFirebaseServer } from '../../../../tools/firebase-server/server.ts';
import { never } from '../../../support/repository/engine.ts';
import { newFolder } from '../../../support/temporary.ts';

const { privateKey, publicKey } = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
});

interface Asked {
  readonly url: string;
  readonly authorization: string | undefined;
  readonly body: string;
}

/** A token endpoint; `answer` says what it gives. */
async function tokenServer(answer: (asked: Asked) => { readonly status?: number; readonly json: unknown }) {
  const asked: Asked[] = [];
  const server = createServer(async (request, response) => {
    const body = Buffer.concat(await Array.fromAsync(request as AsyncIterable<Buffer>)).toString();
    const one = { url: request.url ?? '', authorization: request.headers.authorization, body };
    asked.push(one);
    const { status = 200, json } = answer(one);
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(json));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

const account = (tokenUri: string) => ({
  type: 'service_account',
  project_id: 'shop',
  private_key_id: 'key-1',
  private_key: privateKey,
  client_email: 'backup@shop.iam.gserviceaccount.com',
  token_uri: tokenUri,
});

describe('a service account', () => {
  it('signs for a token, and for a new one when that is refused', async () => {
    let count = 0;
    const tokens = await tokenServer(() => ({
      json: { access_token: `token-${count++}`, expires_in: 3600 },
    }));
    await using server = await startFirebaseServer({ tokens: ['token-1'], expiredTokens: ['token-0'] });
    await server.set('/a', 1);
    const file = path.join(await newFolder(), 'account.json');
    await writeFile(file, JSON.stringify(account(`${tokens.url}/token`)));
    await using view = await openFirebaseSource(server.url, { serviceAccountFile: file }, {}).open(never);
    expect(view.datasets.map(({ name }) => name)).toContain('a');
    expect(tokens.asked).toHaveLength(2);
    const form = new URLSearchParams(tokens.asked[0]!.body);
    expect(form.get('grant_type')).toBe('urn:ietf:params:oauth:grant-type:jwt-bearer');
    const [header = '', claims = '', signature = ''] = (form.get('assertion') ?? '').split('.');
    const decode = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString());
    expect(decode(header)).toEqual({ alg: 'RS256', typ: 'JWT', kid: 'key-1' });
    expect(decode(claims)).toMatchObject({
      iss: 'backup@shop.iam.gserviceaccount.com',
      aud: `${tokens.url}/token`,
      scope: expect.stringContaining('https://www.googleapis.com/auth/firebase.database'),
    });
    expect(decode(claims).exp - decode(claims).iat).toBe(3600);
    const isSigned = createVerify('RSA-SHA256')
      .update(`${header}.${claims}`)
      .verify(publicKey, signature, 'base64url');
    expect(isSigned).toBe(true);
  });

  it('is refused by the endpoint with its words, and nothing of the key', async () => {
    const tokens = await tokenServer(() => ({
      status: 400,
      json: { error: 'invalid_grant', error_description: 'Invalid JWT Signature.' },
    }));
    await using server = await startFirebaseServer();
    const json = JSON.stringify(account(tokens.url));
    const file = path.join(await newFolder(), 'account.json');
    await writeFile(file, json);
    const failed = openFirebaseSource(server.url, { serviceAccountFile: file }, {}).open(never);
    await expect(failed).rejects.toMatchObject({
      code: 'E_SOURCE_REFUSED',
      message: expect.stringContaining('invalid_grant: Invalid JWT Signature. (HTTP 400)'),
    });
    await failed.catch((error: Error) => expect(String(error.stack)).not.toContain('PRIVATE'));
  });

  it.each([
    ['{"type":"service_account"}', 'missing or wrong: client_email, private_key'],
    ['{"type":"authorized_user"}', 'missing or wrong: type'],
    [
      JSON.stringify({ ...account('https://x.test'), private_key: 'secretsecret' }),
      'private_key is not a private key',
    ],
    ['{"private_key": secretsecret', 'holds text that is not JSON'],
    ['/nowhere/secretsecret.json', 'names a file that cannot be read (ENOENT)'],
  ])('that is malformed (%#) is refused by its members, not their values', (value, message) => {
    const parse = () =>
      parseFirebaseOptions('https://shop.firebaseio.com', {}, { FIREBASE_SERVICE_ACCOUNT: value });
    expect(parse).toThrow(
      expect.objectContaining({ code: 'E_CONFIG', message: expect.stringContaining(message) }),
    );
    expect(parse).not.toThrow('secretsecret');
  });

  describe('in variables of its own', () => {
    const parts = {
      FIREBASE_PROJECT_ID: 'shop',
      FIREBASE_CLIENT_EMAIL: 'parts@shop.iam.gserviceaccount.com',
      FIREBASE_PRIVATE_KEY: privateKey.replaceAll('\n', '\\n'),
    };
    const whole = JSON.stringify({ ...account('https://oauth2.example/token'), client_email: 'whole@shop' });
    const emailOf = (env: Record<string, string>, options = {}) => {
      const { credentials } = parseFirebaseOptions('https://shop.firebaseio.com', options, env);
      return credentials.kind === 'service-account' ? credentials.account.email : credentials.kind;
    };

    it('is read, whether its line ends are \\n or real ones, in quotes or not', () => {
      for (const key of [
        parts.FIREBASE_PRIVATE_KEY,
        privateKey,
        `"${parts.FIREBASE_PRIVATE_KEY}"`,
        `'${privateKey}'`,
      ])
        expect(emailOf({ ...parts, FIREBASE_PRIVATE_KEY: key })).toBe(parts.FIREBASE_CLIENT_EMAIL);
    });

    it('comes after what is said of Firebase as a whole, and before what is of all of Google', () => {
      const { FIREBASE_PROJECT_ID: _, ...enough } = parts;
      expect(emailOf({ ...parts, FIREBASE_SERVICE_ACCOUNT: whole })).toBe('whole@shop');
      expect(emailOf({ ...parts, FIREBASE_ACCESS_TOKEN: 'token' })).toBe('access-token');
      expect(emailOf({ ...enough, GOOGLE_APPLICATION_CREDENTIALS: whole })).toBe(parts.FIREBASE_CLIENT_EMAIL);
      expect(emailOf({ ...enough, HOLDFAST_FIREBASE_KEY_FILE: whole })).toBe(parts.FIREBASE_CLIENT_EMAIL);
      expect(emailOf({ GOOGLE_APPLICATION_CREDENTIALS: whole, HOLDFAST_FIREBASE_KEY_FILE: '/none' })).toBe(
        'whole@shop',
      );
      expect(emailOf({ HOLDFAST_FIREBASE_KEY_FILE: whole })).toBe('whole@shop');
      expect(emailOf({ FIREBASE_PROJECT_ID: 'shop' })).toBe('none');
      expect(emailOf(parts, { auth: 'none' })).toBe('none');
    });

    it.each([
      [{ FIREBASE_PRIVATE_KEY: '' }, 'FIREBASE_CLIENT_EMAIL is set, and FIREBASE_PRIVATE_KEY is not'],
      [{ FIREBASE_CLIENT_EMAIL: '' }, 'FIREBASE_PRIVATE_KEY is set, and FIREBASE_CLIENT_EMAIL is not'],
      [{ FIREBASE_PRIVATE_KEY: 'hush-hush' }, 'private_key is not a private key in PEM'],
    ])('is refused where a part is missing or wrong, and not shown (%#)', (given, message) => {
      const parse = () => emailOf({ ...parts, ...given });
      expect(parse).toThrow(
        expect.objectContaining({ code: 'E_CONFIG', message: expect.stringContaining(message) }),
      );
      expect(parse).not.toThrow('hush');
      expect(parse).not.toThrow('BEGIN');
    });
  });

  it('asks for one token however many need it, and for another before it ends', async () => {
    let now = 0;
    let fetched = 0;
    const fetch = async () => ({ token: `t${fetched++}`, lifeSeconds: 3600 });
    const credentials = new FetchedToken(fetch, { now: () => new Date(now) });
    const ask = async () => (await credentials.authorize(never)).header;
    expect(await Promise.all([ask(), ask(), ask()])).toEqual(['Bearer t0', 'Bearer t0', 'Bearer t0']);
    now = 54 * 60_000;
    expect(await ask()).toBe('Bearer t0');
    now = 56 * 60_000;
    expect(await Promise.all([ask(), ask()])).toEqual(['Bearer t1', 'Bearer t1']);
    credentials.forget();
    expect(await ask()).toBe('Bearer t2');
  });
});

describe('workload identity federation', () => {
  const audience = '//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/aws';

  it('shows who asks with a signature as AWS makes it, and goes on as the service account', async () => {
    const tokens = await tokenServer(({ url }) =>
      url === '/sts'
        ? { json: { access_token: 'federated', expires_in: 3600 } }
        : { json: { accessToken: 'mine', expireTime: '2026-11-26T16:00:00Z' } },
    );
    const external = parseExternalAccount(
      {
        type: 'external_account',
        audience,
        subject_token_type: 'urn:ietf:params:aws:token-type:aws4_request',
        token_url: `${tokens.url}/sts`,
        service_account_impersonation_url: `${tokens.url}/impersonate`,
        credential_source: {
          environment_id: 'aws1',
          regional_cred_verification_url:
            'https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15',
        },
      },
      'the file',
    );
    const credentials = async () => ({
      accessKeyId: 'AKIDEXAMPLE',
      secretAccessKey: 'secret/example',
      sessionToken: 'session',
    });
    const clock = { now: () => new Date('2026-11-26T15:00:00Z') };
    expect(await workloadIdentityToken(external, { region: 'eu-west-1', credentials }, never, clock)).toEqual(
      {
        token: 'mine',
        lifeSeconds: 3600,
      },
    );
    const [sts, impersonate] = tokens.asked;
    const subject = new URLSearchParams(sts!.body).get('subject_token') ?? '';
    const { url, method, headers } = JSON.parse(decodeURIComponent(subject));
    expect({ url, method }).toEqual({
      url: 'https://sts.eu-west-1.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15',
      method: 'POST',
    });
    expect(headers).toContainEqual({ key: 'x-goog-cloud-target-resource', value: audience });
    // Made by AWS's own signer (@smithy/signature-v4) of the same request.
    expect(headers.at(-1)).toEqual({
      key: 'authorization',
      value:
        'AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261126/eu-west-1/sts/aws4_request, SignedHeaders=host;x-amz-date;x-amz-security-token;x-goog-cloud-target-resource, Signature=96a01ce72371244103411f463d5605fa4f6efb6f5e2f5e53cc6c2e7716f56b0e',
    });
    expect(impersonate).toMatchObject({ authorization: 'Bearer federated' });
  });

  it('is read in place of a key, and needs a region', () => {
    const file = JSON.stringify({ type: 'external_account', audience });
    expect(() =>
      parseFirebaseOptions('https://shop.firebaseio.com', {}, { GOOGLE_APPLICATION_CREDENTIALS: file }),
    ).toThrow(/needs a region.*missing or wrong: subject_token_type, token_url, credential_source/);
  });
});

describe('the database URL', () => {
  it.each([
    ['shop', 'must look like https://NAME.firebaseio.com'],
    ['http://shop.firebaseio.com', 'must begin with https://'],
    ['https://shop.firebaseio.com/a.b', "the key 'a.b' has one of"],
    ['https://shop.firebaseio.com/?token=hush', "unknown parameter 'token'"],
    ['https://me:hush@shop.firebaseio.com', 'takes none'],
    ['https://console.firebase.google.com/project/shop', 'is the address of the console'],
  ])('%s is refused', (url, message) => {
    const parse = () => parseFirebaseOptions(url, {}, {});
    expect(parse).toThrow(
      expect.objectContaining({ code: 'E_CONFIG', message: expect.stringContaining(message) }),
    );
    expect(parse).not.toThrow('hush');
  });

  it('is refused together with all other problems', () => {
    expect(() => parseFirebaseOptions('x', { readers: 0, colour: 'red' }, {})).toThrow(
      expect.objectContaining({ details: { problems: 3 } }),
    );
  });
});
