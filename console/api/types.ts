import type { components, operations } from './generated/openapi.ts';

/** Operations of the API, as its published document has them (`npm run openapi`). */
export type Operation = keyof operations;

/** A backup as `GET /list` has it. */
export type Backup = components['schemas']['Backup'];
/** A drill as `GET /drills` has it. */
export type Drill = components['schemas']['Drill'];
/** A run as `GET /runs` has it. */
export type Run = components['schemas']['Run'];
/** What `GET /runs/{id}` adds of a restore. */
export type RestoreRun = components['schemas']['RestoreRun'];
/** An error as every route answers it. */
export type Problem = components['schemas']['Problem'];
/** Where a download of a backup is fetched. */
export type DownloadLink = components['schemas']['DownloadLink'];
/** The answer of each route that begins a run. */
export type RunStarted = components['schemas']['RunStarted'];

type Json<R> = R extends { readonly content: { readonly 'application/json': infer J } } ? J : never;
type Responses<O extends Operation> = operations[O]['responses'];

/** The response of a successful operation. */
export type AnswerOf<O extends Operation> = {
  [S in keyof Responses<O> & (200 | 202)]: Json<Responses<O>[S]>;
}[keyof Responses<O> & (200 | 202)];

/** Its request body; `never` if it has none. */
export type BodyOf<O extends Operation> = operations[O] extends {
  readonly requestBody: { readonly content: { readonly 'application/json': infer B } };
}
  ? B
  : never;

/** Its query; `never` if it has none. */
export type QueryOf<O extends Operation> = operations[O] extends { readonly parameters: { query?: infer Q } }
  ? NonNullable<Q>
  : never;
