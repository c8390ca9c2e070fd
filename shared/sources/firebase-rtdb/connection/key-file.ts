import { existsSync } from 'node:fs';
import path from 'node:path';

type Env = Readonly<Record<string, string | undefined>>;

/** The name that Firebase's own examples give a service account's key file. */
export const FIREBASE_KEY_FILE = 'firebaseServiceAccountKey.json';

/** The environment, with the path of that key file if it is in the folder: the last login to try. */
export function withFirebaseKeyFile(env: Env, folder: string): Env {
  const file = path.resolve(folder, FIREBASE_KEY_FILE);
  if (env['HOLDFAST_FIREBASE_KEY_FILE'] !== undefined || !existsSync(file)) return env;
  return { ...env, HOLDFAST_FIREBASE_KEY_FILE: file };
}
