import { VERSION } from '../../core/version.ts';
import type { ApiKeys } from '../access/api-keys.ts';
import type { AnswerOf, BodyOf, QueryOf, RouteId } from '../schema/api.ts';
import type { Backend, Call } from './backend.ts';
import type { Confirmations } from './confirm.ts';
import { fileHeaders } from './file-name.ts';
import { parseBackup } from './parse-backup.ts';
import { refuseCancel } from './refuse-cancel.ts';
import { EVENT_HEADERS, runEvents } from './run-events.ts';

/** What the handler of a route gets. */
export interface HandlerInput<R extends RouteId> extends Call {
  readonly backend: Backend;
  readonly confirmations: Confirmations;
  readonly apiKeys: ApiKeys;
  readonly param: string;
  readonly query: QueryOf<R>;
  readonly body: BodyOf<R>;
}

/** What the handler of a route answers: JSON, or a body of its own. */
export type Reply<R extends RouteId> =
  | { readonly status: number; readonly json: AnswerOf<R> }
  | {
      readonly status: 200;
      readonly headers: Record<string, string>;
      readonly file: AsyncIterable<Uint8Array>;
    };

type Handler<R extends RouteId> = (input: HandlerInput<R>) => Promise<Reply<R>>;

/** Every route that needs a repository; `health` also answers without one. */
export const HANDLERS: { readonly [R in Exclude<RouteId, 'health'>]: Handler<R> } = {
  status: async ({ backend, caller, signal }) => {
    const { mode, configured, schedules, view } = backend;
    const { name, roles, sources } = caller;
    const found = await view.status(signal);
    return ok({
      ...found,
      mode,
      version: VERSION,
      schedules,
      configured,
      caller: { name, roles: [...roles], ...(sources ? { sources: [...sources] } : {}) },
    });
  },
  create: async ({ backend, body, ...call }) => begun(await backend.create(body, call)),
  list: async ({ backend, query, signal }) => ok(await backend.view.list(query, signal)),
  download: async ({ backend, param, query, ...call }) => {
    const download = await backend.download(parseBackup(param), query, call);
    if (download.kind === 'run') return begun(download.started);
    if (download.kind === 'link') return ok(download.link);
    return { status: 200, headers: fileHeaders(download.fileName, download.format), file: download.body };
  },
  runs: async ({ backend, query, ...call }) => ok({ runs: [...(await backend.runs(query.limit, call))] }),
  run: async ({ backend, param, ...call }) => ok(await backend.run(param, call)),
  events: async ({ backend, param, ...call }) => {
    // A missing run is refused before the stream begins.
    await backend.run(param, call);
    const file = runEvents((signal) => backend.follow(param, { ...call, signal }), call.signal);
    return { status: 200, headers: { ...EVENT_HEADERS }, file };
  },
  cancel: async ({ backend, param, ...call }) => {
    const run = await backend.run(param, call);
    refuseCancel(run, call.caller);
    await backend.cancel(run, call);
    return begun({ run: run.id });
  },
  backup: async ({ backend, param, signal }) => ok(await backend.view.backup(parseBackup(param), signal)),
  rows: async ({ backend, param, query, ...call }) => ok(await backend.rows(parseBackup(param), query, call)),
  diff: async ({ backend, param, query, ...call }) => ok(await backend.diff(parseBackup(param), query, call)),
  rowHistory: async ({ backend, query, ...call }) => ok(await backend.rowHistory(query, call)),
  changes: async ({ backend, param, ...call }) =>
    ok(await backend.view.changes(param, () => backend.held(param, call), call.signal)),
  restore: async ({ backend, confirmations, body, ...call }) => {
    const { key, plan, changes = null, moment = null } = await backend.planRestore(body, call);
    const seen = { caller: call.caller, body, plan };
    if (body.dryRun) {
      const { confirm, expiresAt } = confirmations.give(seen);
      return ok({ key, plan, changes, moment, confirm, confirmExpiresAt: expiresAt.toISOString() });
    }
    confirmations.take(body.confirm, seen);
    return begun(await backend.restore(body, call));
  },
  verify: async ({ backend, body, ...call }) => begun(await backend.verify(body, call)),
  drill: async ({ backend, body, ...call }) => begun(await backend.drill(body, call)),
  copy: async ({ backend, body, ...call }) => begun(await backend.copy(body, call)),
  lock: async ({ backend, body, ...call }) => begun(await backend.lock(body, call)),
  drills: async ({ backend, query, signal }) => ok(await backend.view.drills(query, signal)),
  drillEvidence: async ({ backend, param, signal }) => ok(await backend.view.drill(param, signal)),
  drillReport: async ({ backend, param, signal }) => {
    const { fileName, bytes } = await backend.view.drillReport(param, signal);
    return { status: 200, headers: fileHeaders(fileName, 'json'), file: oneBlock(bytes) };
  },
  hold: async ({ backend, body, ...call }) =>
    ok(await backend.hold(parseBackup(body.backup), body.reason, call)),
  release: async ({ backend, body, ...call }) =>
    ok(await backend.release(parseBackup(body.backup), body.reason, call)),
  accept: async ({ backend, body, ...call }) =>
    ok(await backend.accept(body.backups.map(parseBackup), body.reason, call)),
  notifications: async ({ backend, signal }) => ok(await backend.view.notifications(signal)),
  notificationTest: async ({ backend, body, ...call }) => ok(await backend.testChannel(body.channel, call)),
  retention: async ({ backend, query, signal }) => ok(await backend.view.retention(query, signal)),
  storage: async ({ backend, signal }) => ok(await backend.view.storage(signal)),
  audit: async ({ backend, query, signal }) => ok(await backend.view.audit(query, signal)),
  auditExport: async ({ backend, query, signal }) => {
    const file = await backend.view.auditFile(query, signal);
    return { status: 200, headers: fileHeaders(`audit.${query.format}`, query.format), file };
  },
  apiKeys: async ({ apiKeys, signal }) => ok(await apiKeys.list(signal)),
  createApiKey: async ({ apiKeys, backend, body, ...call }) => {
    for (const source of body.sources ?? []) await backend.view.refuseUnknown(source, call.signal);
    return ok(await apiKeys.create(body, call));
  },
  revokeApiKey: async ({ apiKeys, param, ...call }) => ok({ key: await apiKeys.revoke(param, call) }),
};

function ok<T>(json: T) {
  return { status: 200, json };
}

function begun<T>(json: T) {
  return { status: 202, json };
}

async function* oneBlock(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
