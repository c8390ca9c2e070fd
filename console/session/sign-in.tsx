import { useEffect, useRef, useState } from 'preact/hooks';
import { forgetAll } from '../api/resource.ts';
import { Button } from '../ui/button.tsx';
import { TextField } from '../ui/fields.tsx';
import { Mark } from '../ui/icon.tsx';
import { Note } from '../ui/parts.tsx';
import { signInAtIssuer } from './oidc.ts';
import { config, exchange, session, signIn, tokenIn } from './session.ts';

/** The whole page, if nobody is signed in. */
export function SignIn() {
  const now = session.value;
  const why = now.kind === 'signed-out' ? now.why : undefined;
  useEffect(() => {
    document.title = 'Sign in · Holdfast';
    forgetAll();
  }, []);
  return (
    <main class="sign-in">
      <section aria-label="Sign in">
        <p class="brand">
          <Mark /> Holdfast
        </p>
        <h1>Sign in</h1>
        {why !== undefined && <Note tone="info">{why}</Note>}
        <Ways />
      </section>
    </main>
  );
}

/** In front of the screen, which stays: the token is no longer accepted. */
export function SignInAgain() {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog
      ref={dialog}
      class="dialog"
      aria-labelledby="sign-in-again"
      onCancel={(event) => event.preventDefault()}
    >
      <div>
        <h2 id="sign-in-again">Sign in again</h2>
        <p class="soft">Your sign-in has ended. The screen stays, and continues afterwards.</p>
        <Ways />
      </div>
    </dialog>
  );
}

function Ways() {
  const auth = config.value?.auth;
  const [problem, setProblem] = useState('');
  const [isBusy, setBusy] = useState(false);
  const attempt = async (way: () => Promise<string>) => {
    setBusy(true);
    setProblem('');
    try {
      signIn(await way());
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <>
      {auth?.kind === 'oidc' ? (
        <Issuer auth={auth} attempt={attempt} />
      ) : (
        <Token attempt={attempt} isBusy={isBusy} />
      )}
      {problem !== '' && <Note tone="bad">Signing in failed: {problem}</Note>}
      <p class="small faint">
        {auth?.kind === 'oidc'
          ? "Your sign-in is kept only in this page's memory. Reloading or closing the page ends it."
          : 'Your sign-in lasts until you sign out, or holdfast serve ends. No script can read it.'}
      </p>
    </>
  );
}

type Attempt = (way: () => Promise<string>) => Promise<void>;

function Issuer({
  auth,
  attempt,
}: {
  readonly auth: Parameters<typeof signInAtIssuer>[0];
  readonly attempt: Attempt;
}) {
  const given = useRef<AbortController | undefined>(undefined);
  const begin = () => {
    given.current?.abort();
    given.current = new AbortController();
    const { signal } = given.current;
    void attempt(() => signInAtIssuer(auth, signal));
  };
  useEffect(() => () => given.current?.abort(), []);
  return (
    <>
      <p class="soft">A window of {new URL(auth.issuer).host} opens, and closes when you are done.</p>
      <Button look="primary" onClick={begin}>
        Sign in
      </Button>
    </>
  );
}

function Token({ attempt, isBusy }: { readonly attempt: Attempt; readonly isBusy: boolean }) {
  const [text, setText] = useState('');
  const token = tokenIn(text);
  const why = isBusy
    ? 'Signing in…'
    : token === undefined
      ? 'Paste the address or its token first.'
      : undefined;
  return (
    <form
      class="stack"
      onSubmit={(event) => {
        event.preventDefault();
        if (token !== undefined && why === undefined) void attempt(() => exchange(token));
      }}
    >
      <p class="soft">
        Open the address that <code>holdfast serve</code> prints, or paste it here. Each address signs in
        once.
      </p>
      <TextField
        label="Address or token"
        value={text}
        onInput={setText}
        isMono
        placeholder="http://…/#token=…"
      />
      <Button isSubmit look="primary" why={why}>
        Sign in
      </Button>
    </form>
  );
}
