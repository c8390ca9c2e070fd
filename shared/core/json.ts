/** Values that JSON text can hold. */
export type Json = string | number | boolean | null | readonly Json[] | JsonObject;
/** An object of JSON, as it is parsed. */
export interface JsonObject {
  readonly [name: string]: Json;
}
