import { render } from 'preact';
import './style/tokens.css';
import './style/base.css';
import './style/shell.css';
import './style/parts.css';
import './style/forms.css';
import './style/tables.css';
import './style/screens.css';
import './style/restore.css';
import './style/rows.css';
import './style/changes.css';
import './style/evidence.css';
import './style/phone.css';
import { ping } from './api/client.ts';
import { watchConnection } from './api/connection.ts';
import { App } from './app.tsx';
import { handOnCode } from './session/oidc.ts';
import {
  config,
  isInside,
  loadConsoleConfig,
  resume,
  session,
  signIn,
  signInByLink,
  takeToken,
} from './session/session.ts';
import { tell } from './ui/toasts.tsx';

const app = document.getElementById('app');
if (app && handOnCode()) {
  app.textContent = 'You are signed in. You can close this window.';
} else if (app) {
  watchConnection(ping);
  render(<App />, app);
  void start();
}

/** Signs in with the token in the address, or continues the browser's session. */
async function start(): Promise<void> {
  const token = takeToken();
  if (token !== undefined) dispatchEvent(new HashChangeEvent('hashchange'));
  addEventListener('hashchange', takeLink);
  try {
    config.value = await loadConsoleConfig();
    if (token !== undefined) return await signInByLink(token);
    const resumed = await resume();
    if (resumed === undefined) session.value = { kind: 'signed-out', why: undefined };
    else signIn(resumed);
  } catch (error) {
    session.value = { kind: 'signed-out', why: `Signing in failed: ${reason(error)}` };
  }
}

/** A new link opened in an existing page: takes its token out of the address, and keeps the screen. */
function takeLink({ oldURL }: HashChangeEvent): void {
  const token = takeToken(oldURL === '' ? '#/' : new URL(oldURL).hash || '#/');
  if (token === undefined) return;
  signInByLink(token).catch((error: unknown) => {
    const why = `Signing in failed: ${reason(error)}`;
    if (isInside.value) tell(why, 'bad');
    else session.value = { kind: 'signed-out', why };
  });
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
