import { inject } from 'vitest';

declare module 'vitest' {
  export interface ProvidedContext {
    /** Where test files ask for what they share (global-setup.ts). */
    readonly sharedParts: string;
    /** Endpoint of the Ceph RGW of this run; it runs once a file has asked for the part `ceph-rgw`. */
    readonly rgwEndpoint: string;
  }
}

/** A part that all test files of a run share (serve-parts.ts). */
export async function sharedPart<T>(name: string): Promise<T> {
  const answer = await fetch(`${inject('sharedParts')}/${name}`);
  const text = await answer.text();
  if (!answer.ok) throw new Error(`cannot make ${name}: ${text}`);
  return JSON.parse(text) as T;
}
