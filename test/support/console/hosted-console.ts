import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import type { Template } from 'aws-cdk-lib/assertions';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
};

/** What CloudFront is told of the console, as synthesised: headers of its answers, and what becomes of a path. */
export function edgeOf(template: Template): {
  readonly headers: Readonly<Record<string, string>>;
  readonly fileOf: (uri: string) => string;
} {
  const [policy] = Object.values(template.findResources('AWS::CloudFront::ResponseHeadersPolicy'));
  const { SecurityHeadersConfig: security, CustomHeadersConfig: custom } =
    policy!['Properties'].ResponseHeadersPolicyConfig;
  const [edge] = Object.values(template.findResources('AWS::CloudFront::Function'));
  const handler = new Function(`${edge!['Properties'].FunctionCode}; return handler;`)();
  return {
    headers: {
      'content-security-policy': security.ContentSecurityPolicy.ContentSecurityPolicy,
      'x-content-type-options': 'nosniff',
      'x-frame-options': security.FrameOptions.FrameOption,
      'referrer-policy': security.ReferrerPolicy.ReferrerPolicy,
      ...Object.fromEntries(custom.Items.map((item: Item) => [item.Header, item.Value])),
    },
    fileOf: (uri) => handler({ request: { uri } }).uri,
  };
}

interface Item {
  readonly Header: string;
  readonly Value: string;
}

export interface HostedConsole extends AsyncDisposable {
  readonly url: string;
  /** What the API was asked with. */
  readonly authorizations: readonly string[];
}

export interface HostedOptions {
  readonly folder: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly fileOf: (uri: string) => string;
  /** `config.json`. */
  readonly config: object;
}

/** A double of ours of CloudFront before the console's bucket. The API below it refuses everybody. */
export async function startHosted({
  folder,
  headers,
  fileOf,
  config,
}: HostedOptions): Promise<HostedConsole> {
  const authorizations: string[] = [];
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const { pathname } = new URL(request.url ?? '/', 'http://edge');
    if (pathname.startsWith('/api/')) {
      authorizations.push(request.headers.authorization ?? '');
      response.writeHead(403, { 'content-type': 'application/problem+json' });
      return response.end(
        JSON.stringify({ code: 'E_FORBIDDEN', detail: 'you have no role here', hint: null }),
      );
    }
    const name = fileOf(pathname).slice(1);
    const body = name === 'config.json' ? JSON.stringify(config) : await readFile(path.join(folder, name));
    response.writeHead(200, { ...headers, 'content-type': TYPES[path.extname(name)] ?? 'application/json' });
    return response.end(body);
  };
  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.writeHead(403).end());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    authorizations,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
