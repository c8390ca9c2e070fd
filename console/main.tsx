import { render } from 'preact';
import './style/tokens.css';
import './style/base.css';
import './style/shell.css';
import './style/parts.css';
import './style/forms.css';
import './style/tables.css';
import './style/screens.css';
import { ping } from './api/client.ts';
import { watchConnection } from './api/connection.ts';
import { App } from './app.tsx';
import { handOnCode } from './session/oidc.ts';
import { config, exchange, loadConfig, session, signIn, tokenIn } from './session/session.ts';

const app = document.getElementById('app');
if (app && handOnCode()) {
  app.textContent = 'You are signed in. This window can be closed.';
} else if (app) {
  watchConnection(ping);
  render(<App />, app);
  void start();
}

/** Signs in by the token of the address, if there is one, and takes it out of the address before anything else. */
async function start(): Promise<void> {
  const token = location.hash.startsWith('#token=') ? tokenIn(location.hash) : undefined;
  if (token !== undefined) {
    history.replaceState(null, '', `${location.pathname}#/`);
    dispatchEvent(new HashChangeEvent('hashchange'));
  }
  try {
    config.value = await loadConfig();
    if (token === undefined) session.value = { kind: 'signed-out', why: undefined };
    else signIn(await exchange(token));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    session.value = { kind: 'signed-out', why: `Signing in failed: ${why}` };
  }
}
