import { existsSync } from 'node:fs';
import path from 'node:path';

type Env = Readonly<Record<string, string | undefined>>;

/** What Firebase's own examples call the key of a service account. */
export const FIREBASE_KEY_FILE = 'firebaseServiceAccountKey.json';

/** The environment, with the key file that lies in the folder named in it, where one does: the last login that is tried. */
export function withFirebaseKeyFile(env: Env, folder: string): Env {
  const file = path.resolve(folder, FIREBASE_KEY_FILE);
  if (env['HOLDFAST_FIREBASE_KEY_FILE'] !== undefined || !existsSync(file)) return env;
  return { ...env, HOLDFAST_FIREBASE_KEY_FILE: file };
}
