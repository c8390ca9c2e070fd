import type { components, operations } from './generated/openapi.ts';

/** Operations of the API, as its published document has them (`npm run openapi`). */
export type Operation = keyof operations;

export type Backup = components['schemas']['Backup'];
export type Drill = components['schemas']['Drill'];
export type Run = components['schemas']['Run'];
export type RestoreRun = components['schemas']['RestoreRun'];
export type Problem = components['schemas']['Problem'];
export type DownloadLink = components['schemas']['DownloadLink'];
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
